#pragma once

#include <algorithm>
#include <cstring>
#include <map>
#include <stdexcept>
#include <tuple>
#include <utility>
#include <vector>

#include "neuract/snn/builder.hpp"
#include "neuract/snn/checkpoint.hpp"
#include "neuract/snn/shard.hpp"

/// A network without actors that may begin at a checkpoint, and everything that two runs must have in common.
namespace neuract::snn::testing {

/// What a run did and where it stands, in a form that does not depend on shards and cohorts.
struct Record {
  std::vector<std::pair<Step, std::uint64_t>> spikes;                                    ///< (step, global id), sorted
  std::map<std::tuple<std::uint32_t, Step, std::uint32_t>, std::vector<double>> traces;  ///< multimeter, step, neuron
  std::uint64_t spike_hash = 0;
  std::uint64_t counted_spikes = 0;
  std::vector<std::uint64_t> events;  ///< by projection
  std::vector<std::uint64_t> all_spikes;
  /// By population, sample and neuron: sum, sum of squares and number of the intervals.
  std::map<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>,
           std::tuple<std::uint64_t, std::uint64_t, std::uint32_t>>
      intervals;
  std::map<std::pair<std::uint32_t, std::size_t>, std::pair<std::uint64_t, std::uint64_t>> classifiers;
  /// By recorder and step, and as they are now (step -1): target, source and weight, in order.
  std::map<std::pair<std::uint32_t, Step>, std::vector<std::tuple<std::uint32_t, std::uint32_t, double>>> weights;
  friend bool operator==(const Record&, const Record&) = default;
};

class Rig {
 public:
  Rig(const NetworkSpec& spec, std::uint32_t shards, std::uint32_t cohort_size, CheckpointPtr checkpoint = nullptr)
      : plan_(Plan::make(spec).value()), placement_(place(*plan_, shards, cohort_size)) {
    if (checkpoint) {
      checkpoint->check(*plan_).value();
      if (auto kept = kept_placement(*checkpoint, *plan_, shards)) placement_ = *std::move(kept);
    }
    for (std::uint32_t i = 0; i < placement_.size(); ++i) {
      shards_.push_back(Shard::build(plan_, placement_, i).value());
      if (checkpoint) shards_.back()->load(*checkpoint, placement_).value();
    }
  }

  const Plan& plan() const { return *plan_; }
  std::size_t shards() const { return shards_.size(); }

  void run_to(Step end) {
    for (bool moved = true; moved;) {
      moved = false;
      for (auto& shard : shards_) {
        const Step to = std::min({end, shard->horizon(), shard->now() + shard->quantum()});
        if (to <= shard->now()) continue;
        moved = true;
        const ShardOutputPtr output = shard->advance(to);
        for (const std::uint32_t target : shard->targets()) shards_[target]->receive(output);
        take(*output);
      }
    }
    for (const auto& shard : shards_) {
      if (shard->now() != end) throw std::logic_error("the shards wait for each other");
    }
  }
  void run() { run_to(plan_->total_steps()); }

  CheckpointPtr checkpoint(const std::filesystem::path& path) const {
    std::vector<CheckpointSection> sections;
    for (const auto& shard : shards_) {
      for (CheckpointSection& section : shard->save()) sections.push_back(std::move(section));
    }
    const Step step = shards_.front()->now();
    sections.push_back(network_section(plan_->spec()));
    sections.push_back(
        about_section({NEURACT_VERSION, plan_->spec().name, step, static_cast<double>(step) * plan_->dt(), ""}));
    write_checkpoint_file(path, std::move(sections)).value();
    return Checkpoint::open(path).value();
  }

  Record record() const {
    Record record = record_;
    std::sort(record.spikes.begin(), record.spikes.end());
    record.events.resize(plan_->projections().size());
    record.all_spikes.resize(plan_->populations().size());
    for (const auto& shard : shards_) {
      for (const CohortStatistics& cohort : shard->statistics()) {
        record.spike_hash += cohort.spike_hash;
        record.counted_spikes += cohort.spikes;
        for (std::uint32_t n = 0; n < cohort.range.count; ++n) {
          const auto& isi = cohort.isi[n];
          record.intervals[{cohort.range.population, cohort.range.sample, cohort.range.first + n}] = {
              isi.sum, isi.sum_of_squares, isi.count};
        }
        for (std::size_t i = 0; i < cohort.classifiers.size(); ++i) {
          auto& [answers, correct] = record.classifiers[{cohort.range.population, i}];
          answers += cohort.classifiers[i].answers;
          correct += cohort.classifiers[i].correct;
        }
      }
      const auto projections = shard->projection_statistics();
      for (std::size_t p = 0; p < projections.size(); ++p) record.events[p] += projections[p].events;
      for (std::uint32_t p = 0; p < record.all_spikes.size(); ++p) record.all_spikes[p] += shard->spikes_of(p);
      for (const WeightBlock& block : shard->weights()) take(block, -1, record);
    }
    const auto by_target = [](const auto& a, const auto& b) { return std::get<0>(a) < std::get<0>(b); };
    for (auto& [key, list] : record.weights) std::stable_sort(list.begin(), list.end(), by_target);
    return record;
  }
  /// What an earlier part of the run has shown.
  void remember(const Record& earlier) {
    record_.spikes = earlier.spikes;
    record_.traces = earlier.traces;
    record_.weights = earlier.weights;
    std::erase_if(record_.weights, [](const auto& entry) { return entry.first.second < 0; });
  }

 private:
  static void take(const WeightBlock& block, Step step, Record& record) {
    auto& list = record.weights[{block.recorder, step}];
    for (std::size_t i = 0; i < block.weights.size(); ++i)
      list.emplace_back(block.targets[i], block.sources[i], block.weights[i]);
  }

  void take(const ShardOutput& output) {
    for (const WeightBlock& block : output.weights) take(block, block.step, record_);
    for (const SpikeBatch& batch : output.batches) {
      const std::uint64_t first = plan_->global_id(batch.population, batch.sample, batch.first);
      for (Step step = batch.begin; step < batch.end(); ++step) {
        for (const std::uint16_t id : batch.at(step)) record_.spikes.emplace_back(step, first + id);
      }
    }
    for (const TraceBlock& block : output.traces) {
      const std::size_t n = block.neurons.size();
      const std::size_t variables = n == 0 ? 0 : block.values.size() / (n * block.steps.size());
      for (std::size_t t = 0; t < block.steps.size(); ++t) {
        for (std::size_t i = 0; i < n; ++i) {
          auto& values = record_.traces[{block.multimeter, block.steps[t], block.neurons[i]}];
          for (std::size_t v = 0; v < variables; ++v) values.push_back(block.values[(t * variables + v) * n + i]);
        }
      }
    }
  }

  PlanPtr plan_;
  std::vector<std::vector<CohortRange>> placement_;
  std::vector<std::unique_ptr<Shard>> shards_;
  Record record_;
};

}  // namespace neuract::snn::testing
