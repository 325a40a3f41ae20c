#include "neuract/q4/e4m3.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace neuract::q4 {
namespace {

/// The number behind a code that is not NaN, from the definition of the format.
double value_of(int code) {
  const int exponent = code >> 3 & 15, mantissa = code & 7;
  const double a = exponent == 0 ? std::ldexp(mantissa, -9) : std::ldexp(8 + mantissa, exponent - 10);
  return (code & 0x80) != 0 ? -a : a;
}

/// The nearest of all positive codes, the even one of two that are equally near.
int nearest(double a) {
  int best = 0;
  for (int code = 1; code <= 0x7e; ++code) {
    const double nearer = std::abs(value_of(code) - a) - std::abs(value_of(best) - a);
    if (nearer < 0 || (nearer == 0 && code % 2 == 0)) best = code;
  }
  return best;
}

int encoded(double x) { return encode_e4m3(static_cast<float>(x)).bits; }

TEST(E4M3, HasTheExtremesOfTheFormat) {
  EXPECT_EQ(decode_e4m3({0x7e}), 448.0f);
  EXPECT_EQ(decode_e4m3({0x08}), 0x1p-6f);
  EXPECT_EQ(decode_e4m3({0x07}), 7 * 0x1p-9f);
  EXPECT_EQ(decode_e4m3({0x01}), 0x1p-9f);
  EXPECT_EQ(decode_e4m3({0x00}), 0.0f);
  EXPECT_EQ(decode_e4m3({0xfe}), -448.0f);
}

TEST(E4M3, EveryCodeDecodesExactlyAndComesBack) {
  for (int code = 0; code < 256; ++code) {
    const Float8E4M3 x{static_cast<std::uint8_t>(code)};
    EXPECT_EQ(is_nan(x), code == 0x7f || code == 0xff) << code;
    EXPECT_EQ(encode_e4m3(decode_e4m3(x)).bits, code);
    if (is_nan(x)) {
      EXPECT_TRUE(std::isnan(decode_e4m3(x))) << code;
    } else {
      EXPECT_EQ(decode_e4m3(x), value_of(code)) << code;
      EXPECT_EQ(std::signbit(decode_e4m3(x)), code >= 0x80) << code;
    }
  }
}

TEST(E4M3, MidpointsGoToTheEvenCodeAndTheirNeighboursToTheNearest) {
  for (int code = 0; code < 0x7e; ++code) {
    const float middle = static_cast<float>((value_of(code) + value_of(code + 1)) / 2);
    EXPECT_EQ(encoded(middle), code + code % 2) << middle;
    EXPECT_EQ(encoded(std::nextafter(middle, 0.0f)), code) << middle;
    EXPECT_EQ(encoded(std::nextafter(middle, 1000.0f)), code + 1) << middle;
    EXPECT_EQ(encoded(-middle), 0x80 + code + code % 2) << middle;
  }
}

TEST(E4M3, SaturatesAndKeepsNan) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  for (const float large : {448.0f, 449.0f, 464.0f, 480.0f, 1e9f, std::numeric_limits<float>::max(), kInf}) {
    EXPECT_EQ(encode_e4m3(large).bits, 0x7e) << large;
    EXPECT_EQ(encode_e4m3(-large).bits, 0xfe) << large;
  }
  EXPECT_TRUE(is_nan(encode_e4m3(std::numeric_limits<float>::quiet_NaN())));
  EXPECT_TRUE(is_nan(encode_e4m3(-std::numeric_limits<float>::quiet_NaN())));
  EXPECT_EQ(encode_e4m3(std::numeric_limits<float>::denorm_min()).bits, 0);
  EXPECT_EQ(encode_e4m3(-0.0f).bits, 0x80);
}

TEST(E4M3, AgreesWithTheNearestOfAllCodes) {
  std::mt19937_64 engine(1);
  std::uniform_real_distribution<float> exponent(-12.0f, 9.5f);
  for (int i = 0; i < 20'000; ++i) {
    const float a = std::exp2(exponent(engine));
    ASSERT_EQ(encoded(a), nearest(a)) << a;
  }
}

}  // namespace
}  // namespace neuract::q4
