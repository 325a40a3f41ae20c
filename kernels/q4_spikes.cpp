#include "neuract/kernels/q4_spikes.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "neuract/kernels/isa_variants.hpp"
#include "neuract/kernels/q4_codes.hpp"
#if NEURACT_X86_VARIANTS
#include <immintrin.h>
#endif

namespace neuract::kernels {
namespace {

constexpr std::uint32_t kChunk = 8192;         // inputs that are listed together
constexpr std::uint32_t kListedLines = 16384;  // over the rows that are listed together
constexpr std::uint32_t kListedBlocks = 8192;
constexpr std::uint32_t kListedRows = 64;
constexpr std::uint32_t kBatchedRows = 64;  // rows that share a table of subset sums
constexpr std::uint32_t kMostInByte = 10;   // numbers of NVFP4 whose sum fits 8 bits
constexpr std::uint32_t kMostParts = kChunk / 16 * 2;
constexpr std::uint32_t kGroupInputs = 16;        // inputs whose subset sums stand together
constexpr std::uint32_t kGroupSums = 4 * 8 + 16;  // of 3, 3, 3, 3 and 4 inputs

struct ActiveBlock {
  std::uint16_t block;  // of the chunk
  std::uint16_t count;  // of its active inputs
};

/// What spikes in one row of a chunk: blocks, and the lines of all of them, in bytes from the chunk's first line.
struct ActiveList {
  std::uint32_t* lines;
  ActiveBlock* blocks;
  std::uint32_t n_lines;
  std::uint32_t n_blocks;
  std::uint32_t n_single;  // blocks with one active input, which come first where they are sorted
};

struct ListKernels {
  std::uint32_t (*count)(const std::uint64_t* bits, std::uint32_t words) noexcept;
  void (*in_order)(const std::uint64_t* bits, std::uint32_t inputs, std::uint32_t block, ActiveList& list) noexcept;
  void (*by_count)(const std::uint64_t* bits, std::uint32_t inputs, ActiveList& list) noexcept;
};

/// A chunk of a tile. The sums of its outputs stay in y between chunks.
template <class Scale>
struct TileChunk {
  const std::uint8_t* codes;
  const Scale* scales;
  std::size_t next;  // bytes from a line to the same one of the next tile, which is fetched meanwhile; 0: no such tile
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
  void (*event)(const TileChunk<float>& tile, const ActiveList& active, float* y) noexcept;
  void (*batched)(const WholeTile<float>& tile, const SpikeBits& s, float* y, std::size_t ldy) noexcept;
};

struct Nvfp4SpikeKernels {
  void (*event)(const TileChunk<std::uint16_t>& tile, const ActiveList& active, const float* unit, float* y) noexcept;
  void (*batched)(const WholeTile<std::uint16_t>& tile, const SpikeBits& s, const float* unit, float* y,
                  std::size_t ldy) noexcept;
};

struct Nf4Multiples {
  alignas(64) std::int32_t levels[16];
};

/// The levels of NF4 in multiples of 2^-24, ties away from 0.
constexpr Nf4Multiples kNf4Multiples = [] {
  Nf4Multiples multiples{};
  for (int c = 0; c < 16; ++c) {
    const double level = double{kNf4Levels[c]} * 0x1p24;
    multiples.levels[c] = static_cast<std::int32_t>(level < 0.0 ? level - 0.5 : level + 0.5);
  }
  return multiples;
}();

/// The scales of a block that is not there.
alignas(64) constexpr std::uint16_t kNoScales[kTileOutputs] = {};

}  // namespace
}  // namespace neuract::kernels

#define NEURACT_KERNELS "neuract/kernels/q4_spikes_lists.inl"
#include "neuract/kernels/for_each_isa.inl"
#define NEURACT_KERNELS "neuract/kernels/q4_spikes_nf4.inl"
#include "neuract/kernels/for_each_isa.inl"
#define NEURACT_KERNELS "neuract/kernels/q4_spikes_nvfp4_event.inl"
#include "neuract/kernels/for_each_isa.inl"
#define NEURACT_KERNELS "neuract/kernels/q4_spikes_nvfp4_batched.inl"
#include "neuract/kernels/for_each_isa.inl"

