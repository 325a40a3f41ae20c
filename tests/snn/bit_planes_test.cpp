#include "neuract/snn/bit_planes.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <utility>

#include "neuract/kernels/isa.hpp"
#include "pathway_reference.hpp"

namespace neuract::snn {
namespace {

using testing::Scene;

PlanPtr plan_for(std::uint32_t n_source, std::uint32_t n_target, Rule rule, Value weight = 0.1, Value delay = 1.5,
                 const char* model = "iaf_psc_exp") {
  NetworkSpec spec;
  spec.populations = {{"S", n_source, model, {}}, {"T", n_target, model, {}}};
  spec.projections = {{"S->T", 0, 1, rule, std::move(weight), std::move(delay)}};
  return Plan::make(std::move(spec)).value();
}

void expect_as_by_synapse(const Plan& plan, const CohortRange& range, const Scene& scene = {}, Step window = 64) {
  for (const kernels::Isa isa : kernels::supported_isas()) {
    ASSERT_TRUE(kernels::set_isa_for_testing(isa));
    const auto pathway = build_bit_planes(plan, 0, range).value();
    testing::expect_as_by_synapse(*pathway, plan, 0, range, scene, window);
  }
  kernels::set_isa_for_testing(kernels::supported_isas().back());
}

TEST(BitPlanes, BringWhatEverySynapseBringsToAnyNumberOfTargets) {
  for (const std::uint32_t targets : {1u, 63u, 64u, 65u, 511u, 512u, 513u, 1500u})
    expect_as_by_synapse(*plan_for(70, targets, {Rule::Kind::pairwise_bernoulli, 0, 0.2}), {1, 0, targets});
}

TEST(BitPlanes, DeliverEveryOneOfSeveralSynapsesOfAPair) {
  expect_as_by_synapse(*plan_for(20, 600, {Rule::Kind::fixed_indegree, 30}), {1, 0, 600});
  expect_as_by_synapse(*plan_for(20, 100, {Rule::Kind::fixed_outdegree, 250}), {1, 0, 100});
  expect_as_by_synapse(*plan_for(3, 100, {Rule::Kind::fixed_total_number, 3000}), {1, 0, 100});
  expect_as_by_synapse(*plan_for(2, 70, {Rule::Kind::fixed_indegree, 600}), {1, 0, 70});  // more than a byte counts
  expect_as_by_synapse(*plan_for(1000, 70, {Rule::Kind::fixed_indegree, 4000}), {1, 0, 70});
}

TEST(BitPlanes, DeliverToACohortInTheMiddleOfAPopulation) {
  const PlanPtr plan = plan_for(50, 1000, {Rule::Kind::fixed_indegree, 20});
  for (const auto& [first, count] : {std::pair{0u, 64u}, {64u, 1u}, {128u, 513u}, {960u, 40u}, {512u, 0u}})
    expect_as_by_synapse(*plan, {1, first, count});
}

TEST(BitPlanes, DeliverInWindowsOfAnyLength) {
  const PlanPtr plan = plan_for(80, 700, {Rule::Kind::fixed_indegree, 16}, -0.7);
  for (const Step window : {1, 2, 7, 15}) expect_as_by_synapse(*plan, {1, 0, 700}, {}, window);
}

TEST(BitPlanes, LeaveOutSpikesFromBeforeThePresentationAndCountOnlyThoseThatCount) {
  const PlanPtr plan = plan_for(80, 200, {Rule::Kind::fixed_indegree, 16});
  expect_as_by_synapse(*plan, {1, 0, 200}, {40, 9, 0});
  expect_as_by_synapse(*plan, {1, 0, 200}, {40, 0, 11});
  expect_as_by_synapse(*plan, {1, 0, 200}, {40, 5, 11});
}

RC_GTEST_PROP(BitPlanes, BringWhatEverySynapseBrings, ()) {
  const auto sources = *rc::gen::inRange(1u, 400u);
  const auto targets = *rc::gen::inRange(1u, 1200u);
  const auto first = *rc::gen::inRange(0u, targets) / 64 * 64;
  const auto indegree = *rc::gen::inRange(0, 60);
  const auto weight = *rc::gen::element(0.1, -0.5, 0.0, 3.0);
  const PlanPtr plan =
      plan_for(sources, targets, {Rule::Kind::fixed_indegree, static_cast<std::uint64_t>(indegree)}, weight, 0.4);
  expect_as_by_synapse(*plan, {1, first, targets - first}, {30, 0, 10, 0.2});
}

TEST(BitPlanes, SayWhatTheyHold) {
  const PlanPtr plan = plan_for(100, 1000, {Rule::Kind::fixed_indegree, 30});
  const auto pathway = build_bit_planes(*plan, 0, {1, 128, 600}).value();
  EXPECT_EQ(pathway->synapses(), 600u * 30u);
  EXPECT_GE(pathway->bytes(), 100u * 600u / 8u);
  EXPECT_EQ(pathway->longest_delay(), 15);
  EXPECT_STREQ(pathway->representation(), "bit planes");
  EXPECT_FALSE(pathway->wants_fired());
}

TEST(BitPlanes, ShareTheirRowsWithOtherSamples) {
  const PlanPtr plan = plan_for(100, 600, {Rule::Kind::fixed_indegree, 30});
  const CohortRange range{1, 0, 600};
  const auto first = build_bit_planes(*plan, 0, range).value();
  const auto second = build_bit_planes(*plan, 0, range, {}, first.get()).value();
  EXPECT_EQ(second->bytes(), 0u);
  EXPECT_EQ(second->synapses(), first->synapses());
  testing::expect_as_by_synapse(*second, *plan, 0, range, {});
  EXPECT_EQ(first->events(), 0u);
}

TEST(BitPlanes, GoOnCountingWhereASavedRunLeftOff) {
  const PlanPtr plan = plan_for(100, 600, {Rule::Kind::fixed_indegree, 30});
  const CohortRange range{1, 0, 600};
  const auto saved = build_bit_planes(*plan, 0, range).value();
  testing::expect_as_by_synapse(*saved, *plan, 0, range, {});
  StateWriter out;
  saved->save(out);
  const auto loaded = build_bit_planes(*plan, 0, range).value();
  StateReader in(out.bytes());
  loaded->load(in);
  EXPECT_TRUE(in.ok() && in.at_end());
  EXPECT_EQ(loaded->events(), saved->events());
}

TEST(BitPlanes, NeedOneWeightOneDelayAndStaticSynapses) {
  const Rule rule{Rule::Kind::fixed_indegree, 10};
  const Distribution some{Distribution::Kind::uniform, 0.5, 2.0};
  std::string why;
  EXPECT_TRUE(bit_planes_possible(*plan_for(100, 100, rule), 0, &why));
  EXPECT_EQ(why, "");
  EXPECT_FALSE(bit_planes_possible(*plan_for(100, 100, rule, some), 0, &why));
  EXPECT_EQ(why, "its weights differ");
  EXPECT_FALSE(bit_planes_possible(*plan_for(100, 100, rule, 1.0, some), 0, &why));
  EXPECT_EQ(why, "its delays differ");
  const auto refused = build_bit_planes(*plan_for(100, 100, rule, some), 0, {1, 0, 100});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().to_string().find("cannot be kept as bit planes: its weights differ"), std::string::npos)
      << refused.error().to_string();
}

TEST(BitPlanes, AreWorthwhileForDenseRowsAndSeveralSpikesAStep) {
  const auto worthwhile = [](std::uint32_t sources, std::uint32_t targets, std::uint64_t indegree) {
    return bit_planes_worthwhile(*plan_for(sources, targets, {Rule::Kind::fixed_indegree, indegree}), 0);
  };
  EXPECT_TRUE(worthwhile(10000, 10000, 1000));  // Brunel's network
  EXPECT_TRUE(worthwhile(10000, 2500, 1000));
  EXPECT_TRUE(worthwhile(2500, 10000, 250));
  EXPECT_FALSE(worthwhile(3200, 4000, 64));  // CUBA: 2 % of the pairs
  EXPECT_FALSE(worthwhile(100000, 100000, 1000));
  EXPECT_FALSE(worthwhile(100, 10000, 10));    // a spike in ten steps
  EXPECT_FALSE(worthwhile(10000, 100, 1000));  // rows of 10 synapses
}

TEST(BitPlanes, TakeAboutTheBytesThatWereEstimated) {
  const PlanPtr plan = plan_for(2000, 3000, {Rule::Kind::fixed_indegree, 200});
  const auto pathway = build_bit_planes(*plan, 0, {1, 0, 3000}).value();
  EXPECT_NEAR(static_cast<double>(pathway->bytes()), bit_planes_bytes(*plan, 0), 0.01 * bit_planes_bytes(*plan, 0));
}

TEST(BitPlanes, AreGivenUpWhenProgressSaysSo) {
  const PlanPtr plan = plan_for(100, 100, {Rule::Kind::fixed_indegree, 10});
  const auto cancelled = build_bit_planes(*plan, 0, {1, 0, 100}, [](std::uint64_t) { return false; });
  ASSERT_FALSE(cancelled);
  EXPECT_EQ(cancelled.error().code, ErrorCode::cancelled);
}

}  // namespace
}  // namespace neuract::snn
