#include "neuract/config/network_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <variant>
#include <vector>

#include "neuract/snn/validate.hpp"

namespace neuract::config {
namespace {

using snn::Distribution;
using snn::NetworkSpec;
using snn::Rule;
using testing::DoubleNear;
using testing::ElementsAre;
using testing::HasSubstr;

/// The specification of a file that must be right.
NetworkFile parse(const std::string& text, const std::vector<Override>& overrides = {}) {
  ParsedNetwork parsed = parse_network(text, "net.toml", overrides);
  EXPECT_TRUE(parsed) << parsed.report();
  return parsed ? *std::move(parsed.network) : NetworkFile{};
}

const std::string kTwo = R"(
[populations.E]
n = 80
model = "iaf_psc_exp"
[populations.I]
n = 20
model = "iaf_psc_exp"
)";

const snn::Value& setting(const NetworkSpec& spec, std::size_t population, std::string_view name) {
  const auto& settings = spec.populations.at(population).settings;
  const auto found =
      std::find_if(settings.begin(), settings.end(), [&](const snn::Setting& s) { return s.name == name; });
  if (found == settings.end()) throw std::runtime_error("no setting " + std::string(name));
  return found->value;
}

double number(const snn::Value& value) { return std::get<double>(value); }

TEST(NetworkFile, OfOnePopulationIsEnough) {
  const NetworkFile file = parse("[populations.cells]\nn = 5\nmodel = \"izhikevich\"\n");
  EXPECT_EQ(file.spec.name, "net");
  ASSERT_EQ(file.spec.populations.size(), 1U);
  EXPECT_EQ(file.spec.populations[0].name, "cells");
  EXPECT_EQ(file.spec.populations[0].n, 5U);
  EXPECT_EQ(file.spec.populations[0].model, "izhikevich");
  EXPECT_DOUBLE_EQ(file.spec.dt, 0.1);
  EXPECT_EQ(file.run.threads, 0U);
  EXPECT_TRUE(file.run.progress);
}

TEST(NetworkFile, KeepsPopulationsInTheOrderOfTheFile) {
  const NetworkFile file =
      parse("[populations]\nz = { n = 1, model = \"iaf_psc_exp\" }\na = { n = 1, model = \"iaf_psc_exp\" }\n");
  EXPECT_EQ(file.spec.populations[0].name, "z");
  EXPECT_EQ(file.spec.populations[1].name, "a");
}

TEST(NetworkFile, ReadsSimulationAndRun) {
  const NetworkFile file = parse(
      "[simulation]\ndt = 0.5\nwarmup = 10\nduration = 20.5\nseed = 7\nstop_if = { rate = 200.0, window = 50.0 }\n"
      "[run]\nthreads = 2\ncohort_size = 512\nout = \"there\"\nprogress = false\n" +
      kTwo);
  EXPECT_DOUBLE_EQ(file.spec.dt, 0.5);
  EXPECT_DOUBLE_EQ(file.spec.warmup, 10.0);
  EXPECT_DOUBLE_EQ(file.spec.duration, 20.5);
  EXPECT_EQ(file.spec.seed, 7U);
  ASSERT_TRUE(file.spec.stop_if);
  EXPECT_DOUBLE_EQ(file.spec.stop_if->rate, 200.0);
  EXPECT_DOUBLE_EQ(file.spec.stop_if->window, 50.0);
  EXPECT_EQ(file.run.threads, 2U);
  EXPECT_EQ(file.run.cohort_size, 512U);
  EXPECT_EQ(file.run.out, "there");
  EXPECT_FALSE(file.run.progress);
  EXPECT_EQ(parse("[run]\nthreads = \"auto\"\n" + kTwo).run.threads, 0U);
}

TEST(Constants, MayUseEachOtherInAnyOrder) {
  const NetworkFile file =
      parse("[constants]\na = \"= 2 * b\"\nb = \"= c + 1\"\nc = 4\n[simulation]\nduration = \"= a * 10\"\n" + kTwo);
  EXPECT_DOUBLE_EQ(file.spec.duration, 100.0);
}

TEST(Constants, CanBeOverriddenByNameOrPath) {
  const std::string text = "[constants]\ng = 5.0\nd = \"= 10 * g\"\n[simulation]\nduration = \"= d\"\n" + kTwo;
  EXPECT_DOUBLE_EQ(parse(text, {"g=6"}).spec.duration, 60.0);
  EXPECT_DOUBLE_EQ(parse(text, {"constants.g = 7"}).spec.duration, 70.0);
  EXPECT_DOUBLE_EQ(parse(text, {"g==2 * 4"}).spec.duration, 80.0);
  EXPECT_DOUBLE_EQ(parse(text, {"g=6", "g=9"}).spec.duration, 90.0);
}

TEST(Overrides, ReachEveryKeyAndMayAddOnes) {
  const std::string text = kTwo + "[[projections]]\nsource = \"E\"\ntarget = \"I\"\nrule = \"all_to_all\"\n";
  const NetworkFile file =
      parse(text, {"populations.E.tau_m=15", "projections[0].weight=3", "projections[0].rule={fixed_indegree=4}",
                   "run.out=some/where", "simulation.seed=12", "populations.I.model=iaf_psc_alpha"});
  EXPECT_DOUBLE_EQ(number(setting(file.spec, 0, "tau_m")), 15.0);
  EXPECT_DOUBLE_EQ(number(file.spec.projections[0].weight), 3.0);
  EXPECT_EQ(file.spec.projections[0].rule.count, 4U);
  EXPECT_EQ(file.run.out, "some/where");
  EXPECT_EQ(file.spec.seed, 12U);
  EXPECT_EQ(file.spec.populations[1].model, "iaf_psc_alpha");
}

TEST(Models, PassTheirSettingsOnAndPopulationsReplaceThem) {
  const NetworkFile file = parse(
      "[models.slow]\nbase = \"lif\"\ntau_m = 30\n[models.lif]\nbase = \"iaf_psc_delta\"\ntau_m = 20\nV_m = -60\n"
      "[populations.E]\nn = 1\nmodel = \"slow\"\nV_m = -65\n");
  EXPECT_EQ(file.spec.populations[0].model, "iaf_psc_delta");
  EXPECT_DOUBLE_EQ(number(setting(file.spec, 0, "tau_m")), 30.0);
  EXPECT_DOUBLE_EQ(number(setting(file.spec, 0, "V_m")), -65.0);
}

TEST(Settings, TakeBooleansWhereTheModelDoes) {
  const NetworkFile file = parse("[populations.E]\nn = 1\nmodel = \"izhikevich\"\nconsistent_integration = false\n");
  EXPECT_EQ(number(setting(file.spec, 0, "consistent_integration")), 0.0);
}

TEST(Settings, TakeDistributionsByPositionOrByName) {
  const NetworkFile file = parse(
      "[constants]\ns = 2.0\n[populations.E]\nn = 1\nmodel = \"iaf_psc_exp\"\n"
      "V_m = { normal_clipped = [-60.0, \"= s\", -70.0, -50.0] }\n"
      "I_e = { normal_clipped = { std = 1.0, mean = 3.0, high = 5.0 } }\n"
      "I_syn_ex = { exponential = 4.0 }\nI_syn_in = { lognormal = [1.0, 0.5] }\n");
  const auto v = std::get<Distribution>(setting(file.spec, 0, "V_m"));
  EXPECT_EQ(v.kind, Distribution::Kind::normal_clipped);
  EXPECT_THAT((std::vector{v.a, v.b, v.low, v.high}), ElementsAre(-60.0, 2.0, -70.0, -50.0));
  const auto i = std::get<Distribution>(setting(file.spec, 0, "I_e"));
  EXPECT_THAT((std::vector{i.a, i.b, i.high}), ElementsAre(3.0, 1.0, 5.0));
  EXPECT_TRUE(std::isinf(i.low));
  EXPECT_EQ(std::get<Distribution>(setting(file.spec, 0, "I_syn_ex")).a, 4.0);
  EXPECT_EQ(std::get<Distribution>(setting(file.spec, 0, "I_syn_in")).kind, Distribution::Kind::lognormal);
}

TEST(Settings, TakeOneValuePerNeuron) {
  const NetworkFile file = parse("[populations.E]\nn = 3\nmodel = \"iaf_psc_exp\"\nV_m = [-60, -61.5, \"= -62\"]\n");
  EXPECT_THAT(std::get<std::vector<double>>(setting(file.spec, 0, "V_m")), ElementsAre(-60.0, -61.5, -62.0));
}

TEST(Variables, AreDrawnOncePerNeuronAndShared) {
  const std::string text =
      "[populations.E]\nn = 500\nmodel = \"izhikevich\"\nvariables = { r = { uniform = [0.0, 1.0] }, k = 2 }\n"
      "c = \"= -65 + 15 * r^2\"\nd = \"= 8 - 6 * r^2\"\na = \"= 0.01 * k\"\n";
  const NetworkFile file = parse(text);
  const auto& c = std::get<std::vector<double>>(setting(file.spec, 0, "c"));
  const auto& d = std::get<std::vector<double>>(setting(file.spec, 0, "d"));
  ASSERT_EQ(c.size(), 500U);
  double sum = 0.0;
  for (std::size_t i = 0; i < c.size(); ++i) {
    EXPECT_NEAR((c[i] + 65.0) / 15.0, (8.0 - d[i]) / 6.0, 1e-12);
    sum += std::sqrt((c[i] + 65.0) / 15.0);
  }
  EXPECT_NEAR(sum / 500.0, 0.5, 0.05);  // mean of r; its standard error is 0.013
  EXPECT_DOUBLE_EQ(number(setting(file.spec, 0, "a")), 0.02);
  EXPECT_EQ(std::get<std::vector<double>>(setting(parse(text).spec, 0, "c")), c);
  EXPECT_NE(std::get<std::vector<double>>(setting(parse(text, {"simulation.seed=2"}).spec, 0, "c")), c);
}

TEST(Projections, OfSeveralPopulationsAreOneForEveryPair) {
  const NetworkFile file =
      parse(kTwo +
            "[[projections]]\nsource = [\"E\", \"I\"]\ntarget = [\"E\", \"I\"]\nrule = { pairwise_bernoulli = 0.1 }\n"
            "weight = 2.5\ndelay = { uniform = [0.5, 2.0] }\nallow_autapses = false\n"
            "[[projections]]\nsource = \"E\"\ntarget = \"E\"\nrule = \"one_to_one\"\n"
            "[[projections]]\nname = \"more\"\nsource = \"E\"\ntarget = [\"E\", \"I\"]\nrule = { fixed_outdegree = \"= "
            "n_target / 2\" }\n");
  std::vector<std::string> names;
  for (const auto& p : file.spec.projections) names.push_back(p.name);
  EXPECT_THAT(names, ElementsAre("E->E", "E->I", "I->E", "I->I", "E->E#2", "more E->E", "more E->I"));
  EXPECT_EQ(file.spec.projections[1].source, 0U);
  EXPECT_EQ(file.spec.projections[1].target, 1U);
  EXPECT_EQ(file.spec.projections[1].rule.kind, Rule::Kind::pairwise_bernoulli);
  EXPECT_DOUBLE_EQ(file.spec.projections[1].rule.p, 0.1);
  EXPECT_FALSE(file.spec.projections[1].rule.allow_autapses);
  EXPECT_TRUE(file.spec.projections[4].rule.allow_autapses);
  EXPECT_EQ(std::get<Distribution>(file.spec.projections[3].delay).b, 2.0);
  EXPECT_EQ(file.spec.projections[5].rule.count, 40U);
  EXPECT_EQ(file.spec.projections[6].rule.count, 10U);
}

TEST(Projections, CountWholeNumbersThatRoundingErrorsMiss) {
  const NetworkFile file =
      parse("[constants]\ne = 0.1\n" + kTwo +
            "[[projections]]\nsource = \"E\"\ntarget = \"I\"\nrule = { fixed_indegree = \"= 3 * e * 10\" }\n");
  EXPECT_EQ(file.spec.projections[0].rule.count, 3U);
}

const std::string kTable = R"(
[projection_tables.net]
sources = ["E", "I"]
targets = ["E", "I"]
rule = "fixed_total_number"
p = [[0.1, 0.2], [0.0, 0.4]]
weight = { normal_clipped = { mean = 10.0, std = 1.0, low = 0.0 } }
delay = 1.5
[[projection_tables.net.override]]
source = "I"
weight = -40.0
[[projection_tables.net.override]]
source = "I"
target = "I"
delay = 0.5
)";

