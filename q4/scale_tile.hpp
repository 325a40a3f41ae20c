#pragma once

#include <cstddef>

/// Where cuBLASLt's block-scaled matmul (scale mode VEC16_UE4M3) expects the E4M3 scale of output o and block i of a
/// weight: tiles of 128 outputs x 4 blocks, 512 bytes each, the tiles of the same outputs one after the other. In a tile
/// the four groups of 32 outputs are interleaved. Outputs are padded to 128, blocks to 4, with zeros.
/// Source: cuBLAS library documentation, "1D block scaling factors layout".
namespace neuract::q4 {

inline constexpr std::size_t kScaleTileOutputs = 128;
inline constexpr std::size_t kScaleTileBlocks = 4;

/// Bytes of the padded array for so many outputs and blocks along the input.
[[nodiscard]] constexpr std::size_t scale_tiles_bytes(std::size_t outputs, std::size_t blocks) noexcept {
  const std::size_t rows = (outputs + kScaleTileOutputs - 1) / kScaleTileOutputs * kScaleTileOutputs;
  const std::size_t columns = (blocks + kScaleTileBlocks - 1) / kScaleTileBlocks * kScaleTileBlocks;
  return rows * columns;
}

/// `blocks` is the number of blocks along the input, padded or not.
[[nodiscard]] constexpr std::size_t scale_tile_offset(std::size_t o, std::size_t i, std::size_t blocks) noexcept {
  const std::size_t tiles = (blocks + kScaleTileBlocks - 1) / kScaleTileBlocks;
  return o / 128 * 512 * tiles + i / 4 * 512 + o % 32 * 16 + o % 128 / 32 * 4 + i % 4;
}

}  // namespace neuract::q4
