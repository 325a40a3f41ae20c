#pragma once

#include <cstddef>
#include <cstdint>

#include "neuract/kernels/q4_rows.hpp"

/// NVFP4 weights by source, with scales along the targets, whose sums are exact.
///
/// A weight is a small whole number times its scale, and most scales of a tensor are multiples of a common unit below
/// 256: then a sum is one of products of bytes, two sources at a time, four times as many targets to an instruction as in
/// f32. Sums are exact in any order, so that scales which do not fit are summed in double and give the same bits.
namespace neuract::kernels {

/// w[s][t] = m[code] · scale · unit, m[code] = 0 1 2 3 4 6 8 12 and their negatives.
/// Where `multiples` is given, scale = multiples · 2^exponent for all blocks; otherwise scale is that of the E4M3 bits.
struct Nvfp4IntegerRows {
  static constexpr std::uint32_t kBlock = 16;
  std::uint32_t n = 0;                      ///< targets
  std::uint32_t k = 0;                      ///< sources
  const std::uint8_t* codes = nullptr;      ///< [k][tiles][64], lines of q4_tiles.hpp
  const std::uint8_t* multiples = nullptr;  ///< [k][tiles][8], in the order of integer_scale_position(); or null
  const std::uint8_t* scales = nullptr;     ///< the same array of E4M3 bits, where there are no multiples
  int exponent = 0;
  float unit = 0.0f;  ///< global scale · ½
};

/// Where block b (0..7, of 16 targets each) of a tile has its scale: first those of the low halves of the bytes.
[[nodiscard]] constexpr std::uint32_t integer_scale_position(std::uint32_t b) noexcept { return b / 2 + b % 2 * 4; }

/// y[m][t] = Σ w[s][t] over the active sources of row m, all t < n: f32(exact sum) · unit, two roundings.
/// Threads: reentrant; nothing is allocated.
void rows_nvfp4(const Nvfp4IntegerRows& w, const ActiveLists& active, float* y, std::size_t ldy) noexcept;

/// sums[m][t] += round(y[m][t] · scale) to the nearest integer, ties to even; scale is a power of two, and the products
/// are below 2^31.
void add_rows_nvfp4(const Nvfp4IntegerRows& w, const ActiveLists& active, float scale,
                    std::int32_t* const* sums) noexcept;

}  // namespace neuract::kernels