namespace neuract::kernels {
namespace {

/// The active inputs of some rows, one chunk of each.
class ActiveLists {
 public:
  /// Lists rows from `row` on while there is room, at least one; inputs begin … end of each.
  template <class List>
  void fill(const SpikeBits& s, std::uint32_t row, std::uint32_t begin, std::uint32_t end, const List& list) noexcept {
    const ListKernels& kernels = NEURACT_SELECT(active_isa(), kListKernels);
    std::uint32_t n_lines = 0;
    std::uint32_t n_blocks = 0;
    for (rows_ = 0; rows_ < kListedRows && row + rows_ < s.rows; ++rows_) {
      const std::uint64_t* const bits = s.words + std::size_t{row + rows_} * s.stride + begin / 64;
      const std::uint32_t active = kernels.count(bits, (end - begin + 63) / 64);
      if (n_lines + active > kListedLines || n_blocks + std::min(active, kMostParts) > kListedBlocks) return;
      ActiveList& own = lists_[rows_];
      own = {lines_ + n_lines, blocks_ + n_blocks, 0, 0, 0};
      list(kernels, bits, end - begin, own);
      n_lines += own.n_lines;
      n_blocks += own.n_blocks;
    }
  }

  [[nodiscard]] std::uint32_t rows() const noexcept { return rows_; }
  [[nodiscard]] const ActiveList& operator[](std::uint32_t row) const noexcept { return lists_[row]; }

