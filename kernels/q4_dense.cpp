#include "neuract/kernels/q4_dense.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <limits>
#include <memory>

#include "neuract/kernels/isa_variants.hpp"
#include "neuract/kernels/q4_codes.hpp"
#if NEURACT_X86_VARIANTS
#include <immintrin.h>
#endif

namespace neuract::kernels {
namespace {

constexpr std::uint32_t kChain = 8;            // inputs whose products are summed in 16 bits
constexpr float kChainLimit = 32760.0f;        // of the magnitudes of their multiples; rounding adds up to 4
constexpr std::uint32_t kPiece = 64;           // inputs of a panel
constexpr float kSmallestUnit = 0x1p-126f;     // its inverse is finite
constexpr float kNf4BatchLimit = 16383.0f;     // 16 · 16383 · 8191 < 2^31
constexpr float kNf4BatchOne = 8191.0f;        // the level 1
constexpr float kNvfp4BatchLimit = 32767.0f;   // 16 · 32767 · 12 < 2^31
constexpr std::uint32_t kRowsOneByOne = 3;     // up to here a panel does not pay
constexpr std::uint32_t kRowsAtOnce = 128;     // of a batch: bounds the workspace
[[maybe_unused]] constexpr int kAhead = 2048;  // bytes of codes fetched before they are used

// A product of the kernel for one row is multiple · level / 2^15.
constexpr float kNf4RowOne = 32767.0f;
constexpr float kNvfp4RowOne = 2730.0f;
constexpr float kNf4RowFactor = 0x1p15f / kNf4RowOne;
constexpr float kNvfp4RowFactor = 0x1p15f / kNvfp4RowOne;

/// The sixteen levels times `one`, rounded, twice.
struct Levels {
  alignas(64) std::int16_t of[32];
};
template <class Level>
constexpr Levels levels_of(const Level* level, float one) {
  Levels levels{};
  for (int c = 0; c < 32; ++c) {
    const float exact = static_cast<float>(level[c % 16]) * one;
    levels.of[c] = static_cast<std::int16_t>(exact < 0.0f ? exact - 0.5f : exact + 0.5f);
  }
  return levels;
}
constexpr Levels kNf4Row = levels_of(kNf4Levels, kNf4RowOne);
constexpr Levels kNvfp4Row = levels_of(kE2m1Doubles, kNvfp4RowOne);
constexpr Levels kNf4Batch = levels_of(kNf4Levels, kNf4BatchOne);
constexpr Levels kNvfp4Batch = levels_of(kE2m1Doubles, 1.0f);
constexpr const std::int16_t* kNf4RowLevels = kNf4Row.of;
constexpr const std::int16_t* kNvfp4RowLevels = kNvfp4Row.of;
constexpr const std::int16_t* kNf4BatchLevels = kNf4Batch.of;
constexpr const std::int16_t* kNvfp4BatchLevels = kNvfp4Batch.of;

/// Rows of x as prepare_batch leaves them.
struct BatchX {
  const std::int16_t* q;
  const float* unit;
  std::uint32_t rows;
};

/// sums[128] (or [rows][128]) of one tile, without factors that all inputs share.
struct DenseKernels {
  void (*prepare_row)(const float* x, std::uint32_t k, std::uint32_t block, std::int16_t* q, float* unit) noexcept;
  void (*row_nf4)(const Nf4Tiles& w, std::size_t tile, const std::int16_t* q, const float* unit, float* sums) noexcept;
  void (*row_nvfp4)(const Nvfp4Tiles& w, std::size_t tile, const std::int16_t* q, const float* unit,
                    float* sums) noexcept;
  void (*prepare_batch)(const float* x, std::size_t ldx, std::uint32_t rows, std::uint32_t k, float limit,
                        std::int16_t* q, float* unit) noexcept;
  void (*batch_nf4)(const Nf4Tiles& w, std::size_t tile, const BatchX& x, std::int16_t* panel, float* sums) noexcept;
  void (*batch_nvfp4)(const Nvfp4Tiles& w, std::size_t tile, const BatchX& x, std::int16_t* panel,
                      float* sums) noexcept;
};

/// The code of output o (0..127) in a line.
[[maybe_unused]] constexpr std::uint8_t tile_code(const std::uint8_t* line, std::uint32_t o) noexcept {
  return static_cast<std::uint8_t>(line[4 * (o % 16) + o / 32] >> (o / 16 % 2 * 4) & 0xf);
}

#if NEURACT_X86_VARIANTS
constexpr __mmask16 kAllInts = 0xffff;  // masked forms: GCC 12 warns about the plain ones
#endif

}  // namespace
}  // namespace neuract::kernels

