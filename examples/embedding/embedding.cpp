// A network inside a C++ program: built here, or read from a file (embedding net.toml); watched while it runs, and run
// on.
#include <algorithm>
#include <atomic>
#include <cstdio>

#include "neuract/actors/simulation.hpp"
#include "neuract/config/network_file.hpp"
#include "neuract/snn/builder.hpp"

namespace snn = neuract::snn;
using neuract::actors::Simulation;

/// 1,000 neurons, 80 % of them excitatory, kept going by noise.
static snn::NetworkSpec build_network() {
  snn::NetworkBuilder net("embedded");
  net.settings().seed = 7;
  const snn::Distribution anywhere{.a = 0.0, .b = 20.0};  // mV, uniform
  const auto e =
      net.population("E", 800, "iaf_psc_delta", {{"E_L", 0.0}, {"V_th", 20.0}, {"V_reset", 10.0}, {"V_m", anywhere}});
  const auto i =
      net.population("I", 200, "iaf_psc_delta", {{"E_L", 0.0}, {"V_th", 20.0}, {"V_reset", 10.0}, {"V_m", anywhere}});
  for (const auto target : {e, i}) {
    net.connect(e, target, snn::rules::fixed_indegree(80), {.weight = 0.2, .delay = 1.5});
    net.connect(i, target, snn::rules::fixed_indegree(20), {.weight = -1.0, .delay = 1.5});
    net.stimulate(target, snn::PoissonGenerator{12'000.0}, {.weight = 0.2});
  }
  return net.spec();
}

static neuract::Result<void> simulate(snn::NetworkSpec spec) {
  const std::string name = spec.populations[0].name;
  NEURACT_TRY_ASSIGN(auto simulation, Simulation::create(std::move(spec), {.threads = 2}));
  std::atomic<std::size_t> spikes = 0;
  NEURACT_TRY(simulation->on_spikes(name, [&](const snn::SpikeBatch& batch) { spikes += batch.ids.size(); }));

  NEURACT_TRY(simulation->run(100.0));  // ms
  std::printf("population %s fired %zu spikes in the first 100 ms\n", name.c_str(), spikes.load());

  NEURACT_TRY_ASSIGN(const auto potentials, simulation->snapshot(name, "V_m"));
  const auto values = potentials.values();
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  std::printf("at %g ms its potentials are between %.2f and %.2f mV\n", potentials.time_ms, *low, *high);

  NEURACT_TRY(simulation->run(400.0));  // the run goes on; `potentials` stays what it was
  NEURACT_TRY_ASSIGN(const auto result, simulation->result());
  for (const auto& p : result.populations)
    std::printf("%s: %.2f Hz, CV of intervals %.2f\n", p.name.c_str(), p.rate_hz, p.cv_isi);
  std::printf("real-time factor %.3f with %u threads\n", result.real_time_factor, result.threads);
  return {};
}

int main(int argc, char** argv) {
  auto network = argc > 1 ? neuract::config::load_network(argv[1]).transform([](auto file) { return file.spec; })
                          : build_network();
  const auto done = network.and_then([](snn::NetworkSpec& spec) { return simulate(std::move(spec)); });
  if (!done) std::fprintf(stderr, "%s\n", done.error().to_string().c_str());
  return done ? 0 : 1;
}
