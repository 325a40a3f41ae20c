#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <type_traits>

#include "neuract/kernels/convert.hpp"
#include "neuract/memory/result.hpp"
#include "neuract/memory/tensor.hpp"
#include "neuract/q4/format.hpp"

namespace neuract::q4::detail {

/// Elements that are converted and quantised at a time: whole blocks of every size, and little enough for the L1 cache.
inline constexpr std::size_t kChunk = 4096;
static_assert(kChunk % traits_of(Format::nf4).max_block == 0 && kChunk % traits_of(Format::nvfp4).max_block == 0);

template <class T, class F>
Result<void> for_chunks_of(const memory::ConstTensor& tensor, F& f) {
  NEURACT_TRY_ASSIGN(const std::span<const T> all, tensor.span<T>());
  for (std::size_t begin = 0; begin < all.size(); begin += kChunk) {
    const std::span<const T> part = all.subspan(begin, std::min(kChunk, all.size() - begin));
    if constexpr (std::is_same_v<T, float>) {
      NEURACT_TRY(f(part, begin));
    } else {
      std::array<float, kChunk> buffer;
      if constexpr (std::is_same_v<T, memory::Float16>)
        kernels::convert_kernels().f16_to_f32(part.data(), buffer.data(), part.size());
      else
        kernels::convert_kernels().bf16_to_f32(part.data(), buffer.data(), part.size());
      NEURACT_TRY(f(std::span<const float>(buffer.data(), part.size()), begin));
    }
  }
  return {};
}

/// Calls f(elements as f32, index of the first) -> Result<void> for one chunk of an f32, f16 or bf16 tensor after the
/// other, until one fails. Errors: those of f; invalid_argument (another type, not contiguous in host memory).
template <class F>
Result<void> for_f32_chunks(const memory::ConstTensor& tensor, F f) {
  switch (tensor.dtype()) {
    case memory::DType::f32: return for_chunks_of<float>(tensor, f);
    case memory::DType::f16: return for_chunks_of<memory::Float16>(tensor, f);
    case memory::DType::bf16: return for_chunks_of<memory::BFloat16>(tensor, f);
    default:
      return fail(ErrorCode::invalid_argument, "weights of type ", name_of(tensor.dtype()),
                  "; expected f32, f16 or bf16");
  }
}

}  // namespace neuract::q4::detail