#define NEURACT_KERNELS "neuract/kernels/q4_dense.inl"
#include "neuract/kernels/for_each_isa.inl"

// Some processors with AVX-512 multiply and add pairs in one instruction, with the same result.
#if NEURACT_X86_VARIANTS
#pragma GCC push_options
#pragma GCC target( \
    "avx2,bmi,bmi2,lzcnt,popcnt,avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx512vnni,prefer-vector-width=512")
#define NEURACT_ISA avx512vnni
#define NEURACT_ISA_AVX512 1
#define NEURACT_ISA_VNNI 1
#include "neuract/kernels/q4_dense.inl"
#undef NEURACT_ISA_VNNI
#undef NEURACT_ISA_AVX512
#undef NEURACT_ISA
#pragma GCC pop_options
#endif

namespace neuract::kernels {
namespace {

std::atomic<bool>& vnni_allowed() noexcept {
  static std::atomic<bool> allowed{true};
  return allowed;
}

const DenseKernels& dense_kernels() noexcept {
#if NEURACT_X86_VARIANTS
  static const bool vnni = __builtin_cpu_supports("avx512vnni") != 0;
  if (vnni && active_isa() == Isa::avx512 && vnni_allowed().load(std::memory_order_relaxed))
    return avx512vnni::kDenseKernels;
#endif
  return NEURACT_SELECT(active_isa(), kDenseKernels);
}

/// Memory of the calling thread: grows to the largest call, and is freed when the thread ends.
class Workspace {
 public:
  explicit Workspace(std::size_t bytes) noexcept {
    thread_local std::unique_ptr<std::byte[]> memory;
    thread_local std::size_t size = 0;
    if (size < bytes + kAlign) {
      memory.reset();
      memory = std::make_unique_for_overwrite<std::byte[]>(bytes + kAlign);
      size = bytes + kAlign;
    }
    const auto address = reinterpret_cast<std::uintptr_t>(memory.get());
    next_ = memory.get() + (kAlign - address % kAlign) % kAlign;
  }

  template <class T>
  T* take(std::size_t n) noexcept {
    auto* const part = reinterpret_cast<T*>(next_);
    next_ += bytes_of<T>(n);
    return part;
  }
  template <class T>
  static std::size_t bytes_of(std::size_t n) noexcept {
    return (n * sizeof(T) + kAlign - 1) / kAlign * kAlign;
  }

