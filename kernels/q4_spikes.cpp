#include "neuract/kernels/q4_spikes.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "neuract/kernels/isa_variants.hpp"
#if NEURACT_X86_VARIANTS
#include <immintrin.h>
#endif

namespace neuract::kernels {
namespace {

constexpr std::uint32_t kChunk = 8192;         // inputs that are listed together
constexpr std::uint32_t kListedLines = 16384;  // over the rows that are listed together
constexpr std::uint32_t kListedBlocks = 8192;
constexpr std::uint32_t kListedRows = 64;
constexpr std::uint32_t kBatchedRows = 64;        // rows that share a table of subset sums
constexpr std::uint32_t kGroupInputs = 16;        // inputs whose subset sums stand together
constexpr std::uint32_t kGroupSums = 4 * 8 + 16;  // of 3, 3, 3, 3 and 4 inputs

struct ActiveBlock {
  std::uint16_t block;  // of the chunk
  std::uint16_t count;  // of its active inputs
};

/// What spikes in one row of a chunk: blocks in ascending order, and the lines of all of them, in bytes from the
/// chunk's first line.
struct ActiveInputs {
  const std::uint32_t* lines;
  const ActiveBlock* blocks;
  std::uint32_t n_blocks;
};

/// A chunk of a tile. The sums of its outputs stay in y between chunks.
template <class Scale>
struct TileChunk {
  const std::uint8_t* codes;
  const Scale* scales;
  bool first;
  bool last;
};

/// All of a tile.
template <class Scale>
struct WholeTile {
  const std::uint8_t* codes;
  const Scale* scales;
  std::uint32_t k;
  std::uint32_t block;
  std::uint32_t outputs;  // that exist, up to 128
};

struct Nf4SpikeKernels {
  void (*event)(const TileChunk<float>& tile, const ActiveInputs& active, float* y) noexcept;
  void (*batched)(const WholeTile<float>& tile, const SpikeBits& s, float* y, std::size_t ldy) noexcept;
};

struct Nvfp4SpikeKernels {
  void (*event)(const TileChunk<std::uint16_t>& tile, const ActiveInputs& active, const float* unit, float* y) noexcept;
  void (*batched)(const WholeTile<std::uint16_t>& tile, const SpikeBits& s, const float* unit, float* y,
                  std::size_t ldy) noexcept;
};

/// The levels of NF4 in multiples of 2^-24.
alignas(64) constexpr std::int32_t kNf4Levels[16] = {-16777216, -11680177, -8809264, -6625616, -4772134, -3099984,
                                                     -1527566,  0,         1335136,  2699961,  4129079,  5669277,
                                                     7393884,   9439147,   12129203, 16777216};
/// The numbers of NVFP4, doubled.
alignas(16) constexpr std::int8_t kNvfp4Numbers[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

}  // namespace
}  // namespace neuract::kernels

#define NEURACT_KERNELS "neuract/kernels/q4_spikes_nf4.inl"
#include "neuract/kernels/for_each_isa.inl"
#define NEURACT_KERNELS "neuract/kernels/q4_spikes_nvfp4.inl"
#include "neuract/kernels/for_each_isa.inl"

namespace neuract::kernels {
namespace {

/// The active inputs of some rows, one chunk of each.
class ActiveLists {
 public:
  /// Lists rows from `row` on while there is room, at least one; inputs begin … end of each.
  void fill(const SpikeBits& s, std::uint32_t row, std::uint32_t begin, std::uint32_t end,
            std::uint32_t block) noexcept {
    std::uint32_t n_lines = 0;
    std::uint32_t n_blocks = 0;
    const std::uint32_t most_blocks = (end - begin) / block;
    const std::uint32_t words = (end - begin + 63) / 64;
    for (rows_ = 0; rows_ < kListedRows && row + rows_ < s.rows; ++rows_) {
      const std::uint64_t* const bits = s.words + std::size_t{row + rows_} * s.stride + begin / 64;
      std::uint32_t active = 0;
      for (std::uint32_t i = 0; i < words; ++i) active += static_cast<std::uint32_t>(std::popcount(bits[i]));
      if (n_lines + active > kListedLines || n_blocks + std::min(active, most_blocks) > kListedBlocks) return;
      ActiveInputs& list = lists_[rows_];
      list.lines = lines_ + n_lines;
      list.blocks = blocks_ + n_blocks;
      const std::uint32_t first_block = n_blocks;
      for (std::uint32_t i = 0; i < words; ++i) {
        for (std::uint64_t rest = bits[i]; rest != 0; rest &= rest - 1) {
          const auto bit = static_cast<std::uint32_t>(std::countr_zero(rest));
          lines_[n_lines++] = (64 * i + bit) * kTileLineBytes;
        }
        for (std::uint32_t b = 0; b < 64; b += block) {
          const std::uint64_t own = bits[i] >> b & ~std::uint64_t{0} >> (64 - block);
          blocks_[n_blocks] = {static_cast<std::uint16_t>((64 * i + b) / block),
                               static_cast<std::uint16_t>(std::popcount(own))};
          n_blocks += own != 0 ? 1 : 0;
        }
      }
      list.n_blocks = n_blocks - first_block;
    }
  }

