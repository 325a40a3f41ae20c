#include "neuract/q4/quantization_error.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "neuract/q4/f32_chunks.hpp"

namespace neuract::q4 {

double QuantizationError::snr_db() const noexcept { return -20.0 * std::log10(relative); }

Result<QuantizationError> quantization_error(const memory::ConstTensor& original, const QuantizedWeight& weight) {
  NEURACT_TRY(check(weight));
  if (original.shape() != memory::Dims{weight.out_features, weight.in_features})
    return fail(ErrorCode::invalid_argument, "a weight of shape [", weight.out_features, ", ", weight.in_features,
                "] cannot be compared with one of shape ", memory::to_string(original.shape()));
  double sum = 0.0;
  double squares = 0.0;
  double norm = 0.0;
  float largest = 0.0f;
  std::array<float, detail::kChunk> buffer;
  const auto add = [&](std::span<const float> x, std::size_t first) -> Result<void> {
    const auto back = std::span(buffer).first(x.size());
    NEURACT_TRY(dequantize_part(weight, first, back));
    for (std::size_t i = 0; i < x.size(); ++i) {
      const float difference = std::abs(back[i] - x[i]);
      largest = std::max(largest, difference);
      sum += difference;
      squares += double{difference} * difference;
      norm += double{x[i]} * x[i];
    }
    return {};
  };
  NEURACT_TRY(detail::for_f32_chunks(original, add));
  QuantizationError error;
  if (original.size() > 0) error.mean = sum / static_cast<double>(original.size());
  error.largest = largest;
  if (norm > 0.0) error.relative = std::sqrt(squares / norm);
  return error;
}

}  // namespace neuract::q4
