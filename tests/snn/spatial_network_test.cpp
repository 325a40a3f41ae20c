#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "geometry_networks.hpp"
#include "neuract/snn/connection_list.hpp"
#include "neuract/snn/plan.hpp"
#include "neuract/snn/synapse_properties.hpp"
#include "neuract/snn/validate.hpp"
#include "serial_run.hpp"

/// Distances and lists as a whole network meets them: weights, delays, bounds, spikes.
namespace neuract::snn {
namespace {

using testing::free_positions;
using testing::grid_positions;

/// E on a grid, I anywhere, on one torus; everything depends on distances, and a list adds a ring.
NetworkSpec sheet() {
  NetworkSpec spec;
  spec.duration = 60.0;
  spec.populations = {{"E", 400, "iaf_psc_exp", {{"V_m", Distribution{Distribution::Kind::uniform, -70.0, -55.0}}}},
                      {"I", 150, "iaf_psc_exp", {{"V_m", Distribution{Distribution::Kind::uniform, -70.0, -55.0}}}}};
  spec.populations[0].positions = grid_positions({20, 20, 1}, {1.0, 1.0, 1.0}, true);
  spec.populations[1].positions = free_positions({1.0, 1.0, 1.0}, true);
  const auto add = [&](std::uint32_t source, std::uint32_t target, Rule rule, Value weight, Value delay) {
    ProjectionSpec projection;
    projection.name = "p" + std::to_string(spec.projections.size());
    projection.source = source;
    projection.target = target;
    projection.rule = rule;
    projection.weight = std::move(weight);
    projection.delay = std::move(delay);
    spec.projections.push_back(std::move(projection));
    return &spec.projections.back();
  };
  Rule local;
  local.kind = Rule::Kind::pairwise_bernoulli;
  local.p = 0.8;
  local.profile = Profile{Profile::Kind::gaussian, 0.1};
  add(0, 1, local, 80.0, 0.7)->velocity = 0.5;
  auto* back = add(1, 0, local, Distribution{Distribution::Kind::normal, -150.0, 20.0},
                   Distribution{Distribution::Kind::uniform, 0.5, 1.5});
  back->weight_profile = Profile{Profile::Kind::exponential, 0.2, 0.0, 1.0, 0.0, -10.0};
  back->velocity = 0.2;
  Rule some;
  some.kind = Rule::Kind::fixed_indegree;
  some.count = 20;
  some.cutoff = 0.3;
  add(0, 0, some, 40.0, 1.0)->weight_profile = Profile{Profile::Kind::linear, 0.3};
  ConnectionColumns ring;
  for (std::uint64_t i = 0; i < 150; ++i) {
    ring.sources.push_back(i);
    ring.targets.push_back((i + 7) % 150);
    ring.weights.push_back(i % 3 == 0 ? -30.0 : 25.0);
    ring.delays.push_back(0.5 + 0.1 * static_cast<double>(i % 9));
  }
  Rule list;
  list.kind = Rule::Kind::connections;
  add(1, 1, list, 1.0, 1.0)->connections = make_connection_list(std::move(ring), {"I", 150, "I", 150, 0.1}).value();
  for (const std::uint32_t population : {0u, 1u}) {
    StimulusSpec stimulus;
    stimulus.name = "input " + std::to_string(population);
    stimulus.generator = PoissonGenerator{6000.0};
    stimulus.target = population;
    stimulus.weight = 70.0;
    spec.stimuli.push_back(stimulus);
  }
  return spec;
}

TEST(SpatialNetwork, FiresTheSameSpikesInWhateverParts) {
  const NetworkSpec spec = sheet();
  const auto whole = testing::run_serial(spec);
  EXPECT_GT(whole.counted_spikes, 500u);
  for (const std::uint32_t shards : {1u, 2u, 5u}) {
    for (const std::uint32_t cohort_size : {64u, 128u}) {
      const auto parts = testing::run_serial(spec, shards, cohort_size);
      EXPECT_EQ(parts.spikes, whole.spikes) << shards << " shards of cohorts of " << cohort_size;
      EXPECT_EQ(parts.events, whole.events);
    }
  }
}

/// Calls visit(source, target, weight, delay in steps) for all synapses of a projection.
template <class Visit>
void for_each_synapse(const Plan& plan, std::uint32_t projection, Visit visit) {
  SynapseProperties properties(plan, projection);
  const ProjectionPlan& p = plan.projections()[projection];
  plan.connectivity(projection)
      .for_each_target(0, plan.populations()[p.target].n,
                       [&](std::uint32_t target, std::span<const std::uint32_t> sources) {
                         std::vector<double> weights(sources.size(), properties.common_weight());
                         if (properties.varied_weights()) {
                           const auto drawn = properties.weights(target, sources);
                           weights.assign(drawn.begin(), drawn.end());
                         }
                         std::vector<std::uint16_t> delays(sources.size(), 0);
                         if (properties.varied_delays()) {
                           const auto drawn = properties.delays(target, sources);
                           delays.assign(drawn.begin(), drawn.end());
                         }
                         for (std::size_t i = 0; i < sources.size(); ++i)
                           visit(sources[i], target, weights[i], p.delay_min + delays[i]);
                         return true;
                       });
}

double distance(const Plan& plan, const ProjectionPlan& p, std::uint32_t source, std::uint32_t target) {
  const auto& populations = plan.spec().populations;
  const Space space = space_of(*populations[p.source].positions, *populations[p.target].positions);
  return Space::length(space.way((*plan.positions(p.source))[source], (*plan.positions(p.target))[target]));
}

TEST(SpatialNetwork, DelaysGrowWithTheDistance) {
  const PlanPtr plan = Plan::make(sheet()).value();
  const ProjectionPlan& p = plan->projections()[0];
  EXPECT_TRUE(p.uniform_weight);
  EXPECT_FALSE(p.uniform_delay);
  EXPECT_EQ(p.delay_min, 7);
  // Half the diagonal of the torus at 0.5 a millisecond.
  EXPECT_EQ(p.delay_max, 7 + 14);
  std::size_t synapses = 0;
  for_each_synapse(*plan, 0, [&](std::uint32_t source, std::uint32_t target, double weight, int delay) {
    const double expected = (0.7 + distance(*plan, p, source, target) / 0.5) / 0.1;
    ASSERT_LE(std::abs(delay - expected), 0.5 + 1e-9);
    ASSERT_EQ(weight, 80.0);
    ++synapses;
  });
  EXPECT_NEAR(static_cast<double>(synapses), p.expected_synapses, 6.0 * std::sqrt(p.expected_synapses));
}

TEST(SpatialNetwork, WeightsAndDelaysAreDrawnAndThenDependOnTheDistance) {
  NetworkSpec spec = sheet();
  const PlanPtr plan = Plan::make(spec).value();
  // The same projection without distances draws the same numbers for the same synapses.
  SynapseProperties with(*plan, 1);
  spec.projections[1].weight_profile.reset();
  spec.projections[1].velocity.reset();
  const PlanPtr bare = Plan::make(spec).value();
  SynapseProperties without(*bare, 1);
  const ProjectionPlan& p = plan->projections()[1];
  const auto [low, high] = with.weight_range();
  bool looked = false;
  plan->connectivity(1).for_each_target(0, 400, [&](std::uint32_t target, std::span<const std::uint32_t> sources) {
    const auto w = with.weights(target, sources);
    const std::vector<double> weights(w.begin(), w.end());
    const auto base = without.weights(target, sources);
    for (std::size_t i = 0; i < sources.size(); ++i) {
      const double d = distance(*plan, p, sources[i], target);
      EXPECT_NEAR(weights[i], base[i] * std::exp(-d / 0.2) - 10.0, 1e-9);
      EXPECT_TRUE(weights[i] >= low && weights[i] <= high);
      looked = true;
    }
    const auto t = with.delays(target, sources);
    const std::vector<std::uint16_t> delays(t.begin(), t.end());
    for (std::size_t i = 0; i < sources.size(); ++i) {
      const double way = distance(*plan, p, sources[i], target) / 0.2;
      const int steps = p.delay_min + delays[i];
      EXPECT_GE(steps * 0.1, 0.5 + way - 0.05 - 1e-9);
      EXPECT_LE(steps * 0.1, 1.5 + way + 0.05 + 1e-9);
      EXPECT_LE(steps, p.delay_max);
    }
    return true;
  });
  EXPECT_TRUE(looked);
}

TEST(SpatialNetwork, KeepsTheQuantumFineEnoughForTheFewSynapsesOfAList) {
  const PlanPtr plan = Plan::make(sheet()).value();
  EXPECT_EQ(plan->projections()[3].expected_synapses, 150.0);
  EXPECT_EQ(plan->projections()[3].largest_weight, 30.0);
  EXPECT_EQ(plan->projections()[3].delay_min, 5);
  EXPECT_EQ(plan->projections()[3].delay_max, 13);
}

std::string fault_of(const NetworkSpec& spec) {
  std::string text;
  for (const Fault& fault : validate(spec)) text += fault.path + ": " + fault.message + "\n";
  return text;
}

TEST(SpatialNetwork, IsRefusedWhereDistancesMakeNoSense) {
  const NetworkSpec fine = sheet();
  EXPECT_EQ(fault_of(fine), "");
  NetworkSpec spec = fine;
  spec.populations[1].positions.reset();
  spec.projections.resize(1);
  EXPECT_EQ(fault_of(spec),
            "projections[0].rule: projection \"p0\": depends on the distance, but population \"I\" has no positions\n");
  spec.populations[1].positions = free_positions({1.0, 2.0, 1.0}, true);
  EXPECT_EQ(
      fault_of(spec),
      "projections[0].rule: projection \"p0\": there are no distances between \"E\" and \"I\": both are periodic, "
      "but in different extents\n");
  spec = fine;
  spec.projections.resize(1);
  spec.projections[0].rule.cutoff = 0.0;
  spec.projections[0].rule.profile->length = -1.0;
  EXPECT_EQ(fault_of(spec),
            "projections[0].rule: projection \"p0\": cutoff is 0, expected a positive length\n"
            "projections[0].rule: projection \"p0\": the profile has std = -1, expected a positive length\n");
  spec = fine;
  spec.projections.resize(1);
  spec.projections[0].velocity = 1e-5;
  EXPECT_EQ(fault_of(spec),
            "projections[0].velocity: projection \"p0\": delay can be as high as 7.071e+04 ms, more than 65535 steps "
            "above the lowest\n");
  spec.projections[0].velocity = 0.0;
  EXPECT_EQ(fault_of(spec), "projections[0].velocity: projection \"p0\": velocity is 0, expected a positive number\n");
  spec = fine;
  spec.projections.resize(1);
  spec.projections[0].rule.kind = Rule::Kind::all_to_all;
  EXPECT_EQ(fault_of(spec),
            "projections[0].rule: projection \"p0\": only pairwise_bernoulli and fixed_indegree can depend on "
            "distances\n");
}

}  // namespace
}  // namespace neuract::snn
