#include "neuract/q4/activations.hpp"

#include <functional>
#include <limits>

#include "neuract/kernels/convert.hpp"

namespace neuract::q4::detail {
namespace {

using memory::ConstTensor;
using memory::DType;

/// CBLAS counts rows, columns and strides in int.
constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();

/// std::less orders addresses of different arrays, too.
bool overlap(const void* a, const void* a_end, const void* b, const void* b_end) noexcept {
  const std::less<> before;
  return before(a, a_end) && before(b, b_end) && before(a, b_end) && before(b, a_end);
}

std::int64_t words_of(std::int64_t inputs) noexcept { return (inputs + 63) / 64; }

}  // namespace

Result<Matrix> matrix_of(const ConstTensor& tensor, std::string_view name, std::int64_t columns) {
  const memory::Dims& shape = tensor.shape();
  if (shape.size() != 1 && shape.size() != 2)
    return fail(ErrorCode::invalid_argument, name, " has shape ", memory::to_string(shape), ", of rank ", shape.size(),
                "; expected [rows, ", columns, "] or [", columns, "]");
  if (shape.back() != columns)
    return fail(ErrorCode::invalid_argument, name, " has shape ", memory::to_string(shape), "; expected ", columns,
                " elements in the last dimension");
  const DType dtype = tensor.dtype();
  if (dtype != DType::f32 && dtype != DType::f16 && dtype != DType::bf16)
    return fail(ErrorCode::invalid_argument, name, " is of type ", name_of(dtype), "; expected f32, f16 or bf16");
  if (!tensor.placement().host_accessible())
    return fail(ErrorCode::invalid_argument, name, " is in ", tensor.placement().kind, " memory of ",
                tensor.placement().device, "; this backend computes on the CPU, which cannot reach it");

  const std::int64_t rows = shape.size() == 2 ? shape[0] : 1;
  const std::int64_t along = tensor.strides().back();
  const std::int64_t stride = rows > 1 ? tensor.strides()[0] : columns;
  if ((columns > 1 && along != 1) || stride < columns)
    return fail(ErrorCode::invalid_argument, name, " has shape ", memory::to_string(shape), " and strides ",
                memory::to_string(tensor.strides()), "; expected rows that are contiguous and do not overlap");
  if (rows > kMost || stride > kMost)
    return fail(ErrorCode::invalid_argument, name, " has ", rows, " rows ", stride,
                " elements apart; expected at most ", kMost, " of each");
  if (reinterpret_cast<std::uintptr_t>(tensor.data()) % memory::bytes_of(dtype) != 0)
    return fail(ErrorCode::invalid_argument, name, " starts at ", static_cast<const void*>(tensor.data()),
                ", which is not aligned to its ", name_of(dtype), " elements");
  // Who may write is the caller's word: a Tensor for y.
  return Matrix{const_cast<std::byte*>(tensor.data()), dtype, rows, columns, stride};
}

Result<void> check_spikes(const kernels::SpikeBits& spikes, std::int64_t inputs) {
  if (spikes.rows == 0) return {};
  const std::int64_t words = words_of(inputs);
  if (spikes.words == nullptr)
    return fail(ErrorCode::invalid_argument, "there are ", spikes.rows, " rows of spikes without an address");
  if (reinterpret_cast<std::uintptr_t>(spikes.words) % alignof(std::uint64_t) != 0)
    return fail(ErrorCode::invalid_argument, "spikes start at ", static_cast<const void*>(spikes.words),
                ", which is not aligned to their 64-bit words");
  if (spikes.rows > 1 && spikes.stride < words)
    return fail(ErrorCode::invalid_argument, "rows of spikes are ", spikes.stride, " words apart; ", inputs,
                " inputs take ", words);
  if (inputs % 64 == 0) return {};
  for (std::uint32_t r = 0; r < spikes.rows; ++r)
    if (spikes.words[std::size_t{r} * spikes.stride + static_cast<std::size_t>(words - 1)] >> (inputs % 64) != 0)
      return fail(ErrorCode::invalid_argument, "row ", r, " of the spikes has a bit past input ", inputs - 1,
                  "; those must be zero");
  return {};
}

Result<void> check_pair(const ConstTensor& x, const Matrix& mx, const ConstTensor& y, const Matrix& my) {
  if (x.rank() != y.rank() || mx.rows != my.rows)
    return fail(ErrorCode::invalid_argument, "y has shape ", memory::to_string(y.shape()), " for x of shape ",
                memory::to_string(x.shape()), "; expected ",
                memory::to_string(x.rank() == 1 ? memory::Dims{my.columns} : memory::Dims{mx.rows, my.columns}));
  if (overlap(mx.data, mx.end(), my.data, my.end()))
    return fail(ErrorCode::invalid_argument, "y overlaps x in memory; expected two arrays of their own");
  return {};
}

Result<void> check_pair(const kernels::SpikeBits& x, std::int64_t inputs, const ConstTensor& y, const Matrix& my) {
  if (my.rows != x.rows)
    return fail(ErrorCode::invalid_argument, "y has shape ", memory::to_string(y.shape()), " for ", x.rows,
                " rows of spikes; expected ", memory::to_string(memory::Dims{x.rows, my.columns}));
  if (x.rows == 0) return {};
  const std::uint64_t* const end = x.words + std::size_t{x.rows - 1} * x.stride + words_of(inputs);
  if (overlap(x.words, end, my.data, my.end()))
    return fail(ErrorCode::invalid_argument, "y overlaps the spikes in memory; expected two arrays of their own");
  return {};
}

void to_f32(const Matrix& from, std::int64_t first, std::int64_t count, float* to) noexcept {
  const auto& convert = kernels::convert_kernels();
  const auto n = static_cast<std::size_t>(from.columns);
  for (std::int64_t r = first; r < first + count; ++r, to += n) {
    if (from.dtype == DType::f16)
      convert.f16_to_f32(reinterpret_cast<const memory::Float16*>(from.row(r)), to, n);
    else
      convert.bf16_to_f32(reinterpret_cast<const memory::BFloat16*>(from.row(r)), to, n);
  }
}

void from_f32(const float* from, const Matrix& to, std::int64_t first, std::int64_t count) noexcept {
  const auto& convert = kernels::convert_kernels();
  const auto n = static_cast<std::size_t>(to.columns);
  for (std::int64_t r = first; r < first + count; ++r, from += n) {
    if (to.dtype == DType::f16)
      convert.f32_to_f16(from, reinterpret_cast<memory::Float16*>(to.row(r)), n);
    else
      convert.f32_to_bf16(from, reinterpret_cast<memory::BFloat16*>(to.row(r)), n);
  }
}

void to_f32(const kernels::SpikeBits& from, std::int64_t inputs, std::int64_t first, std::int64_t count,
            float* to) noexcept {
  for (std::int64_t r = first; r < first + count; ++r, to += inputs) {
    const std::uint64_t* const words = from.words + static_cast<std::size_t>(r) * from.stride;
    for (std::int64_t i = 0; i < inputs; ++i) to[i] = static_cast<float>(words[i / 64] >> (i % 64) & 1);
  }
}

}  // namespace neuract::q4::detail
