#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "neuract/snn/random.hpp"

namespace neuract::snn {

inline constexpr std::uint32_t kNoSelf = std::numeric_limits<std::uint32_t>::max();

/// Groups of random words that hold so many.
constexpr std::size_t groups_for(std::size_t words) noexcept { return (words + Stream::kGroup - 1) / Stream::kGroup; }

/// Partners of one neuron after another, from [0, population) less perhaps the neuron itself: draws of substream
/// (neuron, part) of a stream. Threads: one at a time; spans are good until the next call.
class PartnerDrawer {
 public:
  explicit PartnerDrawer(const Stream& stream) : stream_(stream) {}

  /// Whom the next calls draw from; `self` is left out (kNoSelf: nobody).
  void choose_from(std::uint32_t population, std::uint32_t self) noexcept {
    population_ = population;
    self_ = self;
    candidates_ = population - (self < population ? 1u : 0u);
  }
  [[nodiscard]] std::uint32_t candidates() const noexcept { return candidates_; }

  /// `n` independent partners.
  std::span<const std::uint32_t> independent(std::uint32_t neuron, std::size_t n, std::uint32_t part = 0);
  /// `n` different partners; n <= candidates().
  std::span<const std::uint32_t> distinct(std::uint32_t neuron, std::size_t n, std::uint32_t part = 0);

 private:
  void draw(std::uint32_t neuron, std::uint32_t part, std::size_t first_group, std::size_t groups, std::size_t n,
            std::uint32_t* out);
  void draw_distinct(std::uint32_t neuron, std::uint32_t part, std::size_t n);

  Stream stream_;
  std::uint32_t population_ = 0;
  std::uint32_t self_ = kNoSelf;
  std::uint32_t candidates_ = 0;
  std::vector<std::uint32_t> words_;
  std::vector<std::uint32_t> partners_;
  std::vector<std::uint32_t> drawn_;
  std::vector<std::uint64_t> taken_;
};

}  // namespace neuract::snn