TEST(ProjectionTables, TurnProbabilitiesIntoCountsRowsAreTargets) {
  const NetworkFile file = parse(kTwo + kTable);
  ASSERT_EQ(file.spec.projections.size(), 3U);  // p = 0 makes none
  EXPECT_EQ(file.spec.projections[1].name, "I->E");
  EXPECT_EQ(file.spec.projections[1].rule.kind, Rule::Kind::fixed_total_number);
  EXPECT_EQ(file.spec.projections[0].rule.count,
            static_cast<std::uint64_t>(std::round(std::log(0.9) / std::log(1.0 - 1.0 / 6400.0))));
  EXPECT_EQ(file.spec.projections[1].rule.count,
            static_cast<std::uint64_t>(std::round(std::log(0.8) / std::log(1.0 - 1.0 / 1600.0))));
  EXPECT_EQ(std::get<Distribution>(file.spec.projections[0].weight).a, 10.0);
  EXPECT_EQ(number(file.spec.projections[1].weight), -40.0);
  EXPECT_EQ(number(file.spec.projections[1].delay), 1.5);
  EXPECT_EQ(number(file.spec.projections[2].delay), 0.5);
  EXPECT_EQ(number(file.spec.projections[2].weight), -40.0);
}

TEST(ProjectionTables, KeepInDegreesWhenPopulationsShrink) {
  const std::string table =
      "[projection_tables.net]\nsources = [\"A\"]\ntargets = [\"A\"]\nrule = \"pairwise_bernoulli\"\np = [[0.1]]\n";
  const NetworkFile small = parse("[populations.A]\nfull_size = 1000\nn = 500\nmodel = \"iaf_psc_exp\"\n" + table);
  EXPECT_DOUBLE_EQ(small.spec.projections[0].rule.p, 0.2);
  const NetworkFile full = parse("[populations.A]\nfull_size = 1000\nmodel = \"iaf_psc_exp\"\n" + table);
  EXPECT_EQ(full.spec.populations[0].n, 1000U);
  EXPECT_DOUBLE_EQ(full.spec.projections[0].rule.p, 0.1);
}

