#include "neuract/snn/synapse_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <tuple>
#include <vector>

#include "neuract/kernels/isa.hpp"
#include "neuract/snn/connectivity.hpp"
#include "neuract/snn/distribution.hpp"
#include "neuract/snn/random.hpp"

namespace neuract::snn {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
const Distribution kWeights{Distribution::Kind::normal_clipped, 87.81, 8.781, 0.0, kInfinity};
const Distribution kDelays{Distribution::Kind::normal_clipped, 1.5, 0.75, 0.1, kInfinity};

/// (receptor, source, target, weight in receptor quanta, delay)
using Synapse = std::tuple<int, std::uint32_t, std::uint32_t, std::int64_t, int>;

PlanPtr plan_for(std::uint32_t n_source, std::uint32_t n_target, Rule rule, Value weight, Value delay,
                 const char* model = "iaf_psc_exp") {
  NetworkSpec spec;
  spec.populations = {{"S", n_source, model, {}}, {"T", n_target, model, {}}};
  spec.projections = {{"S->T", 0, 1, rule, std::move(weight), std::move(delay)}};
  return Plan::make(std::move(spec)).value();
}

std::vector<SynapseTable> build(const Plan& plan, std::uint32_t first, std::uint32_t count) {
  return build_synapse_tables(plan, 0, {1, first, count}).value();
}

/// All synapses of the tables, in stored order; checks their shape on the way.
void append(const std::vector<SynapseTable>& tables, std::uint32_t first, std::uint32_t count,
            std::vector<Synapse>& all) {
  for (const SynapseTable& table : tables) {
    ASSERT_GE(table.offsets.size(), table.sources + 1);
    ASSERT_EQ(table.offsets[0], 0u);
    const std::size_t size = std::max(table.targets.size(), table.words.size());
    ASSERT_GE(size, table.synapses() + SynapseTable::kPadding);
    for (std::size_t i = table.synapses(); i < size; ++i) ASSERT_EQ(table.target(i), 0u);
    for (std::uint32_t source = 0; source < table.sources; ++source) {
      ASSERT_LE(table.offsets[source], table.offsets[source + 1]);
      for (std::uint32_t i = table.offsets[source]; i < table.offsets[source + 1]; ++i) {
        ASSERT_LT(table.target(i), count);
        ASSERT_TRUE(i == table.offsets[source] || table.target(i - 1) <= table.target(i)) << "targets of a row ascend";
        const std::int64_t weight = table.weight(i);
        int delay = table.delay_min;
        if (!table.delays.empty()) delay += table.delays[i];
        if (!table.wide_delays.empty()) delay += table.wide_delays[i];
        ASSERT_LE(delay, table.delay_max);
        all.emplace_back(table.receptor, source, first + table.target(i), weight, delay);
      }
    }
  }
}

std::vector<Synapse> synapses_of(const Plan& plan, std::uint32_t cohort_size) {
  std::vector<Synapse> all;
  const std::uint32_t n = plan.populations()[1].n;
  for (std::uint32_t first = 0; first < n; first += cohort_size) {
    const std::uint32_t count = std::min(cohort_size, n - first);
    append(build(plan, first, count), first, count, all);
  }
  std::sort(all.begin(), all.end());
  return all;
}

/// The oracle: one synapse at a time from the definitions.
std::vector<Synapse> expected(const Plan& plan) {
  const ProjectionSpec& spec = plan.spec().projections[0];
  const ProjectionPlan& projection = plan.projections()[0];
  const PopulationPlan& target_plan = plan.populations()[1];
  const Stream weights(plan.spec().seed, Purpose::weight, 0);
  const Stream delays(plan.spec().seed, Purpose::delay, 0);
  const DelaySampler delay_sampler(spec.delay, plan.dt());
  std::vector<Synapse> all;
  const auto connectivity =
      Connectivity::make(spec.rule, plan.populations()[0].n, target_plan.n, false, plan.spec().seed, 0).value();
  connectivity.for_each_target(0, target_plan.n, [&](std::uint32_t target, std::span<const std::uint32_t> sources) {
    for (std::size_t i = 0; i < sources.size(); ++i) {
      const auto* number = std::get_if<double>(&spec.weight);
      const double weight =
          number != nullptr ? *number : Sampler(std::get<Distribution>(spec.weight)).draw(weights.word(i, target));
      const double quantum =
          number != nullptr
              ? target_plan.receptor_quantum[weight < 0 ? projection.receptor_negative : projection.receptor_positive]
              : projection.weight_quantum;
      const double code = std::nearbyint(weight / quantum);
      const int receptor = code < 0 ? projection.receptor_negative : projection.receptor_positive;
      const std::uint32_t word = delays.word(i, target);
      std::uint16_t delay = 0;
      delay_sampler.draw(std::span(&word, 1), std::span(&delay, 1));
      all.emplace_back(receptor, sources[i], target,
                       static_cast<std::int64_t>(code * (quantum / target_plan.receptor_quantum[receptor])),
                       delay_sampler.min_steps() + delay);
    }
    return true;
  });
  std::sort(all.begin(), all.end());
  return all;
}

struct Case {
  std::string name;
  PlanPtr plan;
};

std::vector<Case> cases() {
  using Kind = Rule::Kind;
  const Distribution mixed{Distribution::Kind::normal, 10.0, 20.0};
  const Distribution negative{Distribution::Kind::uniform, -3.0, -1.0};
  const Distribution wide{Distribution::Kind::uniform, 0.1, 60.0};
  return {
      {"uniform", plan_for(200, 193, {Kind::fixed_indegree, 20}, 0.1, 1.5, "iaf_psc_delta")},
      {"uniform, negative", plan_for(200, 193, {Kind::fixed_indegree, 20}, -0.5, 1.5)},
      {"drawn weights", plan_for(200, 193, {Kind::fixed_total_number, 5000}, kWeights, 1.5)},
      {"drawn delays", plan_for(200, 193, {Kind::pairwise_bernoulli, 0, 0.1}, 0.1, kDelays)},
      {"both drawn", plan_for(200, 193, {Kind::fixed_total_number, 5000}, kWeights, kDelays)},
      {"wide delays", plan_for(200, 193, {Kind::fixed_indegree, 20}, kWeights, wide)},
      {"negative weights", plan_for(200, 193, {Kind::fixed_total_number, 4000}, negative, kDelays)},
      {"both signs, two receptors", plan_for(200, 193, {Kind::fixed_indegree, 20}, mixed, kDelays)},
      {"both signs, two receptors, one delay", plan_for(200, 193, {Kind::fixed_indegree, 20}, mixed, 1.0)},
      {"both signs, one receptor", plan_for(200, 193, {Kind::fixed_indegree, 20}, mixed, 1.0, "iaf_psc_delta")},
      {"no synapses", plan_for(65, 64, {Kind::pairwise_bernoulli, 0, 0.0}, kWeights, kDelays)},
      {"one synapse", plan_for(1, 1, {Kind::one_to_one}, 1.0, 1.0)},
      {"dense", plan_for(64, 65, {Kind::all_to_all}, kWeights, kDelays)},
  };
}

TEST(SynapseTable, HoldsWhatTheDefinitionsSay) {
  for (const Case& c : cases()) {
    const auto want = expected(*c.plan);
    for (const std::uint32_t cohort_size : {65536u, 64u, 128u})
      ASSERT_EQ(synapses_of(*c.plan, cohort_size), want) << c.name << " " << cohort_size;
  }
}

TEST(SynapseTable, IsTheSameOnEveryInstructionSet) {
  const kernels::Isa before = kernels::active_isa();
  for (const Case& c : cases()) {
    const auto want = synapses_of(*c.plan, 64);
    for (const kernels::Isa isa : kernels::supported_isas()) {
      ASSERT_TRUE(kernels::set_isa_for_testing(isa));
      ASSERT_EQ(synapses_of(*c.plan, 64), want) << c.name << " " << name_of(isa);
    }
    kernels::set_isa_for_testing(before);
  }
}

TEST(SynapseTable, SplitsBySignOnlyWhereTwoReceptorsNeedIt) {
  for (const Case& c : cases()) {
    const auto tables = build(*c.plan, 0, c.plan->populations()[1].n);
    const bool two = c.name.find("two receptors") != std::string::npos;
    ASSERT_EQ(tables.size(), two ? 2u : 1u) << c.name;
    EXPECT_TRUE(!two || tables[0].receptor < tables[1].receptor) << c.name;
    for (const SynapseTable& table : tables) {
      const bool inhibitory = table.receptor == 1;
      for (std::size_t i = 0; i < table.synapses(); ++i) {
        ASSERT_TRUE(!inhibitory || table.weight(i) <= 0) << c.name;
      }
    }
  }
}

TEST(SynapseTable, StoresOnlyWhatVaries) {
  const auto only = [](const PlanPtr& plan) { return std::move(build(*plan, 0, plan->populations()[1].n).front()); };
  const auto bytes_per_synapse = [](const SynapseTable& table) {
    return static_cast<double>(table.bytes() - table.offsets.bytes()) / static_cast<double>(table.synapses());
  };
  const Rule rule{Rule::Kind::fixed_indegree, 1000};
  EXPECT_NEAR(bytes_per_synapse(only(plan_for(500, 100, rule, 1.0, 1.0))), 2.0, 0.02);
  EXPECT_NEAR(bytes_per_synapse(only(plan_for(500, 100, rule, 1.0, kDelays))), 3.0, 0.02);
  EXPECT_NEAR(bytes_per_synapse(only(plan_for(500, 100, rule, kWeights, 1.0))), 4.0, 0.02);
  EXPECT_NEAR(bytes_per_synapse(only(plan_for(500, 100, rule, kWeights, kDelays))), 5.0, 0.02);
  const SynapseTable wide =
      only(plan_for(500, 100, rule, kWeights, Distribution{Distribution::Kind::uniform, 0.1, 60.0}));
  EXPECT_NEAR(bytes_per_synapse(wide), 6.0, 0.02);
  EXPECT_TRUE(wide.delays.empty());
  EXPECT_FALSE(wide.wide_delays.empty());
}

TEST(SynapseTable, WeightsKeepTheirMeanAndSpread) {
  const PlanPtr plan = plan_for(500, 100, {Rule::Kind::fixed_indegree, 1000}, kWeights, 1.0);
  const SynapseTable table = std::move(build(*plan, 0, 100).front());
  const double quantum = plan->populations()[1].receptor_quantum[0];
  double mean = 0.0;
  double square = 0.0;
  const double n = static_cast<double>(table.synapses());
  for (std::size_t i = 0; i < table.synapses(); ++i) {
    const double weight = table.weight(i) * quantum;
    mean += weight / n;
    square += weight * weight / n;
  }
  EXPECT_NEAR(mean, 87.81, 5 * 8.781 / std::sqrt(n));
  EXPECT_NEAR(std::sqrt(square - mean * mean), 8.781, 5 * 8.781 / std::sqrt(2 * n));
}

TEST(SynapseTable, ReportsProgressAndGivesUpWhenTold) {
  const PlanPtr plan = plan_for(1000, 3000, {Rule::Kind::fixed_indegree, 1000}, 1.0, 1.0);
  std::vector<std::uint64_t> reports;
  const auto tables = build_synapse_tables(*plan, 0, {1, 0, 3000}, [&](std::uint64_t stored) {
    reports.push_back(stored);
    return true;
  });
  ASSERT_TRUE(tables);
  EXPECT_GE(reports.size(), 4u);
  EXPECT_TRUE(std::is_sorted(reports.begin(), reports.end()));
  EXPECT_EQ(reports.back(), 3'000'000u);
  for (const std::size_t allowed : {0u, 2u, 4u}) {
    std::size_t calls = 0;
    const auto stopped = build_synapse_tables(*plan, 0, {1, 0, 3000}, [&](std::uint64_t) { return calls++ < allowed; });
    ASSERT_FALSE(stopped) << allowed;
    EXPECT_EQ(stopped.error().code, ErrorCode::cancelled);
    EXPECT_EQ(stopped.error().to_string(), "projection \"S->T\": building was given up");
  }
}

}  // namespace
}  // namespace neuract::snn
