#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "neuract/snn/connection_list.hpp"
#include "neuract/snn/distribution.hpp"
#include "neuract/snn/draw.hpp"
#include "neuract/snn/geometry/positions.hpp"
#include "neuract/snn/pair_words.hpp"
#include "neuract/snn/plan.hpp"
#include "neuract/snn/random.hpp"

namespace neuract::snn {

/// What the weights and delays of all synapses of a projection lie between: from the specification alone, without
/// looking at positions or drawing anything.
struct SynapseRange {
  bool varied_weights = false;
  double smallest_weight = 0.0;
  double largest_weight = 0.0;
  int shortest_delay = 1;  ///< steps
  int longest_delay = 1;
};
/// `projection` is one of the specification's, and has no faults.
SynapseRange synapse_range(const NetworkSpec& spec, const ProjectionSpec& projection);

/// Weights and delays of the synapses of one projection, for one target after another: a pure function of (seed,
/// projection, target, the synapse's place among those of the target), of the positions of the two neurons where
/// distances matter, and of the list of connections where there is one. Threads: one at a time; spans are good until the
/// next call.
class SynapseProperties {
 public:
  SynapseProperties(const Plan& plan, std::uint32_t projection);

  /// Whether synapses differ in weight, or else what all have.
  [[nodiscard]] bool varied_weights() const noexcept { return range_.varied_weights; }
  [[nodiscard]] double common_weight() const noexcept { return range_.smallest_weight; }
  /// Smallest and largest weight that can occur.
  [[nodiscard]] std::pair<double, double> weight_range() const noexcept {
    return {range_.smallest_weight, range_.largest_weight};
  }
  [[nodiscard]] bool varied_delays() const noexcept { return range_.shortest_delay != range_.longest_delay; }

  /// One per source; `sources` are all those that Connectivity gives for this target, in its order. Only where they
  /// differ:
  /// in the target model's unit,
  [[nodiscard]] std::span<const double> weights(std::uint32_t target, std::span<const std::uint32_t> sources);
  /// in the plan's weight_quantum,
  [[nodiscard]] std::span<const std::int16_t> codes(std::uint32_t target, std::span<const std::uint32_t> sources);
  /// and in steps above the plan's delay_min.
  [[nodiscard]] std::span<const std::uint16_t> delays(std::uint32_t target, std::span<const std::uint32_t> sources);

 private:
  /// A number for each synapse, before distances count: from the list, drawn, or one for all.
  void base_values(const std::vector<double>* listed, const Value& value, const std::optional<Sampler>& sampler,
                   Purpose purpose, std::uint32_t target, std::span<const std::uint32_t> sources);
  /// A word for each synapse; `purpose` is weight or delay.
  void draw_words(Purpose purpose, std::uint32_t target, std::span<const std::uint32_t> sources);

  const ProjectionSpec& spec_;
  SynapseRange range_;
  const ConnectionList* list_;  ///< null: there is none
  const Positions* sources_;    ///< null where distances do not matter, as all below
  const Positions* targets_;
  Space space_;
  double dt_;
  Stream weight_stream_;
  Stream delay_stream_;
  std::optional<PairWords> pair_words_;  ///< of rules drawn by source
  std::optional<Sampler> weight_sampler_;
  std::optional<Sampler> delay_ms_;            ///< where delays depend on the distance, too
  std::optional<DelaySampler> delay_sampler_;  ///< where they do not
  double scale_;
  std::vector<std::uint32_t> words_;
  std::vector<double> values_;
  std::vector<std::int16_t> codes_;
  std::vector<std::uint16_t> delays_;
};

}  // namespace neuract::snn
