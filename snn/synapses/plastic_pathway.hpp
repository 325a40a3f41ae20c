#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "neuract/memory/result.hpp"
#include "neuract/snn/pathway.hpp"
#include "neuract/snn/plan.hpp"
#include "neuract/snn/synapse_table.hpp"
#include "neuract/snn/validate.hpp"

/// Synapses with a model other than "static": what the equations are, in which order things happen and what is stored
/// is in docs/synapses.md.
namespace neuract::snn {

/// The projection's synapses onto one cohort; its synapse model is not "static". Every sample of a batch has its own.
/// Errors: out_of_memory, exhausted (2^32 synapses onto a cohort), cancelled (by `progress`).
Result<std::unique_ptr<Pathway>> build_plastic_pathway(const Plan& plan, std::uint32_t projection,
                                                       const CohortRange& cohort, const BuildProgress& progress = {});

/// Faults of the synapse model of a projection and of its parameters. `numbers_are_fine`: the projection's weights and
/// delays, its populations, its rule and the simulation's dt have no fault, so that what depends on them can be checked.
std::vector<Fault> validate_synapse(const NetworkSpec& spec, std::size_t projection, bool numbers_are_fine);

}  // namespace neuract::snn