  [[nodiscard]] std::uint32_t rows() const noexcept { return rows_; }
  [[nodiscard]] const ActiveInputs& operator[](std::uint32_t row) const noexcept { return lists_[row]; }

 private:
  std::uint32_t rows_ = 0;
  ActiveInputs lists_[kListedRows];
  std::uint32_t lines_[kListedLines];
  ActiveBlock blocks_[kListedBlocks + 4];  // a word's empty blocks are written before they are left out
};
static_assert(kChunk <= kListedLines && kChunk / 16 <= kListedBlocks);

/// add(tile, chunk, active, y) adds a chunk of a row to the 128 sums at y; `block` inputs make a block.
template <class Scale, class Add>
void event_driven(std::uint32_t n, std::uint32_t k, std::uint32_t block, const std::uint8_t* codes, const Scale* scales,
                  const SpikeBits& s, float* y, std::size_t ldy, Add add) noexcept {
  ActiveLists lists;
  const auto tiles = static_cast<std::uint32_t>(tiles_of(n));
  std::uint32_t begin = 0;
  do {
    const std::uint32_t end = std::min(k, begin + kChunk);
    for (std::uint32_t row = 0; row < s.rows; row += lists.rows()) {
      lists.fill(s, row, begin, end, block);
      for (std::uint32_t t = 0; t < tiles; ++t) {
        const std::size_t first_input = std::size_t{t} * k + begin;
        const TileChunk<Scale> chunk{codes + first_input * kTileLineBytes, scales + first_input / block * kTileOutputs,
                                     begin == 0, end == k};
        const std::uint32_t outputs = std::min(kTileOutputs, n - t * kTileOutputs);
        for (std::uint32_t r = 0; r < lists.rows(); ++r) {
          float* const out = y + (row + r) * ldy + t * kTileOutputs;
          if (outputs == kTileOutputs) {
            add(t, chunk, lists[r], out);
          } else {
            alignas(64) float part[kTileOutputs] = {};
            if (!chunk.first) std::memcpy(part, out, outputs * sizeof(float));
            add(t, chunk, lists[r], part);
            std::memcpy(out, part, outputs * sizeof(float));
          }
        }
      }
    }
    begin = end;
  } while (begin < k);
}

/// add(tile, rows, y) computes a tile of up to kBatchedRows rows.
template <class Add>
void batched(std::uint32_t n, const SpikeBits& s, float* y, std::size_t ldy, Add add) noexcept {
  for (std::uint32_t t = 0; t < tiles_of(n); ++t) {
    for (std::uint32_t row = 0; row < s.rows; row += kBatchedRows) {
      const SpikeBits rows{s.words + std::size_t{row} * s.stride, std::min(kBatchedRows, s.rows - row), s.stride};
      add(t, rows, y + row * ldy + t * kTileOutputs);
    }
  }
}

std::uint64_t count_active(const SpikeBits& s, std::uint32_t k) noexcept {
  std::uint64_t active = 0;
  for (std::uint32_t m = 0; m < s.rows; ++m) {
    const std::uint64_t* const words = s.words + std::size_t{m} * s.stride;
    for (std::uint32_t i = 0; i < (k + 63) / 64; ++i) active += static_cast<std::uint64_t>(std::popcount(words[i]));
  }
  return active;
}

}  // namespace

SpikeKernel faster_spike_kernel(TileFormat, Isa, std::uint64_t rows, std::uint64_t active, std::uint64_t k) noexcept {
  return rows >= 4 && 2 * active > rows * k ? SpikeKernel::batched : SpikeKernel::event_driven;
}

void spikes_nf4(const Nf4Tiles& w, const SpikeBits& s, float* y, std::size_t ldy, SpikeKernel kernel) noexcept {
  const Nf4SpikeKernels& kernels = NEURACT_SELECT(active_isa(), kNf4SpikeKernels);
  if (kernel == SpikeKernel::event_driven) {
    event_driven(w.n, w.k, w.block, w.codes, w.scales, s, y, ldy,
                 [&](std::uint32_t, const TileChunk<float>& chunk, const ActiveInputs& active, float* out) {
                   kernels.event(chunk, active, out);
                 });
    return;
  }
  batched(w.n, s, y, ldy, [&](std::uint32_t t, const SpikeBits& rows, float* out) {
    const WholeTile<float> tile{w.codes + std::size_t{t} * w.k * kTileLineBytes,
                                w.scales + std::size_t{t} * (w.k / w.block) * kTileOutputs, w.k, w.block,
                                std::min(kTileOutputs, w.n - t * kTileOutputs)};
    kernels.batched(tile, rows, out, ldy);
  });
}

void spikes_nvfp4(const Nvfp4Tiles& w, const SpikeBits& s, float* y, std::size_t ldy, SpikeKernel kernel) noexcept {
  constexpr std::uint32_t kBlock = Nvfp4Tiles::kBlock;
  const Nvfp4SpikeKernels& kernels = NEURACT_SELECT(active_isa(), kNvfp4SpikeKernels);
  if (kernel == SpikeKernel::event_driven) {
    event_driven(w.n, w.k, kBlock, w.codes, w.scales, s, y, ldy,
                 [&](std::uint32_t t, const TileChunk<std::uint16_t>& chunk, const ActiveInputs& active, float* out) {
                   kernels.event(chunk, active, w.unit + t * kTileOutputs, out);
                 });
    return;
  }
  batched(w.n, s, y, ldy, [&](std::uint32_t t, const SpikeBits& rows, float* out) {
    const WholeTile<std::uint16_t> tile{w.codes + std::size_t{t} * w.k * kTileLineBytes,
                                        w.scales + std::size_t{t} * (w.k / kBlock) * kTileOutputs, w.k, kBlock,
                                        std::min(kTileOutputs, w.n - t * kTileOutputs)};
    kernels.batched(tile, rows, w.unit + t * kTileOutputs, out, ldy);
  });
}

void spikes_nf4(const Nf4Tiles& w, const SpikeBits& s, float* y, std::size_t ldy) noexcept {
  spikes_nf4(w, s, y, ldy, faster_spike_kernel(TileFormat::nf4, active_isa(), s.rows, count_active(s, w.k), w.k));
}

void spikes_nvfp4(const Nvfp4Tiles& w, const SpikeBits& s, float* y, std::size_t ldy) noexcept {
  spikes_nvfp4(w, s, y, ldy, faster_spike_kernel(TileFormat::nvfp4, active_isa(), s.rows, count_active(s, w.k), w.k));
}

}  // namespace neuract::kernels
