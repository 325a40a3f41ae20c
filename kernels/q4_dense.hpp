#pragma once

#include <cstddef>
#include <cstdint>

#include "neuract/kernels/q4_tiles.hpp"

/// y[m][o] = Σ_i w[o][i] · x[m][i], W in 4 bits and x real-valued.
///
/// Shapes: x f32[rows, k], ldx elements from row to row; y f32[rows, n], ldy; y overlaps nothing.
///
/// Numerics: x is rounded to whole multiples q · u of a unit, so that most of the work is done in integers; their sums
/// are exact, and the f32 ones have a fixed order: the same bits on every instruction set.
///
/// | rows    | u                                                  | off by at most                                     |
/// |---------|----------------------------------------------------|----------------------------------------------------|
/// | 1 to 3  | of a block: largest Σ|x| over 8 inputs / 32760     | Σ_i 1.1 · u(i) · w*(o, i)                          |
/// | 4 and up| of 64 inputs: largest |x| / 16383, NVFP4 / 32767   | Σ_i 1.6 · u(i) · w*(o, i), NVFP4 Σ_i 0.6 · u · |w| |
///
/// where w*(o, i) is the largest weight that the block's scale allows (NF4: the scale, NVFP4: 6 · scale), u is at least
/// 2^-126, and rounding in f32 adds (sums + 6) · 2^-24 · Σ |w · x| with one sum a block (16 inputs, or NF4's block).
/// About the error of activations in f16 where x is normally distributed (1.5e-4, and 1e-4 or less from 4 rows on).
///
/// What a row gives does not depend on the rows beside it, except that it changes within these bounds from 3 rows to 4.
/// A row with a NaN or an infinity gives NaN for each output. Below 2^100, x overflows nothing that the result does not.
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
