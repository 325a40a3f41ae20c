#include "neuract/snn/source_draws.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "neuract/snn/connectivity.hpp"
#include "neuract/snn/pair_words.hpp"

namespace neuract::snn {
namespace {

constexpr std::uint64_t kSeed = 5;
constexpr std::uint32_t kProjection = 3;

Rule outdegree(std::uint64_t count, bool multapses = true) {
  return {Rule::Kind::fixed_outdegree, count, 0.0, true, multapses};
}

Rule bernoulli(double p) {
  Rule rule{Rule::Kind::pairwise_bernoulli, 0, p};
  rule.by_source = true;
  return rule;
}

std::vector<std::uint32_t> targets(const Rule& rule, std::uint32_t n, bool exclude_self, std::uint32_t source,
                                   std::uint32_t first, std::uint32_t count) {
  SourceDraws draws(rule, n, exclude_self, kSeed, kProjection);
  const auto drawn = draws.targets(source, first, count);
  return {drawn.begin(), drawn.end()};
}

TEST(SourceDraws, AreForRulesThatCanBeToldFromTheSource) {
  EXPECT_TRUE(SourceDraws::possible({Rule::Kind::one_to_one}));
  EXPECT_TRUE(SourceDraws::possible({Rule::Kind::all_to_all}));
  EXPECT_TRUE(SourceDraws::possible(outdegree(3)));
  EXPECT_TRUE(SourceDraws::possible(bernoulli(0.1)));
  EXPECT_FALSE(SourceDraws::possible({Rule::Kind::pairwise_bernoulli, 0, 0.1}));
  EXPECT_FALSE(SourceDraws::possible({Rule::Kind::fixed_indegree, 3}));
  EXPECT_FALSE(SourceDraws::possible({Rule::Kind::fixed_total_number, 3}));
  Rule near = outdegree(3);
  near.cutoff = 1.0;
  EXPECT_FALSE(SourceDraws::possible(near));
}

TEST(SourceDraws, GiveEverySourceItsOutdegree) {
  for (const std::uint32_t n : {1u, 63u, 500u, 7000u}) {
    for (const std::uint64_t count : {0u, 1u, 200u, 300u, 3000u, 6900u}) {
      for (const std::uint32_t source : {0u, n / 2, n - 1}) {
        EXPECT_EQ(targets(outdegree(count), n, false, source, 0, n).size(), count);
        if (n > 1) {
          const auto others = targets(outdegree(count), n, true, source, 0, n);
          EXPECT_EQ(others.size(), count);
          EXPECT_EQ(std::count(others.begin(), others.end(), source), 0);
        }
        if (count >= n) continue;
        const auto distinct = targets(outdegree(count, false), n, true, source, 0, n);
        EXPECT_EQ(std::set<std::uint32_t>(distinct.begin(), distinct.end()).size(), count);
        EXPECT_EQ(std::count(distinct.begin(), distinct.end(), source), 0);
      }
    }
  }
}

RC_GTEST_PROP(SourceDraws, OfPartsOfTheTargetsMakeUpTheWhole, ()) {
  const auto n = *rc::gen::inRange(1u, 9000u);
  const auto source = *rc::gen::inRange(0u, 9000u);
  const double part = *rc::gen::inRange(0, 1001) / 1000.0;
  const bool exclude_self = n > 1 && *rc::gen::arbitrary<bool>();
  const auto rule = *rc::gen::element(outdegree(static_cast<std::uint64_t>(part * n * 2)),
                                      outdegree(static_cast<std::uint64_t>(part * (n - 1)), false), bernoulli(part),
                                      bernoulli(part / 100), Rule{Rule::Kind::all_to_all});
  std::vector<std::uint32_t> whole = targets(rule, n, exclude_self, source, 0, n);
  std::vector<std::uint32_t> parts;
  for (std::uint32_t first = 0; first < n;) {
    const std::uint32_t count = std::min(n - first, *rc::gen::inRange(1u, n + 1));
    for (const std::uint32_t target : targets(rule, n, exclude_self, source, first, count)) {
      RC_ASSERT(target - first < count);
      parts.push_back(target);
    }
    first += count;
  }
  std::sort(whole.begin(), whole.end());
  std::sort(parts.begin(), parts.end());
  RC_ASSERT(parts == whole);
}

TEST(SourceDraws, AreWhatConnectivityTellsTargetByTarget) {
  constexpr std::uint32_t kSources = 60;
  constexpr std::uint32_t kTargets = 2000;
  for (const Rule& rule : {outdegree(700), outdegree(1500, false), bernoulli(0.2), bernoulli(1.0), bernoulli(0.0)}) {
    std::map<std::pair<std::uint32_t, std::uint32_t>, int> pairs;
    const auto connectivity = Connectivity::make(rule, kSources, kTargets, false, kSeed, kProjection).value();
    connectivity.for_each_target(0, kTargets, [&](std::uint32_t target, auto sources) {
      EXPECT_TRUE(std::is_sorted(sources.begin(), sources.end()));
      for (const std::uint32_t source : sources) ++pairs[{source, target}];
      return true;
    });
    SourceDraws draws = connectivity.source_draws();
    for (std::uint32_t source = 0; source < kSources; ++source) {
      for (const std::uint32_t target : draws.targets(source, 0, kTargets)) --pairs[{source, target}];
    }
    EXPECT_TRUE(std::all_of(pairs.begin(), pairs.end(), [](const auto& pair) { return pair.second == 0; }));
  }
}

/// Sum over bins of (found - expected)^2 / expected.
double chi_square(const std::vector<double>& found, double expected) {
  double sum = 0.0;
  for (const double x : found) sum += (x - expected) * (x - expected) / expected;
  return sum;
}

TEST(SourceDraws, FallOnAllTargetsAlike) {
  constexpr std::uint32_t kTargets = 6400;
  constexpr std::uint32_t kSources = 400;
  constexpr std::uint32_t kBins = 100;
  for (const Rule& rule : {outdegree(1000), outdegree(1000, false), bernoulli(0.15), bernoulli(0.01)}) {
    SourceDraws draws(rule, kTargets, false, kSeed, kProjection);
    std::vector<double> bins(kBins);
    double total = 0.0;
    double squares = 0.0;
    for (std::uint32_t source = 0; source < kSources; ++source) {
      const auto drawn = draws.targets(source, 0, kTargets);
      for (const std::uint32_t target : drawn) bins[target * kBins / kTargets] += 1.0;
      total += static_cast<double>(drawn.size());
      squares += static_cast<double>(drawn.size()) * static_cast<double>(drawn.size());
    }
    // 99 degrees of freedom; five standard deviations. Without replacement it varies less.
    EXPECT_NEAR(chi_square(bins, total / kBins), kBins - 1, 5.0 * std::sqrt(2.0 * (kBins - 1)));
    if (rule.kind != Rule::Kind::pairwise_bernoulli) continue;
    const double mean = kTargets * rule.p;
    const double variance = mean * (1.0 - rule.p);
    EXPECT_NEAR(total / kSources, mean, 5.0 * std::sqrt(variance / kSources));
    EXPECT_NEAR(squares / kSources - std::pow(total / kSources, 2), variance,
                5.0 * variance * std::sqrt(2.0 / kSources));
  }
}

TEST(SourceDraws, SpreadAnOutdegreeOverBlocksAsIndependentDrawsDo) {
  // 1500 draws, as many as fill six blocks, and those in the lower half: the variance of a binomial, and of a
  // hypergeometric distribution.
  constexpr std::uint32_t kTargets = 6000;
  constexpr std::uint32_t kSources = 1500;
  for (const bool multapses : {true, false}) {
    SourceDraws draws(outdegree(1500, multapses), kTargets, false, kSeed, kProjection);
    double total = 0.0;
    double squares = 0.0;
    for (std::uint32_t source = 0; source < kSources; ++source) {
      const auto lower = static_cast<double>(draws.targets(source, 0, kTargets / 2).size());
      total += lower;
      squares += lower * lower;
    }
    const double variance = 1500 * 0.25 * (multapses ? 1.0 : (6000.0 - 1500.0) / (6000.0 - 1.0));
    EXPECT_NEAR(total / kSources, 750.0, 5.0 * std::sqrt(variance / kSources));
    EXPECT_NEAR(squares / kSources - std::pow(total / kSources, 2), variance,
                5.0 * variance * std::sqrt(2.0 / kSources));
  }
}

TEST(PairWords, AreTheSameFromBothSides) {
  constexpr std::uint32_t kNeurons = 12;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::multiset<std::pair<std::uint32_t, std::uint32_t>>> words;
  const auto synapses = [](std::uint32_t source, std::uint32_t target) { return (source * 7 + target * 5) % 4; };
  PairWords from_targets(kSeed, kProjection);
  PairWords from_sources(kSeed, kProjection);
  for (std::uint32_t target = 0; target < kNeurons; ++target) {
    std::vector<std::uint32_t> sources;
    for (std::uint32_t source = 0; source < kNeurons; ++source)
      sources.insert(sources.end(), synapses(source, target), source);
    const auto drawn = from_targets.of_target(target, sources);
    for (std::size_t i = 0; i < sources.size(); ++i)
      words[{sources[i], target}].insert({drawn.weight[i], drawn.delay[i]});
  }
  for (std::uint32_t source = 0; source < kNeurons; ++source) {
    std::vector<std::uint32_t> list;
    for (std::uint32_t place = 0; place < 4; ++place) {
      for (std::uint32_t target = kNeurons; target-- > 0;) {
        if (place < synapses(source, target)) list.push_back(target);
      }
    }
    const auto drawn = from_sources.of_source(source, list, 0, kNeurons);
    for (std::size_t i = 0; i < list.size(); ++i) {
      auto& left = words[{source, list[i]}];
      const auto found = left.find({drawn.weight[i], drawn.delay[i]});
      ASSERT_NE(found, left.end());
      left.erase(found);
    }
  }
  for (const auto& [pair, left] : words) EXPECT_TRUE(left.empty());
}

}  // namespace
}  // namespace neuract::snn
