#include "neuract/snn/connectivity.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "neuract/kernels/isa.hpp"

namespace neuract::snn {
namespace {

using Kind = Rule::Kind;
using Lists = std::vector<std::vector<std::uint32_t>>;  // sources of each target

struct Case {
  std::string name;
  Rule rule;
  std::uint32_t sources;
  std::uint32_t targets;
  bool same = false;
};

std::vector<Case> cases() {
  std::vector<Case> all = {
      {"one to one", {Kind::one_to_one}, 130, 130},
      {"all to all", {Kind::all_to_all}, 65, 64},
      {"all to all others", {Kind::all_to_all, 0, 0.0, false}, 65, 65, true},
      {"nothing to nobody", {Kind::all_to_all}, 0, 0},
      {"no targets", {Kind::fixed_indegree, 5}, 10, 0},
      {"no sources", {Kind::pairwise_bernoulli, 0, 0.5}, 0, 10},
      {"from many", {Kind::fixed_indegree, 100}, 1'000'000, 65},
      {"from many, distinct", {Kind::fixed_indegree, 100, 0.0, true, false}, 100'000, 65},
      {"from one", {Kind::fixed_indegree, 3}, 1, 64},
      {"few in all", {Kind::fixed_total_number, 7}, 1000, 1000},
      {"one in all", {Kind::fixed_total_number, 1}, 1, 63},
      {"bernoulli 0", {Kind::pairwise_bernoulli, 0, 0.0}, 64, 65},
      {"bernoulli 1", {Kind::pairwise_bernoulli, 0, 1.0}, 64, 65},
      {"bernoulli rare", {Kind::pairwise_bernoulli, 0, 1e-5}, 100'000, 65},
      {"bernoulli sparse", {Kind::pairwise_bernoulli, 0, 0.02, false}, 500, 500, true},
      {"bernoulli dense", {Kind::pairwise_bernoulli, 0, 0.9}, 200, 100},
  };
  for (const bool autapses : {true, false}) {
    for (const bool multapses : {true, false}) {
      const std::string switches = std::string(autapses ? "" : ", no autapses") + (multapses ? "" : ", no multapses");
      for (const std::uint64_t k : {0ull, 1ull, 64ull, 100ull, 198ull}) {
        all.push_back({"indegree " + std::to_string(k) + switches,
                       {Kind::fixed_indegree, k, 0.0, autapses, multapses},
                       199,
                       199,
                       true});
        all.push_back({"outdegree " + std::to_string(k) + switches,
                       {Kind::fixed_outdegree, k, 0.0, autapses, multapses},
                       199,
                       199,
                       true});
      }
      for (const std::uint64_t n : {0ull, 1ull, 4000ull, 130ull * 129ull}) {
        all.push_back({"total " + std::to_string(n) + switches,
                       {Kind::fixed_total_number, n, 0.0, autapses, multapses},
                       130,
                       130,
                       true});
      }
    }
  }
  return all;
}

Connectivity connectivity(const Case& c, std::uint64_t seed = 1, std::uint32_t projection = 0) {
  auto made = Connectivity::make(c.rule, c.sources, c.targets, c.same, seed, projection);
  EXPECT_TRUE(made) << c.name << ": " << (made ? "" : made.error().to_string());
  return made.value();
}

Lists generate(const Connectivity& connectivity, std::uint32_t first, std::uint32_t count) {
  Lists lists;
  const bool all =
      connectivity.for_each_target(first, count, [&](std::uint32_t target, std::span<const std::uint32_t> sources) {
        EXPECT_EQ(target, first + lists.size());
        lists.emplace_back(sources.begin(), sources.end());
        return true;
      });
  EXPECT_TRUE(all);
  EXPECT_EQ(lists.size(), count);
  return lists;
}

std::uint64_t size_of(const Lists& lists) {
  std::uint64_t n = 0;
  for (const auto& list : lists) n += list.size();
  return n;
}

TEST(Connectivity, AnyCutOfTheTargetsGivesTheSameSynapses) {
  for (const Case& c : cases()) {
    const Connectivity made = connectivity(c);
    const Lists whole = generate(made, 0, c.targets);
    for (const std::uint32_t width : {1u, 63u, 64u, 65u}) {
      for (std::uint32_t first = 0; first < c.targets; first += width) {
        const std::uint32_t count = std::min(width, c.targets - first);
        const Lists part = generate(made, first, count);
        ASSERT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + first))
            << c.name << " from " << first << " width " << width;
      }
    }
  }
}

TEST(Connectivity, IsTheSameOnEveryInstructionSet) {
  const kernels::Isa before = kernels::active_isa();
  for (const Case& c : cases()) {
    ASSERT_TRUE(kernels::set_isa_for_testing(kernels::Isa::base));
    const Lists expected = generate(connectivity(c), 0, c.targets);
    for (const kernels::Isa isa : kernels::supported_isas()) {
      ASSERT_TRUE(kernels::set_isa_for_testing(isa));
      ASSERT_EQ(generate(connectivity(c), 0, c.targets), expected) << c.name << " " << name_of(isa);
    }
  }
  kernels::set_isa_for_testing(before);
}

TEST(Connectivity, KeepsWhatTheRuleAndItsSwitchesPromise) {
  for (const Case& c : cases()) {
    const Lists lists = generate(connectivity(c), 0, c.targets);
    const double bound = max_indegree_bound(c.rule, c.sources, c.targets, c.same);
    std::vector<std::uint64_t> outdegree(c.sources);
    for (std::uint32_t target = 0; target < lists.size(); ++target) {
      const auto& list = lists[target];
      EXPECT_LE(static_cast<double>(list.size()), bound) << c.name;
      for (const std::uint32_t source : list) {
        ASSERT_LT(source, c.sources) << c.name;
        ++outdegree[source];
        ASSERT_TRUE(source != target || !c.same || c.rule.allow_autapses) << c.name;
      }
      if (!c.rule.allow_multapses) {
        ASSERT_EQ(std::set<std::uint32_t>(list.begin(), list.end()).size(), list.size()) << c.name << ": a pair twice";
      }
      ASSERT_TRUE(c.rule.kind != Kind::fixed_indegree || list.size() == c.rule.count) << c.name;
      ASSERT_TRUE(c.rule.kind != Kind::one_to_one || list == std::vector<std::uint32_t>{target}) << c.name;
    }
    if (c.rule.kind == Kind::fixed_outdegree) {
      for (const std::uint64_t n : outdegree) ASSERT_EQ(n, c.rule.count) << c.name;
    }
    if (c.rule.kind != Kind::pairwise_bernoulli || c.rule.p == 0.0 || c.rule.p == 1.0) {
      EXPECT_EQ(static_cast<double>(size_of(lists)), expected_synapses(c.rule, c.sources, c.targets, c.same)) << c.name;
    } else {
      const double mean = expected_synapses(c.rule, c.sources, c.targets, c.same);
      EXPECT_NEAR(static_cast<double>(size_of(lists)), mean, 5.0 * std::sqrt(mean * (1.0 - c.rule.p))) << c.name;
    }
  }
}

TEST(Connectivity, DependsOnSeedAndProjection) {
  const Case c{"indegree", {Kind::fixed_indegree, 20}, 1000, 100};
  const Lists lists = generate(connectivity(c), 0, 100);
  EXPECT_EQ(lists, generate(connectivity(c), 0, 100));
  EXPECT_NE(lists, generate(connectivity(c, 2), 0, 100));
  EXPECT_NE(lists, generate(connectivity(c, 1, 1), 0, 100));
}

TEST(Connectivity, StopsWhenTheSinkSaysSo) {
  for (const Case& c : cases()) {
    if (c.targets < 2) continue;
    int calls = 0;
    EXPECT_FALSE(connectivity(c).for_each_target(0, c.targets, [&](auto, auto) { return ++calls < 2; })) << c.name;
    EXPECT_EQ(calls, 2) << c.name;
  }
}

/// How often each (target, source) pair appears over many projections, against `expected` for each admissible pair.
void expect_even_pairs(const Case& c, double variance_of_pair) {
  constexpr int rounds = 400;
  std::vector<double> counts(c.sources * c.targets);
  for (int round = 0; round < rounds; ++round) {
    const Lists lists = generate(connectivity(c, 11, static_cast<std::uint32_t>(round)), 0, c.targets);
    for (std::uint32_t t = 0; t < c.targets; ++t) {
      for (const std::uint32_t s : lists[t]) counts[t * c.sources + s] += 1.0;
    }
  }
  const bool others_only = c.same && !c.rule.allow_autapses;
  const double pairs = static_cast<double>(c.sources) * (c.targets - (others_only ? 1.0 : 0.0));
  const double expected = rounds * expected_synapses(c.rule, c.sources, c.targets, c.same) / pairs;
  double chi_square = 0.0;
  for (std::uint32_t t = 0; t < c.targets; ++t) {
    for (std::uint32_t s = 0; s < c.sources; ++s) {
      if (others_only && s == t) continue;
      const double difference = counts[t * c.sources + s] - expected;
      chi_square += difference * difference / (rounds * variance_of_pair);
    }
  }
  EXPECT_NEAR(chi_square, pairs, 6.0 * std::sqrt(2.0 * pairs) + 0.03 * pairs) << c.name;
}

TEST(Connectivity, EveryPairIsEquallyLikely) {
  // Variance of one pair's count in one round: k p (1 - p) with multapses, p (1 - p) without, p the chance of the pair.
  for (const bool autapses : {true, false}) {
    const double n = autapses ? 40.0 : 39.0;
    const auto switches = [&](Rule rule, bool multapses) {
      rule.allow_autapses = autapses;
      rule.allow_multapses = multapses;
      return rule;
    };
    const double share = 12.0 / n;
    expect_even_pairs({"indegree", switches({Kind::fixed_indegree, 12}, true), 40, 40, true},
                      12.0 / n * (1.0 - 1.0 / n));
    expect_even_pairs({"indegree, distinct", switches({Kind::fixed_indegree, 12}, false), 40, 40, true},
                      share * (1.0 - share));
    expect_even_pairs({"indegree, most", switches({Kind::fixed_indegree, 30}, false), 40, 40, true},
                      30.0 / n * (1.0 - 30.0 / n));
    expect_even_pairs({"outdegree", switches({Kind::fixed_outdegree, 12}, true), 40, 40, true},
                      12.0 / n * (1.0 - 1.0 / n));
    expect_even_pairs({"outdegree, distinct", switches({Kind::fixed_outdegree, 12}, false), 40, 40, true},
                      share * (1.0 - share));
    expect_even_pairs({"total", switches({Kind::fixed_total_number, 480}, true), 40, 40, true},
                      share * (1.0 - 1.0 / (40.0 * n)));
    expect_even_pairs({"total, distinct", switches({Kind::fixed_total_number, 480}, false), 40, 40, true},
                      480.0 / (40.0 * n) * (1.0 - 480.0 / (40.0 * n)));
    expect_even_pairs({"bernoulli", switches({Kind::pairwise_bernoulli, 0, 0.3}, true), 40, 40, true}, 0.21);
  }
}

TEST(Connectivity, DegreesOfATotalSpreadAsAMultinomial) {
  const Case c{"total", {Kind::fixed_total_number, 200'000}, 1000, 1000};
  const Lists lists = generate(connectivity(c), 0, c.targets);
  double variance = 0.0;
  for (const auto& list : lists) variance += std::pow(static_cast<double>(list.size()) - 200.0, 2) / 1000.0;
  EXPECT_NEAR(variance, 200.0, 5.0 * 200.0 * std::sqrt(2.0 / 1000.0));
}

TEST(Connectivity, GapsOfABernoulliRuleAreIndependent) {
  // Numbers of synapses per target are binomial, also in their variance.
  const Case c{"bernoulli", {Kind::pairwise_bernoulli, 0, 0.1}, 1000, 2000};
  const Lists lists = generate(connectivity(c), 0, c.targets);
  double mean = 0.0;
  for (const auto& list : lists) mean += static_cast<double>(list.size()) / 2000.0;
  double variance = 0.0;
  for (const auto& list : lists) variance += std::pow(static_cast<double>(list.size()) - mean, 2) / 2000.0;
  EXPECT_NEAR(mean, 100.0, 5.0 * std::sqrt(90.0 / 2000.0));
  EXPECT_NEAR(variance, 90.0, 5.0 * 90.0 * std::sqrt(2.0 / 2000.0));
}

TEST(Connectivity, RefusesWhatCannotBe) {
  const auto message = [](const Rule& rule, std::uint32_t sources, std::uint32_t targets, bool same) {
    const auto made = Connectivity::make(rule, sources, targets, same, 1, 0);
    if (made) return std::string("no error");
    EXPECT_EQ(made.error().code, ErrorCode::invalid_argument);
    return made.error().message;
  };
  EXPECT_EQ(message({Kind::one_to_one}, 3, 4, false),
            "one_to_one needs populations of one size; the source has 3 neurons, the target 4");
  EXPECT_EQ(message({Kind::one_to_one, 0, 0.0, false}, 3, 3, true),
            "one_to_one within a population makes nothing but autapses, which are excluded");
  EXPECT_EQ(message({Kind::fixed_indegree, 5, 0.0, true, false}, 4, 10, false),
            "fixed_indegree = 5 without multapses needs as many sources; there are 4");
  EXPECT_EQ(message({Kind::fixed_indegree, 4, 0.0, false, false}, 4, 4, true),
            "fixed_indegree = 4 without multapses needs as many sources; there are 3 (autapses excluded)");
  EXPECT_EQ(message({Kind::fixed_indegree, 1, 0.0, false}, 1, 1, true),
            "fixed_indegree = 1: there is no source to draw (autapses excluded)");
  EXPECT_EQ(message({Kind::fixed_outdegree, 5, 0.0, true, false}, 10, 4, false),
            "fixed_outdegree = 5 without multapses needs as many targets; there are 4");
  EXPECT_EQ(message({Kind::fixed_total_number, 1}, 0, 10, false),
            "fixed_total_number = 1: there is no pair of neurons to connect");
  EXPECT_EQ(message({Kind::fixed_total_number, 13, 0.0, false, false}, 4, 4, true),
            "fixed_total_number = 13 without multapses needs as many pairs; there are 12 (autapses excluded)");
  EXPECT_EQ(message({Kind::pairwise_bernoulli, 0, 1.5}, 4, 4, false),
            "pairwise_bernoulli = 1.5 is not a probability between 0 and 1");
  EXPECT_EQ(message({Kind::fixed_total_number, ~0ull}, 4, 4, false),
            "fixed_total_number = 18446744073709551615 is too many for 4 targets");
}

}  // namespace
}  // namespace neuract::snn
