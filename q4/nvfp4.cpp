#include "neuract/q4/nvfp4.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace neuract::q4::nvfp4 {
namespace {

/// decode_e2m1() without a branch.
constexpr std::array<float, 16> kNumbers = [] {
  std::array<float, 16> numbers{};
  for (std::uint8_t code = 0; code < 16; ++code) numbers[code] = decode_e2m1(code);
  return numbers;
}();

}  // namespace

float global_scale(float amax) noexcept {
  const float global = amax / (kE2M1Max * kE4M3Max);
  return global == 0.0f ? 1.0f : global;
}

Float8E4M3 block_scale(float amax, float global) noexcept { return encode_e4m3(amax / (kE2M1Max * global)); }

Float8E4M3 quantize_block(std::span<const float, kBlock> x, float global, std::uint8_t* codes) noexcept {
  const Float8E4M3 scale = block_scale(absolute_maximum(x), global);
  const float step = decode_e4m3(scale) * global;
  if (step == 0.0f) {
    std::fill_n(codes, code_bytes(kBlock), std::uint8_t{0});
    return scale;
  }
  for (std::size_t i = 0; i < kBlock; i += 2)
    codes[i / 2] = pack<kTraits.order>(encode_e2m1(x[i] / step), encode_e2m1(x[i + 1] / step));
  return scale;
}

void dequantize_block(const std::uint8_t* codes, Float8E4M3 scale, float global, std::span<float, kBlock> x) noexcept {
  const float s = decode_e4m3(scale);
  for (std::size_t i = 0; i < kBlock; ++i) x[i] = kNumbers[code_at<kTraits.order>(codes, i)] * s * global;
}

Result<float> quantize(std::span<const float> x, std::span<std::uint8_t> codes, std::span<Float8E4M3> scales) {
  NEURACT_TRY(check_sizes(Format::nvfp4, x.size(), kBlock, codes.size(), scales.size()));
  const float amax = absolute_maximum(x);
  if (!std::isfinite(amax)) return not_finite(x, 0);
  const float global = global_scale(amax);
  for (std::size_t b = 0; b < scales.size(); ++b)
    scales[b] = quantize_block(x.subspan(b * kBlock).first<kBlock>(), global, codes.data() + code_bytes(b * kBlock));
  return global;
}

Result<void> dequantize(std::span<const std::uint8_t> codes, std::span<const Float8E4M3> scales, float global,
                        std::span<float> x) {
  NEURACT_TRY(check_sizes(Format::nvfp4, x.size(), kBlock, codes.size(), scales.size()));
  for (std::size_t b = 0; b < scales.size(); ++b) {
    if (is_nan(scales[b])) return fail(ErrorCode::invalid_argument, "the scale of block ", b, " is NaN");
    dequantize_block(codes.data() + code_bytes(b * kBlock), scales[b], global, x.subspan(b * kBlock).first<kBlock>());
  }
  return {};
}

}  // namespace neuract::q4::nvfp4
