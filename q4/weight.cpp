#include "neuract/q4/weight.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <span>
#include <string_view>

#include "neuract/q4/nf4.hpp"
#include "neuract/q4/nvfp4.hpp"

namespace neuract::q4 {
namespace {

using memory::BFloat16;
using memory::ConstTensor;
using memory::DType;
using memory::Float16;
using memory::Tensor;

/// Elements that are converted and quantised at a time: whole blocks of every size, and little enough for the L1 cache.
constexpr std::size_t kChunk = 4096;
static_assert(kChunk % traits_of(Format::nf4).max_block == 0 && kChunk % nvfp4::kBlock == 0);

float widened(BFloat16 x) noexcept { return std::bit_cast<float>(static_cast<std::uint32_t>(x.bits) << 16); }

/// The exponent moves by a multiplication, which is exact and takes subnormals in its stride; infinity and NaN are the
/// exception.
float widened(Float16 x) noexcept {
  const std::uint32_t sign = static_cast<std::uint32_t>(x.bits & 0x8000) << 16;
  const std::uint32_t magnitude = static_cast<std::uint32_t>(x.bits & 0x7fff) << 13;
  const float scaled = std::bit_cast<float>(magnitude) * 0x1p112f;
  const std::uint32_t bits =
      magnitude >= 0x7c00u << 13 ? magnitude | 0x7f80'0000u : std::bit_cast<std::uint32_t>(scaled);
  return std::bit_cast<float>(sign | bits);
}

/// Calls f(elements as f32, index of the first) for one chunk after the other, until one fails.
template <class T, class F>
Result<void> for_chunks_of(const ConstTensor& tensor, F& f) {
  NEURACT_TRY_ASSIGN(const std::span<const T> all, tensor.span<T>());
  std::array<float, kChunk> buffer;
  for (std::size_t begin = 0; begin < all.size(); begin += kChunk) {
    const std::span<const T> part = all.subspan(begin, std::min(kChunk, all.size() - begin));
    if constexpr (std::is_same_v<T, float>) {
      NEURACT_TRY(f(part, begin));
    } else {
      for (std::size_t i = 0; i < part.size(); ++i) buffer[i] = widened(part[i]);
      NEURACT_TRY(f(std::span<const float>(buffer.data(), part.size()), begin));
    }
  }
  return {};
}

template <class F>
Result<void> for_chunks(const ConstTensor& tensor, F f) {
  switch (tensor.dtype()) {
    case DType::f32: return for_chunks_of<float>(tensor, f);
    case DType::f16: return for_chunks_of<Float16>(tensor, f);
    case DType::bf16: return for_chunks_of<BFloat16>(tensor, f);
    default:
      return fail(ErrorCode::invalid_argument, "weights of type ", name_of(tensor.dtype()),
                  " cannot be quantised; expected f32, f16 or bf16");
  }
}

Result<void> quantize_nf4(const ConstTensor& weight, std::size_t block, std::span<std::uint8_t> codes,
                          std::span<float> absmax) {
  return for_chunks(weight, [&](std::span<const float> x, std::size_t first) -> Result<void> {
    for (std::size_t i = 0; i < x.size(); i += block) {
      const auto part = x.subspan(i, std::min(block, x.size() - i));
      float& scale = absmax[(first + i) / block];
      scale = nf4::quantize_block(part, codes.data() + (first + i) / 2);
      if (!std::isfinite(scale)) return not_finite(part, first + i);
    }
    return {};
  });
}

Result<float> quantize_nvfp4(const ConstTensor& weight, std::span<std::uint8_t> codes, std::span<Float8E4M3> scales) {
  float amax = 0.0f;
  NEURACT_TRY(for_chunks(weight, [&](std::span<const float> x, std::size_t first) -> Result<void> {
    const float largest = absolute_maximum(x);
    if (!std::isfinite(largest)) return not_finite(x, first);
    amax = std::max(amax, largest);
    return {};
  }));
  const float global = nvfp4::global_scale(amax);
  NEURACT_TRY(for_chunks(weight, [&](std::span<const float> x, std::size_t first) -> Result<void> {
    for (std::size_t i = 0; i < x.size(); i += nvfp4::kBlock)
      scales[(first + i) / nvfp4::kBlock] =
          nvfp4::quantize_block(x.subspan(i).first<nvfp4::kBlock>(), global, codes.data() + code_bytes(first + i));
    return {};
  }));
  return global;
}

Result<void> check_array(const ConstTensor& tensor, std::string_view name, DType expected) {
  if (tensor.dtype() != expected)
    return fail(ErrorCode::invalid_argument, name, " of type ", name_of(tensor.dtype()), "; expected ",
                name_of(expected));
  if (!tensor.placement().host_accessible())
    return fail(ErrorCode::invalid_argument, name, " in ", tensor.placement().kind, " memory of ",
                tensor.placement().device, ", which the CPU cannot reach");
  if (!tensor.is_contiguous())
    return fail(ErrorCode::invalid_argument, name, " of shape ", memory::to_string(tensor.shape()), " with strides ",
                memory::to_string(tensor.strides()), " are not contiguous");
  return {};
}

/// Blocks must not run from one output into the next where the format keeps them along the input.
Result<void> check_features(Format format, std::int64_t in_features) {
  const FormatTraits& traits = traits_of(format);
  if (!traits.has_partial_block && in_features % traits.block != 0)
    return fail(ErrorCode::invalid_argument, in_features, " input features are no multiple of ", traits.block,
                ", the block of ", traits.name);
  return {};
}

}  // namespace

Result<void> check(const QuantizedWeight& weight) {
  NEURACT_TRY_ASSIGN(const std::int64_t n, memory::element_count({weight.out_features, weight.in_features}));
  NEURACT_TRY(check_array(weight.codes, "codes", DType::u8));
  NEURACT_TRY(check_array(weight.scales, "scales", traits_of(weight.format).scale));
  NEURACT_TRY(check_features(weight.format, weight.in_features));
  NEURACT_TRY(check_sizes(weight.format, static_cast<std::size_t>(n), weight.block,
                          static_cast<std::size_t>(weight.codes.size()),
                          static_cast<std::size_t>(weight.scales.size())));
  if (weight.format == Format::nvfp4 && !(std::isfinite(weight.global) && weight.global > 0.0f))
    return fail(ErrorCode::invalid_argument, "a global scale of ", weight.global, "; expected a positive number");
  return {};
}

Result<Tensor> dequantize(const QuantizedWeight& weight) {
  NEURACT_TRY(check(weight));
  NEURACT_TRY_ASSIGN(Tensor result, Tensor::zeros(DType::f32, {weight.out_features, weight.in_features}));
  NEURACT_TRY_ASSIGN(const auto x, result.span<float>());
  NEURACT_TRY_ASSIGN(const auto codes, weight.codes.span<std::uint8_t>());
  if (weight.format == Format::nf4) {
    NEURACT_TRY_ASSIGN(const auto absmax, weight.scales.span<float>());
    NEURACT_TRY(nf4::dequantize(codes, absmax, weight.block, x));
  } else {
    NEURACT_TRY_ASSIGN(const auto scales, weight.scales.span<Float8E4M3>());
    NEURACT_TRY(nvfp4::dequantize(codes, scales, weight.global, x));
  }
  return result;
}

Result<QuantizedWeight> quantize(const ConstTensor& weight, Format format, std::uint32_t block) {
  if (weight.rank() != 2)
    return fail(ErrorCode::invalid_argument, "a weight of shape ", memory::to_string(weight.shape()),
                "; expected [out_features, in_features]");
  QuantizedWeight result;
  result.format = format;
  result.out_features = weight.shape()[0];
  result.in_features = weight.shape()[1];
  result.block = block == 0 ? traits_of(format).block : block;
  NEURACT_TRY(check_features(format, result.in_features));
  const auto n = static_cast<std::size_t>(weight.size());
  NEURACT_TRY(check_sizes(format, n, result.block, code_bytes(n), block_count(n, result.block)));

  NEURACT_TRY_ASSIGN(Tensor codes, Tensor::zeros(DType::u8, {static_cast<std::int64_t>(code_bytes(n))}));
  NEURACT_TRY_ASSIGN(Tensor scales,
                     Tensor::zeros(traits_of(format).scale, {static_cast<std::int64_t>(block_count(n, result.block))}));
  NEURACT_TRY_ASSIGN(const auto code_span, codes.span<std::uint8_t>());
  if (format == Format::nf4) {
    NEURACT_TRY_ASSIGN(const auto absmax, scales.span<float>());
    NEURACT_TRY(quantize_nf4(weight, result.block, code_span, absmax));
  } else {
    NEURACT_TRY_ASSIGN(const auto scale_span, scales.span<Float8E4M3>());
    NEURACT_TRY_ASSIGN(result.global, quantize_nvfp4(weight, code_span, scale_span));
  }
  result.codes = codes;
  result.scales = scales;
  return result;
}

}  // namespace neuract::q4
