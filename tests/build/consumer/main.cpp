// A program outside the tree: reads a network, runs it, and hears its spikes, with nothing but what an installed Neuract offers.
#include <iostream>

#include "neuract/actors/simulation.hpp"
#include "neuract/config/network_file.hpp"

constexpr auto kNetwork = R"(
[simulation]
duration = 100.0
[populations.driven]
n = 4
model = "iaf_psc_delta"
[[stimuli]]
dc_generator = { amplitude = 1000.0 }
target = "driven"
)";

int main() {
  const auto parsed = neuract::config::parse_network(kNetwork, "consumer.toml");
  if (!parsed) {
    std::cerr << parsed.report() << "\n";
    return 2;
  }
  auto simulation = neuract::actors::Simulation::create(parsed.network->spec, {.threads = 1});
  if (!simulation) {
    std::cerr << simulation.error().to_string() << "\n";
    return 1;
  }
  const auto run = (*simulation)->run();
  const auto result = (*simulation)->result();
  if (!run || !result) {
    std::cerr << (run ? result.error() : run.error()).to_string() << "\n";
    return 1;
  }
  std::cout << result->spikes << " spikes\n";
  return result->spikes > 0 ? 0 : 1;
}
