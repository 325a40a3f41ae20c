#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "neuract/actors/simulation.hpp"
#include "neuract/config/network_file.hpp"

// The example networks against the results of their papers and of independent simulators. Tolerances cover the spread between seeds over
// the simulated time.
namespace neuract {
namespace {

actors::RunResult simulate(const char* file, const std::vector<config::Override>& overrides,
                           actors::Options options = {}) {
  const auto loaded = config::load_network(std::string(NEURACT_SOURCE_DIR) + "/examples/" + file, overrides);
  const auto simulation = actors::Simulation::create(loaded.value().spec, std::move(options)).value();
  EXPECT_TRUE(simulation->run().has_value());
  return simulation->result().value();
}

struct Regime {
  const char* g;
  const char* eta;
  double rate, rate_tolerance;
  double cv, cv_tolerance;
};

std::ostream& operator<<(std::ostream& out, const Regime& r) { return out << "g " << r.g << ", eta " << r.eta; }

class Brunel : public ::testing::TestWithParam<Regime> {};

TEST_P(Brunel, FiresAsPublished) {
  const Regime& r = GetParam();
  const auto result = simulate("brunel.toml", {std::string("g=") + r.g, std::string("eta=") + r.eta});
  EXPECT_NEAR(result.populations[0].rate_hz, r.rate, r.rate_tolerance);
  EXPECT_NEAR(result.populations[0].cv_isi, r.cv, r.cv_tolerance);
}

INSTANTIATE_TEST_SUITE_P(Regimes, Brunel,
                         ::testing::Values(Regime{"3", "2", 333.0, 3.0, 0.0, 0.02},
                                           Regime{"6", "4", 58.8, 1.2, 0.81, 0.04},
                                           Regime{"5", "2", 37.8, 0.8, 0.42, 0.03},
                                           Regime{"4.5", "0.9", 5.9, 0.4, 0.6, 0.1}));

TEST(BrunelOfNest, FiresAsNestsExample) {
  const auto result = simulate("brunel.toml", {"models.lif.V_reset=0", "V_start=0", "simulation.warmup=0"});
  EXPECT_NEAR(result.populations[0].rate_hz, 32.1, 0.15);
  EXPECT_NEAR(result.populations[0].cv_isi, 0.178, 0.02);
}

TEST(Izhikevich2003, FiresAsPublished) {
  const auto result = simulate("izhikevich.toml", {});
  EXPECT_NEAR(result.populations[0].rate_hz, 7.3, 0.15);
  EXPECT_NEAR(result.populations[1].rate_hz, 6.6, 0.25);
}

TEST(VogelsAbbott2005, FiresAsPublished) {
  const auto result = simulate("vogels_abbott.toml", {});
  for (const auto& population : result.populations) {
    EXPECT_NEAR(population.rate_hz, 5.6, 0.3);
    EXPECT_NEAR(population.cv_isi, 0.72, 0.05);
  }
}

TEST(VogelsAbbott2005, WithConductancesFiresAsPublished) {
  const auto result = simulate("coba.toml", {});
  for (const auto& population : result.populations) {
    EXPECT_NEAR(population.rate_hz, 18.5, 1.0);
    EXPECT_NEAR(population.cv_isi, 1.74, 0.1);
  }
}

TEST(SongMillerAbbott2000, DrivesWeightsToBothEnds) {
  const auto result = simulate("stdp.toml", {"simulation.duration=300000"});
  const auto& weights = result.weights.at(0);
  EXPECT_EQ(weights.synapses, 10000u);
  EXPECT_GT(weights.sd, 0.05) << "uniform it would be 0.043, with all weights at both ends 0.075 at most";
  EXPECT_NEAR(weights.min, 0.0, 0.001);
  EXPECT_NEAR(weights.max, 0.15, 0.001);
  EXPECT_NEAR(result.populations[2].cv_isi, 0.93, 0.07);
}

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
