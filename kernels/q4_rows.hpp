#pragma once

#include <cstddef>
#include <cstdint>

#include "neuract/kernels/q4_tiles.hpp"

/// Dense weights stored by source, with scales along the targets (NVFP4: q4_integer_rows.hpp), for networks that send events: at steps of 0.1 ms few
/// of a thousand sources are active, and each reads one row of the weights from end to end.
///
/// The codes of a source are lines of q4_tiles.hpp with target for output: [k][tiles_of(n)][64]; codes past n are free,
/// scales past n are zero.

namespace neuract::kernels {

/// w[s][t] = kLevels[code] · scale[s][t / block], rounded to f32.
struct Nf4Rows {
  std::uint32_t n = 0;                  ///< targets
  std::uint32_t k = 0;                  ///< sources
  std::uint32_t block = 0;              ///< targets that share a scale: 64 or 128
  const std::uint8_t* codes = nullptr;  ///< [k][tiles][64]
  const float* scales = nullptr;        ///< [k][tiles · 128 / block]
};

struct F32Rows {
  std::uint32_t n = 0;             ///< targets
  std::uint32_t k = 0;             ///< sources
  const float* weights = nullptr;  ///< [k][stride]
  std::size_t stride = 0;
};

/// The active sources of each row (time steps × samples).
struct ActiveLists {
  const std::uint32_t* offsets = nullptr;  ///< [rows + 1]: row m has ids[offsets[m]] … ids[offsets[m + 1] - 1]
  const std::uint32_t* ids = nullptr;      ///< ascending within a row, below k
  std::uint32_t rows = 0;
};

/// y[m][t] = Σ w[s][t] over the active sources s of row m, all t < n; y f32[rows, n] with ldy elements from row to row.
///
/// Numerics: f32 sums from 0 in ascending order of s, the same bits on every instruction set and whatever other rows
/// there are. Threads: reentrant; nothing is allocated.
void rows_nf4(const Nf4Rows& w, const ActiveLists& active, float* y, std::size_t ldy) noexcept;
void rows_f32(const F32Rows& w, const ActiveLists& active, float* y, std::size_t ldy) noexcept;

}  // namespace neuract::kernels
