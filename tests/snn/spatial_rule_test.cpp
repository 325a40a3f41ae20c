#include "neuract/snn/geometry/spatial_rule.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <string>

#include "geometry_networks.hpp"
#include "neuract/kernels/isa.hpp"

namespace neuract::snn {
namespace {

using testing::free_positions;
using testing::generate;
using testing::grid_positions;
using testing::Lists;
using testing::Sheet;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Rule bernoulli(double p, std::optional<Profile> profile, double cutoff = kInfinity) {
  Rule rule;
  rule.kind = Rule::Kind::pairwise_bernoulli;
  rule.p = p;
  rule.profile = profile;
  rule.cutoff = cutoff;
  return rule;
}

Rule indegree(std::uint64_t count, std::optional<Profile> profile, double cutoff = kInfinity, bool multapses = true) {
  Rule rule = bernoulli(0.0, profile, cutoff);
  rule.kind = Rule::Kind::fixed_indegree;
  rule.count = count;
  rule.allow_multapses = multapses;
  return rule;
}

constexpr Profile kGaussian{Profile::Kind::gaussian, 0.08};
constexpr Profile kExponential{Profile::Kind::exponential, 0.1};

struct Case {
  std::string name;
  Sheet sheet;
  Rule rule;
};

std::vector<Case> cases() {
  const PositionSpec open = free_positions({1.0, 0.7, 1.0});
  const PositionSpec torus = free_positions({1.0, 0.7, 1.0}, true);
  const PositionSpec grid = grid_positions({30, 24, 1}, {1.0, 0.7, 1.0}, true);
  const PositionSpec cube = free_positions({1.0, 1.0, 0.5}, false, 3);
  const PositionSpec ring = free_positions({1.0, 1.0, 0.5}, true, 3);
  PositionSpec apart = open;
  apart.center = {0.8, 0.1, 0.0};
  Rule others = bernoulli(1.0, kGaussian);
  others.allow_autapses = false;
  return {
      {"constant within a disc", {open, 720}, bernoulli(0.1, std::nullopt, 0.2)},
      {"certain within a disc", {torus, 720}, bernoulli(1.0, std::nullopt, 0.11)},
      {"gaussian", {open, 720}, bernoulli(0.4, kGaussian)},
      {"gaussian on a torus", {torus, 720}, bernoulli(0.9, kGaussian)},
      {"gaussian on a grid, no autapses", {grid, 720}, others},
      {"cut gaussian onto others", {torus, 500, grid, 720}, bernoulli(0.5, kGaussian, 0.15)},
      {"gaussian ring", {torus, 720}, bernoulli(0.5, Profile{Profile::Kind::gaussian, 0.03, 0.2})},
      {"exponential", {torus, 720}, bernoulli(0.3, kExponential)},
      {"exponential, from afar", {open, 600, apart, 650}, bernoulli(1.0, kExponential)},
      {"linear", {open, 720}, bernoulli(0.5, Profile{Profile::Kind::linear, 0.3})},
      {"with a floor", {open, 720}, bernoulli(0.5, Profile{Profile::Kind::gaussian, 0.1, 0.0, 1.0, 0.0, 0.02})},
      {"less than a floor", {open, 720}, bernoulli(1.0, Profile{Profile::Kind::linear, 0.5, 0.0, 1.0, 0.0, -0.4})},
      {"tilted", {torus, 720}, bernoulli(0.7, Profile{Profile::Kind::gaussian2d, 0.15, 0.0, 0.05, 0.6})},
      {"3-D gaussian", {cube, 720}, bernoulli(0.8, Profile{Profile::Kind::gaussian, 0.15})},
      {"3-D torus", {ring, 720}, bernoulli(0.8, Profile{Profile::Kind::exponential, 0.1}, 0.3)},
      {"a line", {free_positions({1.0, 1e-9, 1.0}), 500}, bernoulli(0.8, kGaussian)},
      {"one neuron", {open, 1}, bernoulli(1.0, kGaussian)},
      {"indegree", {open, 720}, indegree(50, kGaussian)},
      {"indegree within a disc", {torus, 720}, indegree(50, std::nullopt, 0.2)},
      {"indegree, distinct", {torus, 720}, indegree(50, kGaussian, 0.3, false)},
      {"indegree from afar, distinct", {open, 600, apart, 300}, indegree(40, kGaussian, kInfinity, false)},
      {"indegree 3-D", {ring, 720}, indegree(30, kExponential)},
  };
}

std::shared_ptr<const SpatialRule> made(const Case& c, std::uint64_t seed = 1) {
  auto rule = c.sheet.make(c.rule, seed);
  EXPECT_TRUE(rule) << c.name << ": " << (rule ? "" : rule.error().to_string());
  return rule.value();
}

/// Whether the number of synapses at every distance is what the probabilities say: a chi-square over bins of distance.
/// The bound is eight standard deviations of chi-square above its mean.
void expect_law(const Case& c, int rounds) {
  constexpr std::size_t kBins = 40;
  const std::uint32_t n_source = c.sheet.sources->size();
  const std::uint32_t n_target = c.sheet.targets->size();
  const double reach = largest_distance(c.sheet.source_spec, c.sheet.target_spec);
  const auto bin_of = [&](std::uint32_t source, std::uint32_t target) {
    return std::min(kBins - 1, static_cast<std::size_t>(c.sheet.way(source, target).second / reach * kBins));
  };
  std::vector<double> mean(kBins), variance(kBins), seen(kBins);
  for (std::uint32_t t = 0; t < n_target; ++t) {
    double sum = 1.0;
    if (c.rule.kind == Rule::Kind::fixed_indegree) {
      sum = 0.0;
      for (std::uint32_t s = 0; s < n_source; ++s) sum += c.sheet.likelihood(c.rule, s, t);
      sum /= static_cast<double>(c.rule.count);
    }
    for (std::uint32_t s = 0; s < n_source; ++s) {
      const double p = c.sheet.likelihood(c.rule, s, t) / sum;
      mean[bin_of(s, t)] += p;
      variance[bin_of(s, t)] += c.rule.kind == Rule::Kind::fixed_indegree ? p : p * (1.0 - p);
    }
  }
  for (int round = 0; round < rounds; ++round) {
    const Lists lists = generate(*made(c, static_cast<std::uint64_t>(round) + 1), 0, n_target);
    for (std::uint32_t t = 0; t < n_target; ++t) {
      for (const std::uint32_t s : lists[t]) ++seen[bin_of(s, t)];
    }
  }
  double chi_square = 0.0;
  double bins = 0.0;
  for (std::size_t k = 0; k < kBins; ++k) {
    if (variance[k] * rounds < 5.0) {
      ASSERT_LE(std::abs(seen[k] - mean[k] * rounds), 30.0) << c.name << ": bin " << k;
      continue;
    }
    const double difference = seen[k] - mean[k] * rounds;
    chi_square += difference * difference / (variance[k] * rounds);
    bins += 1.0;
  }
  EXPECT_LE(chi_square, bins + 8.0 * std::sqrt(2.0 * bins)) << c.name << ": " << bins << " bins";
}

TEST(SpatialRule, ConnectsAtEveryDistanceAsOftenAsTheProfileSays) {
  for (const Case& c : cases()) {
    // Distinct sources are drawn without putting back: close to this law only where few of many are taken.
    if (c.rule.kind == Rule::Kind::fixed_indegree && !c.rule.allow_multapses) continue;
    expect_law(c, 4);
  }
}

TEST(SpatialRule, AnyCutOfTheTargetsGivesTheSameSynapses) {
  for (const Case& c : cases()) {
    const auto rule = made(c);
    const std::uint32_t n = c.sheet.targets->size();
    const Lists whole = generate(*rule, 0, n);
    for (const std::uint32_t width : {1u, 63u, 400u}) {
      for (std::uint32_t first = 0; first < n; first += width) {
        const Lists part = generate(*rule, first, std::min(width, n - first));
        ASSERT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + first)) << c.name << " from " << first;
      }
    }
  }
}

