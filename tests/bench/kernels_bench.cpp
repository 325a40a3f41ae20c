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

/// Events of one generator: for 2,048 neurons in one step, or for 64 neurons in 16 steps.
void poisson_draws(benchmark::State& state, Isa isa, double mean, std::uint32_t blocks, std::uint32_t steps) {
  set_isa_for_testing(isa);
  const PoissonTable table(mean);
  const PoissonInput generator{&table, 42, 0, nullptr};  // sums stay what they are
  const std::size_t neurons = std::size_t{blocks} * kBlock;
  std::vector<std::int32_t> sums(neurons * steps);
  std::vector<std::int32_t*> rows;
  for (std::size_t s = 0; s < steps; ++s) rows.push_back(sums.data() + s * neurons);
  PoissonTarget target{7, 0, blocks, steps, 0, rows.data()};
  for (auto _ : state) {
    input_kernels().add_poisson(&generator, 1, target);
    target.step += steps;
    benchmark::DoNotOptimize(sums.data());
  }
  state.counters["draws/s"] =
      benchmark::Counter(static_cast<double>(sums.size()), benchmark::Counter::kIsIterationInvariantRate);
  set_isa_for_testing(supported_isas().back());
}

const bool kRegistered = [] {
  for (const Isa isa : supported_isas()) {
    const std::string name(name_of(isa));
    benchmark::RegisterBenchmark(("random_words/" + name).c_str(), random_words, isa);
    for (const double mean : {0.5, 2.0, 40.0}) {
      const std::string draws = "poisson_draws/" + name + "/mean:" + std::to_string(mean).substr(0, 4);
      benchmark::RegisterBenchmark(draws.c_str(), poisson_draws, isa, mean, 1u, 16u);
      benchmark::RegisterBenchmark((draws + "/one_step").c_str(), poisson_draws, isa, mean, 32u, 1u);
    }
  }
  return true;
}();

}  // namespace
