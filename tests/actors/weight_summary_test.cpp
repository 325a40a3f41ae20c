#include "neuract/actors/weight_summary.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "neuract/snn/builder.hpp"

namespace neuract::actors {
namespace {

snn::PlanPtr plan_with_recorders(std::size_t recorders) {
  snn::NetworkBuilder net("plastic");
  const auto e = net.population("E", 400, "iaf_psc_exp");
  net.connect(e, e, snn::rules::fixed_indegree(3), {.name = "E->E", .model = {.model = "stdp_pair"}});
  for (std::size_t r = 0; r < recorders; ++r) net.record_weights("E->E");
  return snn::Plan::make(net.spec()).value();
}

snn::WeightBlock block(std::uint32_t recorder, std::vector<std::uint32_t> targets, std::vector<double> weights) {
  return {recorder, 0, 0, 9, std::vector<std::uint32_t>(targets.size()), std::move(targets), std::move(weights)};
}

TEST(WeightSummary, IsThatOfAllRecordedWeights) {
  std::vector<WeightMoments> moments;
  append_moments(block(0, {3, 3, 5}, {1.0, 2.0, 6.0}), moments);
  const auto results = summarise_weights(*plan_with_recorders(1), moments);
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].projection, "E->E");
  EXPECT_EQ(results[0].synapses, 3u);
  EXPECT_DOUBLE_EQ(results[0].mean, 3.0);
  EXPECT_DOUBLE_EQ(results[0].sd, std::sqrt(14.0 / 3.0));
  EXPECT_EQ(results[0].min, 1.0);
  EXPECT_EQ(results[0].max, 6.0);
}

TEST(WeightSummary, OfNoSynapsesIsNotANumber) {
  const auto results = summarise_weights(*plan_with_recorders(1), {});
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].synapses, 0u);
  EXPECT_TRUE(std::isnan(results[0].mean) && std::isnan(results[0].sd));
  EXPECT_TRUE(std::isnan(results[0].min) && std::isnan(results[0].max));
}

TEST(WeightSummary, KeepsRecordersApart) {
  std::vector<WeightMoments> moments;
  append_moments(block(1, {0}, {5.0}), moments);
  append_moments(block(0, {0, 1}, {1.0, 3.0}), moments);
  const auto results = summarise_weights(*plan_with_recorders(3), moments);
  ASSERT_EQ(results.size(), 3u);
  EXPECT_EQ(results[0].mean, 2.0);
  EXPECT_EQ(results[1].mean, 5.0);
  EXPECT_EQ(results[2].synapses, 0u);
}

TEST(WeightSummary, HasTheSameBitsForAnyPartition) {
  std::vector<std::uint32_t> targets;
  std::vector<double> weights;
  for (std::uint32_t t = 0; t < 400; ++t) {
    for (std::uint32_t k = 0; k < t % 5; ++k) {
      targets.push_back(t);
      weights.push_back(45.0 + 0.1 * std::sin(static_cast<double>(17 * t + 3 * k)));
    }
  }
  std::vector<WeightMoments> whole;
  append_moments(block(0, targets, weights), whole);
  std::vector<WeightMoments> parts;
  const auto cut =
      static_cast<std::ptrdiff_t>(std::lower_bound(targets.begin(), targets.end(), 128u) - targets.begin());
  append_moments(block(0, {targets.begin() + cut, targets.end()}, {weights.begin() + cut, weights.end()}), parts);
  append_moments(block(0, {targets.begin(), targets.begin() + cut}, {weights.begin(), weights.begin() + cut}), parts);
  const auto plan = plan_with_recorders(1);
  const WeightResult one = summarise_weights(*plan, whole).front();
  const WeightResult two = summarise_weights(*plan, parts).front();
  EXPECT_EQ(one.mean, two.mean);
  EXPECT_EQ(one.sd, two.sd);

  double sum = 0.0, squares = 0.0;
  for (const double w : weights) sum += w;
  const double mean = sum / static_cast<double>(weights.size());
  for (const double w : weights) squares += (w - mean) * (w - mean);
  EXPECT_NEAR(one.mean, mean, 1e-12);
  EXPECT_NEAR(one.sd, std::sqrt(squares / static_cast<double>(weights.size())), 1e-12);
}

}  // namespace
}  // namespace neuract::actors