TEST(SpatialRule, IsTheSameOnEveryInstructionSet) {
  const kernels::Isa before = kernels::active_isa();
  for (const Case& c : cases()) {
    ASSERT_TRUE(kernels::set_isa_for_testing(kernels::Isa::base));
    const Lists expected = generate(*made(c), 0, c.sheet.targets->size());
    for (const kernels::Isa isa : kernels::supported_isas()) {
      ASSERT_TRUE(kernels::set_isa_for_testing(isa));
      ASSERT_EQ(generate(*made(c), 0, c.sheet.targets->size()), expected) << c.name << " " << name_of(isa);
    }
  }
  kernels::set_isa_for_testing(before);
}

TEST(SpatialRule, KeepsWhatTheRuleAndItsSwitchesPromise) {
  for (const Case& c : cases()) {
    const auto rule = made(c);
    const Lists lists = generate(*rule, 0, c.sheet.targets->size());
    for (std::uint32_t t = 0; t < lists.size(); ++t) {
      EXPECT_LE(static_cast<double>(lists[t].size()), rule->max_indegree()) << c.name;
      ASSERT_TRUE(c.rule.kind != Rule::Kind::fixed_indegree || lists[t].size() == c.rule.count) << c.name;
      const std::set<std::uint32_t> distinct(lists[t].begin(), lists[t].end());
      if (c.rule.kind != Rule::Kind::fixed_indegree || !c.rule.allow_multapses) {
        ASSERT_EQ(distinct.size(), lists[t].size()) << c.name;
      }
      for (const std::uint32_t s : lists[t]) {
        ASSERT_LT(s, c.sheet.sources->size()) << c.name;
        ASSERT_GT(c.sheet.likelihood(c.rule, s, t), 0.0) << c.name;
      }
    }
  }
}

