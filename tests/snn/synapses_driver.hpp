#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "neuract/snn/connectivity.hpp"
#include "neuract/snn/plan.hpp"
#include "neuract/snn/synapse_properties.hpp"
#include "neuract/snn/synapses/plastic_pathway.hpp"

/// Drives a pathway without neurons: spikes of all populations are given, inputs and weights come out.
namespace neuract::snn::testing {

/// Who fires when: by population, then by step.
using Trains = std::vector<std::map<Step, std::set<std::uint32_t>>>;

inline SpikeBatch batch_of(const Trains& trains, std::uint32_t population, std::uint32_t first, std::uint32_t count,
                           Step begin, Step end) {
  SpikeBatch batch;
  batch.population = population;
  batch.first = first;
  batch.begin = begin;
  batch.offsets.push_back(0);
  for (Step step = begin; step < end; ++step) {
    if (const auto at = trains[population].find(step); at != trains[population].end()) {
      for (const std::uint32_t id : at->second) {
        if (id >= first && id < first + count) batch.ids.push_back(static_cast<std::uint16_t>(id - first));
      }
    }
    batch.offsets.push_back(static_cast<std::uint32_t>(batch.ids.size()));
  }
  return batch;
}

class Driver {
 public:
  Driver(PlanPtr plan, Trains trains, CohortRange cohort)
      : plan_(std::move(plan)),
        trains_(std::move(trains)),
        cohort_(cohort),
        pathway_(build_plastic_pathway(*plan_, 0, cohort).value()),
        log_(plan_->populations().size()) {
    std::uint32_t rows = 1;
    while (rows < static_cast<std::uint32_t>(2 * plan_->projections()[0].delay_max + 2) && rows < 32768) rows *= 2;
    for (std::size_t r = 0; r < 2; ++r) {
      inputs_[r].assign(std::size_t{rows} * stride(), 0);
      rings_[r] = {inputs_[r].data(), stride(), rows - 1};
    }
  }

  Pathway& pathway() { return *pathway_; }
  Step now() const { return now_; }

  /// What arrived: (step, neuron of the cohort) -> quanta, of both receptors.
  const std::map<std::pair<Step, std::uint32_t>, std::int64_t>& inputs() const { return received_; }

  void start_presentation() {
    begin_ = now_;
    pathway_->start_presentation();
  }

  /// Advances to `to` in windows of `length` steps, at most the smallest delay.
  void run(Step to, Step length) {
    const ProjectionPlan& projection = plan_->projections()[0];
    while (now_ < to) {
      const Step end = std::min({to, now_ + length, now_ + projection.delay_min});
      // Only what a shard could know: spikes that arrive before the window ends.
      for (std::uint32_t p = 0; p < plan_->populations().size(); ++p)
        log_.append(batch_of(trains_, p, 0, plan_->populations()[p].n, known_, end - projection.delay_min));
      known_ = std::max(known_, end - projection.delay_min);
      pathway_->deliver({now_, end, begin_, plan_->warmup_steps(), &log_, rings_});
      collect(end);
      pathway_->fired(batch_of(trains_, projection.target, cohort_.first, cohort_.count, now_, end));
      now_ = end;
      log_.forget_before(now_ - pathway_->longest_delay());
    }
  }

  std::vector<double> weights() const { return pathway_->weights().weights; }

  /// Continues where another driver of the same network is, from what its pathway saved.
  void continue_from(const Driver& other) {
    StateWriter out;
    other.pathway_->save(out);
    StateReader in(out.bytes());
    pathway_->load(in);
    if (!in.ok() || !in.at_end()) throw std::logic_error("what was saved does not load");
    now_ = other.now_;
    begin_ = other.begin_;
    known_ = other.known_;
    log_ = other.log_;
  }

 private:
  std::uint32_t stride() const { return (cohort_.count + 63) / 64 * 64; }

  void collect(Step end) {
    for (auto& ring : rings_) {
      for (Step step = now_; step < end; ++step) {
        std::int32_t* const row = ring.data + (static_cast<std::size_t>(step) & ring.mask) * ring.stride;
        for (std::uint32_t n = 0; n < cohort_.count; ++n) {
          if (row[n] != 0) received_[{step, n}] += row[n];
          row[n] = 0;
        }
      }
    }
  }

  PlanPtr plan_;
  Trains trains_;
  CohortRange cohort_;
  std::unique_ptr<Pathway> pathway_;
  SpikeLog log_;
  std::array<std::vector<std::int32_t>, 2> inputs_;
  std::array<kernels::InputRing, 2> rings_;
  std::map<std::pair<Step, std::uint32_t>, std::int64_t> received_;
  Step now_ = 0;
  Step begin_ = 0;
  Step known_ = 0;
};

struct Synapse {
  std::uint32_t source = 0;
  std::uint32_t target = 0;
  Step delay = 1;
  double weight = 0.0;
};

/// The synapses of projection 0 onto neurons [first, first + count), in the order of Pathway::WeightList.
inline std::vector<Synapse> synapses_of(const Plan& plan, std::uint32_t first, std::uint32_t count) {
  SynapseProperties properties(plan, 0);
  std::vector<Synapse> all;
  plan.connectivity(0).for_each_target(first, count, [&](std::uint32_t target, auto sources) {
    std::vector<Synapse> own(sources.size());
    for (std::size_t i = 0; i < own.size(); ++i)
      own[i] = {sources[i], target, plan.projections()[0].delay_min, properties.common_weight()};
    if (properties.varied_weights()) {
      const auto weights = properties.weights(target, sources);
      for (std::size_t i = 0; i < own.size(); ++i) own[i].weight = weights[i];
    }
    if (properties.varied_delays()) {
      const auto delays = properties.delays(target, sources);
      for (std::size_t i = 0; i < own.size(); ++i) own[i].delay += delays[i];
    }
    std::stable_sort(own.begin(), own.end(), [](const Synapse& a, const Synapse& b) {
      return std::pair(a.source, a.delay) < std::pair(b.source, b.delay);
    });
    all.insert(all.end(), own.begin(), own.end());
    return true;
  });
  return all;
}

}  // namespace neuract::snn::testing
