#pragma once

#include <bit>
#include <cstdint>
#include <limits>

/// exp, expm1 and log whose bits depend on nothing but the argument.
///
/// The C library's versions choose a code path by the CPU (with or without fused multiply-add) and change between
/// releases; anything that decides where a synapse goes or what a propagator is uses these instead. They consist of
/// IEEE operations only (with contraction off) and have no branches, so that they are vectorised where they are inlined
/// into a loop, and may be evaluated at compile time. Accuracy: errors below 1 unit in the last place (exp, log), 2
/// (expm1); over the whole range, subnormal results included. exp (1.1 units) and log_positive (0.9) also take floats.
namespace neuract::snn::portable {

namespace detail {

inline constexpr double kLog2E = 0x1.71547652b82fep0;
inline constexpr double kLn2High = 0x1.62e42feep-1;  // 32 bits: a product with an exponent is exact
inline constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
/// Adding it rounds to an integer and leaves that integer in the low bits.
inline constexpr double kRounder = 0x1.8p52;

/// (exp(r) - 1 - r) / r² for |r| <= 0.35: Taylor series, truncation below 2^-57 of the sum.
[[gnu::always_inline]] constexpr double exp_tail(double r) noexcept {
  double p = 1.0 / 87178291200.0;
  p = p * r + 1.0 / 6227020800.0;
  p = p * r + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  return p * r + 0.5;
}

struct ExpParts {
  double r;           // in [-ln 2 / 2, ln 2 / 2]
  double scale_half;  // scale_half * scale_rest = 2^n, each a normal number
  double scale_rest;
};

/// x = n ln 2 + r, for -746 < x < 710.
constexpr ExpParts exp_reduce(double x) noexcept {
  const double shifted = x * kLog2E + kRounder;
  const double n = shifted - kRounder;
  const double r = (x - n * kLn2High) - n * kLn2Low;
  // Biased by 2048 to stay positive: vector units lack an arithmetic shift of 64-bit lanes.
  const std::uint64_t biased = std::bit_cast<std::uint64_t>(shifted) - std::bit_cast<std::uint64_t>(kRounder) + 2048;
  const std::uint64_t half = biased >> 1;
  const std::uint64_t rest = biased - half;
  return {r, std::bit_cast<double>((half - 1) << 52), std::bit_cast<double>((rest - 1) << 52)};
}

constexpr double clamp_exponent(double x) noexcept {
  const double above = x < -746.0 ? -746.0 : x;  // NaN stays NaN
  return above > 710.0 ? 710.0 : above;
}

}  // namespace detail

/// e^x; infinity above 709.78, 0 below -745.14, NaN for NaN.
constexpr double exp(double x) noexcept {
  const detail::ExpParts e = detail::exp_reduce(detail::clamp_exponent(x));
  const double value = 1.0 + (e.r + e.r * e.r * detail::exp_tail(e.r));
  return value * e.scale_half * e.scale_rest;
}

namespace detail {

inline constexpr float kFloatLn2High = 0x1.62e4p-1f;  // 15 bits
inline constexpr float kFloatLn2Low = 0x1.7f7d1cp-20f;
inline constexpr float kFloatRounder = 0x1.8p23f;

/// The same for floats; truncation below 2^-27 of the sum.
[[gnu::always_inline]] constexpr float exp_tail(float r) noexcept {
  // In pairs, not one term after another: loops over neurons wait for the result.
  const float r2 = r * r;
  const float low = (0.5f + r * (1.0f / 6.0f)) + r2 * (1.0f / 24.0f + r * (1.0f / 120.0f));
  return low + (r2 * r2) * (1.0f / 720.0f + r * (1.0f / 5040.0f));
}

}  // namespace detail

/// e^x; infinity above 88.72, 0 below -103.97, NaN for NaN.
constexpr float exp(float x) noexcept {
  const float above = x < -104.0f ? -104.0f : x;
  const float inside = above > 89.0f ? 89.0f : above;
  const float shifted = inside * 0x1.715476p0f + detail::kFloatRounder;
  const float n = shifted - detail::kFloatRounder;
  const float r = (inside - n * detail::kFloatLn2High) - n * detail::kFloatLn2Low;
  const float value = 1.0f + (r + r * r * detail::exp_tail(r));
  // 2^n as two factors, each a normal number
  const std::uint32_t biased =
      std::bit_cast<std::uint32_t>(shifted) - std::bit_cast<std::uint32_t>(detail::kFloatRounder) + 256;
  const std::uint32_t half = biased >> 1;
  return value * std::bit_cast<float>((half - 1) << 23) * std::bit_cast<float>((biased - half - 1) << 23);
}

/// e^x for -87 <= x <= 88, where results are normal floats: what a vectorised loop wants.
[[gnu::always_inline]] constexpr float exp_normal(float x) noexcept {
  const float shifted = x * 0x1.715476p0f + detail::kFloatRounder;
  const float n = shifted - detail::kFloatRounder;
  const float r = (x - n * detail::kFloatLn2High) - n * detail::kFloatLn2Low;
  const float value = 1.0f + (r + r * r * detail::exp_tail(r));
  const std::uint32_t biased =
      std::bit_cast<std::uint32_t>(shifted) - std::bit_cast<std::uint32_t>(detail::kFloatRounder) + 127;
  return value * std::bit_cast<float>(biased << 23);
}
[[gnu::always_inline]] constexpr double exp_normal(double x) noexcept {
  const double shifted = x * detail::kLog2E + detail::kRounder;
  const double n = shifted - detail::kRounder;
  const double r = (x - n * detail::kLn2High) - n * detail::kLn2Low;
  const double value = 1.0 + (r + r * r * detail::exp_tail(r));
  const std::uint64_t biased =
      std::bit_cast<std::uint64_t>(shifted) - std::bit_cast<std::uint64_t>(detail::kRounder) + 1023;
  return value * std::bit_cast<double>(biased << 52);
}

/// e^x - 1, accurate also near 0.
constexpr double expm1(double x) noexcept {
  const detail::ExpParts e = detail::exp_reduce(detail::clamp_exponent(x));
  const double value = e.r + e.r * e.r * detail::exp_tail(e.r);
  // 2^n (value + 1) - 1. With n = 0 the second product is 0 and the sum is `value`; far out only one of the two counts.
  const double scale = e.scale_half * e.scale_rest;
  const double small = value * scale + (scale - 1.0);
  const double large = (value + 1.0) * e.scale_half * e.scale_rest - 1.0;
  const double result = x > 50.0 ? large : small;
  return x < -50.0 ? -1.0 : (x == 0.0 ? x : result);
}

namespace detail {

/// ln(x 2^-shift), x positive, normal and finite. The polynomial is that of fdlibm's e_log.c:
/// Copyright (C) 1993 by Sun Microsystems, Inc. All rights reserved. Developed at SunSoft, a Sun Microsystems, Inc.
/// business. Permission to use, copy, modify, and distribute this software is freely granted, provided that this notice
/// is preserved.
[[gnu::always_inline]] constexpr double log_shifted(double x, double shift) noexcept {
  // x = 2^k m, m in [sqrt(1/2), sqrt(2))
  const std::uint64_t bits = std::bit_cast<std::uint64_t>(x) + (0x3ff0000000000000u - 0x3fe6a09e00000000u);
  const double m = std::bit_cast<double>((bits & 0x000fffffffffffffu) + 0x3fe6a09e00000000u);
  const double biased = std::bit_cast<double>((bits >> 52) + std::bit_cast<std::uint64_t>(kRounder)) - kRounder;
  const double k = biased - (1023.0 + shift);

  const double f = m - 1.0;
  const double s = f / (2.0 + f);
  const double z = s * s;
  const double w = z * z;
  const double even = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01));
  const double odd =
      z * (6.666666666666735130e-01 +
           w * (2.857142874366239149e-01 + w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01)));
  const double half_square = 0.5 * f * f;
  return s * (half_square + (even + odd)) + k * kLn2Low - half_square + f + k * kLn2High;
}