TEST(ProjectionTables, DownscalingKeepsMeanAndVarianceOfTheInput) {
  const double k = 0.25, rate_E = 4.0, rate_I = 8.0, tau = 0.5;
  const NetworkFile full = parse(kTwo + kTable);
  const NetworkFile less = parse(
      kTwo + kTable, {"projection_tables.net.downscaling={ indegree = 0.25, rates = [4.0, 8.0], tau_syn = 0.5 }"});
  ASSERT_EQ(less.spec.projections.size(), 3U);
  ASSERT_EQ(less.spec.stimuli.size(), 2U);
  const auto count = [](const NetworkFile& f, std::size_t i) {
    return static_cast<double>(f.spec.projections[i].rule.count);
  };
  EXPECT_NEAR(count(less, 0), k * count(full, 0), 0.5);
  EXPECT_DOUBLE_EQ(std::get<Distribution>(less.spec.projections[0].weight).a, 20.0);
  EXPECT_DOUBLE_EQ(number(less.spec.projections[1].weight), -80.0);
  // Mean input of a neuron of E at full scale, and what the scaled synapses and the current bring together.
  const double before = tau * 1e-3 * (10.0 * count(full, 0) / 80.0 * rate_E - 40.0 * count(full, 1) / 80.0 * rate_I);
  const double after =
      tau * 1e-3 * (20.0 * k * count(full, 0) / 80.0 * rate_E - 80.0 * k * count(full, 1) / 80.0 * rate_I);
  EXPECT_NEAR(after + std::get<snn::DcGenerator>(less.spec.stimuli[0].generator).amplitude, before, 1e-9);
  EXPECT_EQ(less.spec.stimuli[0].name, "net compensation->E");
}

