#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "neuract/kernels/q4_tiles.hpp"
#include "neuract/memory/result.hpp"
#include "neuract/memory/tensor.hpp"

/// The guards before a layer's kernels, and the conversions of what goes in and comes out; for the files of q4/ only.

namespace neuract::q4::detail {

/// Rows of f32, f16 or bf16 that the CPU reaches, found good by a guard.
struct Matrix {
  std::byte* data = nullptr;
  memory::DType dtype = memory::DType::f32;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t stride = 0;  ///< elements from one row to the next

  [[nodiscard]] std::byte* row(std::int64_t r) const noexcept {
    return data + r * stride * static_cast<std::int64_t>(memory::bytes_of(dtype));
  }
  [[nodiscard]] const std::byte* end() const noexcept {
    return rows == 0 ? data : row(rows - 1) + columns * static_cast<std::int64_t>(memory::bytes_of(dtype));
  }
};

/// `name` is what messages call the tensor. Errors: invalid_argument (rank, shape, type, placement, strides, alignment).
[[nodiscard]] Result<Matrix> matrix_of(const memory::ConstTensor& tensor, std::string_view name, std::int64_t columns);

/// Errors: invalid_argument (no address, rows that overlap, a bit past `inputs`).
[[nodiscard]] Result<void> check_spikes(const kernels::SpikeBits& spikes, std::int64_t inputs);

/// Whether x and y are rows of the same batch and do not overlap.
[[nodiscard]] Result<void> check_pair(const memory::ConstTensor& x, const Matrix& mx, const memory::ConstTensor& y,
                                      const Matrix& my);
[[nodiscard]] Result<void> check_pair(const kernels::SpikeBits& x, std::int64_t inputs, const memory::ConstTensor& y,
                                      const Matrix& my);

/// Rows first … first + count - 1 to and from packed f32.
void to_f32(const Matrix& from, std::int64_t first, std::int64_t count, float* to) noexcept;
void from_f32(const float* from, const Matrix& to, std::int64_t first, std::int64_t count) noexcept;
void to_f32(const kernels::SpikeBits& from, std::int64_t inputs, std::int64_t first, std::int64_t count,
            float* to) noexcept;

}  // namespace neuract::q4::detail
