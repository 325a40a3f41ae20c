#pragma once

#include <cstddef>
#include <cstdint>

/// A 4-bit matrix W[n outputs][k inputs] as kernels read it: tiles of 128 outputs, in each one line of 64 bytes an
/// input.
///
/// An input that spikes touches one cache line a tile; a tile's lines follow each other, so that all inputs are one
/// stream. Nibble j (least significant first) of little-endian 32-bit word l of a line is output 16·j + l of the tile:
/// shifting the words right by 4·j brings outputs 16·j … 16·j + 15 into the low nibbles, in order. Outputs past n have
/// codes of zero and scales of zero.
namespace neuract::kernels {

inline constexpr std::uint32_t kTileOutputs = 128;
inline constexpr std::uint32_t kTileLineBytes = kTileOutputs / 2;

[[nodiscard]] constexpr std::size_t tiles_of(std::size_t outputs) noexcept {
  return (outputs + kTileOutputs - 1) / kTileOutputs;
}

/// Writes the code of output o (0..127) into a line whose nibble for it is still zero.
constexpr void set_tile_code(std::uint8_t* line, std::uint32_t o, std::uint8_t code) noexcept {
  std::uint8_t& byte = line[4 * (o % 16) + o / 32];
  byte = static_cast<std::uint8_t>(byte | code << (o / 16 % 2 * 4));
}

/// NF4: w[o][i] = kLevels[code] · scale[tile][i / block][o % 128].
///
/// Sums of levels are taken in integers, multiples of 2^-24 (exact in any order; a level is off by 2^-25 at most), and
/// `block` inputs at a time: 16, 32 or 64, so that 64 · 2^24 fits.
struct Nf4Tiles {
  std::uint32_t n = 0;
  std::uint32_t k = 0;                  ///< a multiple of block
  std::uint32_t block = 0;              ///< inputs that share a scale
  const std::uint8_t* codes = nullptr;  ///< [tiles][k][64]
  const float* scales = nullptr;        ///< [tiles][k / block][128], absmax
};

/// NVFP4: w[o][i] = ½ · m[code] · scale[tile][i / 16][o % 128] · unit[o], m[code] = 0 1 2 3 4 6 8 12 and their negatives.
///
/// The E4M3 scales of an output are whole multiples of its unit, below 2^15, so that the sum over any spikes is an
/// integer. It fits 32 bits: 192 · Σ scale[o] < 2^31 for every output.
struct Nvfp4Tiles {
  static constexpr std::uint32_t kBlock = 16;
  std::uint32_t n = 0;
  std::uint32_t k = 0;                    ///< a multiple of 16
  const std::uint8_t* codes = nullptr;    ///< [tiles][k][64]
  const std::uint16_t* scales = nullptr;  ///< [tiles][k / 16][64 words of two], see nvfp4_scale_position()
  const float* unit = nullptr;            ///< [tiles · 128]; holds the global scale and the ½
};

/// Where the scale of output o (0..127) stands among the 128 of its tile and block. Bytes 4l + c of a line hold outputs
/// 32c + l and 32c + 16 + l; as 16-bit words the even and odd bytes of the low halves and of the high halves lie in four
/// vectors of 32, and the scales lie in the same order: word 2l + c/2 of vector 2·high + c%2.
[[nodiscard]] constexpr std::uint32_t nvfp4_scale_position(std::uint32_t o) noexcept {
  const std::uint32_t j = o / 16;  // nibble
  const std::uint32_t l = o % 16;
  const std::uint32_t c = j / 2;
  return (2 * (j % 2) + c % 2) * 32 + 2 * l + c / 2;
}

/// Which inputs spike, for m rows (time steps × samples): bit i % 64 of word i / 64 of a row. Bits past k are zero.
struct SpikeBits {
  const std::uint64_t* words = nullptr;
  std::uint32_t rows = 0;
  std::uint32_t stride = 0;  ///< words from one row to the next
};

}  // namespace neuract::kernels