TEST(Stimuli, AreEvaluatedForEveryTarget) {
  const NetworkFile file = parse(R"(
[populations]
A = { n = 10, model = "iaf_psc_exp", variables = { k = 100 } }
B = { n = 20, model = "iaf_psc_exp", variables = { k = 300 } }
[[stimuli]]
poisson_generator = { rate = "= 8 * k + n" }
target = ["A", "B"]
weight = { A = 1.5, B = "= 2 * 1.5" }
start = 100.0
stop = inf
[[stimuli]]
noise_generator = { mean = 1.0, std = { A = 5.0, B = 2.0 }, dt = 0.5 }
target = ["A", "B"]
[[stimuli]]
spike_generator = { times = [1.0, 2.0, 2.0] }
target = "A"
neurons = [0, 3]
delay = 1.0
[[stimuli]]
dc_generator = { amplitude = -3.0 }
target = "B"
neurons = { first = 5, count = 3 }
name = "kick"
)");
  ASSERT_EQ(file.spec.stimuli.size(), 6U);
  EXPECT_DOUBLE_EQ(std::get<snn::PoissonGenerator>(file.spec.stimuli[0].generator).rate, 810.0);
  EXPECT_DOUBLE_EQ(std::get<snn::PoissonGenerator>(file.spec.stimuli[1].generator).rate, 2420.0);
  EXPECT_DOUBLE_EQ(file.spec.stimuli[1].weight, 3.0);
  EXPECT_DOUBLE_EQ(file.spec.stimuli[1].start, 100.0);
  EXPECT_EQ(file.spec.stimuli[1].name, "poisson_generator->B");
  EXPECT_DOUBLE_EQ(std::get<snn::NoiseGenerator>(file.spec.stimuli[3].generator).std, 2.0);
  EXPECT_THAT(std::get<snn::SpikeGenerator>(file.spec.stimuli[4].generator).times, ElementsAre(1.0, 2.0, 2.0));
  EXPECT_THAT(file.spec.stimuli[4].neurons, ElementsAre(0U, 3U));
  EXPECT_THAT(file.spec.stimuli[5].neurons, ElementsAre(5U, 6U, 7U));
  EXPECT_EQ(file.spec.stimuli[5].name, "kick");
}

