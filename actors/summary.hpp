#pragma once

#include <span>
#include <vector>

#include "neuract/actors/report.hpp"
#include "neuract/snn/plan.hpp"
#include "neuract/snn/shard.hpp"

/// From the exact counts of the cohorts to the numbers a user reads. The same bits for any partition: counts are
/// integers, and what needs floating point is summed neuron by neuron in the order of the population.
namespace neuract::actors {

/// Mean over neurons with at least two intervals of sd/mean; NaN when there are none. `cohorts` in any order, of one
/// population.
double mean_cv_isi(std::vector<const snn::CohortStatistics*> cohorts);

/// Fills in all that follows from plan, step and counts. `projections`: as many as the plan has, summed over shards.
RunResult summarise(const snn::Plan& plan, Step steps, std::span<const snn::CohortStatistics> cohorts,
                    std::vector<ProjectionResult> projections);

}  // namespace neuract::actors
