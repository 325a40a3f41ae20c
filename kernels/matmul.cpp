#include "neuract/kernels/matmul.hpp"

#include <cblas.h>

#include <algorithm>

namespace neuract::kernels {
namespace {

/// Threads are the caller's business: actors run on all cores already.
void use_one_thread() noexcept {
  static const bool once = [] {
    openblas_set_num_threads(1);
    return true;
  }();
  static_cast<void>(once);
}

blasint extent(std::size_t n) noexcept { return static_cast<blasint>(n); }

/// c[rows,cols] = a · b (+ c), a and b transposed where asked for; inner is the extent that is summed over.
void gemm(CBLAS_TRANSPOSE transpose_a, const float* a, std::size_t lda, CBLAS_TRANSPOSE transpose_b, const float* b,
          std::size_t ldb, float* c, std::size_t ldc, std::size_t rows, std::size_t cols, std::size_t inner,
          bool add) noexcept {
  if (rows == 0 || cols == 0) return;
  if (inner == 0) {
    for (std::size_t r = 0; r < rows && !add; ++r) std::fill_n(c + r * ldc, cols, 0.0f);
    return;
  }
  use_one_thread();
  cblas_sgemm(CblasRowMajor, transpose_a, transpose_b, extent(rows), extent(cols), extent(inner), 1.0f, a, extent(lda),
              b, extent(ldb), add ? 1.0f : 0.0f, c, extent(ldc));
}

}  // namespace

void matmul(const float* x, std::size_t ldx, const float* w, std::size_t ldw, float* y, std::size_t ldy, std::size_t m,
            std::size_t n, std::size_t k) noexcept {
  if (m == 1 && n != 0 && k != 0) {  // reads the weights once, without packing them
    use_one_thread();
    std::fill_n(y, n, 0.0f);
    cblas_sgemv(CblasRowMajor, CblasNoTrans, extent(n), extent(k), 1.0f, w, extent(ldw), x, 1, 1.0f, y, 1);
    return;
  }
  gemm(CblasNoTrans, x, ldx, CblasTrans, w, ldw, y, ldy, m, n, k, false);
}

void matmul_input_gradient(const float* dy, std::size_t lddy, const float* w, std::size_t ldw, float* dx,
                           std::size_t lddx, std::size_t m, std::size_t n, std::size_t k) noexcept {
  gemm(CblasNoTrans, dy, lddy, CblasNoTrans, w, ldw, dx, lddx, m, k, n, false);
}

void matmul_weight_gradient(const float* dy, std::size_t lddy, const float* x, std::size_t ldx, float* dw,
                            std::size_t lddw, std::size_t m, std::size_t n, std::size_t k) noexcept {
  gemm(CblasTrans, dy, lddy, CblasNoTrans, x, ldx, dw, lddw, n, k, m, true);
}

}  // namespace neuract::kernels
