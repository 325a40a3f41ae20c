#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "neuract/snn/procedural.hpp"

// Synaptic events a second of synapses that are drawn again at every spike, onto one of the cohorts of a large
// population: what is not in memory costs this.
namespace {

using namespace neuract;
using namespace neuract::snn;

constexpr std::uint32_t kSources = 100000;
constexpr std::uint32_t kTargets = 1000000;
constexpr std::uint32_t kSpikes = 100;  // a window of one step

void procedural(benchmark::State& state, const Rule& rule, const Value& weight, const Value& delay) {
  NetworkSpec spec;
  spec.populations = {{"S", kSources, "iaf_psc_exp", {}}, {"T", kTargets, "iaf_psc_exp", {}}};
  spec.projections = {{"S->T", 0, 1, rule, weight, delay}};
  const PlanPtr plan = Plan::make(std::move(spec)).value();
  const CohortRange cohort{1, 499968, static_cast<std::uint32_t>(state.range(0))};
  const auto pathway = build_procedural(*plan, 0, cohort).value();

  std::mt19937 random(1);
  SpikeLog log(2);
  SpikeBatch batch;
  batch.offsets = {0, kSpikes};
  for (std::uint32_t i = 0; i < kSpikes; ++i) batch.ids.push_back(static_cast<std::uint16_t>(random() % 65536));
  log.append(batch);
  constexpr std::uint32_t kSlots = 64;
  std::vector<std::int32_t> ring(std::size_t{kSlots} * cohort.count);
  const auto first = static_cast<Step>(plan->projections()[0].delay_min);
  Pathway::Window window;
  window.from = first;
  window.to = first + 1;
  window.spikes = &log;
  window.rings[0] = {ring.data(), cohort.count, kSlots - 1};
  for (auto _ : state) pathway->deliver(window);
  state.counters["events/s"] = benchmark::Counter(static_cast<double>(pathway->events()), benchmark::Counter::kIsRate);
}

const bool kRegistered = [] {
  Rule bernoulli{Rule::Kind::pairwise_bernoulli, 0, 0.01};
  bernoulli.by_source = true;
  const Rule outdegree{Rule::Kind::fixed_outdegree, 10000};
  const Distribution weights{Distribution::Kind::normal_clipped, 1.0, 0.1, 0.0, 1e6};
  const Distribution delays{Distribution::Kind::normal_clipped, 1.5, 0.75, 0.1, 5.0};
  for (const auto& [name, rule] : {std::pair{"pairwise_bernoulli", bernoulli}, {"fixed_outdegree", outdegree}}) {
    const std::string base = std::string("procedural/") + name;
    for (const std::int64_t targets : {16384, 65536}) {
      benchmark::RegisterBenchmark((base + "/common").c_str(), procedural, rule, Value{1.0}, Value{1.5})
          ->ArgName("targets")
          ->Arg(targets);
      benchmark::RegisterBenchmark((base + "/varied").c_str(), procedural, rule, Value{weights}, Value{delays})
          ->ArgName("targets")
          ->Arg(targets);
    }
  }
  return true;
}();

}  // namespace