TEST(SpatialRule, KnowsTheExpectedNumberOfSynapses) {
  for (const Case& c : cases()) {
    const auto rule = made(c);
    double sum = 0.0;
    double most = 0.0;
    for (std::uint32_t t = 0; t < c.sheet.targets->size(); ++t) {
      double mean = 0.0;
      for (std::uint32_t s = 0; s < c.sheet.sources->size(); ++s) mean += c.sheet.likelihood(c.rule, s, t);
      sum += c.rule.kind == Rule::Kind::fixed_indegree ? static_cast<double>(c.rule.count) : mean;
      most = std::max(most, mean);
    }
    EXPECT_NEAR(rule->expected_synapses(), sum, 1e-9 * sum) << c.name;
    if (c.rule.kind == Rule::Kind::pairwise_bernoulli) {
      EXPECT_LE(rule->max_indegree(), most + 12.0 * std::sqrt(most) + 65.0) << c.name;
    }
  }
}

TEST(SpatialRule, EstimatesLargeNetworksFromSomeOfTheirTargets) {
  // 4e8 pairs within reach: a fiftieth of them is looked at.
  const Sheet sheet(grid_positions({200, 200, 1}, {1.0, 1.0, 1.0}, true), 40'000);
  const auto rule = sheet.make(bernoulli(0.01, Profile{Profile::Kind::gaussian, 0.15})).value();
  // On a torus this wide the integral over the plane is that over the sheet, but for 1e-3.
  const double mean = 40'000 * 0.01 * 2.0 * 3.14159265 * 0.15 * 0.15;
  EXPECT_NEAR(rule->expected_synapses() / 40'000, mean, 3e-3 * mean);
  EXPECT_GE(rule->max_indegree(), mean + 12.0 * std::sqrt(mean));
  EXPECT_LE(rule->max_indegree(), 2.0 * mean + 12.0 * std::sqrt(2.0 * mean) + 65.0);
}

TEST(SpatialRule, FarSourcesAreAsLikelyAsTheirProfileSaysEvenWhereAllAreUnlikely) {
  // At 30 standard deviations a step of a hundredth of one makes a factor of 1.35.
  PositionSpec source;
  source.kind = PositionSpec::Kind::list;
  source.points = std::make_shared<const std::vector<double>>(std::vector<double>{0.0, 0.0, 0.001, 0.0});
  PositionSpec target = source;
  target.points = std::make_shared<const std::vector<double>>(std::vector<double>{3.0, 0.0});
  const Sheet sheet(source, 2, target, 1);
  const Rule rule = indegree(40'000, Profile{Profile::Kind::gaussian, 0.1});
  const Lists lists = generate(*sheet.make(rule).value(), 0, 1);
  const double ratio = std::exp(0.5 * (30.0 * 30.0 - 29.99 * 29.99));
  const auto near = static_cast<double>(std::count(lists[0].begin(), lists[0].end(), 1u));
  EXPECT_NEAR(near, 40'000 * ratio / (1.0 + ratio), 6.0 * 100.0);
}

TEST(SpatialRule, RefusesMoreSourcesThanAreWithinReach) {
  const Sheet sheet(grid_positions({10, 10, 1}, {1.0, 1.0, 1.0}), 100);
  const auto refused = sheet.make(indegree(5, std::nullopt, 0.11, false));
  ASSERT_FALSE(refused);
  // A corner reaches itself and its two neighbours.
  EXPECT_EQ(refused.error().to_string(),
            "fixed_indegree = 5: target 0 has 3 sources within reach, and multapses are excluded");
  EXPECT_TRUE(sheet.make(indegree(3, std::nullopt, 0.11, false)));
  Rule alone = indegree(1, std::nullopt, 0.09);
  EXPECT_TRUE(sheet.make(alone));
  alone.allow_autapses = false;
  EXPECT_FALSE(sheet.make(alone));
}

}  // namespace
}  // namespace neuract::snn
