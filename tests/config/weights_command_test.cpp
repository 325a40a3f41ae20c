#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "command_fixture.hpp"
#include "neuract/config/network_file.hpp"
#include "neuract/config/summary.hpp"
#include "neuract/snn/sonata_reader.hpp"

/// Plastic weights, from the network file to weights.h5 and back.
namespace neuract::config {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

const std::string kPlastic = R"([simulation]
warmup = 20.0
duration = 100.0
[constants]
n = 200
[populations]
E = { n = "= n", model = "iaf_psc_delta", V_th = -55.0, V_m = { uniform = [-70.0, -55.0] } }
[[projections]]
source = "E"
target = "E"
rule = { fixed_indegree = 20 }
weight = { uniform = [0.1, 0.3] }
delay = 1.5
synapse = { stdp_pair = { lambda = 0.05, Wmax = 0.4, mu_plus = 0, mu_minus = 0 } }
[[stimuli]]
poisson_generator = { rate = 10000.0 }
target = "E"
weight = 0.2
[[recorders]]
spikes = "E"
[[recorders]]
weights = "E->E"
interval = 25.0
)";

class WeightsCommand : public Command {
 protected:
  snn::RecordedWeights recorded(const std::string& folder) {
    auto all = snn::read_weights(directory_ / folder / "weights.h5");
    EXPECT_TRUE(all) << all.error().to_string();
    return all && all->size() == 1 ? std::move(all->front()) : snn::RecordedWeights{};
  }
};

TEST_F(WeightsCommand, RunRecordsWeightsAndTellsTheirSpread) {
  write("net.toml", kPlastic);
  const Outcome o = neuract("run net.toml --out out");
  ASSERT_EQ(o.exit, 0) << o.err;
  EXPECT_THAT(o.out, HasSubstr("weights of E->E: "));
  const auto weights = recorded("out");
  EXPECT_EQ(weights.source_population, "E");
  EXPECT_THAT(weights.times_ms, ElementsAre(45.0, 70.0, 95.0, 120.0));
  ASSERT_THAT(weights.weights, SizeIs(4000));
  EXPECT_TRUE(std::is_sorted(weights.targets.begin(), weights.targets.end()));
  const std::vector<double> last(weights.history.end() - 4000, weights.history.end());
  for (std::size_t i = 0; i < last.size(); ++i)  // the run ends where the last recorded interval does
    ASSERT_EQ(static_cast<float>(weights.weights[i]), static_cast<float>(last[i]));
  EXPECT_NE(weights.weights, std::vector<double>(weights.history.begin(), weights.history.begin() + 4000));

  double sum = 0.0, squares = 0.0;
  for (const double w : weights.weights) sum += w;
  const double mean = sum / 4000.0;
  for (const double w : weights.weights) squares += (w - mean) * (w - mean);
  const auto summary = read_summary(directory_ / "out").value();
  ASSERT_THAT(summary.weights, SizeIs(1));
  EXPECT_EQ(summary.weights[0].name, "E->E");
  EXPECT_EQ(summary.weights[0].synapses, 4000U);
  EXPECT_NEAR(summary.weights[0].mean, mean, 1e-7);
  EXPECT_NEAR(summary.weights[0].sd, std::sqrt(squares / 4000.0), 1e-7);
  EXPECT_NEAR(summary.weights[0].min, *std::min_element(weights.weights.begin(), weights.weights.end()), 1e-7);
  EXPECT_NEAR(summary.weights[0].max, *std::max_element(weights.weights.begin(), weights.weights.end()), 1e-7);
}

TEST_F(WeightsCommand, WeightsAreTheSameForAnyThreadsAndCohorts) {
  write("net.toml", kPlastic);
  ASSERT_EQ(neuract("run net.toml --out one --threads 1").exit, 0);
  ASSERT_EQ(neuract("run net.toml --out two --threads 2 --cohort-size 64").exit, 0);
  const auto one = recorded("one"), two = recorded("two");
  EXPECT_EQ(one.sources, two.sources);
  EXPECT_EQ(one.targets, two.targets);
  EXPECT_EQ(one.history, two.history);
  EXPECT_EQ(one.weights, two.weights);
  const auto first = read_summary(directory_ / "one").value(), second = read_summary(directory_ / "two").value();
  EXPECT_EQ(first.spike_hash, second.spike_hash);
  EXPECT_EQ(first.weights.at(0).mean, second.weights.at(0).mean);
  EXPECT_EQ(first.weights.at(0).sd, second.weights.at(0).sd);
}

