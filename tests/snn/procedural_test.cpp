#include "neuract/snn/procedural.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "neuract/kernels/isa.hpp"
#include "pathway_reference.hpp"

namespace neuract::snn {
namespace {

using testing::Scene;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
const Distribution kWeights{Distribution::Kind::normal_clipped, 2.0, 0.5, 0.0, kInfinity};
const Distribution kBothSigns{Distribution::Kind::normal, 0.1, 0.5};
const Distribution kDelays{Distribution::Kind::uniform, 0.3, 2.0};
const Distribution kFarDelays{Distribution::Kind::uniform, 0.3, 40.0};

Rule outdegree(std::uint64_t count, bool multapses = true) {
  return {Rule::Kind::fixed_outdegree, count, 0.0, true, multapses};
}

Rule bernoulli(double p) {
  Rule rule{Rule::Kind::pairwise_bernoulli, 0, p};
  rule.by_source = true;
  return rule;
}

PlanPtr plan_for(std::uint32_t n_source, std::uint32_t n_target, Rule rule, Value weight = 0.1, Value delay = 1.5,
                 WeightFormat format = WeightFormat::automatic) {
  NetworkSpec spec;
  spec.populations = {{"S", n_source, "iaf_psc_exp", {}}, {"T", n_target, "iaf_psc_exp", {}}};
  spec.projections = {{"S->T", 0, 1, rule, std::move(weight), std::move(delay)}};
  spec.projections[0].weight_format = format;
  return Plan::make(std::move(spec)).value();
}

/// A population that projects to itself, without autapses.
PlanPtr recurrent_plan(std::uint32_t n, Rule rule, Value weight = 0.1, Value delay = 1.5) {
  rule.allow_autapses = false;
  NetworkSpec spec;
  spec.populations = {{"P", n, "iaf_psc_exp", {}}};
  spec.projections = {{"P->P", 0, 0, rule, std::move(weight), std::move(delay)}};
  return Plan::make(std::move(spec)).value();
}

void expect_as_by_synapse(const Plan& plan, const CohortRange& range, const Scene& scene = {}, Step window = 64) {
  for (const kernels::Isa isa : kernels::supported_isas()) {
    ASSERT_TRUE(kernels::set_isa_for_testing(isa));
    const auto pathway = build_procedural(plan, 0, range).value();
    testing::expect_as_by_synapse(*pathway, plan, 0, range, scene, window);
  }
  kernels::set_isa_for_testing(kernels::supported_isas().back());
}

TEST(Procedural, BringsWhatEverySynapseBringsByAnyRule) {
  for (const Rule& rule : {outdegree(30), outdegree(300), outdegree(30, false), outdegree(150, false), bernoulli(0.1),
                           bernoulli(0.9), bernoulli(1.0), bernoulli(0.0), Rule{Rule::Kind::all_to_all}}) {
    expect_as_by_synapse(*plan_for(70, 200, rule), {1, 0, 200});
    expect_as_by_synapse(*recurrent_plan(100, rule.count > 99 && !rule.allow_multapses ? outdegree(99, false) : rule),
                         {0, 0, 100});
  }
  expect_as_by_synapse(*plan_for(200, 200, {Rule::Kind::one_to_one}), {1, 0, 200});
}

TEST(Procedural, DrawsWeightsAndDelaysAgain) {
  for (const Rule& rule :
       {outdegree(300), outdegree(40, false), bernoulli(0.2), bernoulli(1.0), Rule{Rule::Kind::all_to_all}}) {
    for (const Value& weight : {Value{-0.5}, Value{kWeights}, Value{kBothSigns}}) {
      for (const Value& delay : {Value{1.5}, Value{kDelays}, Value{kFarDelays}}) {
        expect_as_by_synapse(*plan_for(40, 150, rule, weight, delay), {1, 0, 150});
        expect_as_by_synapse(*recurrent_plan(90, rule, weight, delay), {0, 0, 90});
      }
    }
  }
  expect_as_by_synapse(*plan_for(100, 100, {Rule::Kind::one_to_one}, kBothSigns, kDelays), {1, 0, 100});
}

TEST(Procedural, DrawsTheBlocksOfACohortByThemselves) {
  // Blocks of 256 to 320 (outdegree), and of 960 and 192 targets.
  for (const Rule& rule : {outdegree(6000), outdegree(5000, false), bernoulli(0.1), bernoulli(0.5)}) {
    const PlanPtr plan = plan_for(12, 6000, rule, kWeights, kDelays);
    for (const auto& [first, count] : {std::pair{0u, 64u},
                                       {960u, 64u},
                                       {896u, 1u},
                                       {1024u, 1024u},
                                       {5952u, 48u},
                                       {2048u, 3333u},
                                       {0u, 6000u},
                                       {64u, 0u}})
      expect_as_by_synapse(*plan, {1, first, count}, {20, 0, 0, 0.2});
  }
}

TEST(Procedural, DeliversInWindowsOfAnyLength) {
  const PlanPtr plan = plan_for(80, 300, outdegree(40), kBothSigns, kDelays);
  for (const Step window : {1, 2, 3}) expect_as_by_synapse(*plan, {1, 0, 300}, {}, window);
}

TEST(Procedural, LeavesOutSpikesFromBeforeThePresentationAndCountsOnlyThoseThatCount) {
  const PlanPtr plan = plan_for(80, 200, outdegree(40), 0.5, kDelays);
  expect_as_by_synapse(*plan, {1, 0, 200}, {40, 9, 0});
  expect_as_by_synapse(*plan, {1, 0, 200}, {40, 5, 11});
}

TEST(Procedural, TakesThe32BitFormatToTheQuantumOfTheReceptor) {
  const PlanPtr plan = plan_for(40, 150, bernoulli(0.3), kWeights, 1.5, WeightFormat::thirty_two_bits);
  const CohortRange range{1, 0, 150};
  const auto fine = build_procedural(*plan, 0, range).value();
  const auto inputs = testing::deliver_pathway(*fine, *plan, 0, range, {}, 15);
  const PlanPtr coarse_plan = plan_for(40, 150, bernoulli(0.3), kWeights, 1.5);
  const auto coarse = build_procedural(*coarse_plan, 0, range).value();
  const auto expected = testing::deliver_pathway(*coarse, *coarse_plan, 0, range, {}, 15);
  EXPECT_EQ(inputs.events, expected.events);
  const double quantum = plan->populations()[1].receptor_quantum[0];
  const double coarse_quantum = coarse_plan->populations()[1].receptor_quantum[0];
  for (std::size_t i = 0; i < inputs.inputs[0].size(); ++i)
    ASSERT_NEAR(inputs.inputs[0][i] * quantum, expected.inputs[0][i] * coarse_quantum, 40 * 1e-4);
}

RC_GTEST_PROP(Procedural, BringsWhatEverySynapseBrings, ()) {
  const auto sources = *rc::gen::inRange(1u, 100u);
  const auto targets = *rc::gen::inRange(1u, 3000u);
  const auto first = *rc::gen::inRange(0u, targets) / 64 * 64;
  const auto count = *rc::gen::inRange(0, 3000);
  const auto rule = *rc::gen::element(outdegree(static_cast<std::uint64_t>(count)), bernoulli(count / 3000.0));
  const auto weight = *rc::gen::element(Value{0.1}, Value{kBothSigns});
  const auto delay = *rc::gen::element(Value{0.7}, Value{kDelays});
  expect_as_by_synapse(*plan_for(sources, targets, rule, weight, delay), {1, first, targets - first}, {15, 0, 2, 0.1});
}

TEST(Procedural, KeepsNothing) {
  const PlanPtr plan = plan_for(100, 1000, outdegree(300), kWeights, kDelays);
  const auto pathway = build_procedural(*plan, 0, {1, 128, 600}).value();
  EXPECT_EQ(pathway->bytes(), 0u);
  EXPECT_EQ(pathway->synapses(), 100u * 300u * 6u / 10u);
  EXPECT_STREQ(pathway->representation(), "procedural");
  StateWriter out;
  pathway->save(out);
  StateReader in(out.bytes());
  pathway->load(in);
  EXPECT_TRUE(in.ok() && in.at_end());
}

TEST(Procedural, NeedsARuleThatIsDrawnBySource) {
  const auto reason = [](const Rule& rule) {
    std::string why;
    EXPECT_FALSE(procedural_possible(*plan_for(100, 100, rule), 0, &why));
    return why;
  };
  EXPECT_EQ(
      reason({Rule::Kind::fixed_indegree, 10}),
      "fixed_indegree is drawn by target; fixed_outdegree, or pairwise_bernoulli with by_source = true, is drawn by "
      "source");
  EXPECT_EQ(reason({Rule::Kind::pairwise_bernoulli, 0, 0.1}),
            "pairwise_bernoulli is drawn by target; by_source = true lets sources draw");
  EXPECT_TRUE(procedural_possible(*plan_for(100, 100, outdegree(10)), 0));
  const auto refused = build_procedural(*plan_for(100, 100, {Rule::Kind::fixed_indegree, 10}), 0, {1, 0, 100});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().to_string().find("projection \"S->T\" cannot be procedural: fixed_indegree is drawn by"),
            std::string::npos)
      << refused.error().to_string();
}

}  // namespace
}  // namespace neuract::snn
