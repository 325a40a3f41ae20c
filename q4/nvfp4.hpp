#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <span>

#include "neuract/memory/result.hpp"
#include "neuract/q4/e4m3.hpp"
#include "neuract/q4/format.hpp"

/// NVFP4: w = e2m1 · scale · global, with a 4-bit float a weight, an E4M3 scale for each 16 weights along the input
/// dimension, and one f32 for the tensor.
///
/// Element 2i is in the low half of byte i. A row-major [N, K] weight has K % 16 == 0, so its blocks follow each other.
/// These are the oracle of the format: plain loops, in f32 where the format says so.

namespace neuract::q4::nvfp4 {

inline constexpr const FormatTraits& kTraits = traits_of(Format::nvfp4);
inline constexpr std::size_t kBlock = kTraits.block;
static_assert(kTraits.min_block == kBlock && kTraits.max_block == kBlock);

/// The codes 0..7; with bit 3 set the number is negative.
inline constexpr std::array<float, 8> kMagnitudes = {0.0f, 0.5f, 1.0f, 1.5f, 2.0f, 3.0f, 4.0f, 6.0f};
inline constexpr float kE2M1Max = kMagnitudes.back();

/// Nearest E2M1 number, ties to the even code; everything above 6 becomes 6. The sign is kept, that of 0 too.
[[nodiscard]] constexpr std::uint8_t encode_e2m1(float x) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const float a = std::bit_cast<float>(bits & 0x7fff'ffffu);
  // A midpoint belongs to the number above it where that one's code is even.
  const int code = (a > 0.25f) + (a >= 0.75f) + (a > 1.25f) + (a >= 1.75f) + (a > 2.5f) + (a >= 3.5f) + (a > 5.0f);
  return static_cast<std::uint8_t>((bits >> 31) << 3 | static_cast<std::uint32_t>(code));
}

[[nodiscard]] constexpr float decode_e2m1(std::uint8_t code) noexcept {
  return (code & 8) != 0 ? -kMagnitudes[code & 7] : kMagnitudes[code & 7];
}

/// amax / (6 · 448): the largest block scale then is the largest E4M3 number. 1 where that would be 0, so that it can
/// be divided by.
[[nodiscard]] float global_scale(float amax) noexcept;

/// E4M3 of amax / (6 · global), amax being the block's largest magnitude.
[[nodiscard]] Float8E4M3 block_scale(float amax, float global) noexcept;

/// Quantises one block of finite numbers and returns its scale. The codes are those of x / (scale · global), in f32; a
/// block whose scale rounds to 0 gets zeros. Shapes: codes u8[8].
[[nodiscard]] Float8E4M3 quantize_block(std::span<const float, kBlock> x, float global, std::uint8_t* codes) noexcept;

/// x = (e2m1 · scale) · global: the first product is exact, so x is the true product rounded once.
void dequantize_block(const std::uint8_t* codes, Float8E4M3 scale, float global, std::span<float, kBlock> x) noexcept;

/// A tensor by the recipe above; returns its global scale.
/// Shapes: x f32[n], codes u8[n/2], scales e4m3[n/16]; n % 16 == 0.
/// Errors: invalid_argument (sizes; an element that is infinite or NaN, named, and then nothing is written).
[[nodiscard]] Result<float> quantize(std::span<const float> x, std::span<std::uint8_t> codes,
                                     std::span<Float8E4M3> scales);

/// The way back. Errors: invalid_argument (sizes; a scale that is NaN, named, and then x is partly written).
[[nodiscard]] Result<void> dequantize(std::span<const std::uint8_t> codes, std::span<const Float8E4M3> scales,
                                      float global, std::span<float> x);

}  // namespace neuract::q4::nvfp4
