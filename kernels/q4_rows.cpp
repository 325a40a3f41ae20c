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
  void (*f32)(const F32Rows& w, const ActiveLists& active, float* y, std::size_t ldy) noexcept;
};

[[maybe_unused]] constexpr std::size_t kLinesAhead = 32;    // fetched before they are added: the latency of memory
[[maybe_unused]] constexpr std::ptrdiff_t kF32Ahead = 256;  // targets

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

void rows_f32(const F32Rows& w, const ActiveLists& active, float* y, std::size_t ldy) noexcept {
  NEURACT_SELECT(active_isa(), kRowKernels).f32(w, active, y, ldy);
}

}  // namespace neuract::kernels
