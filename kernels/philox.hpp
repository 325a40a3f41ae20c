#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

/// Counter-based random bits: Philox4x32-10 (Salmon et al., SC 2011), the same bits as Random123's philox4x32.
///
/// A block of four words is a pure function of a 128-bit counter and a 64-bit key: whoever needs a number computes it,
/// in any order.
namespace neuract::kernels {

inline constexpr std::size_t kPhiloxGroupBlocks = 16;
inline constexpr std::size_t kPhiloxGroupWords = 64;

/// One block: Philox4x32-10 of counter (c0, c1, c2, c3) under `key` (low word first).
std::array<std::uint32_t, 4> philox_block(std::uint64_t key, std::uint32_t c0, std::uint32_t c1, std::uint32_t c2,
                                          std::uint32_t c3) noexcept;

/// Many blocks: block b has the counter (first_block + b, c1, c2, c3), b = 0 … n_blocks - 1; n_blocks is a multiple
/// of 16.
///
/// Words come in groups of 16 blocks: word w of block 16·g + b is out[64·g + 16·w + b]. This order is part of the
/// definition (results depend on it), and lets every instruction set store whole vectors. Cost: about 0.4 ns a word and
/// core with AVX-512 on Zen 4, see connectivity_bench.
void philox_fill(std::uint32_t* out, std::size_t n_blocks, std::uint64_t key, std::uint32_t c1, std::uint32_t c2,
                 std::uint32_t c3, std::uint32_t first_block = 0) noexcept;

}  // namespace neuract::kernels
