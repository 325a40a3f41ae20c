#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "neuract/snn/draw.hpp"
#include "neuract/snn/random.hpp"
#include "neuract/snn/spec.hpp"

/// Draws from Distributions by the inverse of the distribution function: one 32-bit word, one value, the same bits
/// everywhere.
namespace neuract::snn {

/// What is wrong with the distribution's numbers, as in "has std = -1, which must not be negative"; nothing when it can
/// be drawn from.
std::optional<std::string> fault(const Distribution& distribution);

/// A distribution made ready for drawing. `fault(distribution)` is empty.
///
/// A normal that is redrawn until it lies in [low, high] is drawn from the truncated distribution at once, which is the
/// same law. Cost: about 3 ns a normal with AVX-512, 11 ns with the base instruction set.  Threads: reentrant.
class Sampler {
 public:
  explicit Sampler(const Distribution& distribution);

  double draw(std::uint32_t word) const noexcept;
  /// out.size() == words.size()
  void draw(std::span<const std::uint32_t> words, std::span<double> out) const noexcept;
  void draw(std::span<const std::uint32_t> words, std::span<float> out) const noexcept;

  /// The smallest and the largest value that any word gives; finite.
  std::pair<double, double> support() const noexcept { return {smallest_, largest_}; }
  /// Values grow with the word; otherwise they fall.
  bool increasing() const noexcept { return increasing_; }
  double mean() const noexcept { return mean_; }
  double stddev() const noexcept { return stddev_; }

 private:
  enum class Kind : std::uint8_t { uniform, normal, exponential };

  Kind kind_ = Kind::uniform;
  UniformDraw uniform_{};
  NormalDraw normal_{};
  double exponential_mean_ = 0.0;
  double mean_ = 0.0;
  double stddev_ = 0.0;
  double smallest_ = 0.0;
  double largest_ = 0.0;
  bool increasing_ = true;
};

/// Values for neurons [first, first + out.size()) of a population: constants, draws from Stream(seed, purpose, entity,
/// item), or elements first … of an array, which must be long enough.
void fill(const Value& value, std::uint64_t seed, Purpose purpose, std::uint32_t entity, std::uint32_t item,
          std::uint32_t first, std::span<double> out);

/// A delay in steps: rounded to the nearest, at least one.
int delay_steps(double delay_ms, double dt) noexcept;

/// Delays in steps: draws of a distribution in ms, rounded to the nearest step, at least one.
///
/// The number of words that give each step is counted exactly, so drawing is one look-up (alias method) and obeys the
/// distribution to 2^-32. Threads: reentrant.
class DelaySampler {
 public:
  static constexpr int kMaxSpread = 65535;  ///< largest max_steps() - min_steps() that can be drawn

  /// `delay_ms`: a number or a distribution without fault.
  DelaySampler(const Value& delay_ms, double dt);

  int min_steps() const noexcept { return min_steps_; }
  int max_steps() const noexcept { return max_steps_; }
  bool uniform() const noexcept { return min_steps_ == max_steps_; }

  /// Steps above min_steps(). max_steps() - min_steps() <= kMaxSpread.
  void draw(std::span<const std::uint32_t> words, std::span<std::uint16_t> out) const noexcept;

  /// Words, out of 2^32, that give `steps`.
  std::uint64_t words_for(int steps) const noexcept;

 private:
  int min_steps_ = 1;
  int max_steps_ = 1;
  int bits_ = 0;
  std::vector<std::uint64_t> counts_;
  std::vector<std::uint32_t> threshold_;
  std::vector<std::uint32_t> alias_;
};

}  // namespace neuract::snn
