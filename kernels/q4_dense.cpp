#include "neuract/kernels/q4_dense.hpp"

#include "neuract/kernels/isa_variants.hpp"
#include "neuract/kernels/q4_codes.hpp"

namespace neuract::kernels {
namespace {

struct DenseKernels {
  void (*nf4)(const Nf4Tiles& w, const float* x, std::uint32_t rows, std::size_t ldx, float* y,
              std::size_t ldy) noexcept;
  void (*nvfp4)(const Nvfp4Tiles& w, const float* x, std::uint32_t rows, std::size_t ldx, float* y,
                std::size_t ldy) noexcept;
};

/// The code of output o (0..127) in a line.
constexpr std::uint8_t tile_code(const std::uint8_t* line, std::uint32_t o) noexcept {
  return static_cast<std::uint8_t>(line[4 * (o % 16) + o / 32] >> (o / 16 % 2 * 4) & 0xf);
}

}  // namespace
}  // namespace neuract::kernels

#define NEURACT_KERNELS "neuract/kernels/q4_dense.inl"
#include "neuract/kernels/for_each_isa.inl"

namespace neuract::kernels {

void dense_nf4(const Nf4Tiles& w, const float* x, std::uint32_t rows, std::size_t ldx, float* y,
               std::size_t ldy) noexcept {
  NEURACT_SELECT(active_isa(), kDenseKernels).nf4(w, x, rows, ldx, y, ldy);
}

void dense_nvfp4(const Nvfp4Tiles& w, const float* x, std::uint32_t rows, std::size_t ldx, float* y,
                 std::size_t ldy) noexcept {
  NEURACT_SELECT(active_isa(), kDenseKernels).nvfp4(w, x, rows, ldx, y, ldy);
}

}  // namespace neuract::kernels
