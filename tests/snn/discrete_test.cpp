#include "neuract/snn/discrete.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace neuract::snn {
namespace {

/// Draws at n evenly spaced u: frequencies are then within 2/n of the probabilities the sampler uses.
template <class Draw>
std::vector<double> frequencies(Draw draw, std::size_t outcomes, int n = 200'000) {
  std::vector<double> result(outcomes);
  for (int i = 0; i < n; ++i) {
    const std::uint64_t k = draw((i + 0.5) / n);
    EXPECT_LT(k, outcomes);
    if (k < outcomes) result[k] += 1.0 / n;
  }
  return result;
}

double log_choose(double n, double k) { return std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1); }

TEST(Binomial, HasTheProbabilitiesOfTheFormula) {
  for (const auto& [n, p] :
       {std::pair{1, 0.5}, {2, 0.3}, {10, 0.01}, {17, 0.5}, {100, 0.97}, {1000, 0.002}, {5000, 0.4}}) {
    const auto seen =
        frequencies([&, n = n, p = p](double u) { return draw_binomial(static_cast<std::uint64_t>(n), p, u); }, n + 1);
    for (int k = 0; k <= n; ++k) {
      const double exact = std::exp(log_choose(n, k) + k * std::log(p) + (n - k) * std::log1p(-p));
      ASSERT_NEAR(seen[k], exact, 1.1e-5) << n << " " << p << " " << k;
    }
  }
}

TEST(Hypergeometric, HasTheProbabilitiesOfTheFormula) {
  for (const auto& [draws, good, bad] :
       {std::tuple{1, 1, 1}, {3, 5, 2}, {6, 5, 2}, {10, 50, 50}, {300, 1000, 200}, {100, 20, 10'000}}) {
    const auto seen =
        frequencies([&, d = draws, g = good, b = bad](double u) { return draw_hypergeometric(d, g, b, u); }, draws + 1);
    for (int k = 0; k <= draws; ++k) {
      const bool possible = k <= good && draws - k <= bad;
      const double exact =
          possible ? std::exp(log_choose(good, k) + log_choose(bad, draws - k) - log_choose(good + bad, draws)) : 0.0;
      ASSERT_NEAR(seen[k], exact, 1.1e-5) << draws << " " << good << " " << bad << " " << k;
    }
  }
}

TEST(Binomial, LargeDrawsHaveTheRightCentreAndWidth) {
  const double n = 3e8;
  double mean = 0.0;
  double variance = 0.0;
  constexpr int samples = 4000;
  for (int i = 0; i < samples; ++i) {
    const double k = static_cast<double>(draw_binomial(300'000'000, 0.5, (i + 0.5) / samples));
    mean += k / samples;
    variance += (k - 0.5 * n) * (k - 0.5 * n) / samples;
  }
  const double sd = std::sqrt(0.25 * n);
  EXPECT_NEAR(mean, 0.5 * n, 5.0 * sd / std::sqrt(samples));
  EXPECT_NEAR(std::sqrt(variance), sd, 5.0 * sd / std::sqrt(2.0 * samples));
}

TEST(Binomial, TakesExtremesWithoutDraws) {
  EXPECT_EQ(draw_binomial(0, 0.5, 0.5), 0u);
  EXPECT_EQ(draw_binomial(7, 0.0, 0.5), 0u);
  EXPECT_EQ(draw_binomial(7, 1.0, 0.5), 7u);
  EXPECT_EQ(draw_hypergeometric(0, 3, 3, 0.5), 0u);
  EXPECT_EQ(draw_hypergeometric(6, 3, 3, 0.5), 3u);
  EXPECT_EQ(draw_hypergeometric(4, 0, 5, 0.5), 0u);
  EXPECT_EQ(draw_hypergeometric(4, 5, 0, 0.5), 4u);
  for (const double u : {0x1p-53, 1.0 - 0x1p-53}) {
    EXPECT_LE(draw_binomial(1000, 0.5, u), 1000u);
    EXPECT_LE(draw_binomial(1'000'000'000'000, 1e-9, u), 2000u);
    EXPECT_LE(draw_hypergeometric(1000, 2000, 1'000'000'000'000, u), 1000u);
  }
}

}  // namespace
}  // namespace neuract::snn
