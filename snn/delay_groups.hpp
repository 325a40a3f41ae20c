#pragma once

#include <span>

#include "neuract/memory/result.hpp"
#include "neuract/snn/synapse_table.hpp"

namespace neuract::snn {

/// A spike delivers this many groups of a row at once: fewer, longer pieces of memory for a ring of as many slots.
inline constexpr int kDelayChunk = 4;

/// Bytes of the headers that group a table's rows, 2 per row and delay step, and of the delays that they replace, 1 or
/// 2 per synapse.
struct GroupingBytes {
  double headers = 0.0;
  double delays = 0.0;

  void add(double sources, double synapses, int delay_min, int delay_max) noexcept {
    if (delay_max == delay_min) return;
    headers += 2.0 * sources * (delay_max - delay_min + 2);
    delays += (delay_max - delay_min > 255 ? 2.0 : 1.0) * synapses;
  }
  /// Headers may cost a little more than they save, for their speed.
  bool worthwhile() const noexcept { return delays > 0.0 && headers <= 1.25 * delays; }
};

/// Sorts every row by delay and replaces the delays by the begin of each delay's group.
///
/// Spikes can then be delivered delay by delay, a few groups at a time, shortly before they act, so that a step writes
/// to the inputs of the next few steps only: they stay in the cache, where a ring of all coming steps would not. One
/// table of a cohort that is not grouped needs the whole ring for all, so a cohort groups all of its tables or none:
/// all, when that is worthwhile and no row has more than 65,535 synapses.
Result<void> group_by_delay(std::span<SynapseTable> tables);

}  // namespace neuract::snn
