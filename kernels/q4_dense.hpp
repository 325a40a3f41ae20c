#pragma once

#include <cstddef>
#include <cstdint>

#include "neuract/kernels/q4_tiles.hpp"

/// y[m][o] = Σ_i w[o][i] · x[m][i], W in 4 bits and x real-valued.
///
/// Shapes: x f32[rows, k], ldx elements from row to row; y f32[rows, n], ldy; y overlaps nothing.
///
/// Numerics: x is rounded to whole multiples of a unit u, so that most of the work is done in integers. Their sums are
/// exact, those in f32 have a fixed order: the same bits on every instruction set. With w* for the largest weight that
/// the block's scale allows (NF4: scale, NVFP4: 6 · scale), y is off by at most
///
///   up to 3 rows  Σ_i 1.1 · u · w*     u = largest Σ|x| over 8 inputs of the block / 32760
///   from 4 rows   Σ_i 1.6 · u · w*     NF4:   u = largest |x| of 64 inputs / 16383
///                 Σ_i 0.6 · u · |w|    NVFP4: u = largest |x| of 64 inputs / 32767
///
/// plus (k / 8 + 6) · 2^-24 · Σ |w · x| from f32; u is at least 2^-126. For normally distributed x the error is about
/// that of x rounded to f16: 1.4e-4 of the result, 8e-5 (NF4) and 2e-5 (NVFP4) from 4 rows on.
///
/// What a row gives does not depend on the rows beside it, except that there are those two ways. A row with a NaN or an
/// infinity gives NaN for each output. Nothing overflows while |x| < 2^90.
///
/// Threads: reentrant. Each calling thread keeps a workspace that grows to its largest call (about 2.2 · k bytes a row,
/// of 128 rows at most) and is freed when the thread ends; a failure to allocate it ends the program.

namespace neuract::kernels {

void dense_nf4(const Nf4Tiles& w, const float* x, std::uint32_t rows, std::size_t ldx, float* y,
               std::size_t ldy) noexcept;

void dense_nvfp4(const Nvfp4Tiles& w, const float* x, std::uint32_t rows, std::size_t ldx, float* y,
                 std::size_t ldy) noexcept;

/// With Isa::avx512, processors that have VNNI use it; false makes them do without, with the same result.
void allow_vnni_for_testing(bool allowed) noexcept;

}  // namespace neuract::kernels
