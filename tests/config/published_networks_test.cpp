#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "neuract/actors/simulation.hpp"
#include "neuract/config/network_file.hpp"
#include "published_values.hpp"

// The example networks against the results of their papers and of independent simulators.
namespace neuract {
namespace validation {

std::ostream& operator<<(std::ostream& out, const PublishedNetwork& network) { return out << network.title; }

}  // namespace validation
namespace {

actors::RunResult simulate(const char* file, const std::vector<config::Override>& overrides,
                           actors::Options options = {}) {
  const auto loaded = config::load_network(std::string(NEURACT_SOURCE_DIR) + "/examples/" + file, overrides);
  const auto simulation = actors::Simulation::create(loaded.value().spec, std::move(options)).value();
  EXPECT_TRUE(simulation->run().has_value());
  return simulation->result().value();
}

/// All that './dev validate' runs, but for the microcircuit of full size, which takes a minute and more than a gigabyte.
class PublishedNetwork : public ::testing::TestWithParam<validation::PublishedNetwork> {};

TEST_P(PublishedNetwork, FiresAsPublished) {
  const auto result = simulate(GetParam().file, {GetParam().overrides.begin(), GetParam().overrides.end()});
  ASSERT_EQ(result.populations[0].name, GetParam().populations[0].population);
  for (std::size_t i = 0; i < GetParam().populations.size(); ++i) {
    const auto& [population, rate_hz, cv_isi] = GetParam().populations[i];
    EXPECT_TRUE(rate_hz.agrees(result.populations[i].rate_hz))
        << population << ": " << result.populations[i].rate_hz << " Hz";
    if (cv_isi.is_known()) {
      EXPECT_TRUE(cv_isi.agrees(result.populations[i].cv_isi)) << population << ": CV " << result.populations[i].cv_isi;
    }
  }
}

std::vector<validation::PublishedNetwork> small_networks() {
  auto all = validation::published_networks();
  std::erase_if(all, [](const auto& network) { return std::string_view(network.key) == "microcircuit"; });
  return all;
}

INSTANTIATE_TEST_SUITE_P(Examples, PublishedNetwork, ::testing::ValuesIn(small_networks()),
                         [](const auto& network) { return std::string(network.param.key); });

TEST(Microcircuit, AtATenthFiresAsInNest) {
  const auto result = simulate("microcircuit.toml", {"scale=0.1", "indegree_scale=0.1", "simulation.duration=5000"});
  const double rates[] = {0.47, 2.08, 3.96, 5.01, 6.53, 7.79, 0.85, 6.99};
  for (std::size_t i = 0; i < 8; ++i) {
    EXPECT_NEAR(result.populations[i].rate_hz, rates[i], 0.1 * rates[i]) << result.populations[i].name;
  }
}

TEST(BrunelPartition, GivesTheSameSpikesForAnyThreadsAndCohorts) {
  const std::vector<config::Override> brief = {"simulation.warmup=20", "simulation.duration=100"};
  const std::uint64_t hash = simulate("brunel.toml", brief, {.threads = 1}).spike_hash;
  for (const std::uint32_t threads : {1u, 2u, 3u}) {
    for (const std::uint32_t cohort_size : {0u, 1000u, 5000u}) {
      EXPECT_EQ(simulate("brunel.toml", brief, {.threads = threads, .cohort_size = cohort_size}).spike_hash, hash);
    }
  }
}

}  // namespace
}  // namespace neuract
