#include "neuract/q4/tiles.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>

#include "neuract/q4/e4m3.hpp"

namespace neuract::q4 {
namespace {

using kernels::kTileLineBytes;
using kernels::kTileOutputs;
using memory::HostArray;

/// Bytes of codes of an output that are treated at a time: a cache line of each of 128 outputs makes 128 lines of the
/// tile, which are 8 KiB on end.
constexpr std::size_t kStrip = 64;
constexpr std::size_t kPairs =
    kTileLineBytes;  // byte p of a line holds the outputs low_output(p) and low_output(p) + 16

constexpr std::uint32_t low_output(std::size_t p) noexcept { return static_cast<std::uint32_t>(32 * (p % 4) + p / 4); }

static_assert([] {
  for (std::uint32_t p = 0; p < kPairs; ++p) {
    std::array<std::uint8_t, kTileLineBytes> line{};
    kernels::set_tile_code(line.data(), low_output(p), 5);
    kernels::set_tile_code(line.data(), low_output(p) + 16, 9);
    if (line[p] != (5 | 9 << 4)) return false;
  }
  return true;
}());

/// Rows of bytes become columns.
void transpose_8x8(const std::uint8_t* from, std::size_t from_stride, std::uint8_t* to,
                   std::size_t to_stride) noexcept {
  std::array<std::uint64_t, 8> rows;
  for (std::size_t r = 0; r < 8; ++r) std::memcpy(&rows[r], from + r * from_stride, 8);
  const auto exchange = [&rows](std::size_t distance, std::uint64_t mask) {
    const unsigned shift = static_cast<unsigned>(8 * distance);
    for (std::size_t r = 0; r < 8; ++r) {
      if ((r & distance) != 0) continue;
      const std::uint64_t change = (rows[r] >> shift ^ rows[r + distance]) & mask;
      rows[r + distance] ^= change;
      rows[r] ^= change << shift;
    }
  };
  exchange(4, 0x0000'0000'ffff'ffffu);
  exchange(2, 0x0000'ffff'0000'ffffu);
  exchange(1, 0x00ff'00ff'00ff'00ffu);
  for (std::size_t r = 0; r < 8; ++r) std::memcpy(to + r * to_stride, &rows[r], 8);
}

/// One tile: `rows` outputs whose codes begin at `codes` and are `row_bytes` each, a multiple of 8.
template <NibbleOrder order>
void pack_codes(const std::uint8_t* codes, std::size_t row_bytes, std::size_t rows, std::uint8_t* lines) noexcept {
  static constexpr std::array<std::uint8_t, kStrip> kZeros{};
  // Byte p of the lines of the inputs whose codes are in the high and in the low halves of the strip's bytes.
  alignas(64) std::array<std::array<std::uint8_t, kStrip>, kPairs> high, low;
  for (std::size_t begin = 0; begin < row_bytes; begin += kStrip) {
    const std::size_t bytes = std::min(kStrip, row_bytes - begin);
    for (std::size_t p = 0; p < kPairs; ++p) {
      const std::size_t output = low_output(p);
      const std::uint8_t* a = output < rows ? codes + output * row_bytes + begin : kZeros.data();
      const std::uint8_t* b = output + 16 < rows ? codes + (output + 16) * row_bytes + begin : kZeros.data();
      for (std::size_t i = 0; i < bytes; ++i) {
        high[p][i] = static_cast<std::uint8_t>(a[i] >> 4 | (b[i] & 0xf0));
        low[p][i] = static_cast<std::uint8_t>((a[i] & 0x0f) | b[i] << 4);
      }
    }
    const auto& even = order == NibbleOrder::high_first ? high : low;
    const auto& odd = order == NibbleOrder::high_first ? low : high;
    std::uint8_t* to = lines + 2 * begin * kTileLineBytes;
    constexpr std::size_t kEverySecond = std::size_t{2} * kTileLineBytes;
    for (std::size_t i = 0; i < bytes; i += 8) {
      for (std::size_t p = 0; p < kPairs; p += 8) {
        transpose_8x8(&even[p][i], kStrip, to + i * kEverySecond + p, kEverySecond);
        transpose_8x8(&odd[p][i], kStrip, to + i * kEverySecond + kTileLineBytes + p, kEverySecond);
      }
    }
  }
}

/// The outputs of a range, tile by tile.
struct Range {
  std::size_t first;
  std::size_t count;
  std::size_t inputs;

  [[nodiscard]] std::size_t tiles() const noexcept { return kernels::tiles_of(count); }
  [[nodiscard]] std::size_t first_of(std::size_t tile) const noexcept { return first + tile * kTileOutputs; }
  [[nodiscard]] std::size_t rows_of(std::size_t tile) const noexcept {
    return std::min<std::size_t>(kTileOutputs, count - tile * kTileOutputs);
  }
};

template <NibbleOrder order>
Result<HostArray<std::uint8_t>> pack_all_codes(std::span<const std::uint8_t> codes, const Range& range) {
  const std::size_t tile_bytes = range.inputs * kTileLineBytes;
  const std::size_t row_bytes = range.inputs / 2;
  NEURACT_TRY_ASSIGN(auto packed, HostArray<std::uint8_t>::zeros(range.tiles() * tile_bytes));
  for (std::size_t t = 0; t < range.tiles(); ++t)
    pack_codes<order>(codes.data() + range.first_of(t) * row_bytes, row_bytes, range.rows_of(t),
                      packed.data() + t * tile_bytes);
  return packed;
}

Result<std::uint32_t> nf4_block(const QuantizedWeight& weight) {
  const auto inputs = static_cast<std::uint64_t>(weight.in_features);
  const std::uint64_t common = (inputs | weight.block) & (~(inputs | weight.block) + 1);  // their lowest set bit
  const std::uint64_t block = std::min<std::uint64_t>(common, 64);
  if (block < 16)
    return fail(ErrorCode::unsupported, "nf4 with ", inputs, " inputs has a new block every ", block,
                " inputs; the kernels take 16, 32 or 64, so that the number of inputs must be a multiple of 16");
  return static_cast<std::uint32_t>(block);
}

/// Sums are 2^24 times as large before the last multiplication (kernels/q4_spikes.hpp).
constexpr float kAbsmaxLimit = 0x1p90f;

Result<HostArray<float>> pack_absmax(std::span<const float> absmax, std::size_t weight_block, std::size_t block,
                                     const Range& range) {
  const std::size_t blocks = range.inputs / block;
  NEURACT_TRY_ASSIGN(auto packed, HostArray<float>::zeros(range.tiles() * blocks * kTileOutputs));
  for (std::size_t t = 0; t < range.tiles(); ++t) {
    float* const to = packed.data() + t * blocks * kTileOutputs;
    for (std::size_t o = 0; o < range.rows_of(t); ++o) {
      const std::size_t start = (range.first_of(t) + o) * range.inputs;
      for (std::size_t b = 0; b < blocks; ++b) {
        const std::size_t from = (start + b * block) / weight_block;
        if (!std::isfinite(absmax[from]))
          return fail(ErrorCode::invalid_argument, "the scale of block ", from, " is ", absmax[from]);
        if (std::abs(absmax[from]) >= kAbsmaxLimit)
          return fail(ErrorCode::unsupported, "the scale of block ", from, " is ", absmax[from],
                      "; the kernels take scales below ", kAbsmaxLimit);
        to[b * kTileOutputs + o] = absmax[from];
      }
    }
  }
  return packed;
}

/// E4M3 in multiples of 2^-9, the smallest; the sign is left out.
constexpr std::uint32_t e4m3_multiple(Float8E4M3 x) noexcept {
  const std::uint32_t exponent = x.bits >> 3 & 15;
  const std::uint32_t fraction = x.bits & 7;
  return exponent == 0 ? fraction : (8 | fraction) << (exponent - 1);
}
static_assert(static_cast<float>(e4m3_multiple({0x7e})) * 0x1p-9f == kE4M3Max && e4m3_multiple({0x08}) == 8 &&
              e4m3_multiple({0x01}) == 1);

/// How many of the low bits are zero in all scales of an output; an error when exact sums in units do not fit.
Result<int> common_shift(std::span<const Float8E4M3> scales, std::size_t output) {
  std::uint32_t bits = 0, largest = 0;
  std::uint64_t sum = 0;
  for (std::size_t b = 0; b < scales.size(); ++b) {
    const Float8E4M3 scale = scales[b];
    if (is_nan(scale))
      return fail(ErrorCode::invalid_argument, "the scale of output ", output, ", block ", b, " is NaN");
    const std::uint32_t multiple = e4m3_multiple(scale);
    if (multiple != 0 && scale.bits >= 0x80)
      return fail(ErrorCode::unsupported, "the scale of output ", output, ", block ", b, " is ", decode_e4m3(scale),
                  "; the kernels take no negative scales");
    bits |= multiple;
    largest = std::max(largest, multiple);
    sum += multiple;
  }
  if (bits == 0) return 0;
  const int shift = std::countr_zero(bits);
  if (largest >> shift >= 1u << 15)
    return fail(ErrorCode::unsupported, "the scales of output ", output, " are too far apart: the largest is ",
                largest >> shift, " times what divides all of them; the kernels take less than ", 1u << 15);
  // A block of codes sums to 16 · 12 at most.
  if (192 * (sum >> shift) >= std::uint64_t{1} << 31)
    return fail(ErrorCode::unsupported, "the scales of output ", output, " are ", sum >> shift,
                " times what divides all of them, together; sums in 32 bits take less than ",
                (std::uint64_t{1} << 31) / 192);
  return shift;
}

/// What is left of a block scale in the tiles: its multiple of the output's unit. ½ · 2^(shift - 9) · global is the unit.
Result<void> pack_scales(std::span<const Float8E4M3> scales, float global, const Range& range,
                         std::span<std::uint16_t> multiples, std::span<float> units) {
  const std::size_t blocks = range.inputs / kernels::Nvfp4Tiles::kBlock;
  for (std::size_t t = 0; t < range.tiles(); ++t) {
    std::uint16_t* const to = multiples.data() + t * blocks * kTileOutputs;
    for (std::size_t o = 0; o < range.rows_of(t); ++o) {
      const std::size_t output = range.first_of(t) + o;
      const auto own = scales.subspan(output * blocks, blocks);
      NEURACT_TRY_ASSIGN(const int shift, common_shift(own, output));
      const float unit = std::ldexp(global, shift - 10);
      if (std::ldexp(unit, 10 - shift) != global)
        return fail(ErrorCode::unsupported, "the global scale is ", global, ", whose product with ",
                    std::ldexp(1.0, shift - 10), ", the unit of output ", output, ", is no f32 number");
      units[t * kTileOutputs + o] = unit;
      std::uint16_t* const column = to + kernels::nvfp4_scale_position(static_cast<std::uint32_t>(o));
      for (std::size_t b = 0; b < blocks; ++b)
        column[b * kTileOutputs] = static_cast<std::uint16_t>(e4m3_multiple(own[b]) >> shift);
    }
  }
  return {};
}

}  // namespace

Result<PackedTiles> pack_tiles(const QuantizedWeight& weight, std::int64_t first, std::int64_t count) {
  NEURACT_TRY(check(weight));
  if (first < 0 || count < 0 || first > weight.out_features || count > weight.out_features - first)
    return fail(ErrorCode::invalid_argument, "outputs ", first, " to ", first, " + ", count, " of a weight with ",
                weight.out_features, " outputs");
  constexpr std::int64_t kMost = std::numeric_limits<std::uint32_t>::max() - kTileOutputs;
  if (count > kMost || weight.in_features > kMost)
    return fail(ErrorCode::unsupported, count, " outputs and ", weight.in_features,
                " inputs; the kernels count them in 32 bits");

  const Range range{static_cast<std::size_t>(first), static_cast<std::size_t>(count),
                    static_cast<std::size_t>(weight.in_features)};
  const auto n = static_cast<std::uint32_t>(count);
  const auto k = static_cast<std::uint32_t>(weight.in_features);
  NEURACT_TRY_ASSIGN(const auto codes, weight.codes.span<std::uint8_t>());
  PackedTiles tiles;
  if (weight.format == Format::nf4) {
    NEURACT_TRY_ASSIGN(const std::uint32_t block, nf4_block(weight));
    NEURACT_TRY_ASSIGN(const auto absmax, weight.scales.span<float>());
    NEURACT_TRY_ASSIGN(tiles.absmax_, pack_absmax(absmax, weight.block, block, range));
    NEURACT_TRY_ASSIGN(tiles.codes_, pack_all_codes<traits_of(Format::nf4).order>(codes, range));
    tiles.view_ = kernels::Nf4Tiles{n, k, block, tiles.codes_.data(), tiles.absmax_.data()};
  } else {
    NEURACT_TRY_ASSIGN(const auto scales, weight.scales.span<Float8E4M3>());
    const std::size_t padded = range.tiles() * kTileOutputs;
    NEURACT_TRY_ASSIGN(tiles.multiples_,
                       HostArray<std::uint16_t>::zeros(padded * (range.inputs / kernels::Nvfp4Tiles::kBlock)));
    NEURACT_TRY_ASSIGN(tiles.units_, HostArray<float>::zeros(padded));
    NEURACT_TRY(pack_scales(scales, weight.global, range, tiles.multiples_.span(), tiles.units_.span()));
    NEURACT_TRY_ASSIGN(tiles.codes_, pack_all_codes<traits_of(Format::nvfp4).order>(codes, range));
    tiles.view_ = kernels::Nvfp4Tiles{n, k, tiles.codes_.data(), tiles.multiples_.data(), tiles.units_.data()};
  }
  return tiles;
}

Result<PackedTiles> pack_tiles(const QuantizedWeight& weight) { return pack_tiles(weight, 0, weight.out_features); }

}  // namespace neuract::q4