 private:
  static constexpr std::size_t kAlign = 64;
  std::byte* next_;
};

/// How the two formats differ for the drivers below.
struct Nf4Case {
  const Nf4Tiles& w;
  static constexpr float kRowFactor = kNf4RowFactor;
  static constexpr float kBatchFactor = 1.0f / kNf4BatchOne;
  static constexpr float kBatchLimit = kNf4BatchLimit;
  static constexpr auto kRow = &DenseKernels::row_nf4;
  static constexpr auto kBatch = &DenseKernels::batch_nf4;
  std::uint32_t block() const noexcept { return w.block; }
  float unit(std::size_t) const noexcept { return 1.0f; }
};
struct Nvfp4Case {
  const Nvfp4Tiles& w;
  static constexpr float kRowFactor = kNvfp4RowFactor;
  static constexpr float kBatchFactor = 1.0f;
  static constexpr float kBatchLimit = kNvfp4BatchLimit;
  static constexpr auto kRow = &DenseKernels::row_nvfp4;
  static constexpr auto kBatch = &DenseKernels::batch_nvfp4;
  std::uint32_t block() const noexcept { return Nvfp4Tiles::kBlock; }
  float unit(std::size_t o) const noexcept { return w.unit[o]; }
};

template <class Case>
void write(const Case& format, std::size_t tile, const float* sums, float factor, float* y) noexcept {
  const std::size_t first = tile * kTileOutputs;
  const std::size_t n = std::min<std::size_t>(kTileOutputs, format.w.n - first);
  for (std::size_t t = 0; t < n; ++t) y[first + t] = sums[t] * (format.unit(first + t) * factor);
}

template <class Case>
void few_rows(const Case& format, const float* x, std::uint32_t rows, std::size_t ldx, float* y,
              std::size_t ldy) noexcept {
  const DenseKernels& kernels = dense_kernels();
  const std::uint32_t k = format.w.k;
  const std::size_t blocks = k / format.block();
  Workspace workspace(Workspace::bytes_of<std::int16_t>(std::size_t{rows} * k) +
                      Workspace::bytes_of<float>(rows * blocks));
  auto* const q = workspace.take<std::int16_t>(std::size_t{rows} * k);
  auto* const unit = workspace.take<float>(rows * blocks);
  for (std::size_t m = 0; m < rows; ++m) {
    kernels.prepare_row(x + m * ldx, k, format.block(), q + m * k, unit + m * blocks);
  }
  for (std::size_t tile = 0; tile < tiles_of(format.w.n); ++tile) {
    for (std::size_t m = 0; m < rows; ++m) {
      alignas(64) float sums[kTileOutputs];
      (kernels.*Case::kRow)(format.w, tile, q + m * k, unit + m * blocks, sums);
      write(format, tile, sums, Case::kRowFactor, y + m * ldy);
    }
  }
}

template <class Case>
void many_rows(const Case& format, const float* x, std::uint32_t rows, std::size_t ldx, float* y,
               std::size_t ldy) noexcept {
  const DenseKernels& kernels = dense_kernels();
  const std::uint32_t k = format.w.k;
  const std::size_t pieces = (k + kPiece - 1) / kPiece;
  Workspace workspace(Workspace::bytes_of<std::int16_t>(rows * pieces * kPiece) +
                      Workspace::bytes_of<float>(rows * pieces) +
                      Workspace::bytes_of<std::int16_t>(std::size_t{kPiece} * kTileOutputs) +
                      Workspace::bytes_of<float>(std::size_t{rows} * kTileOutputs));
  auto* const q = workspace.take<std::int16_t>(rows * pieces * kPiece);
  auto* const unit = workspace.take<float>(rows * pieces);
  auto* const panel = workspace.take<std::int16_t>(std::size_t{kPiece} * kTileOutputs);
  auto* const sums = workspace.take<float>(std::size_t{rows} * kTileOutputs);
  kernels.prepare_batch(x, ldx, rows, k, Case::kBatchLimit, q, unit);
  for (std::size_t tile = 0; tile < tiles_of(format.w.n); ++tile) {
    (kernels.*Case::kBatch)(format.w, tile, {q, unit, rows}, panel, sums);
    for (std::size_t m = 0; m < rows; ++m) {
      write(format, tile, sums + m * kTileOutputs, Case::kBatchFactor, y + m * ldy);
    }
  }
}

template <class Case>
void dense(const Case& format, const float* x, std::uint32_t rows, std::size_t ldx, float* y,
           std::size_t ldy) noexcept {
  if (format.w.k == 0) {
    for (std::size_t m = 0; m < rows; ++m) std::fill_n(y + m * ldy, format.w.n, 0.0f);
    return;
  }
  if (rows <= kRowsOneByOne) return few_rows(format, x, rows, ldx, y, ldy);
  for (std::uint32_t m = 0; m < rows; m += kRowsAtOnce) {
    many_rows(format, x + m * ldx, std::min(rows - m, kRowsAtOnce), ldx, y + m * ldy, ldy);
  }
}

}  // namespace

void dense_nf4(const Nf4Tiles& w, const float* x, std::uint32_t rows, std::size_t ldx, float* y,
               std::size_t ldy) noexcept {
  dense(Nf4Case{w}, x, rows, ldx, y, ldy);
}

void dense_nvfp4(const Nvfp4Tiles& w, const float* x, std::uint32_t rows, std::size_t ldx, float* y,
                 std::size_t ldy) noexcept {
  dense(Nvfp4Case{w}, x, rows, ldx, y, ldy);
}

void allow_vnni_for_testing(bool allowed) noexcept { vnni_allowed().store(allowed, std::memory_order_relaxed); }

}  // namespace neuract::kernels
