#include "neuract/kernels/poisson.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

namespace neuract::kernels {
namespace {

/// Probability of each count as the table holds it, exactly: words that lead to the count, out of 2^32.
std::map<std::int32_t, double> probabilities(const PoissonTable& table) {
  std::map<std::int32_t, double> p;
  const std::uint32_t columns = 1u << table.bits();
  const double capacity = 4294967296.0 / columns;
  for (std::uint32_t column = 0; column < columns; ++column) {
    const std::uint32_t entry = table.entries()[column];
    const double own = entry >> table.bits();
    p[table.first() + static_cast<std::int32_t>(column)] += own / 4294967296.0;
    p[table.first() + static_cast<std::int32_t>(entry & (columns - 1))] += (capacity - own) / 4294967296.0;
  }
  return p;
}

double poisson(double mean, std::int32_t k) { return std::exp(k * std::log(mean) - mean - std::lgamma(k + 1.0)); }

TEST(PoissonTable, HoldsThePoissonProbabilities) {
  for (const double mean : {1e-6, 0.01, 0.5, 1.28, 2.0, 7.5, 40.0, 333.3, 20000.0}) {
    double sum = 0.0;
    for (const auto& [k, p] : probabilities(PoissonTable(mean))) {
      sum += p;
      if (p > 0.0) {
        EXPECT_NEAR(p, poisson(mean, k), 2e-8 * std::sqrt(mean + 1.0)) << "mean " << mean << ", count " << k;
      }
    }
    EXPECT_DOUBLE_EQ(sum, 1.0);
  }
}

TEST(PoissonTable, GivesTheRightMeanAndVariance) {
  for (const double mean : {0.01, 2.0, 40.0, 1000.0}) {
    double first = 0.0;
    double second = 0.0;
    for (const auto& [k, p] : probabilities(PoissonTable(mean))) first += k * p, second += p * (k - mean) * (k - mean);
    EXPECT_NEAR(first, mean, 1e-6 * mean + 1e-7);
    EXPECT_NEAR(second, mean, 1e-5 * mean + 1e-6);
  }
}

TEST(PoissonTable, OfMeanZeroAlwaysGivesZero) {
  const PoissonTable table(0.0);
  for (const std::uint32_t word : {0u, 1u, 0x7fffffffu, 0xffffffffu}) EXPECT_EQ(table.draw(word), 0);
}

TEST(PoissonTable, NeverDrawsOutsideItsRange) {
  for (const double mean : {0.3, 2.0, 100.0}) {
    const PoissonTable table(mean);
    std::uint32_t word = 1;
    for (int i = 0; i < 100000; ++i, word = word * 1664525u + 1013904223u) {
      const std::int32_t count = table.draw(word);
      ASSERT_GE(count, table.first());
      ASSERT_LE(count, table.largest());
    }
  }
}

}  // namespace
}  // namespace neuract::kernels
