#include "neuract/q4/nf4.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace neuract::q4::nf4 {
namespace {

/// Elements whose codes are found before they are packed, so that the first loop is one for vectors.
constexpr std::size_t kRun = 64;

template <class Scale>
void encode_all(std::span<const float> x, std::uint8_t* codes, Scale scaled) noexcept {
  std::array<std::int32_t, kRun> run;
  for (std::size_t begin = 0; begin < x.size(); begin += kRun) {
    const std::size_t n = std::min(kRun, x.size() - begin);
    run.fill(kTraits.zero);
    for (std::size_t i = 0; i < n; ++i) run[i] = encode(scaled(x[begin + i]));
    for (std::size_t i = 0; i < code_bytes(n); ++i)
      codes[begin / 2 + i] =
          pack<kTraits.order>(static_cast<std::uint8_t>(run[2 * i]), static_cast<std::uint8_t>(run[2 * i + 1]));
  }
}

}  // namespace

float quantize_block(std::span<const float> x, std::uint8_t* codes) noexcept {
  const float absmax = absolute_maximum(x);
  if (absmax == 0.0f) {
    std::fill_n(codes, code_bytes(x.size()), pack<kTraits.order>(kTraits.zero, kTraits.zero));
    return absmax;
  }
  const float inverse = 1.0f / absmax;
  if (std::isinf(inverse))
    encode_all(x, codes, [absmax](float value) { return value / absmax; });
  else
    encode_all(x, codes, [inverse](float value) { return value * inverse; });
  return absmax;
}

void dequantize_block(const std::uint8_t* codes, float absmax, std::span<float> x) noexcept {
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = kLevels[code_at<kTraits.order>(codes, i)] * absmax;
}

Result<void> quantize(std::span<const float> x, std::size_t block, std::span<std::uint8_t> codes,
                      std::span<float> absmax) {
  NEURACT_TRY(check_sizes(Format::nf4, x.size(), block, codes.size(), absmax.size()));
  for (std::size_t b = 0; b < absmax.size(); ++b) {
    const std::size_t begin = b * block;
    const auto part = x.subspan(begin, std::min(block, x.size() - begin));
    absmax[b] = quantize_block(part, codes.data() + begin / 2);
    if (!std::isfinite(absmax[b])) return not_finite(part, begin);
  }
  return {};
}

Result<void> dequantize(std::span<const std::uint8_t> codes, std::span<const float> absmax, std::size_t block,
                        std::span<float> x) {
  NEURACT_TRY(check_sizes(Format::nf4, x.size(), block, codes.size(), absmax.size()));
  for (std::size_t b = 0; b < absmax.size(); ++b) {
    const std::size_t begin = b * block;
    dequantize_block(codes.data() + begin / 2, absmax[b], x.subspan(begin, std::min(block, x.size() - begin)));
  }
  return {};
}

}  // namespace neuract::q4::nf4
