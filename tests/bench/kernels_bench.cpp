#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <vector>

#include "neuract/kernels/input.hpp"
#include "neuract/kernels/isa.hpp"
#include "neuract/kernels/philox.hpp"
#include "scatter_ceiling.hpp"

// Rates of the innermost loops on one core, per instruction set.
namespace {

using namespace neuract::kernels;

void scatter_ceiling(benchmark::State& state) {
  for (auto _ : state) neuract::bench::scatter_events_per_second();
  state.counters["events/s"] = neuract::bench::scatter_events_per_second();
}
BENCHMARK(scatter_ceiling)->Iterations(1);

void random_words(benchmark::State& state, Isa isa) {
  set_isa_for_testing(isa);
  std::vector<std::uint32_t> words(64 * 64);
  for (auto _ : state) {
    philox_fill(words.data(), words.size() / 4, 42, 1, 2, 3);
    benchmark::DoNotOptimize(words.data());
  }
  state.counters["words/s"] =
      benchmark::Counter(static_cast<double>(words.size()), benchmark::Counter::kIsIterationInvariantRate);
  set_isa_for_testing(supported_isas().back());
}

void poisson_draws(benchmark::State& state, Isa isa, double mean) {
  set_isa_for_testing(isa);
  const PoissonTable table(mean);
  const PoissonInput generator{&table, 42, 1, nullptr};
  alignas(64) float out[kBlock];
  const auto collect = input_kernels().collect;
  std::uint64_t step = 0;
  for (auto _ : state) {
    collect(nullptr, &generator, 1, 7, 0, ++step, 1.0f, out);
    benchmark::DoNotOptimize(out);
  }
  state.counters["draws/s"] = benchmark::Counter(kBlock, benchmark::Counter::kIsIterationInvariantRate);
  set_isa_for_testing(supported_isas().back());
}

const bool kRegistered = [] {
  for (const Isa isa : supported_isas()) {
    const std::string name(name_of(isa));
    benchmark::RegisterBenchmark(("random_words/" + name).c_str(), random_words, isa);
    for (const double mean : {0.5, 2.0, 40.0}) {
      benchmark::RegisterBenchmark(("poisson_draws/" + name + "/mean:" + std::to_string(mean).substr(0, 4)).c_str(),
                                   poisson_draws, isa, mean);
    }
  }
  return true;
}();

}  // namespace
