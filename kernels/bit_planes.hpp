#pragma once

#include <cstddef>
#include <cstdint>

/// Which targets a source has, as bits: how often each target is hit by the sources that fire together is counted for
/// hundreds of targets at once.
namespace neuract::kernels {

/// Rows are whole lines of the cache.
inline constexpr std::uint32_t kBitRowAlignment = 512;  ///< targets

/// The bit of a row that stands for target `t`. Within 64 targets bit 4·d + j is target 16·j + d, so that four bits
/// that have become four bytes of a 32-bit lane d are counts of targets which lie in lanes d of four vectors.
constexpr std::uint32_t bit_of_target(std::uint32_t t) noexcept {
  return (t & ~63u) | ((t & 15u) << 2) | ((t >> 4) & 3u);
}

/// The other way round.
constexpr std::uint32_t target_of_bit(std::uint32_t bit) noexcept {
  return (bit & ~63u) | ((bit & 3u) << 4) | ((bit >> 2) & 15u);
}

/// Rows that are counted together, at most: a count is a byte.
inline constexpr std::uint32_t kMostBitRows = 255;

/// Row i is the `words` words from bits + i · words: bits, of which those beyond `targets` up to a multiple of
/// kBitRowAlignment are 0, and behind them whatever else belongs to the row, which is fetched with it.
struct BitRows {
  const std::uint64_t* bits = nullptr;  ///< 64-byte aligned
  std::uint32_t words = 0;              ///< of a row, a multiple of 8
  std::uint32_t targets = 0;
};

/// Rows by number, in any order; a row that is listed twice counts twice.
struct ActiveRows {
  const std::uint32_t* rows = nullptr;
  std::size_t count = 0;
};

struct BitPlaneKernels {
  /// sums[t] += code · (number of active rows that have target t + extra[bit_of_target(t)]), t < rows.targets.
  /// At most kMostBitRows active rows. `extra` is null, or has a count for each bit of a row, which becomes 0; with the
  /// active rows it must not go beyond 255 for any target, and without active rows it is left alone. `next` rows are
  /// fetched meanwhile.
  ///
  /// Counts are bit-sliced: bit b of 512 counts is one vector, and rows are added to them by carry-save adders, 16 rows
  /// by 15 adders of two operations each (Harley and Seal; Mula, Kurz and Lemire 2018, arXiv 1611.07612). Then counts
  /// are spread to bytes, multiplied and added. Cost on Zen 4 with AVX-512, rows in the cache: 1 ns for 512 targets of a
  /// row and 30 ns for 512 sums, see bit_planes_bench.
  void (*add_rows)(const BitRows& rows, ActiveRows active, ActiveRows next, std::uint8_t* extra, std::int32_t code,
                   std::int32_t* sums) noexcept;
};

const BitPlaneKernels& bit_plane_kernels() noexcept;

}  // namespace neuract::kernels
