#include "neuract/snn/portable_math.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>

namespace neuract::snn {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Distance in units in the last place of the exact result.
double ulps(double value, long double exact) {
  const double rounded = static_cast<double>(exact);
  if (value == rounded) return 0.0;
  int exponent = 0;
  std::frexp(rounded, &exponent);
  const long double unit = std::ldexp(1.0L, std::max(exponent - 53, -1074));
  return static_cast<double>(std::fabs(static_cast<long double>(value) - exact) / unit);
}

template <class Portable, class Exact>
double worst(Portable portable, Exact exact, double low, double high, int samples = 200'000) {
  std::mt19937_64 engine(7);
  double largest = 0.0;
  for (int i = 0; i < samples; ++i) {
    const double x = std::uniform_real_distribution<double>(low, high)(engine);
    largest = std::max(largest, ulps(portable(x), exact(static_cast<long double>(x))));
  }
  return largest;
}

constexpr auto exp_of = [](double x) { return portable::exp(x); };
constexpr auto expm1_of = [](double x) { return portable::expm1(x); };
constexpr auto log_of = [](double x) { return portable::log(x); };
constexpr auto exact_exp = [](long double x) { return std::exp(x); };
constexpr auto exact_expm1 = [](long double x) { return std::expm1(x); };
constexpr auto exact_log = [](long double x) { return std::log(x); };

TEST(PortableMath, ExpIsAccurateOverItsWholeRange) {
  EXPECT_LT(worst(exp_of, exact_exp, -1.0, 1.0), 1.0);
  EXPECT_LT(worst(exp_of, exact_exp, -708.0, 709.7), 1.0);
  EXPECT_LT(worst(exp_of, exact_exp, -745.0, -708.0), 1.1) << "subnormal results are rounded twice";
  EXPECT_EQ(portable::exp(0.0), 1.0);
  EXPECT_EQ(portable::exp(710.0), kInfinity);
  EXPECT_EQ(portable::exp(kInfinity), kInfinity);
  EXPECT_EQ(portable::exp(-746.0), 0.0);
  EXPECT_EQ(portable::exp(-kInfinity), 0.0);
  EXPECT_TRUE(std::isnan(portable::exp(std::nan(""))));
}

TEST(PortableMath, Expm1IsAccurateNearZeroAndFarAway) {
  EXPECT_LT(worst(expm1_of, exact_expm1, -1e-9, 1e-9), 1.0);
  EXPECT_LT(worst(expm1_of, exact_expm1, -0.01, 0.01), 1.0);
  EXPECT_LT(worst(expm1_of, exact_expm1, -1.0, 1.0), 2.0);
  EXPECT_LT(worst(expm1_of, exact_expm1, -60.0, 60.0), 2.0);
  EXPECT_LT(worst(expm1_of, exact_expm1, 60.0, 709.7), 2.0);
  EXPECT_EQ(portable::expm1(0.0), 0.0);
  EXPECT_TRUE(std::signbit(portable::expm1(-0.0)));
  EXPECT_EQ(portable::expm1(-kInfinity), -1.0);
  EXPECT_EQ(portable::expm1(kInfinity), kInfinity);
  EXPECT_EQ(portable::expm1(1e-300), 1e-300);
  EXPECT_TRUE(std::isnan(portable::expm1(std::nan(""))));
}

TEST(PortableMath, LogIsAccurateOverItsWholeRange) {
  EXPECT_LT(worst(log_of, exact_log, 0.0, 1.0), 1.0);
  EXPECT_LT(worst(log_of, exact_log, 0.9, 1.1), 1.0);
  EXPECT_LT(worst(log_of, exact_log, 1.0, 1e300), 1.0);
  EXPECT_LT(worst([](double x) { return portable::log(std::ldexp(1.0 + x, -1040)); },
                  [](long double x) {
                    return std::log(static_cast<long double>(std::ldexp(static_cast<double>(1.0L + x), -1040)));
                  },
                  0.0, 1.0),
            1.0)
      << "subnormal arguments";
  EXPECT_EQ(portable::log(1.0), 0.0);
  EXPECT_EQ(portable::log(0.0), -kInfinity);
  EXPECT_EQ(portable::log(kInfinity), kInfinity);
  EXPECT_TRUE(std::isnan(portable::log(-1.0)));
  EXPECT_TRUE(std::isnan(portable::log(std::nan(""))));
}

/// Distance in units in the last place of a float.
double float_ulps(float value, double exact) {
  const float rounded = static_cast<float>(exact);
  if (value == rounded || (std::isnan(value) && std::isnan(rounded))) return 0.0;
  int exponent = 0;
  std::frexp(rounded, &exponent);
  return std::abs(static_cast<double>(value) - exact) / std::ldexp(1.0, std::max(exponent - 24, -149));
}

TEST(PortableMath, ExpAndLogOfFloatsAreAccurateForEveryKindOfFloat) {
  double worst_exp = 0.0;
  double worst_log = 0.0;
  for (std::uint64_t bits = 0; bits < (std::uint64_t{1} << 32); bits += 4999) {
    const float x = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    worst_exp = std::max(worst_exp, float_ulps(portable::exp(x), std::exp(static_cast<double>(x))));
    if (std::isnormal(x) && x > 0.0f) {
      worst_log = std::max(worst_log, float_ulps(portable::log_positive(x), std::log(static_cast<double>(x))));
    }
  }
  std::mt19937_64 engine(7);
  for (int i = 0; i < 500'000; ++i) {
    const float x = std::uniform_real_distribution<float>(-104.0f, 88.7f)(engine);
    worst_exp = std::max(worst_exp, float_ulps(portable::exp(x), std::exp(static_cast<double>(x))));
    const float y = std::uniform_real_distribution<float>(0.5f, 2.0f)(engine);
    worst_log = std::max(worst_log, float_ulps(portable::log_positive(y), std::log(static_cast<double>(y))));
  }
  EXPECT_LT(worst_exp, 1.1);
  EXPECT_LT(worst_log, 0.9);
  EXPECT_EQ(portable::exp(0.0f), 1.0f);
  EXPECT_EQ(portable::exp(-std::numeric_limits<float>::infinity()), 0.0f);
  EXPECT_EQ(portable::log_positive(1.0f), 0.0f);
}

TEST(PortableMath, ShortFormsAreAsAccurateWhereTheyAreMeantToBeUsed) {
  constexpr auto exp_normal = [](double x) { return portable::exp_normal(x); };
  EXPECT_LT(worst(exp_normal, exact_exp, -87.0, 88.0), 1.0);
  double worst_exp = 0.0;
  std::mt19937_64 engine(7);
  for (int i = 0; i < 500'000; ++i) {
    const float x = std::uniform_real_distribution<float>(-87.0f, 88.0f)(engine);
    EXPECT_EQ(portable::exp_normal(x), portable::exp(x));
    worst_exp = std::max(worst_exp, float_ulps(portable::exp_normal(x), std::exp(static_cast<double>(x))));
    const double y = std::ldexp(1.0 + static_cast<double>(i) / 5e5, i % 2000 - 1000);
    EXPECT_EQ(portable::log_positive(y), portable::log(y));
  }
  EXPECT_LT(worst_exp, 1.1);
}

TEST(PortableMath, CompileTimeAndRunTimeAgreeBitForBit) {
  constexpr double at_compile_time[] = {portable::exp(-0.1 / 20.0), portable::expm1(-0.1 / 20.0), portable::log(0.3),
                                        portable::exp(12.25)};
  volatile double arguments[] = {-0.1 / 20.0, 0.3, 12.25};
  EXPECT_EQ(at_compile_time[0], portable::exp(arguments[0]));
  EXPECT_EQ(at_compile_time[1], portable::expm1(arguments[0]));
  EXPECT_EQ(at_compile_time[2], portable::log(arguments[1]));
  EXPECT_EQ(at_compile_time[3], portable::exp(arguments[2]));
}

}  // namespace
}  // namespace neuract::snn
