#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "neuract/memory/dtype.hpp"
#include "neuract/memory/result.hpp"

/// The 4-bit formats and how they lie in memory: one array of codes, two to a byte, and one of scales, one a block.

namespace neuract::q4 {

enum class Format : std::uint8_t { nf4, nvfp4 };

/// Which half of byte i holds element 2i; the other half holds element 2i+1.
enum class NibbleOrder : std::uint8_t { high_first, low_first };

struct FormatTraits {
  Format format;
  std::string_view name;
  NibbleOrder order;
  memory::DType scale;     ///< one a block
  bool has_partial_block;  ///< the last block may be short
  std::uint8_t zero;       ///< the code of +0; fills the half byte after an odd count
  std::uint32_t block;     ///< elements, unless the data say otherwise
  std::uint32_t min_block;
  std::uint32_t max_block;

  /// Codes and block scales of whole blocks.
  [[nodiscard]] constexpr double bytes_per_weight(std::uint32_t of_block) const noexcept {
    return 0.5 + static_cast<double>(memory::bytes_of(scale)) / of_block;
  }
};

/// One row a format, in the order of the enum. NF4: Dettmers 2023, arXiv 2305.14314, as bitsandbytes stores it.
inline constexpr std::array<FormatTraits, 2> kFormats{{
    {Format::nf4, "nf4", NibbleOrder::high_first, memory::DType::f32, true, 7, 64, 32, 4096},
    {Format::nvfp4, "nvfp4", NibbleOrder::low_first, memory::DType::f8_e4m3, false, 0, 16, 16, 16},
}};

[[nodiscard]] constexpr const FormatTraits& traits_of(Format format) noexcept {
  return kFormats[static_cast<std::size_t>(format)];
}

static_assert([] {
  for (std::size_t i = 0; i < kFormats.size(); ++i) {
    const FormatTraits& row = kFormats[i];
    if (static_cast<std::size_t>(row.format) != i || row.zero > 15) return false;
    // Blocks start at whole bytes, and both formats cost the same.
    if (row.min_block % 2 != 0 || row.block < row.min_block || row.block > row.max_block) return false;
    if (row.bytes_per_weight(row.block) != 0.5625) return false;
  }
  return true;
}());

/// Bytes that the codes of n elements take.
[[nodiscard]] constexpr std::size_t code_bytes(std::size_t n) noexcept { return n / 2 + n % 2; }
/// Blocks, and so scales, of n elements.
[[nodiscard]] constexpr std::size_t block_count(std::size_t n, std::size_t block) noexcept {
  return n / block + (n % block != 0 ? 1 : 0);
}

template <NibbleOrder order>
[[nodiscard]] constexpr std::uint8_t pack(std::uint8_t even, std::uint8_t odd) noexcept {
  return static_cast<std::uint8_t>(order == NibbleOrder::high_first ? even << 4 | odd : odd << 4 | even);
}
/// The code of element i.
template <NibbleOrder order>
[[nodiscard]] constexpr std::uint8_t code_at(const std::uint8_t* codes, std::size_t i) noexcept {
  const bool high = (i % 2 == 0) == (order == NibbleOrder::high_first);
  return static_cast<std::uint8_t>(high ? codes[i / 2] >> 4 : codes[i / 2] & 15);
}

/// Largest magnitude, 0 for no elements. Infinite or NaN exactly when x holds an infinity or a NaN.
[[nodiscard]] float absolute_maximum(std::span<const float> x) noexcept;

/// Whether the arrays that the caller gave for n elements have the sizes of the format.
/// Errors: invalid_argument (block size, a partial block where there is none, number of code bytes, number of scales).
[[nodiscard]] Result<void> check_sizes(Format format, std::size_t n, std::size_t block, std::size_t bytes_of_codes,
                                       std::size_t scales);

/// invalid_argument, naming the first infinity or NaN among x; for after absolute_maximum has seen one.
[[nodiscard]] Error not_finite(std::span<const float> x, std::size_t first_index);

}  // namespace neuract::q4
