#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "neuract/kernels/deliver.hpp"
#include "neuract/memory/host_array.hpp"
#include "neuract/memory/result.hpp"
#include "neuract/snn/plan.hpp"

namespace neuract::snn {

/// A cohort among the neurons that take their input together: its neuron n is number first + n of them.
struct TargetPart {
  CohortRange cohort;
  std::uint32_t first = 0;
};

/// Static synapses from one population onto some cohorts and one receptor, of one projection or several alike, as
/// compressed sparse rows by source neuron.
///
/// Row s holds the synapses of source neuron s: entries [offsets[s], offsets[s + 1]) of the arrays, projection by
/// projection, targets ascending (after group_by_delay: within each delay).
/// A spike of s in step t adds weight(j) receptor quanta to target(j) in step t + delay.
/// Every array has kPadding readable zero elements behind its last one, so that vector loads and prefetches may run
/// over the end. Memory: 2 bytes a synapse, with weights of its own + 2 (or 0.5 or 4), +1 (or 2) with delays of its own;
/// 4 bytes a source neuron, and as many for each of several projections. Threads: immutable once built.
struct SynapseTable {
  static constexpr std::size_t kPadding = 64;

  std::vector<std::uint32_t> projections;  ///< of the plan
  int receptor = 0;
  std::uint32_t sources = 0;
  memory::HostArray<std::uint32_t> offsets;      ///< sources + 1
  memory::HostArray<std::uint16_t> targets;      ///< empty with `words`
  memory::HostArray<std::uint32_t> words;        ///< weights of 16 bits: target, code << 16
  memory::HostArray<std::uint8_t> nibbles;       ///< weights of 4 bits, two a byte: index in `levels`
  memory::HostArray<std::int32_t> wide_codes;    ///< weights of 32 bits: receptor quanta
  memory::HostArray<std::uint8_t> delays;        ///< steps above delay_min; empty when uniform, or in wide_delays
  memory::HostArray<std::uint16_t> wide_delays;  ///< the same, when delay_max - delay_min > 255
  memory::HostArray<std::uint16_t> groups;   ///< instead of delays, see delay_groups.hpp: row s, delay delay_min + g
                                             ///< begins at offsets[s] + groups[s * group_stride + g]
  memory::HostArray<std::uint32_t> degrees;  ///< of several projections: [source][projection] synapses
  std::array<std::int32_t, 16> levels{};     ///< receptor quanta
  double weight_error = 0.0;                 ///< rms, of weights in 4 bits, relative to their standard deviation
  std::uint32_t group_stride = 0;            ///< delay_max - delay_min + 2 when there are groups
  std::int32_t uniform_code = 0;             ///< receptor quanta, of all synapses without weights of their own
  int shift = 0;                             ///< receptor quanta = code << shift
  int delay_min = 1;                         ///< steps; as in the plan, whatever these cohorts drew
  int delay_max = 1;

  std::uint64_t synapses() const noexcept { return offsets.empty() ? 0 : offsets[sources]; }
  std::uint64_t bytes() const noexcept {
    return offsets.bytes() + targets.bytes() + words.bytes() + nibbles.bytes() + wide_codes.bytes() + delays.bytes() +
           wide_delays.bytes() + groups.bytes() + degrees.bytes();
  }
  /// Synapses of row `source` that are of projections[k].
  std::uint32_t degree(std::uint32_t source, std::size_t k) const noexcept {
    return degrees.empty() ? offsets[source + 1] - offsets[source]
                           : degrees[std::size_t{source} * projections.size() + k];
  }
  std::uint32_t target(std::size_t synapse) const noexcept {
    return words.empty() ? targets[synapse] : words[synapse] & 0xffffu;
  }
  std::int32_t weight(std::size_t synapse) const noexcept;  ///< receptor quanta
  kernels::SynapseRows rows() const noexcept;               ///< its arrays, for kernels
};

/// Called with the number of synapses stored so far by this call; false = give up.
using BuildProgress = std::function<bool(std::uint64_t)>;

/// Which of the plan's static projections onto these populations may have common tables: sets of projections from one
/// population, with one receptor, one form of weights and either one delay or delays that all vary. Every projection is
/// in one set.
std::vector<std::vector<std::uint32_t>> projections_alike(const Plan& plan, std::span<const TargetPart> parts);

/// Synapses of these projections, which are alike, onto the neurons of `parts`: one table, or two (receptors ascending)
/// when weights of both signs go to two receptors. Without synapses a table is empty.
///
/// The synapses are generated twice, first to count each row, then to store: generating costs less than keeping them in
/// between, and no temporary memory grows with their number (fixed_outdegree: about 32 MiB). Errors: invalid_argument
/// (impossible rule), out_of_memory, exhausted (2^32 synapses in a table), cancelled (by `progress`).
Result<std::vector<SynapseTable>> build_synapse_tables(const Plan& plan, std::span<const std::uint32_t> projections,
                                                       std::span<const TargetPart> parts,
                                                       const BuildProgress& progress = {});

/// The same for one projection and one cohort, whose neurons are the targets.
Result<std::vector<SynapseTable>> build_synapse_tables(const Plan& plan, std::uint32_t projection,
                                                       const CohortRange& cohort, const BuildProgress& progress = {});

}  // namespace neuract::snn
