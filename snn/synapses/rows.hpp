#pragma once

#include <cstdint>

#include "neuract/memory/host_array.hpp"
#include "neuract/memory/result.hpp"
#include "neuract/snn/plan.hpp"
#include "neuract/snn/synapse_table.hpp"

namespace neuract::snn::synapses {

/// The synapses of one projection onto one cohort by source neuron, with what synapses that change need: rows in one
/// piece, sorted by delay, and a number for each synapse. The same synapses as those of build_synapse_tables.
///
/// Row s is the entries [offsets[s], offsets[s + 1]) of the arrays; in it, by delay, then by target, then as drawn. The
/// synapses of one row and delay are a segment. Memory: 2 bytes a synapse and the number's; 4 bytes a source; where
/// delays differ, 8 bytes a segment and 4 a source. Arrays have kPadding readable elements behind their last one.
template <class T>
struct Rows {
  static constexpr std::size_t kPadding = 64;

  struct Segment {
    std::uint32_t begin = 0;
    std::uint32_t delay = 0;  ///< steps
  };

  std::uint32_t sources = 0;
  int delay_min = 1;  ///< steps, as in the plan
  int delay_max = 1;
  memory::HostArray<std::uint32_t> offsets;          ///< sources + 1
  memory::HostArray<std::uint16_t> targets;          ///< index in the cohort
  memory::HostArray<T> values;                       ///< empty where one value is enough for all
  memory::HostArray<std::uint32_t> segment_offsets;  ///< sources + 1; empty where all delays are the same
  memory::HostArray<Segment> segments;               ///< a segment ends where the next, or the row, ends

  [[nodiscard]] std::uint64_t synapses() const noexcept { return offsets.empty() ? 0 : offsets[sources]; }
  [[nodiscard]] std::uint64_t bytes() const noexcept {
    return offsets.bytes() + targets.bytes() + values.bytes() + segment_offsets.bytes() + segments.bytes();
  }

  /// Segments of a row, and one of them.
  [[nodiscard]] std::uint32_t segments_of(std::uint32_t row) const noexcept {
    if (segment_offsets.empty()) return offsets[row + 1] > offsets[row] ? 1 : 0;
    return segment_offsets[row + 1] - segment_offsets[row];
  }
  struct Piece {
    std::uint32_t begin;
    std::uint32_t n;
    std::int32_t delay;
  };
  [[nodiscard]] Piece piece(std::uint32_t row, std::uint32_t segment) const noexcept {
    if (segment_offsets.empty()) return {offsets[row], offsets[row + 1] - offsets[row], delay_min};
    const std::uint32_t at = segment_offsets[row] + segment;
    const std::uint32_t end = at + 1 < segment_offsets[row + 1] ? segments[at + 1].begin : offsets[row + 1];
    return {segments[at].begin, end - segments[at].begin, static_cast<std::int32_t>(segments[at].delay)};
  }
};

/// What each synapse's number is.
struct Values {
  double scale = 1.0;  ///< of float and double: magnitude of the weight times this, at most 1
  bool always = true;  ///< an array also where all synapses have the same weight
};

/// T: float or double, see Values; or int16_t, the weight in the plan's weight_quantum. Generates the synapses twice, as
/// build_synapse_tables does; while delays are sorted, 2 bytes a synapse more. Errors: out_of_memory, exhausted,
/// cancelled.
template <class T>
Result<Rows<T>> build_rows(const Plan& plan, std::uint32_t projection, const CohortRange& cohort, Values values,
                           const BuildProgress& progress);

}  // namespace neuract::snn::synapses
