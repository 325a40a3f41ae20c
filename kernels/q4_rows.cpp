#include "neuract/kernels/q4_rows.hpp"

#include "neuract/kernels/isa_variants.hpp"
#include "neuract/kernels/q4_codes.hpp"
#if NEURACT_X86_VARIANTS
#include <immintrin.h>
#endif

namespace neuract::kernels {
namespace {

struct RowKernels {
  void (*nf4)(const Nf4Rows& w, const ActiveLists& active, float* y, std::size_t ldy) noexcept;
  void (*nvfp4)(const Nvfp4Rows& w, const ActiveLists& active, float* y, std::size_t ldy) noexcept;
  void (*f32)(const F32Rows& w, const ActiveLists& active, float* y, std::size_t ldy) noexcept;
};

[[maybe_unused]] constexpr std::size_t kLinesAhead = 32;    // fetched before they are added: the latency of memory
[[maybe_unused]] constexpr std::ptrdiff_t kF32Ahead = 256;  // targets

struct Table16 {
  alignas(64) float of[16];
};
/// kE2m1Doubles in f32.
[[maybe_unused]] constexpr Table16 kE2m1Floats = [] {
  Table16 floats{};
  for (int c = 0; c < 16; ++c) floats.of[c] = static_cast<float>(kE2m1Doubles[c]);
  return floats;
}();

/// The numbers of all E4M3 bit patterns that scales may have.
struct E4m3Numbers {
  float of[128];
};
[[maybe_unused]] constexpr E4m3Numbers kE4m3 = [] {
  E4m3Numbers numbers{};
  for (int bits = 0; bits < 128; ++bits) numbers.of[bits] = e4m3_magnitude(static_cast<std::uint8_t>(bits));
  return numbers;
}();

/// The code of target t (0..127) in a line.
[[maybe_unused]] constexpr std::uint8_t tile_code(const std::uint8_t* line, std::uint32_t t) noexcept {
  return static_cast<std::uint8_t>(line[4 * (t % 16) + t / 32] >> (t / 16 % 2 * 4) & 0xf);
}

}  // namespace
}  // namespace neuract::kernels

#define NEURACT_KERNELS "neuract/kernels/q4_rows.inl"
#include "neuract/kernels/for_each_isa.inl"

namespace neuract::kernels {

void rows_nf4(const Nf4Rows& w, const ActiveLists& active, float* y, std::size_t ldy) noexcept {
  NEURACT_SELECT(active_isa(), kRowKernels).nf4(w, active, y, ldy);
}

void rows_nvfp4(const Nvfp4Rows& w, const ActiveLists& active, float* y, std::size_t ldy) noexcept {
  NEURACT_SELECT(active_isa(), kRowKernels).nvfp4(w, active, y, ldy);
}

void rows_f32(const F32Rows& w, const ActiveLists& active, float* y, std::size_t ldy) noexcept {
  NEURACT_SELECT(active_isa(), kRowKernels).f32(w, active, y, ldy);
}

}  // namespace neuract::kernels
