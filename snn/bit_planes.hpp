#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "neuract/memory/result.hpp"
#include "neuract/snn/pathway.hpp"
#include "neuract/snn/plan.hpp"
#include "neuract/snn/synapse_table.hpp"

/// Synapses as bits: for projections with one weight and one delay.
///
/// A row for every source holds a bit for every target of the cohort. What arrives in a step is how many of the rows of
/// the sources that fired have each target: kernels/bit_planes.hpp counts that for hundreds of targets at once, and
/// lists are left only for what a pair has beyond its first synapse. With a tenth of all pairs connected and tens of
/// spikes a step that is ten times as fast as a list, in as much memory or less.
namespace neuract::snn {

/// Whether projection `projection` of the plan can be kept as bits. If not, `*why_not` (may be null) tells why, as in
/// "its delays differ".
bool bit_planes_possible(const Plan& plan, std::uint32_t projection, std::string* why_not = nullptr);

/// Whether bits are the better representation, too: at a typical rate they must deliver faster than lists, which takes
/// several spikes a step and a good part of all pairs connected (about a thirtieth with ten spikes, a tenth with two),
/// and take no more than twice the memory.
bool bit_planes_worthwhile(const Plan& plan, std::uint32_t projection);

/// Bytes of all rows onto the whole target population, estimated.
double bit_planes_bytes(const Plan& plan, std::uint32_t projection);

/// The projection's synapses onto one cohort. `like`: what this function returned for the same neurons in another
/// sample, whose rows are shared, or null. Errors: invalid_argument (not possible, with the reason; impossible rule),
/// out_of_memory, exhausted, cancelled (by `progress`).
Result<std::unique_ptr<Pathway>> build_bit_planes(const Plan& plan, std::uint32_t projection, const CohortRange& cohort,
                                                  const BuildProgress& progress = {}, const Pathway* like = nullptr);

}  // namespace neuract::snn
