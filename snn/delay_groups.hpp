#pragma once

#include "neuract/memory/result.hpp"
#include "neuract/snn/synapse_table.hpp"

namespace neuract::snn {

/// Whether rows of this mean length are better grouped by delay than given a delay per synapse: the header of a row (2 bytes per
/// delay step) must not outweigh the delays it replaces (1 byte per synapse).
constexpr bool worth_grouping(double synapses_per_row, int delay_min, int delay_max) noexcept {
  return delay_max > delay_min && synapses_per_row >= 2.0 * (delay_max - delay_min + 2);
}

/// Sorts every row by delay and replaces the delays by the begin of each delay's group.
///
/// Spikes can then be delivered delay by delay, each group in the step in which it acts, so that a step writes to the inputs of this
/// step only: they stay in the cache, where a ring of all coming steps would not.
/// Does nothing to tables of one delay, of short rows, or with a row of more than 65,535 synapses.
Result<void> group_by_delay(SynapseTable& table);

}  // namespace neuract::snn
