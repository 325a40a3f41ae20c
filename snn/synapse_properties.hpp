#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "neuract/snn/distribution.hpp"
#include "neuract/snn/draw.hpp"
#include "neuract/snn/plan.hpp"
#include "neuract/snn/random.hpp"

namespace neuract::snn {

/// Weights and delays of the synapses of one projection, for one target after another: a pure function of (seed,
/// projection, target, the synapse's place among those of the target). Threads: one at a time; spans are good until the
/// next call.
class SynapseProperties {
 public:
  SynapseProperties(const Plan& plan, std::uint32_t projection);

  /// Whether synapses differ in weight, or else what all have.
  [[nodiscard]] bool varied_weights() const noexcept { return weight_sampler_.has_value(); }
  [[nodiscard]] double common_weight() const noexcept { return common_weight_; }
  /// Smallest and largest weight that can occur.
  [[nodiscard]] std::pair<double, double> weight_range() const noexcept;
  [[nodiscard]] bool varied_delays() const noexcept { return !delay_sampler_.uniform(); }

  /// One per source, in the order of Connectivity. Only where they differ:
  /// in the target model's unit,
  [[nodiscard]] std::span<const double> weights(std::uint32_t target, std::span<const std::uint32_t> sources);
  /// in the plan's weight_quantum,
  [[nodiscard]] std::span<const std::int16_t> codes(std::uint32_t target, std::span<const std::uint32_t> sources);
  /// and in steps above the plan's delay_min.
  [[nodiscard]] std::span<const std::uint16_t> delays(std::uint32_t target, std::span<const std::uint32_t> sources);

 private:
  void draw_words(const Stream& stream, std::uint32_t target, std::size_t n);

  Stream weight_stream_;
  Stream delay_stream_;
  std::optional<Sampler> weight_sampler_;
  DelaySampler delay_sampler_;
  double common_weight_ = 0.0;
  double scale_;
  std::vector<std::uint32_t> words_;
  std::vector<double> values_;
  std::vector<std::int16_t> codes_;
  std::vector<std::uint16_t> delays_;
};

}  // namespace neuract::snn