 private:
  std::uint32_t rows_ = 0;
  ActiveList lists_[kListedRows];
  std::uint32_t lines_[kListedLines + 16];  // list_lines() writes up to 16 places, whatever it lists
  ActiveBlock blocks_[kListedBlocks + 1];
};
static_assert(kChunk <= kListedLines && kMostParts <= kListedBlocks);

std::uint32_t outputs_of(std::uint32_t n, std::size_t tile) noexcept {
  return static_cast<std::uint32_t>(std::min<std::size_t>(kTileOutputs, n - tile * kTileOutputs));
}

/// Kernels fetch the next tile's lines while they add; nobody has fetched the first one's.
inline void fetch(const std::uint8_t* codes, const ActiveList& active) noexcept {
  for (std::uint32_t i = 0; i < active.n_lines; ++i) __builtin_prefetch(codes + active.lines[i], 0, 2);
}

/// add(tile, chunk, active, y) adds a chunk of a row to the 128 sums at y; `block` inputs make a block.
template <class Scale, class List, class Add>
void event_driven(std::uint32_t n, std::uint32_t k, std::uint32_t block, const std::uint8_t* codes, const Scale* scales,
                  const SpikeBits& s, float* y, std::size_t ldy, List list, Add add) noexcept {
  ActiveLists lists;
  const std::size_t tiles = tiles_of(n);
  std::uint32_t begin = 0;
  do {
    const std::uint32_t end = std::min(k, begin + kChunk);
    for (std::uint32_t row = 0; row < s.rows; row += lists.rows()) {
      lists.fill(s, row, begin, end, list);
      for (std::size_t t = 0; t < tiles; ++t) {
        const std::size_t first_input = t * k + begin;
        const TileChunk<Scale> chunk{codes + first_input * kTileLineBytes, scales + first_input / block * kTileOutputs,
                                     t + 1 < tiles ? std::size_t{k} * kTileLineBytes : 0, begin == 0, end == k};
        const std::uint32_t outputs = outputs_of(n, t);
        for (std::uint32_t r = 0; r < lists.rows(); ++r) {
          float* const out = y + (row + r) * ldy + t * kTileOutputs;
          if (t == 0) fetch(chunk.codes, lists[r]);
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
  for (std::size_t t = 0; t < tiles_of(n); ++t) {
    for (std::uint32_t row = 0; row < s.rows; row += kBatchedRows) {
      const SpikeBits rows{s.words + std::size_t{row} * s.stride, std::min(kBatchedRows, s.rows - row), s.stride};
      add(t, rows, y + row * ldy + t * kTileOutputs);
    }
  }
}

/// Nanoseconds a tile, of q4_spikes_bench on one core of a Zen 4 machine; only their ratios matter.
struct SpikeCosts {
  double spike;  // event-driven: an active input of a row
  double block;  // event-driven: a block with active inputs
  double table;  // batched: an input's part in the subset sums, once for kBatchedRows rows
  double row;    // batched: an input of a row
};

constexpr SpikeCosts kSpikeCosts[3][2] = {
    {{43.4, 68.0, 61.0, 2.32}, {8.5, 58.8, 12.1, 1.0}},  // base: NF4, NVFP4
    {{8.4, 16.0, 12.2, 1.18}, {1.52, 10.9, 3.7, 0.41}},  // avx2
    {{3.36, 4.2, 13.7, 0.84}, {1.23, 5.1, 3.5, 0.304}},  // avx512
};

std::uint64_t count_active(const SpikeBits& s, std::uint32_t k) noexcept {
  const ListKernels& kernels = NEURACT_SELECT(active_isa(), kListKernels);
  std::uint64_t active = 0;
  for (std::uint32_t m = 0; m < s.rows; ++m)
    active += kernels.count(s.words + std::size_t{m} * s.stride, (k + 63) / 64);
  return active;
}

}  // namespace

SpikeKernel faster_spike_kernel(TileFormat format, Isa isa, std::uint64_t rows, std::uint64_t active,
                                std::uint64_t k) noexcept {
  const SpikeCosts& costs = kSpikeCosts[static_cast<std::size_t>(isa)][static_cast<std::size_t>(format)];
  const double inputs = static_cast<double>(k);
  const double row_inputs = static_cast<double>(rows) * inputs;
  const double spikes = static_cast<double>(active);
  const double blocks = row_inputs / (format == TileFormat::nf4 ? 64.0 : double{Nvfp4Tiles::kBlock});
  const double reached = blocks > 0.0 ? -blocks * std::expm1(-spikes / blocks) : 0.0;  // by spikes at random
  const std::uint64_t batches = (rows + kBatchedRows - 1) / kBatchedRows;
  const double event_driven = costs.spike * spikes + costs.block * reached;
  const double batched = costs.table * inputs * static_cast<double>(batches) + costs.row * row_inputs;
  return batched < event_driven ? SpikeKernel::batched : SpikeKernel::event_driven;
}

void spikes_nf4(const Nf4Tiles& w, const SpikeBits& s, float* y, std::size_t ldy, SpikeKernel kernel) noexcept {
  const Nf4SpikeKernels& kernels = NEURACT_SELECT(active_isa(), kNf4SpikeKernels);
  if (kernel == SpikeKernel::event_driven) {
    event_driven(
        w.n, w.k, w.block, w.codes, w.scales, s, y, ldy,
        [&](const ListKernels& lists, const std::uint64_t* bits, std::uint32_t inputs, ActiveList& list) {
          lists.in_order(bits, inputs, w.block, list);
        },
        [&](std::size_t, const TileChunk<float>& chunk, const ActiveList& active, float* out) {
          kernels.event(chunk, active, out);
        });
    return;
  }
  batched(w.n, s, y, ldy, [&](std::size_t t, const SpikeBits& rows, float* out) {
    const WholeTile<float> tile{w.codes + t * w.k * kTileLineBytes, w.scales + t * (w.k / w.block) * kTileOutputs, w.k,
                                w.block, outputs_of(w.n, t)};
    kernels.batched(tile, rows, out, ldy);
  });
}

void spikes_nvfp4(const Nvfp4Tiles& w, const SpikeBits& s, float* y, std::size_t ldy, SpikeKernel kernel) noexcept {
  constexpr std::uint32_t kBlock = Nvfp4Tiles::kBlock;
  const Nvfp4SpikeKernels& kernels = NEURACT_SELECT(active_isa(), kNvfp4SpikeKernels);
  if (kernel == SpikeKernel::event_driven) {
    event_driven(
        w.n, w.k, kBlock, w.codes, w.scales, s, y, ldy,
        [](const ListKernels& lists, const std::uint64_t* bits, std::uint32_t inputs, ActiveList& list) {
          lists.by_count(bits, inputs, list);
        },
        [&](std::size_t t, const TileChunk<std::uint16_t>& chunk, const ActiveList& active, float* out) {
          kernels.event(chunk, active, w.unit + t * kTileOutputs, out);
        });
    return;
  }
  batched(w.n, s, y, ldy, [&](std::size_t t, const SpikeBits& rows, float* out) {
    const WholeTile<std::uint16_t> tile{w.codes + t * w.k * kTileLineBytes,
                                        w.scales + t * (w.k / kBlock) * kTileOutputs, w.k, kBlock, outputs_of(w.n, t)};
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
