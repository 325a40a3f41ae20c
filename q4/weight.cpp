#include "neuract/q4/weight.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <string_view>

#include "neuract/q4/f32_chunks.hpp"
#include "neuract/q4/nf4.hpp"
#include "neuract/q4/nvfp4.hpp"

namespace neuract::q4 {
namespace {

using memory::ConstTensor;
using memory::DType;
using memory::Tensor;

Result<void> quantize_nf4(const ConstTensor& weight, std::size_t block, std::span<std::uint8_t> codes,
                          std::span<float> absmax) {
  return detail::for_f32_chunks(weight, [&](std::span<const float> x, std::size_t first) -> Result<void> {
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
  NEURACT_TRY(detail::for_f32_chunks(weight, [&](std::span<const float> x, std::size_t first) -> Result<void> {
    const float largest = absolute_maximum(x);
    if (!std::isfinite(largest)) return not_finite(x, first);
    amax = std::max(amax, largest);
    return {};
  }));
  const float global = nvfp4::global_scale(amax);
  NEURACT_TRY(detail::for_f32_chunks(weight, [&](std::span<const float> x, std::size_t first) -> Result<void> {
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

Result<void> dequantize_part(const QuantizedWeight& weight, std::size_t first, std::span<float> x) {
  const std::size_t n = x.size();
  const std::size_t total = static_cast<std::size_t>(weight.size());
  if (first % weight.block != 0 || n > total || first > total - n || (n % weight.block != 0 && first + n != total))
    return fail(ErrorCode::invalid_argument, "elements ", first, " to ", first + n, " of ", total,
                " are no whole blocks of ", weight.block);
  NEURACT_TRY_ASSIGN(auto codes, weight.codes.span<std::uint8_t>());
  codes = codes.subspan(first / 2, code_bytes(n));
  const std::size_t first_block = first / weight.block;
  if (weight.format == Format::nf4) {
    NEURACT_TRY_ASSIGN(const auto absmax, weight.scales.span<float>());
    return nf4::dequantize(codes, absmax.subspan(first_block, block_count(n, weight.block)), weight.block, x);
  }
  NEURACT_TRY_ASSIGN(const auto scales, weight.scales.span<Float8E4M3>());
  for (std::size_t b = 0; b < n / nvfp4::kBlock; ++b) {
    const Float8E4M3 scale = scales[first_block + b];
    if (is_nan(scale)) return fail(ErrorCode::invalid_argument, "the scale of block ", first_block + b, " is NaN");
    nvfp4::dequantize_block(codes.data() + code_bytes(b * nvfp4::kBlock), scale, weight.global,
                            x.subspan(b * nvfp4::kBlock).first<nvfp4::kBlock>());
  }
  return {};
}

Result<Tensor> dequantize(const QuantizedWeight& weight, DType as) {
  NEURACT_TRY(check(weight));
  if (as != DType::f32 && as != DType::f16 && as != DType::bf16)
    return fail(ErrorCode::invalid_argument, "weights cannot be dequantised to ", name_of(as),
                "; expected f32, f16 or bf16");
  NEURACT_TRY_ASSIGN(Tensor result, Tensor::zeros(as, {weight.out_features, weight.in_features}));
  if (as == DType::f32) {
    NEURACT_TRY_ASSIGN(const auto x, result.span<float>());
    NEURACT_TRY(dequantize_part(weight, 0, x));
    return result;
  }
  std::array<float, detail::kChunk> buffer;
  const auto n = static_cast<std::size_t>(weight.size());
  for (std::size_t first = 0; first < n; first += buffer.size()) {
    const auto part = std::span(buffer).first(std::min(buffer.size(), n - first));
    NEURACT_TRY(dequantize_part(weight, first, part));
    const auto& convert = kernels::convert_kernels();
    std::byte* to = result.data() + first * memory::bytes_of(as);
    if (as == DType::f16)
      convert.f32_to_f16(part.data(), reinterpret_cast<memory::Float16*>(to), part.size());
    else
      convert.f32_to_bf16(part.data(), reinterpret_cast<memory::BFloat16*>(to), part.size());
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
