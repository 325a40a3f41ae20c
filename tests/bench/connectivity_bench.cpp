// How fast networks are wired: random words, draws, and whole synapse tables, one thread.
//   connectivity_bench [--benchmark_filter=Build]

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "neuract/kernels/isa.hpp"
#include "neuract/kernels/philox.hpp"
#include "neuract/snn/distribution.hpp"
#include "neuract/snn/plan.hpp"
#include "neuract/snn/synapse_table.hpp"

namespace {

using namespace neuract;
using namespace neuract::snn;

constexpr double kNone = std::numeric_limits<double>::infinity();

/// Runs `body` once per iteration on instruction set range(0); skipped where the CPU lacks it.
template <class Body>
void on_isa(benchmark::State& state, Body body) {
  const kernels::Isa before = kernels::active_isa();
  const auto isa = static_cast<kernels::Isa>(state.range(0));
  state.SetLabel(std::string(kernels::name_of(isa)));
  if (!kernels::set_isa_for_testing(isa)) {
    state.SkipWithError("not supported by this CPU");
    return;
  }
  for (auto _ : state) body();
  kernels::set_isa_for_testing(before);
}

void every_isa(benchmark::internal::Benchmark* benchmark) { benchmark->DenseRange(0, 2); }

void PhiloxWords(benchmark::State& state) {
  std::vector<std::uint32_t> words(64 * 64);
  std::uint32_t substream = 0;
  on_isa(state, [&] {
    kernels::philox_fill(words.data(), words.size() / 4, 12345, ++substream, 0, 0);
    benchmark::DoNotOptimize(words.data());
    benchmark::ClobberMemory();
  });
  state.counters["words/s"] =
      benchmark::Counter(static_cast<double>(words.size()), benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(PhiloxWords)->Apply(every_isa);

void DrawNormals(benchmark::State& state) {
  std::vector<std::uint32_t> words(4096);
  Stream(1, Purpose::weight, 0).fill(words.data(), words.size() / Stream::kGroup, 0);
  std::vector<double> values(words.size());
  const Sampler sampler({Distribution::Kind::normal_clipped, 87.81, 8.781, 0.0, kNone});
  on_isa(state, [&] {
    sampler.draw(words, std::span<double>(values));
    benchmark::ClobberMemory();
  });
  state.counters["draws/s"] =
      benchmark::Counter(static_cast<double>(words.size()), benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(DrawNormals)->Apply(every_isa);

void DrawDelays(benchmark::State& state) {
  std::vector<std::uint32_t> words(4096);
  Stream(1, Purpose::delay, 0).fill(words.data(), words.size() / Stream::kGroup, 0);
  std::vector<std::uint16_t> values(words.size());
  const DelaySampler sampler(Distribution{Distribution::Kind::normal_clipped, 1.5, 0.75, 0.1, kNone}, 0.1);
  on_isa(state, [&] {
    sampler.draw(words, values);
    benchmark::ClobberMemory();
  });
  state.counters["draws/s"] =
      benchmark::Counter(static_cast<double>(words.size()), benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(DrawDelays)->Apply(every_isa);

NetworkSpec network(std::uint32_t n_source, std::uint32_t n_target, const char* model, Rule rule, Value weight,
                    Value delay) {
  NetworkSpec spec;
  spec.populations = {{"source", n_source, model, {}}, {"target", n_target, model, {}}};
  spec.projections = {{"source->target", 0, 1, rule, std::move(weight), std::move(delay)}};
  return spec;
}

/// Builds the tables of the whole projection, cohort by cohort.
void build(benchmark::State& state, NetworkSpec spec, std::uint32_t cohort_size) {
  const std::uint32_t targets = spec.populations[1].n;
  const PlanPtr plan = Plan::make(std::move(spec)).value();
  std::uint64_t synapses = 0;
  std::uint64_t bytes = 0;
  on_isa(state, [&] {
    synapses = bytes = 0;
    std::vector<SynapseTable> tables;
    for (std::uint32_t first = 0; first < targets; first += cohort_size) {
      auto built = build_synapse_tables(*plan, 0, {1, first, std::min(cohort_size, targets - first)}).value();
      for (SynapseTable& table : built) {
        synapses += table.synapses();
        bytes += table.bytes();
        tables.push_back(std::move(table));
      }
    }
  });
  state.counters["synapses/s"] =
      benchmark::Counter(static_cast<double>(synapses), benchmark::Counter::kIsIterationInvariantRate);
  state.counters["bytes/synapse"] =
      static_cast<double>(bytes) / static_cast<double>(std::max<std::uint64_t>(synapses, 1));
}

void BuildBrunel(benchmark::State& state) {
  build(state, network(10'000, 12'500, "iaf_psc_delta", {Rule::Kind::fixed_indegree, 1000}, 0.1, 1.5),
        static_cast<std::uint32_t>(state.range(1)));
}
BENCHMARK(BuildBrunel)->ArgsProduct({{0, 1, 2}, {12'544, 1'600}})->Unit(benchmark::kMillisecond);

void BuildMicrocircuit(benchmark::State& state) {
  const Distribution weight{Distribution::Kind::normal_clipped, 87.81, 8.781, 0.0, kNone};
  const Distribution delay{Distribution::Kind::normal_clipped, 1.5, 0.75, 0.1, kNone};
  build(state, network(20'000, 20'000, "iaf_psc_exp", {Rule::Kind::fixed_total_number, 20'000'000}, weight, delay),
        static_cast<std::uint32_t>(state.range(1)));
}
BENCHMARK(BuildMicrocircuit)->ArgsProduct({{0, 1, 2}, {20'032, 2'496}})->Unit(benchmark::kMillisecond);

void BuildBernoulli(benchmark::State& state) {
  build(state, network(20'000, 20'000, "iaf_psc_exp", {Rule::Kind::pairwise_bernoulli, 0, 0.05}, 1.0, 1.5), 20'032);
}
BENCHMARK(BuildBernoulli)->Apply(every_isa)->Unit(benchmark::kMillisecond);

/// A sheet with opposite borders joined; about 380 synapses onto a neuron, delays by distance.
void BuildByDistance(benchmark::State& state) {
  Rule rule{Rule::Kind::pairwise_bernoulli, 0, 0.3};
  rule.profile = Profile{Profile::Kind::gaussian, 0.1};
  rule.cutoff = 0.4;
  NetworkSpec spec = network(20'000, 20'000, "iaf_psc_exp", rule, 1.0, 1.5);
  for (PopulationSpec& population : spec.populations) {
    population.positions.emplace();
    population.positions->kind = PositionSpec::Kind::free;
    population.positions->periodic = true;
  }
  spec.projections[0].velocity = 0.3;
  build(state, std::move(spec), 20'032);
}
BENCHMARK(BuildByDistance)->Apply(every_isa)->Unit(benchmark::kMillisecond);

void BuildDistinct(benchmark::State& state) {
  build(state, network(10'000, 12'500, "iaf_psc_delta", {Rule::Kind::fixed_indegree, 1000, 0.0, true, false}, 0.1, 1.5),
        12'544);
}
BENCHMARK(BuildDistinct)->Apply(every_isa)->Unit(benchmark::kMillisecond);

void BuildOutdegree(benchmark::State& state) {
  build(state, network(10'000, 12'500, "iaf_psc_delta", {Rule::Kind::fixed_outdegree, 1250}, 0.1, 1.5), 12'544);
}
BENCHMARK(BuildOutdegree)->Apply(every_isa)->Unit(benchmark::kMillisecond);

}  // namespace
