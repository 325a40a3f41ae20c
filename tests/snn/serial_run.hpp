#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <utility>
#include <vector>

#include "neuract/snn/shard.hpp"

/// Runs a network without actors, shards taking turns: what every other way of running must reproduce.
namespace neuract::snn::testing {

struct Outcome {
  std::vector<std::pair<Step, std::uint64_t>> spikes;  ///< (step, global id), sorted; warm-up included
  std::vector<TraceBlock> traces;                      ///< in the order they came
  std::uint64_t spike_hash = 0;
  std::uint64_t counted_spikes = 0;
  std::uint64_t events = 0;
  std::vector<CohortStatistics> cohorts;
};

inline Outcome run_serial(const NetworkSpec& spec, std::uint32_t shards = 1, std::uint32_t cohort_size = 0) {
  const PlanPtr plan = Plan::make(spec).value();
  const auto placement = place(*plan, shards, cohort_size);
  std::vector<std::unique_ptr<Shard>> all;
  for (std::uint32_t i = 0; i < placement.size(); ++i) all.push_back(Shard::build(plan, placement, i).value());

  Outcome outcome;
  const Step end = plan->total_steps();
  for (bool moved = true; moved;) {
    moved = false;
    for (auto& shard : all) {
      const Step to = std::min({end, shard->horizon(), shard->now() + shard->quantum()});
      if (to <= shard->now()) continue;
      moved = true;
      const ShardOutputPtr output = shard->advance(to);
      for (const std::uint32_t target : shard->targets()) all[target]->receive(output);
      for (const SpikeBatch& batch : output->batches) {
        const std::uint64_t first = plan->global_id(batch.population, batch.sample, batch.first);
        for (Step step = batch.begin; step < batch.end(); ++step) {
          for (const std::uint16_t id : batch.at(step)) outcome.spikes.emplace_back(step, first + id);
        }
      }
      outcome.traces.insert(outcome.traces.end(), output->traces.begin(), output->traces.end());
    }
  }
  for (const auto& shard : all) {
    if (shard->now() != end) throw std::logic_error("the shards wait for each other");
    for (const CohortStatistics& cohort : shard->statistics()) {
      outcome.spike_hash += cohort.spike_hash;
      outcome.counted_spikes += cohort.spikes;
      outcome.cohorts.push_back(cohort);
    }
    for (const ProjectionStatistics& projection : shard->projection_statistics()) outcome.events += projection.events;
  }
  std::sort(outcome.spikes.begin(), outcome.spikes.end());
  return outcome;
}

}  // namespace neuract::snn::testing
