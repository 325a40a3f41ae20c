#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "neuract/memory/host_array.hpp"
#include "neuract/memory/result.hpp"
#include "neuract/snn/plan.hpp"

namespace neuract::snn {

/// Static synapses of one projection onto one cohort and one receptor, as compressed sparse rows by source neuron.
///
/// Row s holds the synapses of source neuron s: entries [offsets[s], offsets[s + 1]) of the arrays, targets ascending
/// (after group_by_delay: within each delay).
/// A spike of s in step t adds (code << shift) receptor quanta to neuron `target` of the cohort in step t + delay.
/// Every array has kPadding readable zero elements behind its last one, so that vector loads and prefetches may run
/// over the end. Memory: 2 bytes a synapse, +2 with weights of its own, +1 (or 2) with delays of its own; 4 bytes a
/// source neuron. Threads: immutable once built.
struct SynapseTable {
  static constexpr std::size_t kPadding = 64;

  std::uint32_t projection = 0;
  int receptor = 0;
  std::uint32_t sources = 0;
  memory::HostArray<std::uint32_t> offsets;      ///< sources + 1
  memory::HostArray<std::uint16_t> targets;      ///< index in the cohort
  memory::HostArray<std::int16_t> codes;         ///< empty (data() is null): every synapse has uniform_code
  memory::HostArray<std::uint8_t> delays;        ///< steps above delay_min; empty when uniform, or in wide_delays
  memory::HostArray<std::uint16_t> wide_delays;  ///< the same, when delay_max - delay_min > 255
  memory::HostArray<std::uint16_t> groups;  ///< instead of delays, see delay_groups.hpp: row s, delay delay_min + g
                                            ///< begins at offsets[s] + groups[s * group_stride + g]
  std::uint32_t group_stride = 0;           ///< delay_max - delay_min + 2 when there are groups
  std::int32_t uniform_code = 0;            ///< receptor quanta, when codes is empty; shift is then 0
  int shift = 0;
  int delay_min = 1;  ///< steps; as in the plan, whatever this cohort drew
  int delay_max = 1;

  std::uint64_t synapses() const noexcept { return offsets.empty() ? 0 : offsets[sources]; }
  std::uint64_t bytes() const noexcept {
    return offsets.bytes() + targets.bytes() + codes.bytes() + delays.bytes() + wide_delays.bytes() + groups.bytes();
  }
};

/// Called with the number of synapses stored so far by this call; false = give up.
using BuildProgress = std::function<bool(std::uint64_t)>;

/// Synapses of projection `projection` of the plan onto the neurons `cohort` of its target population: one table, or
/// two (receptors ascending) when weights of both signs go to two receptors. A projection without synapses onto the
/// cohort gives a table without any.
///
/// The synapses are generated twice, first to count each row, then to store: generating costs less than keeping them in
/// between, and no temporary memory grows with their number (fixed_outdegree: about 32 MiB). Errors: invalid_argument
/// (impossible rule), out_of_memory, exhausted (2^32 synapses in a table), cancelled (by `progress`).
Result<std::vector<SynapseTable>> build_synapse_tables(const Plan& plan, std::uint32_t projection,
                                                       const CohortRange& cohort, const BuildProgress& progress = {});

}  // namespace neuract::snn
