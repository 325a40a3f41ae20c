#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "neuract/memory/dtype.hpp"

/// f16 and bf16 from and to f32: rounding to nearest, ties to even; subnormals, infinities and the sign of 0 kept, NaN
/// stays NaN with the upper bits of its payload. Nothing here depends on flush-to-zero modes except for f32 subnormals.

namespace neuract::kernels {

using memory::BFloat16;
using memory::Float16;

[[nodiscard]] constexpr float to_f32(BFloat16 x) noexcept {
  return std::bit_cast<float>(static_cast<std::uint32_t>(x.bits) << 16);
}

[[nodiscard]] constexpr float to_f32(Float16 x) noexcept {
  const std::uint32_t sign = static_cast<std::uint32_t>(x.bits & 0x8000) << 16;
  const std::uint32_t magnitude = x.bits & 0x7fffu;
  const float subnormal = static_cast<float>(static_cast<std::int32_t>(magnitude)) * 0x1p-24f;
  const std::uint32_t rebias = magnitude >= 0x7c00 ? (255u - 31u) << 23 : (127u - 15u) << 23;
  const std::uint32_t normal = (magnitude << 13) + rebias;
  return std::bit_cast<float>(sign | (magnitude < 0x400 ? std::bit_cast<std::uint32_t>(subnormal) : normal));
}

[[nodiscard]] constexpr BFloat16 to_bf16(float x) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t rounded = bits + 0x7fffu + (bits >> 16 & 1);
  const std::uint32_t quiet = bits | 0x40'0000u;
  return {static_cast<std::uint16_t>(((bits & 0x7fff'ffffu) > 0x7f80'0000u ? quiet : rounded) >> 16)};
}

[[nodiscard]] constexpr Float16 to_f16(float x) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t sign = bits >> 16 & 0x8000;
  const std::uint32_t magnitude = bits & 0x7fff'ffffu;
  // Next to ½ floats are 2^-24 apart, as the subnormals of f16 are: the addition rounds, and the low bits count them.
  const float shifted = std::bit_cast<float>(std::min(magnitude, 0x3880'0000u)) + 0.5f;
  const std::uint32_t subnormal = std::bit_cast<std::uint32_t>(shifted) - 0x3f00'0000u;
  const std::uint32_t rounded = (magnitude + 0xfff + (magnitude >> 13 & 1)) >> 13;
  const std::uint32_t normal = std::min(rounded - ((127u - 15u) << 10), 0x7c00u);
  const std::uint32_t number = magnitude < 0x3880'0000u ? subnormal : normal;
  const std::uint32_t nan = 0x7e00u | (magnitude >> 13 & 0x3ff);
  return {static_cast<std::uint16_t>(sign | (magnitude > 0x7f80'0000u ? nan : number))};
}

/// The same for arrays of n elements, which do not overlap.
struct ConvertKernels {
  void (*f16_to_f32)(const Float16* x, float* y, std::size_t n) noexcept;
  void (*bf16_to_f32)(const BFloat16* x, float* y, std::size_t n) noexcept;
  void (*f32_to_f16)(const float* x, Float16* y, std::size_t n) noexcept;
  void (*f32_to_bf16)(const float* x, BFloat16* y, std::size_t n) noexcept;
};

const ConvertKernels& convert_kernels() noexcept;

}  // namespace neuract::kernels
