#include "neuract/snn/discrete.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "neuract/snn/portable_math.hpp"

namespace neuract::snn {
namespace {

/// log(n!) - log(sqrt(2 pi n) (n/e)^n)
double stirling_error(double n) {
  static constexpr double exact[16] = {0.0,
                                       0.08106146679532726,
                                       0.04134069595540929,
                                       0.02767792568499834,
                                       0.02079067210376509,
                                       0.01664469118982119,
                                       0.01387612882307075,
                                       0.01189670994589177,
                                       0.01041126526197210,
                                       0.009255462182712733,
                                       0.008330563433362871,
                                       0.007573675487951841,
                                       0.006942840107209530,
                                       0.006408994188004207,
                                       0.005951370112758848,
                                       0.005554733551962801};
  if (n < 16.0) return exact[static_cast<int>(n)];
  const double square = n * n;
  return (1.0 / 12 - (1.0 / 360 - (1.0 / 1260 - (1.0 / 1680 - 1.0 / 1188 / square) / square) / square) / square) / n;
}

/// x log(x / mean) + mean - x, accurate when x is near the mean.
double deviance(double x, double mean) {
  if (std::abs(x - mean) < 0.1 * (x + mean)) {
    const double v = (x - mean) / (x + mean);
    double sum = (x - mean) * v;
    double term = 2.0 * x * v;
    for (int k = 3;; k += 2) {
      term *= v * v;
      const double next = sum + term / k;
      if (next == sum) return sum;
      sum = next;
    }
  }
  return x * portable::log(x / mean) + mean - x;
}

/// Probability of x successes in n trials; q = 1 - p.
double binomial_probability(double x, double n, double p, double q) {
  if (p == 0.0) return x == 0.0 ? 1.0 : 0.0;
  if (q == 0.0) return x == n ? 1.0 : 0.0;
  if (n == 0.0) return 1.0;
  if (x == 0.0) return portable::exp(-deviance(n, n * q) - n * p);
  if (x == n) return portable::exp(-deviance(n, n * p) - n * q);
  const double correction =
      stirling_error(n) - stirling_error(x) - stirling_error(n - x) - deviance(x, n * p) - deviance(n - x, n * q);
  return portable::exp(correction) * std::sqrt(n / (2.0 * std::numbers::pi * x * (n - x)));
}

/// The value that u falls on when probabilities are stacked from `mode` outwards, up and down in turn. `up(k)` = P(k +
/// 1) / P(k), of which the way down takes the inverse.
template <class Ratio>
std::uint64_t invert_from_mode(std::uint64_t mode, std::uint64_t lowest, std::uint64_t highest, double probability,
                               double u, Ratio up) {
  u -= probability;
  std::uint64_t above = mode;
  std::uint64_t below = mode;
  double p_above = probability;
  double p_below = probability;
  while (u > 0.0) {
    const bool can_rise = above < highest && p_above > 0.0;
    const bool can_fall = below > lowest && p_below > 0.0;
    if (!can_rise && !can_fall) return mode;  // what rounding left over
    if (can_rise) {
      p_above *= up(static_cast<double>(above));
      ++above;
      u -= p_above;
      if (u <= 0.0) return above;
    }
    if (can_fall) {
      --below;
      p_below /= up(static_cast<double>(below));
      u -= p_below;
      if (u <= 0.0) return below;
    }
  }
  return mode;
}

}  // namespace

std::uint64_t draw_binomial(std::uint64_t n, double p, double u) noexcept {
  if (n == 0 || p <= 0.0) return 0;
  if (p >= 1.0) return n;
  const double trials = static_cast<double>(n);
  const double q = 1.0 - p;
  const std::uint64_t mode = std::min(n, static_cast<std::uint64_t>((trials + 1.0) * p));
  const double odds = p / q;
  return invert_from_mode(mode, 0, n, binomial_probability(static_cast<double>(mode), trials, p, q), u,
                          [=](double k) { return (trials - k) / (k + 1.0) * odds; });
}

std::uint64_t draw_hypergeometric(std::uint64_t draws, std::uint64_t good, std::uint64_t bad, double u) noexcept {
  const std::uint64_t lowest = draws > bad ? draws - bad : 0;
  const std::uint64_t highest = std::min(draws, good);
  if (lowest == highest) return lowest;
  const double n = static_cast<double>(draws);
  const double g = static_cast<double>(good);
  const double b = static_cast<double>(bad);
  const std::uint64_t mode =
      std::clamp(static_cast<std::uint64_t>((n + 1.0) * ((g + 1.0) / (g + b + 2.0))), lowest, highest);
  const double m = static_cast<double>(mode);
  const double p = n / (g + b);
  const double q = (g + b - n) / (g + b);
  const double probability =
      binomial_probability(m, g, p, q) * binomial_probability(n - m, b, p, q) / binomial_probability(n, g + b, p, q);
  return invert_from_mode(mode, lowest, highest, probability, u,
                          [=](double k) { return (g - k) / (k + 1.0) * ((n - k) / (b - n + k + 1.0)); });
}

double log_of_complement(double p) noexcept {
  if (p > 1e-4) return portable::log(1.0 - p);
  return -p * (1.0 + p * (1.0 / 2 + p * (1.0 / 3 + p * (1.0 / 4))));
}

}  // namespace neuract::snn
