#include "neuract/snn/validate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "neuract/snn/nearest_name.hpp"
#include "neuract/snn/number_text.hpp"

namespace neuract::snn {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

NetworkSpec two_populations() {
  NetworkSpec spec;
  spec.populations = {{"E", 80, "iaf_psc_exp", {}}, {"I", 20, "iaf_psc_exp", {}}};
  return spec;
}

template <class Generator>
StimulusSpec stimulus(const char* name, Generator generator, std::uint32_t target) {
  StimulusSpec s;
  s.name = name;
  s.generator = std::move(generator);
  s.target = target;
  return s;
}

ProjectionSpec projection(Rule rule, std::uint32_t source = 0, std::uint32_t target = 1) {
  ProjectionSpec p;
  p.name = "p";
  p.source = source;
  p.target = target;
  p.rule = rule;
  return p;
}

std::vector<std::string> paths(const NetworkSpec& spec) {
  std::vector<std::string> result;
  for (const Fault& fault : validate(spec)) result.push_back(fault.path);
  return result;
}

std::vector<std::string> messages(const NetworkSpec& spec) {
  std::vector<std::string> result;
  for (const Fault& fault : validate(spec)) result.push_back(fault.message);
  return result;
}

std::vector<std::string> faults_of_setting(const std::string& name, Value value) {
  NetworkSpec spec = two_populations();
  spec.populations[0].settings = {{name, std::move(value)}};
  return messages(spec);
}

TEST(Validate, FindsNothingWrongInASoundNetwork) {
  NetworkSpec spec = two_populations();
  spec.projections = {projection({.kind = Rule::Kind::fixed_indegree, .count = 10})};
  spec.stimuli = {stimulus("s", PoissonGenerator{100.0}, 1), stimulus("t", SpikeGenerator{{0.1, 5.0, 5.0}}, 0)};
  spec.stimuli[1].neurons = {0, 79};
  spec.stimuli[1].delay = 1.0;
  spec.spike_recorders = {{0}, {1}};
  spec.multimeters = {{0, {"V_m", "I_syn_ex"}, {1, 2}, 0.5}};
  EXPECT_THAT(validate(spec), IsEmpty());
}

TEST(Validate, ReportsAllFaultsAtOnceWithTheirPaths) {
  NetworkSpec spec = two_populations();
  spec.duration = 10.03;
  spec.populations[0].settings = {{"tau_n", 1.0}, {"C_m", -1.0}};
  spec.populations[1].model = "nothing";
  spec.projections = {projection({.kind = Rule::Kind::pairwise_bernoulli, .p = 2.0})};
  spec.projections[0].delay = 0.01;
  spec.spike_recorders = {{7}};
  EXPECT_THAT(paths(spec),
              ElementsAre("simulation.duration", "populations.E.tau_n", "populations.E.C_m", "populations.I.model",
                          "projections[0].delay", "projections[0].rule", "spike_recorders[0]"));
}

TEST(Validate, SaysWhetherANameOrAValueIsWrong) {
  NetworkSpec spec = two_populations();
  spec.populations[0].settings = {{"tau_n", 1.0}, {"tau_m", 0.0}};
  const std::vector<Fault> faults = validate(spec);
  ASSERT_THAT(faults, SizeIs(2));
  EXPECT_TRUE(faults[0].names);
  EXPECT_FALSE(faults[1].names);
  EXPECT_THAT(faults[0].message, StartsWith("population \"E\": unknown parameter \"tau_n\"; iaf_psc_exp has "));
  EXPECT_THAT(faults[0].message, HasSubstr("(did you mean \"tau_m\"?)"));
}

TEST(Validate, ChecksNumbersDistributionsAndArraysAlike) {
  EXPECT_THAT(faults_of_setting("tau_m", 0.0), ElementsAre("population \"E\": tau_m is 0 ms, must be positive"));
  EXPECT_THAT(faults_of_setting("t_ref", 0.0), IsEmpty());
  EXPECT_THAT(faults_of_setting("t_ref", -1.0), SizeIs(1));
  EXPECT_THAT(faults_of_setting("E_L", kNan), ElementsAre("population \"E\": E_L is nan, expected a finite number"));
  EXPECT_THAT(faults_of_setting("tau_m", Distribution{Distribution::Kind::normal, 10.0, 0.5}), IsEmpty());
  EXPECT_THAT(faults_of_setting("tau_m", Distribution{Distribution::Kind::normal, 10.0, 5.0}), SizeIs(1));
  EXPECT_THAT(faults_of_setting("tau_m", Distribution{Distribution::Kind::uniform, 2.0, 1.0}), SizeIs(1));
  EXPECT_THAT(faults_of_setting("V_m", std::vector<double>(79, -65.0)),
              ElementsAre("population \"E\": V_m has 79 values for 80 neurons"));
  std::vector<double> values(80, 10.0);
  EXPECT_THAT(faults_of_setting("tau_m", values), IsEmpty());
  values[5] = -1.0;
  EXPECT_THAT(faults_of_setting("tau_m", values),
              ElementsAre("population \"E\": tau_m of neuron 5 is -1 ms, must be positive"));
}

TEST(Validate, ChecksParametersTogetherIncludingDefaultsAndDraws) {
  EXPECT_THAT(faults_of_setting("V_th", -80.0), ElementsAre("population \"E\": V_reset must be below V_th"));
  EXPECT_THAT(faults_of_setting("V_th", Distribution{Distribution::Kind::uniform, -80.0, -50.0}), SizeIs(1));
  EXPECT_THAT(faults_of_setting("V_th", Distribution{Distribution::Kind::uniform, -60.0, -50.0}), IsEmpty());
  std::vector<double> values(80, -50.0);
  values[79] = -90.0;
  EXPECT_THAT(faults_of_setting("V_th", values),
              ElementsAre("population \"E\": V_reset must be below V_th (neuron 79)"));
}

TEST(Validate, TakesEmptyArraysOfEmptyPopulationsForWhatTheyAre) {
  NetworkSpec spec = two_populations();
  spec.populations[0] = {"E", 0, "iaf_psc_exp", {{"t_ref", std::vector<double>{}}}};
  EXPECT_THAT(paths(spec), ElementsAre("populations.E.n"));
}

TEST(Validate, AllowsInfinityOnlyWhereItIsTheDefault) {
  NetworkSpec spec = two_populations();
  spec.populations = {{"A", 1, "izhikevich", {{"V_min", -std::numeric_limits<double>::infinity()}}}};
  EXPECT_THAT(validate(spec), IsEmpty());
  EXPECT_THAT(faults_of_setting("E_L", std::numeric_limits<double>::infinity()), SizeIs(1));
}

TEST(Validate, WantsUniqueAndUsableNames) {
  NetworkSpec spec = two_populations();
  spec.populations[1].name = "E";
  EXPECT_THAT(paths(spec), ElementsAre("populations.E"));
  for (const char* name : {"", ".", "..", "a/b", "a\nb"}) {
    spec.populations[1].name = name;
    EXPECT_THAT(validate(spec), SizeIs(1)) << name;
  }
  spec = two_populations();
  spec.projections = {projection({}), projection({})};
  EXPECT_THAT(paths(spec), ElementsAre("projections[1].name"));
}

TEST(Validate, RefusesRulesThatCannotBeMet) {
  const auto faults = [](Rule rule, std::uint32_t source = 0, std::uint32_t target = 1) {
    NetworkSpec spec = two_populations();
    spec.projections = {projection(rule, source, target)};
    return messages(spec);
  };
  using Kind = Rule::Kind;
  EXPECT_THAT(faults({.kind = Kind::one_to_one}), SizeIs(1));
  EXPECT_THAT(faults({.kind = Kind::one_to_one}, 0, 0), IsEmpty());
  EXPECT_THAT(faults({.kind = Kind::one_to_one, .allow_autapses = false}, 0, 0), SizeIs(1));
  EXPECT_THAT(faults({.kind = Kind::fixed_indegree, .count = 81}), IsEmpty());
  EXPECT_THAT(faults({.kind = Kind::fixed_indegree, .count = 80, .allow_multapses = false}), IsEmpty());
  EXPECT_THAT(faults({.kind = Kind::fixed_indegree, .count = 81, .allow_multapses = false}), SizeIs(1));
  EXPECT_THAT(
      faults({.kind = Kind::fixed_indegree, .count = 80, .allow_autapses = false, .allow_multapses = false}, 0, 0),
      SizeIs(1));
  EXPECT_THAT(faults({.kind = Kind::fixed_outdegree, .count = 21, .allow_multapses = false}), SizeIs(1));
  EXPECT_THAT(faults({.kind = Kind::fixed_total_number, .count = 1600, .allow_multapses = false}), IsEmpty());
  EXPECT_THAT(faults({.kind = Kind::fixed_total_number, .count = 1601, .allow_multapses = false}), SizeIs(1));
  EXPECT_THAT(
      faults({.kind = Kind::fixed_total_number, .count = 381, .allow_autapses = false, .allow_multapses = false}, 1, 1),
      SizeIs(1));
  EXPECT_THAT(faults({.kind = Kind::pairwise_bernoulli, .p = 1.0}), IsEmpty());
  EXPECT_THAT(faults({.kind = Kind::pairwise_bernoulli, .p = kNan}), SizeIs(1));
  EXPECT_THAT(faults({.kind = Kind::fixed_indegree, .count = std::uint64_t{1} << 60}), SizeIs(1));
}

TEST(Validate, WantsDelaysOfAtLeastOneStep) {
  const auto faults = [](Value delay) {
    NetworkSpec spec = two_populations();
    spec.projections = {projection({})};
    spec.projections[0].delay = std::move(delay);
    return messages(spec);
  };
  using Kind = Distribution::Kind;
  EXPECT_THAT(faults(0.1), IsEmpty());
  EXPECT_THAT(faults(0.25), IsEmpty());  // rounded to steps
  EXPECT_THAT(faults(0.09), SizeIs(1));
  EXPECT_THAT(faults(kNan), SizeIs(1));
  EXPECT_THAT(faults(std::vector<double>{1.0}), SizeIs(1));
  EXPECT_THAT(faults(Distribution{Kind::uniform, 0.1, 2.0}), IsEmpty());
  EXPECT_THAT(faults(Distribution{Kind::uniform, 0.0, 2.0}), SizeIs(1));
  EXPECT_THAT(faults(Distribution{Kind::normal, 1.5, 0.75}), SizeIs(1));
  EXPECT_THAT(faults(Distribution{Kind::normal, 1.5, 0.1}), IsEmpty());
  EXPECT_THAT(faults(Distribution{.kind = Kind::normal_clipped, .a = 1.5, .b = 0.75, .low = 0.1}), IsEmpty());
  EXPECT_THAT(faults(Distribution{.kind = Kind::normal_clipped, .a = 1.5, .b = 0.75}), SizeIs(1));
  EXPECT_THAT(faults(Distribution{Kind::exponential, 2.0, 0.0}), IsEmpty());
  EXPECT_THAT(faults(Distribution{Kind::uniform, 1.0, 1e5}), SizeIs(1));
}

TEST(Validate, WantsTimesOnTheGrid) {
  NetworkSpec spec = two_populations();
  spec.dt = 0.25;
  spec.warmup = 0.3;
  spec.multimeters = {{0, {"V_m"}, {}, 0.1}, {0, {"V_m"}, {}, 0.6}};
  spec.stimuli = {stimulus("n", NoiseGenerator{0.0, 1.0, 0.3}, 0), stimulus("s", SpikeGenerator{{0.25, 0.6}}, 0)};
  spec.stop_if = RateGuard{100.0, 0.1};
  EXPECT_THAT(paths(spec), ElementsAre("simulation.warmup", "simulation.stop_if.window", "stimuli[0].dt",
                                       "stimuli[1].times", "multimeters[0].interval", "multimeters[1].interval"));
  EXPECT_TRUE(on_grid(0.3, 0.1));
  EXPECT_TRUE(on_grid(1e6 + 0.1, 0.1));
  EXPECT_FALSE(on_grid(0.35, 0.1));
}

TEST(Validate, SurvivesNonsenseInEveryNumber) {
  for (const double bad : {kNan, -1.0, 0.0, 1e300, std::numeric_limits<double>::infinity()}) {
    NetworkSpec spec = two_populations();
    spec.dt = bad;
    spec.warmup = bad;
    spec.duration = bad;
    spec.stop_if = RateGuard{bad, bad};
    spec.populations[0].n = 0;
    spec.populations[0].settings = {{"tau_m", bad},
                                    {"V_m", Distribution{Distribution::Kind::normal_clipped, bad, bad, bad, bad}},
                                    {"V_th", std::vector<double>{}}};
    spec.projections = {projection({.kind = Rule::Kind::fixed_indegree, .count = ~std::uint64_t{0}}, 9, 9),
                        projection({.p = bad})};
    spec.projections[1].weight = bad;
    spec.projections[1].delay = bad;
    spec.stimuli.push_back({.name = "",
                            .generator = NoiseGenerator{bad, bad, bad},
                            .target = 9,
                            .neurons = {5},
                            .weight = bad,
                            .delay = bad,
                            .start = bad,
                            .stop = bad});
    spec.multimeters = {{9, {}, {1}, bad}};
    EXPECT_FALSE(validate(spec).empty()) << bad;
  }
}

TEST(NearestName, IsTheOneThatWasProbablyMeant) {
  const std::vector<std::string_view> known = {"tau_m", "tau_syn_ex", "V_th", "V_reset", "E"};
  EXPECT_EQ(nearest_name("tau_n", known), "tau_m");
  EXPECT_EQ(nearest_name("tua_m", known), "tau_m");
  EXPECT_EQ(nearest_name("v_th", known), "V_th");
  EXPECT_EQ(nearest_name("V_rest", known), "V_reset");
  EXPECT_EQ(nearest_name("X", known), "");
  EXPECT_EQ(nearest_name("e", known), "E");
  EXPECT_EQ(nearest_name("completely_different", known), "");
  EXPECT_EQ(nearest_name("", known), "");
  EXPECT_EQ(edit_distance("abcd", "abdc"), 1U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

TEST(InQuotes, IsFitForOneLine) {
  EXPECT_EQ(in_quotes("a\"b\n"), "\"a\\\"b\\x0a\"");
  EXPECT_EQ(in_quotes(std::string(100, 'x')), "\"" + std::string(60, 'x') + "…\"");
}

TEST(NumberText, IsShortAndExact) {
  EXPECT_EQ(number_text(0.1), "0.1");
  EXPECT_EQ(number_text(100000.0), "100000");
  EXPECT_EQ(number_text(-0.0), "0");
  EXPECT_EQ(number_text(1e300), "1e+300");
  EXPECT_EQ(number_text(kNan), "nan");
}

}  // namespace
}  // namespace neuract::snn
