#include "neuract/snn/distribution.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "neuract/kernels/isa.hpp"

namespace neuract::snn {
namespace {

using Kind = Distribution::Kind;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Case {
  std::string name;
  Distribution distribution;
};

std::vector<Case> cases() {
  return {
      {"uniform", {Kind::uniform, -3.0, 5.0}},
      {"constant uniform", {Kind::uniform, 2.0, 2.0}},
      {"normal", {Kind::normal, 87.81, 8.781}},
      {"constant normal", {Kind::normal, 4.0, 0.0}},
      {"normal above a bound", {Kind::normal_clipped, 1.5, 0.75, 0.1, kInfinity}},
      {"normal between bounds", {Kind::normal_clipped, 0.0, 1.0, -0.5, 2.0}},
      {"far upper tail", {Kind::normal_clipped, 0.0, 1.0, 9.0, kInfinity}},
      {"far lower tail", {Kind::normal_clipped, 0.0, 1.0, -20.0, -12.0}},
      {"moved to a bound", {Kind::normal_clipped_to_boundary, 1.0, 1.0, 0.0, 1.5}},
      {"moved to one bound", {Kind::normal_clipped_to_boundary, -1.0, 2.0, 0.0, kInfinity}},
      {"lognormal", {Kind::lognormal, -0.64, 0.51}},
      {"exponential", {Kind::exponential, 3.5, 0.0}},
  };
}

std::vector<std::uint32_t> some_words(std::size_t n, std::uint32_t entity = 0) {
  std::vector<std::uint32_t> words((n + 63) / 64 * 64);
  Stream(42, Purpose::parameter, entity).fill(words.data(), words.size() / 64, 0);
  words.resize(n);
  return words;
}

/// The middle words of 2^16 equal parts of all words: moments over them are quadratures, not estimates.
std::vector<std::uint32_t> even_words() {
  std::vector<std::uint32_t> words(1 << 16);
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = static_cast<std::uint32_t>(i << 16) + 0x8000u;
  return words;
}

double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

TEST(Sampler, MomentsAreThoseItStates) {
  const auto words = even_words();
  for (const Case& c : cases()) {
    ASSERT_FALSE(fault(c.distribution)) << c.name << " " << *fault(c.distribution);
    const Sampler sampler(c.distribution);
    std::vector<double> values(words.size());
    sampler.draw(words, values);
    double mean = 0.0;
    for (const double value : values) mean += value / static_cast<double>(values.size());
    double variance = 0.0;
    for (const double value : values) variance += (value - mean) * (value - mean) / static_cast<double>(values.size());
    const double scale = sampler.stddev() > 0.0 ? sampler.stddev() : 1.0;
    EXPECT_NEAR(mean, sampler.mean(), 2e-4 * scale) << c.name;
    EXPECT_NEAR(std::sqrt(variance), sampler.stddev(), 2e-3 * scale) << c.name;
  }
}

TEST(Sampler, SupportHoldsEveryDrawAndIsReached) {
  auto words = some_words(100'000);
  words.insert(words.end(), {0u, 1u, 0x7fffffffu, 0x80000000u, 0xfffffffeu, 0xffffffffu});
  for (const Case& c : cases()) {
    const Sampler sampler(c.distribution);
    std::vector<double> values(words.size());
    sampler.draw(words, values);
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    EXPECT_EQ(*low, sampler.support().first) << c.name;
    EXPECT_EQ(*high, sampler.support().second) << c.name;
    EXPECT_TRUE(std::isfinite(*low) && std::isfinite(*high)) << c.name;
    if (c.distribution.kind == Kind::normal_clipped || c.distribution.kind == Kind::normal_clipped_to_boundary) {
      EXPECT_GE(*low, c.distribution.low) << c.name;
      EXPECT_LE(*high, c.distribution.high) << c.name;
    }
  }
}

TEST(Sampler, ValuesFollowTheWordInOneDirection) {
  auto words = some_words(10'000);
  std::sort(words.begin(), words.end());
  for (const Case& c : cases()) {
    const Sampler sampler(c.distribution);
    std::vector<double> values(words.size());
    sampler.draw(words, values);
    if (!sampler.increasing()) std::reverse(values.begin(), values.end());
    // Neighbouring words may round to values out of order by a unit in the last place.
    for (std::size_t i = 1; i < values.size(); ++i)
      ASSERT_GE(values[i], values[i - 1] - 1e-14 * std::abs(values[i])) << c.name << " " << i;
  }
}

TEST(Sampler, NormalQuantilesInvertTheDistributionFunction) {
  const Sampler sampler({Kind::normal, 0.0, 1.0});
  for (std::uint64_t word = 0; word < (1ull << 32); word += 1'234'567) {
    const double p = unit_interval(static_cast<std::uint32_t>(word));
    const double z = sampler.draw(static_cast<std::uint32_t>(word));
    // A relative error e of z changes p by density(z) · z · e.
    const double slope = std::exp(-0.5 * z * z) / 2.5066282746310002 * (std::abs(z) + 1e-3);
    ASSERT_NEAR(normal_cdf(z), p, slope * 2e-15 + 3e-16) << p;
  }
  EXPECT_EQ(sampler.draw(0), -sampler.draw(~0u));
}

TEST(Sampler, FarTailsFollowTheTruncatedLaw) {
  // Conditional on z > 9, z - 9 is nearly exponential; compare with the exact survival function.
  const Sampler sampler({Kind::normal_clipped, 0.0, 1.0, 9.0, kInfinity});
  for (const double u : {0.001, 0.1, 0.5, 0.9, 0.999}) {
    const double z = sampler.draw(static_cast<std::uint32_t>(u * 4294967296.0));
    EXPECT_NEAR(normal_cdf(-z) / normal_cdf(-9.0), u, 1e-9) << u;
  }
}

TEST(Sampler, BatchesOfAnySizeGiveTheBitsOfSingleDrawsOnEveryInstructionSet) {
  const kernels::Isa before = kernels::active_isa();
  const auto words = some_words(1000, 3);
  for (const Case& c : cases()) {
    ASSERT_TRUE(kernels::set_isa_for_testing(kernels::Isa::base));
    const Sampler sampler(c.distribution);
    std::vector<double> expected(words.size());
    for (std::size_t i = 0; i < words.size(); ++i) expected[i] = sampler.draw(words[i]);
    for (const kernels::Isa isa : kernels::supported_isas()) {
      ASSERT_TRUE(kernels::set_isa_for_testing(isa));
      for (const std::size_t n : {0u, 1u, 2u, 7u, 63u, 64u, 65u, 255u, 256u, 257u, 1000u}) {
        std::vector<double> values(n + 1, -1.0);
        sampler.draw(std::span(words).first(n), std::span(values).first(n));
        ASSERT_TRUE(std::equal(values.begin(), values.end() - 1, expected.begin()))
            << c.name << " " << name_of(isa) << " " << n;
        EXPECT_EQ(values[n], -1.0);
        std::vector<float> floats(n);
        sampler.draw(std::span(words).first(n), std::span(floats));
        for (std::size_t i = 0; i < n; ++i) ASSERT_EQ(floats[i], static_cast<float>(expected[i]));
      }
    }
  }
  kernels::set_isa_for_testing(before);
}

TEST(Fault, NamesWhatIsWrong) {
  const double nan = std::nan("");
  const std::vector<std::pair<Distribution, std::string>> bad = {
      {{Kind::uniform, 1.0, 0.0}, "has low = 1 above high = 0"},
      {{Kind::uniform, nan, 0.0}, "has low = nan, which must be finite"},
      {{Kind::uniform, 0.0, kInfinity}, "has high = inf, which must be finite"},
      {{Kind::normal, 0.0, -1.0}, "has std = -1, which must not be negative"},
      {{Kind::normal, nan, 1.0}, "has mean = nan, which must be finite"},
      {{Kind::normal_clipped, 0.0, 1.0, 2.0, 1.0}, "has low = 2 above high = 1"},
      {{Kind::normal_clipped, 0.0, 1.0, nan, 1.0}, "has a bound that is not a number"},
      {{Kind::normal_clipped, 0.0, 1.0, 31.0, 40.0},
       "has mean = 0 and std = 1, too far from its bounds 31 and 40 for a draw to fall between them"},
      {{Kind::normal_clipped, 0.0, 0.0, 1.0, 2.0},
       "has mean = 0 and std = 0, too far from its bounds 1 and 2 for a draw to fall between them"},
      {{Kind::normal_clipped, 0.0, 1.0, 1.0, 1.0}, "has low = high = 1, which no draw hits; give the number itself"},
      {{Kind::lognormal, 1000.0, 1.0}, "has mean = 1000 and std = 1 of the logarithm: its values overflow"},
      {{Kind::exponential, 0.0, 0.0}, "has mean = 0, which must be positive"},
  };
  for (const auto& [distribution, text] : bad) EXPECT_EQ(fault(distribution), text);
}

TEST(Fill, GivesTheSameValuesForAnyPartOfAPopulation) {
  const Value drawn = Distribution{Kind::normal, -60.0, 5.0};
  std::vector<double> whole(1000);
  fill(drawn, 7, Purpose::initial_state, 2, 1, 0, whole);
  for (const std::uint32_t first : {0u, 1u, 63u, 64u, 65u, 500u, 999u, 1000u}) {
    for (const std::size_t n : {0u, 1u, 63u, 64u, 65u, 400u}) {
      if (first + n > whole.size()) continue;
      std::vector<double> part(n);
      fill(drawn, 7, Purpose::initial_state, 2, 1, first, part);
      EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + first)) << first << " " << n;
    }
  }
  std::vector<double> other(1000);
  fill(drawn, 7, Purpose::initial_state, 2, 2, 0, other);
  EXPECT_NE(whole, other);
}

TEST(Fill, TakesConstantsAndArrays) {
  std::vector<double> out(3);
  fill(2.5, 1, Purpose::parameter, 0, 0, 10, out);
  EXPECT_EQ(out, (std::vector<double>{2.5, 2.5, 2.5}));
  fill(std::vector<double>{0, 1, 2, 3, 4, 5}, 1, Purpose::parameter, 0, 0, 2, out);
  EXPECT_EQ(out, (std::vector<double>{2, 3, 4}));
}

TEST(DelaySampler, ConstantsAreRoundedToStepsAndAtLeastOne) {
  EXPECT_EQ(DelaySampler(1.5, 0.1).min_steps(), 15);
  EXPECT_EQ(DelaySampler(1.5, 0.1).max_steps(), 15);
  EXPECT_EQ(DelaySampler(0.01, 0.1).min_steps(), 1);
  EXPECT_EQ(DelaySampler(0.1, 1.0).words_for(1), 1ull << 32);
}

TEST(DelaySampler, WordsAreCountedAsTheDistributionFunctionSays) {
  const double dt = 0.1;
  const DelaySampler sampler(Distribution{Kind::normal_clipped, 1.5, 0.75, dt, kInfinity}, dt);
  EXPECT_EQ(sampler.min_steps(), 1);
  EXPECT_GT(sampler.max_steps(), 55);
  const double mass = normal_cdf((1.5 - dt) / 0.75);
  std::uint64_t total = 0;
  for (int step = sampler.min_steps(); step <= sampler.max_steps(); ++step) {
    const double low = std::max(dt, (step - 0.5) * dt);
    const double p = (normal_cdf(((step + 0.5) * dt - 1.5) / 0.75) - normal_cdf((low - 1.5) / 0.75)) / mass;
    EXPECT_NEAR(static_cast<double>(sampler.words_for(step)), p * 4294967296.0, 2.0) << step;
    total += sampler.words_for(step);
  }
  EXPECT_EQ(total, 1ull << 32);
}

TEST(DelaySampler, DrawsFollowTheCountsOnEveryInstructionSet) {
  const kernels::Isa before = kernels::active_isa();
  const auto words = some_words(1'000'001, 8);
  for (const Distribution& d : {Distribution{Kind::normal_clipped, 1.5, 0.75, 0.1, kInfinity},
                                Distribution{Kind::uniform, 0.1, 60.0}, Distribution{Kind::exponential, 2.0},
                                Distribution{Kind::lognormal, 0.3, 0.2}, Distribution{Kind::uniform, 1.0, 1.1}}) {
    const DelaySampler sampler(d, 0.1);
    std::vector<std::uint16_t> first;
    for (const kernels::Isa isa : kernels::supported_isas()) {
      ASSERT_TRUE(kernels::set_isa_for_testing(isa));
      std::vector<std::uint16_t> steps(words.size());
      sampler.draw(words, steps);
      if (first.empty()) first = steps;
      ASSERT_EQ(first, steps) << name_of(isa);
    }
    std::vector<double> counts(static_cast<std::size_t>(sampler.max_steps() - sampler.min_steps() + 1));
    for (const std::uint16_t step : first) {
      ASSERT_LT(step, counts.size());
      counts[step] += 1.0;
    }
    double chi_square = 0.0;
    double freedom = 0.0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      const double expected = static_cast<double>(sampler.words_for(sampler.min_steps() + static_cast<int>(i))) *
                              0x1p-32 * static_cast<double>(words.size());
      if (expected < 10.0) continue;
      chi_square += (counts[i] - expected) * (counts[i] - expected) / expected;
      freedom += 1.0;
    }
    EXPECT_LT(chi_square, freedom + 6.0 * std::sqrt(2.0 * freedom) + 10.0);
  }
  kernels::set_isa_for_testing(before);
}

TEST(DelaySampler, SpreadsBeyondTheTableAreReportedNotDrawn) {
  const DelaySampler sampler(Distribution{Kind::uniform, 1.0, 1e6}, 0.1);
  EXPECT_GT(sampler.max_steps() - sampler.min_steps(), DelaySampler::kMaxSpread);
}

}  // namespace
}  // namespace neuract::snn
