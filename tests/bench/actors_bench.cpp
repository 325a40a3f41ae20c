// What the actors add to an epoch: time per window with actors, without them (the same shards, taking turns in one
// loop), and the difference. A network too small to matter may cost 5 us more per epoch with one thread.
//
//   dev bench actors                      or    build/release/bin/actors_bench --benchmark_filter=Epoch

#include <benchmark/benchmark.h>

#include <algorithm>

#include "neuract/actors/simulation.hpp"
#include "neuract/snn/builder.hpp"
#include "plain_loop.hpp"

namespace neuract::actors {
namespace {

constexpr double kDelayMs = 1.5;  // an epoch of 15 steps

/// Two populations that excite each other, so that two shards exchange spikes every epoch. Work grows with `n`.
snn::NetworkSpec pair(std::uint32_t n) {
  snn::NetworkBuilder net("pair");
  net.settings().duration = 1e9;
  const auto a = net.population("A", n, "iaf_psc_delta", {{"tau_m", 20.0}});
  const auto b = net.population("B", n, "iaf_psc_delta", {{"tau_m", 20.0}});
  const auto indegree = std::min<std::uint64_t>(n, 100);
  for (const auto source : {a, b}) {
    for (const auto target : {a, b}) {
      net.connect(source, target, snn::rules::fixed_indegree(indegree), {.weight = -0.05, .delay = kDelayMs});
    }
    net.stimulate(source, snn::PoissonGenerator{8000.0}, {.weight = 0.12});
  }
  return net.spec();
}

/// Neurons per population, threads. The best of many short runs, so that other work on the machine counts little.
void Epoch(benchmark::State& state) {
  const auto spec = pair(static_cast<std::uint32_t>(state.range(0)));
  const auto threads = static_cast<std::uint32_t>(state.range(1));
  const double epochs = std::max(20.0, 40'000.0 / static_cast<double>(std::max<std::int64_t>(100, state.range(0))));
  auto simulation = Simulation::create(spec, {.threads = threads}).value();
  bench::PlainLoop loop(spec, threads);
  double with = 1e9, without = 1e9;
  for (auto _ : state) {
    const double seconds = simulation->run(epochs * kDelayMs).value().wall_s;
    state.SetIterationTime(seconds);
    with = std::min(with, seconds);
    without = std::min(without, loop.run(epochs * kDelayMs));
  }
  state.counters["epoch_us"] = 1e6 * with / epochs;
  state.counters["pure_us"] = 1e6 * without / epochs;
  // Perfect use of all threads would take the pure time divided by their number.
  state.counters["overhead_us"] = 1e6 * (with - without / static_cast<double>(loop.shards())) / epochs;
  state.counters["speed_up"] = without / with;
}
BENCHMARK(Epoch)
    ->ArgNames({"n", "threads"})
    ->ArgsProduct({{10, 100, 1000, 10'000}, {1, 2}})
    ->UseManualTime()
    ->Iterations(40)
    ->Unit(benchmark::kMillisecond);

/// What a snapshot of a running network costs whoever asks.
void SnapshotBetweenRuns(benchmark::State& state) {
  auto simulation = Simulation::create(pair(10'000), {.threads = static_cast<std::uint32_t>(state.range(0))}).value();
  (void)simulation->run(10.0).value();
  for (auto _ : state) benchmark::DoNotOptimize(simulation->snapshot("A", "V_m").value());
}
BENCHMARK(SnapshotBetweenRuns)->ArgName("threads")->Arg(1)->Arg(2)->Unit(benchmark::kMicrosecond)->UseRealTime();

/// From nothing to a network that can run, and back.
void CreateAndDrop(benchmark::State& state) {
  for (auto _ : state)
    (void)Simulation::create(pair(10), {.threads = static_cast<std::uint32_t>(state.range(0))}).value();
}
BENCHMARK(CreateAndDrop)->ArgName("threads")->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace neuract::actors
