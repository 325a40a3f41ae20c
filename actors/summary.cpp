#include "neuract/actors/summary.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace neuract::actors {

double mean_cv_isi(std::vector<const snn::CohortStatistics*> cohorts) {
  std::sort(cohorts.begin(), cohorts.end(), [](const auto* a, const auto* b) {
    return std::pair(a->range.sample, a->range.first) < std::pair(b->range.sample, b->range.first);
  });
  double sum = 0.0;
  std::uint64_t neurons = 0;
  for (const auto* cohort : cohorts) {
    for (const auto& isi : cohort->isi) {
      if (isi.count < 2) continue;
      // sd/mean = sqrt(n·Σx² - (Σx)²) / Σx, with the difference in integers: a regular train has exactly 0.
      const std::uint64_t difference = isi.count * isi.sum_of_squares - isi.sum * isi.sum;
      sum += std::sqrt(static_cast<double>(difference)) / static_cast<double>(isi.sum);
      ++neurons;
    }
  }
  return neurons == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / static_cast<double>(neurons);
}

RunResult summarise(const snn::Plan& plan, Step steps, std::span<const snn::CohortStatistics> cohorts,
                    std::vector<ProjectionResult> projections) {
  RunResult result;
  result.steps = steps;
  result.warmup_ms = static_cast<double>(std::min(steps, plan.warmup_steps())) * plan.dt();
  result.duration_ms = static_cast<double>(std::max<Step>(0, steps - plan.warmup_steps())) * plan.dt();
  for (std::uint32_t p = 0; p < plan.populations().size(); ++p) {
    PopulationResult population;
    population.name = plan.spec().populations[p].name;
    population.n = plan.populations()[p].n;
    std::vector<const snn::CohortStatistics*> own;
    for (const auto& cohort : cohorts) {
      if (cohort.range.population != p) continue;
      own.push_back(&cohort);
      population.spikes += cohort.spikes;
    }
    if (result.duration_ms > 0.0 && population.n > 0) {
      population.rate_hz = static_cast<double>(population.spikes) /
                           (static_cast<double>(population.n) * plan.spec().batch * result.duration_ms / 1000.0);
    }
    population.cv_isi = mean_cv_isi(std::move(own));
    result.neurons += population.n;
    result.spikes += population.spikes;
    result.populations.push_back(std::move(population));
  }
  for (const auto& cohort : cohorts) result.spike_hash += cohort.spike_hash;
  result.batch = plan.spec().batch;
  std::vector<std::size_t> seen(plan.populations().size(), 0);  // classifiers of the population
  for (const snn::ClassifierSpec& spec : plan.spec().classifiers) {
    ClassifierResult classifier{plan.spec().populations[spec.population].name};
    const std::size_t i = seen[spec.population]++;
    for (const auto& cohort : cohorts) {
      if (cohort.range.population != spec.population) continue;
      classifier.answers += cohort.classifiers[i].answers;
      classifier.correct += cohort.classifiers[i].correct;
    }
    result.classifiers.push_back(std::move(classifier));
  }
  result.cohorts = cohorts.size();

  for (std::size_t j = 0; j < projections.size(); ++j) {
    projections[j].name = plan.spec().projections[j].name;
    result.synapses += projections[j].synapses;
    result.synapse_bytes += projections[j].bytes;
    result.synaptic_events += projections[j].events;
  }
  result.projections = std::move(projections);
  return result;
}

}  // namespace neuract::actors
