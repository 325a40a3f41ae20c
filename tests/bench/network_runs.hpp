#pragma once

#include <algorithm>
#include <boost/json.hpp>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "neuract/actors/simulation.hpp"
#include "neuract/config/network_file.hpp"
#include "plain_loop.hpp"

/// Runs of the example networks as a user has them, but without files. All throw with the message of what fails.
namespace neuract::bench {

inline snn::NetworkSpec example(const std::string& file, const std::vector<config::Override>& overrides) {
  auto loaded = config::load_network(std::string(NEURACT_SOURCE_DIR) + "/examples/" + file, overrides);
  if (!loaded) throw std::runtime_error(loaded.error().message);
  return std::move(loaded->spec);
}

inline actors::RunResult run_to_end(const snn::NetworkSpec& spec, std::uint32_t threads) {
  const auto simulation = actors::Simulation::create(spec, {.threads = threads}).value();
  (void)simulation->run().value();
  return simulation->result().value();
}

/// One run from the file to its end.
inline boost::json::object measure_run(const snn::NetworkSpec& spec, std::uint32_t threads) {
  const actors::RunResult result = run_to_end(spec, threads);
  // Events are counted after the warm-up, time is not.
  const double counted_s = result.simulate_s * result.duration_ms / (result.duration_ms + result.warmup_ms);
  boost::json::array plastic;
  for (std::size_t j = 0; j < result.projections.size(); ++j) {
    if (spec.projections[j].synapse.is_static()) continue;
    const actors::ProjectionResult& projection = result.projections[j];
    plastic.push_back({{"projection", projection.name},
                       {"synapses", projection.synapses},
                       {"bytes", projection.bytes},
                       {"events_per_second", static_cast<double>(projection.events) / counted_s}});
  }
  return {{"build_s", result.build_s},
          {"simulate_s", result.simulate_s},
          {"real_time_factor", result.real_time_factor},
          {"events_per_second", static_cast<double>(result.synaptic_events) / counted_s},
          {"neuron_updates_per_second",
           static_cast<double>(result.neurons) * static_cast<double>(result.steps) / result.simulate_s},
          {"threads", result.threads},
          {"neurons", result.neurons},
          {"synapses", result.synapses},
          {"synapse_bytes", result.synapse_bytes},
          {"peak_bytes", result.peak_rss_bytes},
          {"spikes", result.spikes},
          {"spike_hash", result.spike_hash},
          {"plastic", plastic}};
}

/// The same network with actors and as a plain loop over the same shard, one thread each, stretch by stretch in turns:
/// both make the same spikes in every stretch, and what else the machine does falls on both. Seconds of each stretch;
/// the first one, from the beginning of the network, is not counted.
inline boost::json::object measure_overhead(const snn::NetworkSpec& spec, double stretch_ms, int stretches) {
  const auto simulation = actors::Simulation::create(spec, {.threads = 1}).value();
  PlainLoop loop(spec, 1);
  boost::json::array with_actors, plain;
  for (int i = 0; i <= stretches; ++i) {
    double without = 0.0;
    if (i % 2 == 0) without = loop.run(stretch_ms);
    const double with = simulation->run(stretch_ms).value().wall_s;
    if (i % 2 != 0) without = loop.run(stretch_ms);
    if (i == 0) continue;
    with_actors.push_back(with);
    plain.push_back(without);
  }
  return {{"stretch_ms", stretch_ms}, {"with_actors_s", with_actors}, {"plain_s", plain}};
}

}  // namespace neuract::bench