TEST(Recorders, OfSpikesAndOfVariables) {
  const NetworkFile file = parse(kTwo + R"(
[[recorders]]
spikes = ["I", "E"]
[[recorders]]
multimeter = { variables = ["V_m", "I_syn_ex"], interval = 0.5 }
population = ["E", "I"]
neurons = { count = 2 }
)");
  ASSERT_EQ(file.spec.spike_recorders.size(), 2U);
  EXPECT_EQ(file.spec.spike_recorders[0].population, 1U);
  ASSERT_EQ(file.spec.multimeters.size(), 2U);
  EXPECT_THAT(file.spec.multimeters[1].variables, ElementsAre("V_m", "I_syn_ex"));
  EXPECT_DOUBLE_EQ(file.spec.multimeters[1].interval, 0.5);
  EXPECT_THAT(file.spec.multimeters[1].neurons, ElementsAre(0U, 1U));
}

class Example : public testing::TestWithParam<const char*> {};

TEST_P(Example, IsValid) {
  const auto file = load_network(std::string(NEURACT_SOURCE_DIR) + "/examples/" + GetParam() + ".toml");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->spec.name, GetParam());
  EXPECT_TRUE(snn::validate(file->spec).empty());
  EXPECT_FALSE(file->spec.spike_recorders.empty());
}
INSTANTIATE_TEST_SUITE_P(All, Example,
                         testing::Values("brunel", "coba", "hpc_benchmark", "izhikevich", "microcircuit", "stdp",
                                         "vogels_abbott"));

TEST(Brunel, KeepsTheNamesThatOthersRelyOn) {
  const auto file =
      load_network(std::string(NEURACT_SOURCE_DIR) + "/examples/brunel.toml",
                   {"g=6", "eta=4", "J=0.2", "models.lif.V_reset=0", "populations.E.V_m=0", "populations.I.V_m=0"});
  ASSERT_TRUE(file) << file.error().message;
  const NetworkSpec& spec = file->spec;
  EXPECT_EQ(spec.populations[0].name, "E");
  EXPECT_EQ(spec.populations[1].name, "I");
  EXPECT_DOUBLE_EQ(number(spec.projections[2].weight), -1.2);
  EXPECT_DOUBLE_EQ(std::get<snn::PoissonGenerator>(spec.stimuli[0].generator).rate, 20000.0);
  EXPECT_EQ(number(setting(spec, 1, "V_reset")), 0.0);
}

TEST(Microcircuit, HasThePublishedNumberOfSynapses) {
  const auto file = load_network(std::string(NEURACT_SOURCE_DIR) + "/examples/microcircuit.toml");
  ASSERT_TRUE(file) << file.error().message;
  std::uint64_t neurons = 0, synapses = 0;
  for (const auto& p : file->spec.populations) neurons += p.n;
  for (const auto& p : file->spec.projections) synapses += p.rule.count;
  EXPECT_EQ(neurons, 77169U);
  EXPECT_EQ(synapses, 298880968U);
}

TEST(Microcircuit, ShrinksInNeuronsAndInDegrees) {
  const auto file = load_network(std::string(NEURACT_SOURCE_DIR) + "/examples/microcircuit.toml",
                                 {"scale=0.1", "indegree_scale=0.1"});
  ASSERT_TRUE(file) << file.error().message;
  double synapses = 0;
  for (const auto& p : file->spec.projections) synapses += static_cast<double>(p.rule.count);
  EXPECT_EQ(file->spec.populations[0].n, 2068U);
  EXPECT_NEAR(synapses, 2988809.0, 300.0);  // a hundredth; populations and counts are rounded
}

}  // namespace
}  // namespace neuract::config