TEST_F(WeightsCommand, TheEndIsRecordedWhereverTheRunStops) {
  write("net.toml", kPlastic);
  const Outcome o = neuract("run net.toml --out out --duration 60 --set recorders[1].interval=0");
  ASSERT_EQ(o.exit, 0) << o.err;
  ASSERT_EQ(neuract("run net.toml --out off --duration 60").exit, 0);
  EXPECT_THAT(recorded("out").history, SizeIs(0));
  EXPECT_THAT(recorded("off").times_ms, ElementsAre(45.0, 70.0));
  EXPECT_EQ(recorded("out").weights, recorded("off").weights);

  const Outcome guarded = neuract("run net.toml --out stopped --set 'simulation.stop_if={rate=0.001,window=30}'");
  EXPECT_EQ(guarded.exit, 1) << guarded.err;
  EXPECT_THAT(recorded("stopped").weights, SizeIs(4000));
}

TEST_F(WeightsCommand, SomeTargetsAreAPartOfAll) {
  write("net.toml", kPlastic);
  ASSERT_EQ(neuract("run net.toml --out all --threads 2 --cohort-size 64").exit, 0);
  ASSERT_EQ(neuract("run net.toml --out some --threads 2 --cohort-size 64 --set recorders[1].targets=[3,150]").exit, 0);
  const auto all = recorded("all"), some = recorded("some");
  EXPECT_THAT(some.weights, SizeIs(40));
  std::vector<double> expected;
  for (std::size_t i = 0; i < all.weights.size(); ++i) {
    if (all.targets[i] == 3 || all.targets[i] == 150) expected.push_back(all.weights[i]);
  }
  EXPECT_EQ(some.weights, expected);
}

TEST_F(WeightsCommand, RecordedWeightsAreWhereAnotherRunCanBegin) {
  write("net.toml", kPlastic);
  ASSERT_EQ(neuract("run net.toml --out learned").exit, 0);
  std::string text = kPlastic;  // weights and delays are those of the file
  for (const std::string line : {"weight = { uniform = [0.1, 0.3] }\n", "delay = 1.5\n"})
    text.erase(text.find(line), line.size());
  write("again.toml", text);
  const Outcome o = neuract(
      "run again.toml --out again --duration 0.1 --set simulation.warmup=0 --set recorders[1].interval=0 "
      "--set 'projections[0].rule={connections=\"learned/weights.h5\"}' --set stimuli[0].poisson_generator.rate=0");
  ASSERT_EQ(o.exit, 0) << o.err;
  const auto learned = recorded("learned"), again = recorded("again");
  EXPECT_EQ(again.sources, learned.sources);
  EXPECT_EQ(again.targets, learned.targets);
  ASSERT_EQ(again.weights.size(), learned.weights.size());
  for (std::size_t i = 0; i < again.weights.size(); ++i) ASSERT_NEAR(again.weights[i], learned.weights[i], 1e-4);
}

TEST_F(WeightsCommand, CheckTellsWhatSynapsesThereAre) {
  write("net.toml", kPlastic);
  const Outcome o = neuract("check net.toml --set simulation.precision=f64");
  EXPECT_EQ(o.exit, 0) << o.err;
  EXPECT_THAT(o.out, AllOf(HasSubstr("stdp_pair"), HasSubstr("E->E"), HasSubstr("precision  f64")));
}

TEST_F(WeightsCommand, ModelsDescribesSynapses) {
  const Outcome all = neuract("models");
  EXPECT_THAT(all.out, AllOf(HasSubstr("stdp_triplet"), HasSubstr("tsodyks2"), HasSubstr("izhikevich")));
  const Outcome one = neuract("models stdp_dopamine");
  EXPECT_EQ(one.exit, 0);
  EXPECT_THAT(one.out, AllOf(HasSubstr("tau_c"), HasSubstr("time constant of the eligibility trace; positive"),
                             HasSubstr("synapse = { stdp_dopamine = { A_plus = "), HasSubstr("modulator")));
  EXPECT_THAT(neuract("models static").out, HasSubstr("synapse = \"static\""));
  EXPECT_THAT(neuract("models stdp_pear").err, HasSubstr("did you mean \"stdp_pair\"?"));
}

}  // namespace
}  // namespace neuract::config
