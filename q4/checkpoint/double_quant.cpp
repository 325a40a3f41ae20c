#include "neuract/q4/checkpoint/double_quant.hpp"

#include <algorithm>
#include <numeric>

#include "neuract/q4/format.hpp"

namespace neuract::q4 {
namespace {

std::array<float, 256> make_map() noexcept {
  std::array<float, 256> map{};
  std::size_t filled = 0;
  map[filled++] = 0.0f;
  map[filled++] = 1.0f;
  double decade = 1e-6;
  for (int parts = 1; parts <= 64; parts *= 2) {
    for (int part = 0; part < parts; ++part) {
      const auto middle = static_cast<float>(decade * (0.1 + 0.9 * (part + 0.5) / parts));
      map[filled++] = middle;
      map[filled++] = -middle;
    }
    decade *= 10.0;
  }
  std::sort(map.begin(), map.end());
  return map;
}

/// kMiddles[c] parts code c from c + 1.
std::array<float, 255> make_middles() noexcept {
  std::array<float, 255> middles{};
  for (std::size_t c = 0; c < middles.size(); ++c) middles[c] = (dynamic_map()[c] + dynamic_map()[c + 1]) * 0.5f;
  return middles;
}

}  // namespace

const std::array<float, 256>& dynamic_map() noexcept {
  static const std::array<float, 256> map = make_map();
  return map;
}

NestedScales quantize_scales(std::span<const float> absmax) {
  static const std::array<float, 255> middles = make_middles();
  NestedScales nested;
  if (absmax.empty()) return nested;
  nested.offset =
      static_cast<float>(std::accumulate(absmax.begin(), absmax.end(), 0.0) / static_cast<double>(absmax.size()));
  nested.codes.resize(absmax.size());
  nested.absmax.resize(block_count(absmax.size(), kNestedBlock));
  std::array<float, kNestedBlock> rest{};
  for (std::size_t b = 0; b < nested.absmax.size(); ++b) {
    const std::size_t begin = b * kNestedBlock;
    const auto part = absmax.subspan(begin, std::min<std::size_t>(kNestedBlock, absmax.size() - begin));
    for (std::size_t i = 0; i < part.size(); ++i) rest[i] = part[i] - nested.offset;
    const float largest = absolute_maximum(std::span(rest).first(part.size()));
    nested.absmax[b] = largest;
    for (std::size_t i = 0; i < part.size(); ++i) {
      const float scaled = largest == 0.0f ? 0.0f : rest[i] / largest;
      nested.codes[begin + i] =
          static_cast<std::uint8_t>(std::lower_bound(middles.begin(), middles.end(), scaled) - middles.begin());
    }
  }
  return nested;
}

void dequantize_scales(std::span<const std::uint8_t> codes, std::span<const float> nested_absmax, std::size_t block,
                       std::span<const float, 256> map, float offset, std::span<float> absmax) noexcept {
  for (std::size_t i = 0; i < codes.size(); ++i) absmax[i] = map[codes[i]] * nested_absmax[i / block] + offset;
}

}  // namespace neuract::q4