/// The same for floats, with the polynomial of FreeBSD's e_logf.c, under the same notice.
[[gnu::always_inline]] constexpr float log_shifted(float x, float shift) noexcept {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(x) + (0x3f800000u - 0x3f3504f3u);
  const float m = std::bit_cast<float>((bits & 0x007fffffu) + 0x3f3504f3u);
  const float biased = std::bit_cast<float>((bits >> 23) + std::bit_cast<std::uint32_t>(kFloatRounder)) - kFloatRounder;
  const float k = biased - (127.0f + shift);

  const float f = m - 1.0f;
  const float s = f / (2.0f + f);
  const float z = s * s;
  const float w = z * z;
  const float even = w * (0x1.999c26p-2f + w * 0x1.f13c4cp-3f);
  const float odd = z * (0x1.555554p-1f + w * 0x1.23d3dcp-2f);
  const float half_square = 0.5f * f * f;
  return s * (half_square + (even + odd)) + k * 0x1.2fefa2p-17f - half_square + f + k * 0x1.62e3p-1f;
}

}  // namespace detail

/// Natural logarithm of a positive, normal and finite number: what a vectorised loop wants.
[[gnu::always_inline]] constexpr double log_positive(double x) noexcept { return detail::log_shifted(x, 0.0); }
[[gnu::always_inline]] constexpr float log_positive(float x) noexcept { return detail::log_shifted(x, 0.0f); }

/// Natural logarithm; -infinity for 0, NaN below 0.
constexpr double log(double x) noexcept {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const bool subnormal = x < 0x1p-1022;
  const double result = detail::log_shifted(subnormal ? x * 0x1p54 : x, subnormal ? 54.0 : 0.0);
  const double checked = x < infinity ? result : x;  // infinity and NaN return themselves
  return x > 0.0 ? checked : (x == 0.0 ? -infinity : std::numeric_limits<double>::quiet_NaN());
}

}  // namespace neuract::snn::portable
