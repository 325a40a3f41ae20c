#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

/// Double quantisation: the absmax of NF4 blocks in 8 bits, 0.516 bytes a weight in place of 0.5625.
///
///   absmax[i] = map[q[i]] · nested_absmax[i / 256] + offset,   offset = mean(absmax)
///
/// Source: Dettmers 2023, arXiv 2305.14314, section 3, as bitsandbytes stores it.
namespace neuract::q4 {

inline constexpr std::uint32_t kNestedBlock = 256;

/// The 256 numbers of bitsandbytes' create_dynamic_map(signed=True), ascending: 0, 1, and in each decade
/// 10^(k-6), k = 0 … 6, with either sign, the middles of 2^k equal parts of [0.1, 1]. Source: Dettmers 2015, arXiv
/// 1511.04561 (dynamic tree quantisation).
[[nodiscard]] const std::array<float, 256>& dynamic_map() noexcept;

struct NestedScales {
  std::vector<std::uint8_t> codes;
  std::vector<float> absmax;  ///< one for 256 codes
  float offset = 0.0f;
};

/// Each code is that of the nearest number of the map, the lower one of two. absmax are finite.
[[nodiscard]] NestedScales quantize_scales(std::span<const float> absmax);

/// The formula above in f32, product before sum. Shapes: absmax as codes, nested_absmax one for `block` codes.
/// A block's absmax may come out a little below zero where it was close to zero, as in bitsandbytes.
void dequantize_scales(std::span<const std::uint8_t> codes, std::span<const float> nested_absmax, std::size_t block,
                       std::span<const float, 256> map, float offset, std::span<float> absmax) noexcept;

}  // namespace neuract::q4
