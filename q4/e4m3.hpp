#pragma once

#include <bit>
#include <cstdint>

#include "neuract/memory/dtype.hpp"

/// E4M3, the 8-bit float of the block scales: sign, 4 bits of exponent with bias 7, 3 of mantissa. Largest 448 (0x7e),
/// smallest normal 2^-6, smallest 2^-9; no infinity; NaN is 0x7f and 0xff.  Source: Micikevicius 2022, arXiv
/// 2209.05433.

namespace neuract::q4 {

using memory::Float8E4M3;

inline constexpr float kE4M3Max = 448.0f;

[[nodiscard]] constexpr bool is_nan(Float8E4M3 x) noexcept { return (x.bits & 0x7f) == 0x7f; }

/// Nearest E4M3 number, ties to even; everything above 448 becomes 448.
[[nodiscard]] constexpr Float8E4M3 encode_e4m3(float x) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t sign = bits >> 24 & 0x80;
  const std::uint32_t magnitude = bits & 0x7fff'ffffu;
  const float a = std::bit_cast<float>(magnitude);
  std::uint32_t code = 0;
  if (magnitude > 0x7f80'0000u) {
    code = 0x7f;
  } else if (a >= kE4M3Max) {
    code = 0x7e;
  } else if (a < 0x1p-6f) {
    // Next to 2^14 floats are 2^-9 apart: the addition rounds to a multiple of it, and the low bits count the
    // multiples.
    code = std::bit_cast<std::uint32_t>(a + 0x1p14f) & 0xf;
  } else {
    const std::uint32_t to_even = 0x7'ffffu + (magnitude >> 20 & 1);
    code = ((magnitude + to_even) >> 20) - ((127 - 7) << 3);
  }
  return {static_cast<std::uint8_t>(sign | code)};
}

/// Exact; NaN for NaN.
[[nodiscard]] constexpr float decode_e4m3(Float8E4M3 x) noexcept {
  const std::uint32_t sign = static_cast<std::uint32_t>(x.bits & 0x80) << 24;
  const std::uint32_t code = x.bits & 0x7f;
  float a = static_cast<float>(code) * 0x1p-9f;
  if (code == 0x7f)
    a = std::bit_cast<float>(0x7fc0'0000u);
  else if (code >= 8)
    a = std::bit_cast<float>((code << 20) + ((127u - 7u) << 23));
  return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(a));
}

static_assert(decode_e4m3({0x7e}) == kE4M3Max && decode_e4m3({0x08}) == 0x1p-6f && decode_e4m3({0x01}) == 0x1p-9f);

}  // namespace neuract::q4
