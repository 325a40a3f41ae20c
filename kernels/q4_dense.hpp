#pragma once

#include <cstddef>
#include <cstdint>

#include "neuract/kernels/q4_tiles.hpp"

/// y[m][o] = Σ_i w[o][i] · x[m][i], W in 4 bits and x real-valued.
///
/// Shapes: x f32[rows, k], ldx elements from row to row; y f32[rows, n], ldy; y overlaps nothing.

namespace neuract::kernels {

void dense_nf4(const Nf4Tiles& w, const float* x, std::uint32_t rows, std::size_t ldx, float* y,
               std::size_t ldy) noexcept;

void dense_nvfp4(const Nvfp4Tiles& w, const float* x, std::uint32_t rows, std::size_t ldx, float* y,
                 std::size_t ldy) noexcept;

}  // namespace neuract::kernels
