#include "neuract/kernels/q4_integer_rows.hpp"

#include <cmath>

#include "neuract/kernels/isa_variants.hpp"
#include "neuract/kernels/q4_codes.hpp"
#include "neuract/kernels/q4_tiles.hpp"
#if NEURACT_X86_VARIANTS
#include <immintrin.h>
#endif

namespace neuract::kernels {
namespace {

struct IntegerRowKernels {
  void (*store)(const Nvfp4IntegerRows& w, const ActiveLists& active, float factor, float* y, std::size_t ldy) noexcept;
  void (*add)(const Nvfp4IntegerRows& w, const ActiveLists& active, float factor, std::int32_t* const* sums) noexcept;
};

}  // namespace
}  // namespace neuract::kernels

#define NEURACT_KERNELS "neuract/kernels/q4_integer_rows.inl"
#include "neuract/kernels/for_each_isa.inl"

namespace neuract::kernels {
namespace {

/// The same for any scales: at most 2^16 sources of 12 · 448 · 2^9 units of 2^-9 each are below 2^53.
template <class Row>
void sum_in_double(const Nvfp4IntegerRows& w, const ActiveLists& active, const Row& row_of) noexcept {
  const std::size_t tiles = tiles_of(w.n);
  for (std::size_t tile = 0; tile < tiles; ++tile) {
    for (std::uint32_t m = 0; m < active.rows; ++m) {
      double sums[kTileOutputs] = {};
      for (std::uint32_t i = active.offsets[m]; i < active.offsets[m + 1]; ++i) {
        const std::size_t line = active.ids[i] * tiles + tile;
        for (std::size_t j = 0; j < 8; ++j) {
          const auto position = integer_scale_position(static_cast<std::uint32_t>(j));
          const double scale = e4m3_magnitude(w.scales[line * 8 + position]);
          for (std::size_t l = 0; l < 16; ++l)
            sums[16 * j + l] += kE2m1Doubles[w.codes[line * 64 + 4 * l + j / 2] >> (j % 2 * 4) & 0xf] * scale;
        }
      }
      for (std::size_t t = 0; t < kTileOutputs && tile * kTileOutputs + t < w.n; ++t)
        row_of(m, tile * kTileOutputs + t, static_cast<float>(sums[t]));
    }
  }
}

}  // namespace

void rows_nvfp4(const Nvfp4IntegerRows& w, const ActiveLists& active, float* y, std::size_t ldy) noexcept {
  if (w.multiples != nullptr) {
    const float factor = std::ldexp(w.unit, w.exponent);
    return NEURACT_SELECT(active_isa(), kIntegerRowKernels).store(w, active, factor, y, ldy);
  }
  sum_in_double(w, active, [&](std::size_t m, std::size_t t, float sum) { y[m * ldy + t] = sum * w.unit; });
}

void add_rows_nvfp4(const Nvfp4IntegerRows& w, const ActiveLists& active, float scale,
                    std::int32_t* const* sums) noexcept {
  if (w.multiples != nullptr) {
    const float factor = std::ldexp(w.unit, w.exponent) * scale;
    return NEURACT_SELECT(active_isa(), kIntegerRowKernels).add(w, active, factor, sums);
  }
  sum_in_double(w, active, [&](std::size_t m, std::size_t t, float sum) {
    sums[m][t] += static_cast<std::int32_t>(std::lrint(sum * w.unit * scale));
  });
}

}  // namespace neuract::kernels
