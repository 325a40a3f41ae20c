#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace neuract::snn {

/// Number of a time step, from 0. Step k covers (k·dt, (k+1)·dt]; what happens in it carries the time (k+1)·dt.
using Step = std::int64_t;

/// The spikes of one cohort in steps [begin, begin + steps()).
struct SpikeBatch {
  std::uint32_t population = 0;
  std::uint32_t first = 0;  ///< index in the population of the cohort's first neuron
  Step begin = 0;
  std::vector<std::uint32_t> offsets;  ///< steps() + 1 positions in `ids`
  std::vector<std::uint16_t> ids;      ///< index in the cohort, ascending within a step
  std::uint32_t sample = 0;

  Step steps() const noexcept { return static_cast<Step>(offsets.size()) - 1; }
  Step end() const noexcept { return begin + steps(); }
  std::span<const std::uint16_t> at(Step step) const noexcept {
    const auto k = static_cast<std::size_t>(step - begin);
    return {ids.data() + offsets[k], ids.data() + offsets[k + 1]};
  }
};

/// Recorded variables of one multimeter in one cohort: row-major [times][variables][neurons].
struct TraceBlock {
  std::uint32_t multimeter = 0;        ///< index in NetworkSpec::multimeters
  std::vector<std::uint32_t> neurons;  ///< index in the population, ascending
  std::vector<Step> steps;             ///< the value is the state at the end of the step
  std::vector<double> values;
};

/// What a weight recorder sees of one cohort at the end of `step`: the synapses onto its neurons, ordered by target, then
/// source, then order of drawing.
struct WeightBlock {
  std::uint32_t recorder = 0;    ///< index in NetworkSpec::weight_recorders
  std::uint32_t projection = 0;  ///< the recorder's
  std::uint32_t first = 0;       ///< index in the target population of the cohort's first neuron
  Step step = 0;
  std::vector<std::uint32_t> sources;  ///< index in the population, as in `targets`; one for each synapse
  std::vector<std::uint32_t> targets;
  std::vector<double> weights;
};

/// All that one shard tells the others about steps [begin, end): immutable once published.
struct ShardOutput {
  std::uint32_t shard = 0;
  Step begin = 0;
  Step end = 0;
  std::vector<SpikeBatch> batches;   ///< one per cohort of the shard, also when empty
  std::vector<TraceBlock> traces;    ///< only where a multimeter looks
  std::vector<WeightBlock> weights;  ///< in steps where a weight recorder looks: one per cohort, also when empty
};
using ShardOutputPtr = std::shared_ptr<const ShardOutput>;

}  // namespace neuract::snn
