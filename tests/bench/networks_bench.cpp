#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "neuract/actors/simulation.hpp"
#include "neuract/config/network_file.hpp"
#include "scatter_ceiling.hpp"

// The networks of examples/, as a user runs them but without files: time to build, real-time factor, synaptic events a
// second, and their ratio to the scatter ceiling that this run measures first.
//   networks_bench --benchmark_filter=brunel
namespace {

using namespace neuract;

struct Network {
  const char* name;
  const char* file;
  std::vector<config::Override> overrides;
  std::uint32_t threads;
};

void run_network(benchmark::State& state, const Network& network) {
  const double ceiling = bench::scatter_events_per_second() * network.threads;
  const auto loaded =
      config::load_network(std::string(NEURACT_SOURCE_DIR) + "/examples/" + network.file, network.overrides);
  if (!loaded) return state.SkipWithError(loaded.error().message.c_str());
  actors::RunResult result;
  for (auto _ : state) {
    auto simulation = actors::Simulation::create(loaded->spec, {.threads = network.threads});
    if (!simulation) return state.SkipWithError(simulation.error().to_string().c_str());
    if (const auto run = (*simulation)->run(); !run) return state.SkipWithError(run.error().to_string().c_str());
    auto answer = (*simulation)->result();
    if (!answer) return state.SkipWithError(answer.error().to_string().c_str());
    result = std::move(*answer);
    state.SetIterationTime(result.simulate_s);
  }
  // Events are counted after the warm-up, time is not.
  const double counted = result.duration_ms / std::max(1e-9, result.duration_ms + result.warmup_ms);
  const double events = static_cast<double>(result.synaptic_events) / (result.simulate_s * counted);
  state.counters["real_time_factor"] = result.real_time_factor;
  state.counters["events/s"] = events;
  state.counters["of_ceiling"] = events / ceiling;
  state.counters["built/s"] = static_cast<double>(result.synapses) / result.build_s;
  state.counters["bytes/synapse"] =
      static_cast<double>(result.synapse_bytes) / static_cast<double>(std::max<std::uint64_t>(1, result.synapses));
  state.counters["peak_rss_MiB"] = static_cast<double>(result.peak_rss_bytes) / 1048576.0;
  std::string rates;
  for (const auto& population : result.populations) {
    char text[80];
    std::snprintf(text, sizeof text, "%s%s %.2f", rates.empty() ? "" : ", ", population.name.c_str(),
                  population.rate_hz);
    rates += text;
  }
  for (const auto& classifier : result.classifiers) {
    state.counters["accuracy"] = classifier.accuracy();
    state.counters["images/s"] = static_cast<double>(classifier.answers) / result.simulate_s;
  }
  state.SetLabel(rates + " Hz");
}

const bool kRegistered = [] {
  const std::vector<config::Override> nest = {"models.lif.V_reset=0", "V_start=0"};
  const std::vector<config::Override> tenth = {"scale=0.1", "indegree_scale=0.1"};
  const std::vector<config::Override> full = {"simulation.warmup=100", "simulation.duration=500"};
  const auto in_format = [](const char* format) {
    return std::vector<config::Override>{std::string("projections[0].format=\"") + format + "\""};
  };
  const Network networks[] = {
      {"brunel_nest/threads:1", "brunel.toml", nest, 1},
      {"brunel_nest/threads:2", "brunel.toml", nest, 2},
      {"vogels_abbott/threads:1", "vogels_abbott.toml", {}, 1},
      {"izhikevich/threads:1", "izhikevich.toml", {}, 1},
      {"microcircuit_tenth/threads:1", "microcircuit.toml", tenth, 1},
      {"microcircuit/threads:1", "microcircuit.toml", full, 1},
      {"microcircuit/threads:2", "microcircuit.toml", full, 2},
      {"dense_nvfp4/threads:1", "dense.toml", in_format("nvfp4"), 1},
      {"dense_nvfp4/threads:2", "dense.toml", in_format("nvfp4"), 2},
      {"dense_nf4/threads:1", "dense.toml", in_format("nf4"), 1},
      {"dense_nf4/threads:2", "dense.toml", in_format("nf4"), 2},
      {"dense_f32/threads:1", "dense.toml", in_format("f32"), 1},
      {"fashion_mnist/threads:1", "fashion_mnist/network.toml", {}, 1},
      {"fashion_mnist/threads:2", "fashion_mnist/network.toml", {}, 2},
  };
  for (const Network& network : networks) {
    benchmark::RegisterBenchmark(network.name, run_network, network)
        ->Iterations(1)
        ->UseManualTime()
        ->Unit(benchmark::kSecond);
  }
  return true;
}();

}  // namespace
