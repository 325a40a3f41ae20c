#pragma once

#include <cstddef>

/// Products of row-major f32 matrices by CBLAS, on the calling thread: what dequantised weights and gradients go
/// through. Strides (ld…) count elements from one row to the next; extents and strides are below 2^31; the result
/// overlaps nothing.
///
/// Numerics: f32, in an order of OpenBLAS's choosing, so that the bits depend on the processor and, for a row of x, on
/// how many rows there are. The first call sets OpenBLAS to one thread for the whole process.
/// Threads: reentrant.

namespace neuract::kernels {

/// y[m,n] = x[m,k] · w[n,k]ᵀ: a layer forward.
void matmul(const float* x, std::size_t ldx, const float* w, std::size_t ldw, float* y, std::size_t ldy, std::size_t m,
            std::size_t n, std::size_t k) noexcept;

/// dx[m,k] = dy[m,n] · w[n,k]: the gradient of its input.
void matmul_input_gradient(const float* dy, std::size_t lddy, const float* w, std::size_t ldw, float* dx,
                           std::size_t lddx, std::size_t m, std::size_t n, std::size_t k) noexcept;

/// dw[n,k] += dy[m,n]ᵀ · x[m,k]: the gradient of its weights, added to what is there.
void matmul_weight_gradient(const float* dy, std::size_t lddy, const float* x, std::size_t ldx, float* dw,
                            std::size_t lddw, std::size_t m, std::size_t n, std::size_t k) noexcept;

}  // namespace neuract::kernels
