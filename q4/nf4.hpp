#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "neuract/kernels/q4_codes.hpp"
#include "neuract/memory/result.hpp"
#include "neuract/q4/format.hpp"

/// NF4: sixteen levels between -1 and 1, dense where a normal distribution is, times the block's largest magnitude.
///
/// Blocks run over the flattened row-major tensor; the last one may be partial. Element 2i is in the high half of byte
/// i; after an odd count the free half holds the code of 0. These are the oracle of the format: plain loops, in f32
/// where the format says so. Source: Dettmers 2023, arXiv 2305.14314; levels, thresholds and packing as bitsandbytes
/// has them.

namespace neuract::q4::nf4 {

inline constexpr const FormatTraits& kTraits = traits_of(Format::nf4);

inline constexpr std::array<float, 16> kLevels = std::to_array(kernels::kNf4Levels);
static_assert(kLevels[kTraits.zero] == 0.0f);

/// kThresholds[c] parts code c from c + 1: the midpoint of their levels, rounded to f32, ties to even. (bitsandbytes'
/// kernels write these midpoints as decimals; for c = 0, 8, 12 and 14, which lie halfway between two floats, a compiler
/// reads the other one.)
inline constexpr std::array<float, 15> kThresholds = [] {
  std::array<float, 15> thresholds{};
  for (std::size_t c = 0; c < thresholds.size(); ++c) thresholds[c] = (kLevels[c] + kLevels[c + 1]) * 0.5f;
  return thresholds;
}();

/// The code of x, which is an element divided by its block's scale; a value on a threshold takes the lower code.
[[nodiscard]] constexpr std::uint8_t encode(float x) noexcept {
  int code = 0;
  for (const float threshold : kThresholds) code += x > threshold ? 1 : 0;
  return static_cast<std::uint8_t>(code);
}

/// Quantises one block of finite numbers and returns its scale, their largest magnitude.
/// Shapes: codes u8[ceil(n/2)], all written.
/// The code is that of x · (1/absmax), in f32. A block of zeros gets the scale 0. Up to absmax = 2^-128, where 1/absmax
/// is infinite, x / absmax takes its place.
float quantize_block(std::span<const float> x, std::uint8_t* codes) noexcept;

/// x[i] = level · absmax, in f32, n = x.size().
void dequantize_block(const std::uint8_t* codes, float absmax, std::span<float> x) noexcept;

/// A flattened tensor in blocks of `block`, a power of two from 32 to 4096.
/// Shapes: x f32[n], codes u8[ceil(n/2)], absmax f32[ceil(n/block)].
/// Errors: invalid_argument (sizes; an element that is infinite or NaN, named, and then codes and absmax are partly
/// written).
[[nodiscard]] Result<void> quantize(std::span<const float> x, std::size_t block, std::span<std::uint8_t> codes,
                                    std::span<float> absmax);

/// The way back. Errors: invalid_argument (sizes).
[[nodiscard]] Result<void> dequantize(std::span<const std::uint8_t> codes, std::span<const float> absmax,
                                      std::size_t block, std::span<float> x);

}  // namespace neuract::q4::nf4
