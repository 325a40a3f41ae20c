#include "neuract/snn/weight_codes.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "neuract/kernels/isa.hpp"
#include "neuract/snn/distribution.hpp"
#include "neuract/snn/random.hpp"

namespace neuract::snn {
namespace {

using Kind = Distribution::Kind;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Moments {
  double mean = 0.0;
  double sd = 0.0;
};

Moments moments_of(const std::vector<double>& values) {
  Moments m;
  for (const double x : values) m.mean += x;
  m.mean /= static_cast<double>(values.size());
  for (const double x : values) m.sd += (x - m.mean) * (x - m.mean);
  m.sd = std::sqrt(m.sd / static_cast<double>(values.size()));
  return m;
}

std::vector<double> draw(const Distribution& distribution, std::size_t n) {
  std::vector<std::uint32_t> words(n);
  Stream(7, Purpose::weight, 3).fill(words.data(), n / Stream::kGroup, 0);
  std::vector<double> values(n);
  Sampler(distribution).draw(words, values);
  return values;
}

std::vector<double> coded(const WeightCodes& codes, const std::vector<double>& values, double quantum) {
  std::vector<std::uint8_t> code(values.size());
  codes.encode(values, code);
  std::vector<double> out;
  for (const std::uint8_t c : code) out.push_back(codes.levels[c] * quantum);
  return out;
}

struct Case {
  const char* name;
  Distribution distribution;
  double largest_rms;  // error of a weight, in standard deviations: of the best 16 levels, and some more
};

const Case kCases[] = {
    {"uniform", {Kind::uniform, -1.0, 3.0}, 0.063},
    {"normal", {Kind::normal, 5.0, 2.0}, 0.0985},
    {"normal around 0", {Kind::normal, 0.0, 1.0}, 0.0985},
    {"positive normal", {Kind::normal_clipped, 87.8, 8.78, 0.0, kInfinity}, 0.0985},
    {"half a normal", {Kind::normal_clipped, 0.0, 1.0, 0.0, kInfinity}, 0.0985},
    {"negative normal", {Kind::normal_clipped, -351.2, 35.1, -kInfinity, 0.0}, 0.0985},
    {"normal piled up at its bounds", {Kind::normal_clipped_to_boundary, 1.0, 1.0, 0.0, 2.0}, 0.07},
    {"mostly zero", {Kind::normal_clipped_to_boundary, -2.0, 1.0, 0.0, kInfinity}, 0.1},
    {"lognormal", {Kind::lognormal, 0.0, 0.5}, 0.13},
    {"long-tailed lognormal", {Kind::lognormal, -1.0, 1.5}, 0.25},
    {"exponential", {Kind::exponential, 4.0}, 0.13},
};

TEST(WeightCodes, KeepMeanAndStandardDeviationOfEveryDistribution) {
  for (const Case& c : kCases) {
    const Sampler sampler(c.distribution);
    const double quantum = sampler.stddev() * 0x1p-20;
    const WeightCodes codes = weight_codes(c.distribution, quantum);
    EXPECT_NEAR(codes.error.mean, 0.0, 1e-6) << c.name;
    EXPECT_NEAR(codes.error.sd, 0.0, 1e-6) << c.name;
    EXPECT_GT(codes.error.rms, 0.01) << c.name;
    EXPECT_LT(codes.error.rms, c.largest_rms) << c.name;
    EXPECT_TRUE(std::is_sorted(codes.levels.begin(), codes.levels.end())) << c.name;
    EXPECT_TRUE(std::is_sorted(codes.thresholds.begin(), codes.thresholds.end())) << c.name;
  }
}

TEST(WeightCodes, GiveDrawnWeightsTheirMeanSpreadAndErrorBack) {
  constexpr std::size_t kDraws = 1 << 20;
  for (const Case& c : kCases) {
    const double quantum = Sampler(c.distribution).stddev() * 0x1p-20;
    const WeightCodes codes = weight_codes(c.distribution, quantum);
    const std::vector<double> drawn = draw(c.distribution, kDraws);
    const std::vector<double> kept = coded(codes, drawn, quantum);
    const Moments before = moments_of(drawn);
    const Moments after = moments_of(kept);
    double square = 0.0;
    for (std::size_t i = 0; i < kDraws; ++i) square += (kept[i] - drawn[i]) * (kept[i] - drawn[i]);
    // A sample's mean differs by the mean of as many errors; four standard errors. Of squares the long tails are heavier.
    EXPECT_NEAR(after.mean, before.mean, 4.0 * codes.error.rms * before.sd / std::sqrt(kDraws)) << c.name;
    EXPECT_NEAR(after.sd, before.sd, 0.01 * before.sd) << c.name;
    EXPECT_NEAR(std::sqrt(square / kDraws) / before.sd, codes.error.rms, 0.1 * codes.error.rms) << c.name;
  }
}

TEST(WeightCodes, OfANormalHaveTheErrorOfTheBestSixteenLevels) {
  // Max 1960, table I: 16 levels, mean square error 0.01154 of equal steps and 0.009497 of free ones, which the spread
  // raises by about its own quarter of a percent.
  const WeightCodes codes = weight_codes({Kind::normal, 0.0, 1.0}, 0x1p-24);
  EXPECT_NEAR(codes.error.rms, std::sqrt(0.009497), 5e-4);
  const double spread = std::sqrt(1.0 / (1.0 - 0.009497));
  EXPECT_NEAR(codes.levels[15] * 0x1p-24, 2.733 * spread, 1e-2);
  EXPECT_NEAR(codes.levels[8] * 0x1p-24, 0.1284 * spread, 1e-2);
  EXPECT_NEAR(codes.thresholds[14], 2.401, 1e-2);
  for (std::size_t k = 0; k < 8; ++k)
    EXPECT_NEAR(codes.levels[k] * 0x1p-24, -codes.levels[15 - k] * 0x1p-24, 1e-2) << k;
}

TEST(WeightCodes, LeaveNoWeightOnTheOtherSideOfZero) {
  for (const Case& c : kCases) {
    const auto [low, high] = Sampler(c.distribution).support();
    const WeightCodes codes = weight_codes(c.distribution, Sampler(c.distribution).stddev() * 0x1p-20);
    if (low >= 0.0) {
      EXPECT_GE(codes.levels.front(), 0) << c.name;
    }
    if (high <= 0.0) {
      EXPECT_LE(codes.levels.back(), 0) << c.name;
    }
  }
}

TEST(WeightCodes, KeepSixteenValuesAsTheyAre) {
  std::vector<double> weights;
  for (int i = 0; i < 1000; ++i) weights.push_back(i % 100 == 99 ? 7.0 + i / 100 : 0.25 * (i % 6));
  const WeightCodes codes = weight_codes(weights, 0x1p-10);
  EXPECT_EQ(coded(codes, weights, 0x1p-10), weights);
  EXPECT_NEAR(codes.error.rms, 0.0, 1e-6);
}

TEST(WeightCodes, TakeEqualWeights) {
  for (const Distribution& one : {Distribution{Kind::normal, 2.5, 0.0}, Distribution{Kind::uniform, 2.5, 2.5}}) {
    const WeightCodes codes = weight_codes(one, 0.25);
    EXPECT_EQ(coded(codes, {2.5}, 0.25), std::vector<double>{2.5});
    EXPECT_EQ(codes.error.rms, 0.0);
  }
  EXPECT_EQ(coded(weight_codes(std::vector<double>{-3.0}, 0.25), {-3.0, -3.0}, 0.25),
            (std::vector<double>{-3.0, -3.0}));
  weight_codes(std::span<const double>(), 0.25);
}

TEST(WeightCodes, RoundLevelsToQuantaAndSayWhatThatDoes) {
  const Distribution normal{Kind::normal, 1.0, 1.0};
  const WeightCodes coarse = weight_codes(normal, 0.25);
  const std::vector<double> drawn = draw(normal, 1 << 20);
  const Moments before = moments_of(drawn);
  const Moments after = moments_of(coded(coarse, drawn, 0.25));
  EXPECT_NEAR(after.mean - before.mean, coarse.error.mean * before.sd, 1e-3);
  EXPECT_NEAR(after.sd - before.sd, coarse.error.sd * before.sd, 1e-3);
  EXPECT_GT(std::abs(coarse.error.sd), 1e-4);
}

RC_GTEST_PROP(WeightCodes, KeepTheMomentsOfAnyWeights, (const std::vector<std::int16_t>& numbers)) {
  RC_PRE(!numbers.empty());
  std::vector<double> weights(numbers.begin(), numbers.end());
  const WeightCodes codes = weight_codes(weights, 0x1p-12);
  const Moments before = moments_of(weights);
  const Moments after = moments_of(coded(codes, weights, 0x1p-12));
  RC_ASSERT(std::abs(after.mean - before.mean) <= 0x1p-12);
  RC_ASSERT(std::abs(after.sd - before.sd) <= 0x1p-12 + 1e-9 * before.sd);
}

TEST(WeightCodes, AreTheNumberOfThresholdsNotAboveForEveryInstructionSet) {
  const WeightCodes codes = weight_codes({Kind::normal, 0.0, 1.0}, 0x1p-20);
  std::vector<double> values = draw({Kind::normal, 0.0, 2.0}, 1024);
  values.insert(values.begin(), codes.thresholds.begin(), codes.thresholds.end());
  values.push_back(-kInfinity);
  values.push_back(kInfinity);
  for (const kernels::Isa isa : kernels::supported_isas()) {
    ASSERT_TRUE(kernels::set_isa_for_testing(isa));
    for (const std::size_t n : {std::size_t{0}, std::size_t{1}, std::size_t{63}, std::size_t{65}, values.size()}) {
      std::vector<std::uint8_t> code(n);
      codes.encode(std::span(values).first(n), code);
      for (std::size_t i = 0; i < n; ++i) {
        const auto expected =
            std::count_if(codes.thresholds.begin(), codes.thresholds.end(), [&](double t) { return t <= values[i]; });
        ASSERT_EQ(code[i], expected) << kernels::name_of(isa) << " " << i;
      }
    }
  }
  kernels::set_isa_for_testing(kernels::supported_isas().back());
}

TEST(WeightCodes, AreTheSameForEveryInstructionSet) {
  for (const Case& c : kCases) {
    std::vector<WeightCodes> all;
    for (const kernels::Isa isa : kernels::supported_isas()) {
      ASSERT_TRUE(kernels::set_isa_for_testing(isa));
      all.push_back(weight_codes(c.distribution, 0x1p-20));
      EXPECT_EQ(all.back().levels, all.front().levels) << c.name;
      EXPECT_EQ(all.back().thresholds, all.front().thresholds) << c.name;
    }
  }
  kernels::set_isa_for_testing(kernels::supported_isas().back());
}

}  // namespace
}  // namespace neuract::snn
