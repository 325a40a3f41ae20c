#include "neuract/kernels/convert.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "neuract/kernels/isa.hpp"

namespace neuract::kernels {
namespace {

/// A 16-bit float by its definition.
double value_of(std::uint16_t bits, int exponent_bits) {
  const int mantissa_bits = 15 - exponent_bits;
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = bits >> mantissa_bits & ((1 << exponent_bits) - 1);
  const int mantissa = bits & ((1 << mantissa_bits) - 1);
  const double sign = bits >> 15 != 0 ? -1.0 : 1.0;
  if (exponent == (1 << exponent_bits) - 1)
    return mantissa != 0 ? std::numeric_limits<double>::quiet_NaN() : sign * std::numeric_limits<double>::infinity();
  if (exponent == 0) return sign * std::ldexp(mantissa, 1 - bias - mantissa_bits);
  return sign * std::ldexp(1.0 + std::ldexp(mantissa, -mantissa_bits), exponent - bias);
}

/// x on the grid of the format, ties to even: exact in double.
double rounded(float x, int exponent_bits) {
  const int mantissa_bits = 15 - exponent_bits;
  const int bias = (1 << (exponent_bits - 1)) - 1;
  if (x == 0.0f || !std::isfinite(x)) return x;
  const double step = std::ldexp(1.0, std::max(std::ilogb(x), 1 - bias) - mantissa_bits);
  const double nearest = std::nearbyint(static_cast<double>(x) / step) * step;
  const double limit = std::ldexp(1.0, bias + 1);
  return std::abs(nearest) >= limit ? std::copysign(std::numeric_limits<double>::infinity(), x) : nearest;
}

bool same_number(double a, double b) {
  return (std::isnan(a) && std::isnan(b)) || (a == b && std::signbit(a) == std::signbit(b));
}

TEST(Convert, GivesEveryHalfFloatItsValue) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    ASSERT_TRUE(same_number(to_f32(Float16{half}), value_of(half, 5))) << bits;
    ASSERT_TRUE(same_number(to_f32(BFloat16{half}), value_of(half, 8))) << bits;
  }
}

TEST(Convert, BringsEveryHalfFloatBackUnchanged) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    if (!std::isnan(to_f32(Float16{half}))) {
      ASSERT_EQ(to_f16(to_f32(Float16{half})).bits, half);
    }
    if (!std::isnan(to_f32(BFloat16{half}))) {
      ASSERT_EQ(to_bf16(to_f32(BFloat16{half})).bits, half);
    }
  }
}

TEST(Convert, RoundsToTheNearestAndTiesToEven) {
  const auto check = [](float x) {
    ASSERT_TRUE(same_number(to_f32(to_f16(x)), rounded(x, 5))) << x;
    ASSERT_TRUE(same_number(to_f32(to_bf16(x)), rounded(x, 8))) << x;
  };
  // Every half float, the middle to the next one, and the floats beside the middle.
  for (std::uint32_t bits = 0; bits < 0x7c00; ++bits) {
    const float low = to_f32(Float16{static_cast<std::uint16_t>(bits)});
    const float high = bits == 0x7bff ? 65536.0f : to_f32(Float16{static_cast<std::uint16_t>(bits + 1)});
    const float middle = low + (high - low) / 2;
    for (const float x : {low, middle, std::nextafter(middle, 0.0f), std::nextafter(middle, 1e9f)}) {
      check(x);
      check(-x);
    }
  }
  std::mt19937 random(1);
  for (int i = 0; i < 1'000'000; ++i) {
    const auto x = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    check(x);
    check(std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) & 0xffff'8000u));
  }
  static_assert(to_f16(65519.0f).bits == 0x7bff && to_f16(65520.0f).bits == 0x7c00 && to_f16(0x1p-25f).bits == 0);
  static_assert(to_bf16(1.00390625f).bits == 0x3f80 && to_bf16(1.01171875f).bits == 0x3f82);
}

TEST(Convert, KeepsNanAndItsSign) {
  for (const std::uint32_t bits : {0x7fc0'0000u, 0xffc0'0000u, 0x7f80'0001u, 0xff80'0001u, 0x7fff'ffffu}) {
    const auto nan = std::bit_cast<float>(bits);
    EXPECT_TRUE(std::isnan(to_f32(to_f16(nan))));
    EXPECT_TRUE(std::isnan(to_f32(to_bf16(nan))));
    EXPECT_EQ(to_f16(nan).bits >> 15, bits >> 31);
    EXPECT_EQ(to_bf16(nan).bits >> 15, bits >> 31);
  }
}

TEST(Convert, GivesTheSameBitsForArraysWithEveryInstructionSet) {
  std::mt19937 random(2);
  for (const Isa isa : supported_isas()) {
    ASSERT_TRUE(set_isa_for_testing(isa));
    const ConvertKernels& kernels = convert_kernels();
    for (const std::size_t n : {0, 1, 7, 8, 15, 16, 17, 31, 33, 1000, 70000}) {
      std::vector<float> x(n);
      std::vector<Float16> h(n);
      std::vector<BFloat16> b(n);
      for (std::size_t i = 0; i < n; ++i) {
        // Half of them in the range of f16, subnormals included.
        const float wide = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
        x[i] = i % 2 == 0 ? wide : std::ldexp(static_cast<float>(random()) * 0x1p-32f, static_cast<int>(i % 45) - 28);
        h[i].bits = static_cast<std::uint16_t>(n > 65536 ? i : random());
        b[i].bits = h[i].bits;
      }
      std::vector<Float16> to_h(n + 1, Float16{7});
      std::vector<BFloat16> to_b(n + 1, BFloat16{7});
      std::vector<float> from_h(n + 1, 7.0f);
      std::vector<float> from_b(n + 1, 7.0f);
      kernels.f32_to_f16(x.data(), to_h.data(), n);
      kernels.f32_to_bf16(x.data(), to_b.data(), n);
      kernels.f16_to_f32(h.data(), from_h.data(), n);
      kernels.bf16_to_f32(b.data(), from_b.data(), n);
      for (std::size_t i = 0; i < n; ++i) {
        ASSERT_EQ(to_h[i], to_f16(x[i])) << name_of(isa) << ' ' << x[i];
        ASSERT_EQ(to_b[i], to_bf16(x[i])) << name_of(isa) << ' ' << x[i];
        ASSERT_EQ(std::bit_cast<std::uint32_t>(from_h[i]), std::bit_cast<std::uint32_t>(to_f32(h[i])));
        ASSERT_EQ(std::bit_cast<std::uint32_t>(from_b[i]), std::bit_cast<std::uint32_t>(to_f32(b[i])));
      }
      EXPECT_EQ(to_h[n].bits, 7);
      EXPECT_EQ(to_b[n].bits, 7);
      EXPECT_EQ(from_h[n], 7.0f);
      EXPECT_EQ(from_b[n], 7.0f);
    }
  }
  set_isa_for_testing(supported_isas().back());
}

}  // namespace
}  // namespace neuract::kernels
