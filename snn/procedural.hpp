#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "neuract/memory/result.hpp"
#include "neuract/snn/pathway.hpp"
#include "neuract/snn/plan.hpp"

/// Synapses that are not kept: at every spike the targets of its source are drawn again, with their weights and delays,
/// from the same counters as when they are stored. For networks that do not fit into memory; a synapse costs no memory,
/// and an event a few nanoseconds.
///
/// Rules have to be drawn by source: fixed_outdegree, pairwise_bernoulli with by_source, one_to_one and all_to_all.
/// The results are those of any other representation of the same projection.
namespace neuract::snn {

/// Whether projection `projection` of the plan can be procedural. If not, `*why_not` (may be null) tells why and what
/// would do, as in "fixed_indegree is drawn by target; …".
bool procedural_possible(const Plan& plan, std::uint32_t projection, std::string* why_not = nullptr);

/// The projection's synapses onto one cohort. An event goes into the ring at once, whatever its delay: rings have to hold
/// delay_max - delay_min steps beyond a window. Errors: invalid_argument (not possible, with the reason).
Result<std::unique_ptr<Pathway>> build_procedural(const Plan& plan, std::uint32_t projection,
                                                  const CohortRange& cohort);

}  // namespace neuract::snn
