#include "neuract/q4/format.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace neuract::q4 {

float absolute_maximum(std::span<const float> x) noexcept {
  // Bits without the sign are ordered like the magnitudes, infinity above them and NaN on top: comparisons of floats
  // would lose a NaN.
  std::uint32_t largest = 0;
  for (const float value : x) largest = std::max(largest, std::bit_cast<std::uint32_t>(value) & 0x7fff'ffffu);
  return std::bit_cast<float>(largest);
}

Result<void> check_sizes(Format format, std::size_t n, std::size_t block, std::size_t bytes_of_codes,
                         std::size_t scales) {
  const FormatTraits& traits = traits_of(format);
  if (block < traits.min_block || block > traits.max_block || !std::has_single_bit(block)) {
    if (traits.min_block == traits.max_block)
      return fail(ErrorCode::invalid_argument, traits.name, " blocks have ", traits.block, " elements, not ", block);
    return fail(ErrorCode::invalid_argument, "an ", traits.name, " block of ", block,
                " elements; expected a power of two from ", traits.min_block, " to ", traits.max_block);
  }
  if (!traits.has_partial_block && n % block != 0)
    return fail(ErrorCode::invalid_argument, n, " elements are no whole number of ", traits.name, " blocks of ", block);
  if (bytes_of_codes != code_bytes(n))
    return fail(ErrorCode::invalid_argument, bytes_of_codes, " bytes of ", traits.name, " codes for ", n,
                " elements; expected ", code_bytes(n));
  if (scales != block_count(n, block))
    return fail(ErrorCode::invalid_argument, scales, " scales for ", n, " elements in ", traits.name, " blocks of ",
                block, "; expected ", block_count(n, block));
  return {};
}

Error not_finite(std::span<const float> x, std::size_t first_index) {
  const auto found = std::find_if(x.begin(), x.end(), [](float value) { return !std::isfinite(value); });
  const std::size_t index = first_index + static_cast<std::size_t>(found - x.begin());
  return fail(ErrorCode::invalid_argument, "element ", index, " is ", found == x.end() ? 0.0f : *found,
              "; only finite numbers can be quantised")
      .error();
}

}  // namespace neuract::q4
