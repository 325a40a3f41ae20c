#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "networks.hpp"
#include "neuract/actors/simulation.hpp"

/// What sinks see of weights, and when.
namespace neuract::actors {
namespace {

class Weights : public ::testing::Test {
  testing::Watchdog watchdog_;
};

/// A list of what has come, by shard.
class ListSink final : public RecordSink {
 public:
  Result<void> begin(const snn::Plan&, std::span<const std::vector<snn::CohortRange>> placement) override {
    outputs.resize(placement.size());
    return {};
  }
  Result<void> write(const snn::ShardOutput& output) override {
    EXPECT_FALSE(finished);
    outputs[output.shard].push_back(output);
    return {};
  }
  Result<void> finish() override {
    finished = true;
    return {};
  }

  std::vector<std::vector<snn::ShardOutput>> outputs;
  bool finished = false;
};

snn::NetworkSpec plastic(double interval_ms) {
  snn::NetworkBuilder net("plastic");
  net.settings().duration = 50.0;
  net.settings().warmup = 10.0;
  const auto e = net.population("E", 300, "iaf_psc_delta", {{"V_th", -55.0}});
  net.connect(e, e, snn::rules::fixed_indegree(10),
              {.weight = 0.2,
               .delay = 1.5,
               .name = "E->E",
               .model = {.model = "stdp_pair", .parameters = {{"Wmax", 0.4}, {"lambda", 0.1}}}});
  net.stimulate(e, snn::PoissonGenerator{10000.0}, {.weight = 0.2});
  net.record_weights("E->E", interval_ms);
  return net.spec();
}

/// The synapses of the last output, which has no steps.
void expect_weights_at(const ListSink& sink, Step step) {
  EXPECT_TRUE(sink.finished);
  std::size_t synapses = 0;
  for (const auto& outputs : sink.outputs) {
    ASSERT_FALSE(outputs.empty());
    EXPECT_EQ(outputs.back().begin, step);
    EXPECT_EQ(outputs.back().end, step);
    EXPECT_TRUE(outputs.back().batches.empty());
    for (const snn::WeightBlock& block : outputs.back().weights) {
      EXPECT_EQ(block.step, step - 1);
      synapses += block.weights.size();
    }
  }
  EXPECT_EQ(synapses, 3000u);
}

TEST_F(Weights, OfTheEndComeLast) {
  for (const double interval : {0.0, 7.0}) {
    const auto sink = std::make_shared<ListSink>();
    auto simulation = Simulation::create(plastic(interval), {.threads = 2, .cohort_size = 64, .sinks = {sink}}).value();
    ASSERT_TRUE(simulation->run());
    ASSERT_TRUE(simulation->finish());
    expect_weights_at(*sink, 600);
  }
}

TEST_F(Weights, OfTheEndAreThoseOfTheStepWhereTheRunStopped) {
  for (const double until : {3.0, 20.0}) {  // in the warm-up, and after it
    const auto sink = std::make_shared<ListSink>();
    auto simulation = Simulation::create(plastic(0.0), {.threads = 2, .cohort_size = 64, .sinks = {sink}}).value();
    ASSERT_TRUE(simulation->run(until));
    ASSERT_TRUE(simulation->finish());
    expect_weights_at(*sink, static_cast<Step>(until * 10.0));
  }
}

TEST_F(Weights, ComeInTheStepsOfTheirInterval) {
  const auto sink = std::make_shared<ListSink>();
  auto simulation = Simulation::create(plastic(7.0), {.threads = 2, .cohort_size = 64, .sinks = {sink}}).value();
  ASSERT_TRUE(simulation->run());
  ASSERT_TRUE(simulation->finish());
  std::vector<Step> steps;
  for (const auto& output : sink->outputs.front()) {
    if (output.begin == output.end || output.weights.empty()) continue;
    if (steps.empty() || steps.back() != output.weights.front().step) steps.push_back(output.weights.front().step);
  }
  EXPECT_EQ(steps, (std::vector<Step>{169, 239, 309, 379, 449, 519, 589}));
}

TEST_F(Weights, ChangeAndAreToldByTheResult) {
  auto simulation = Simulation::create(plastic(0.0), {.threads = 2, .cohort_size = 64}).value();
  ASSERT_TRUE(simulation->run());
  const auto result = simulation->result().value();
  ASSERT_EQ(result.weights.size(), 1u);
  EXPECT_EQ(result.weights[0].projection, "E->E");
  EXPECT_EQ(result.weights[0].synapses, 3000u);
  EXPECT_GT(result.weights[0].sd, 0.0);
  EXPECT_GE(result.weights[0].min, 0.0);
  EXPECT_LE(result.weights[0].max, 0.4 * (1 + 1e-6));
}

}  // namespace
}  // namespace neuract::actors
