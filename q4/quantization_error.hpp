#pragma once

#include "neuract/memory/result.hpp"
#include "neuract/memory/tensor.hpp"
#include "neuract/q4/weight.hpp"

namespace neuract::q4 {

/// What 4 bits cost a weight, in doubles; all 0 for one without elements.
struct QuantizationError {
  double mean = 0.0;      ///< of |ŵ - w|
  double largest = 0.0;   ///< of |ŵ - w|
  double relative = 0.0;  ///< ‖ŵ - w‖ / ‖w‖; 0 where w is all zeros

  /// 20 · log10(‖w‖ / ‖ŵ - w‖); infinite where nothing is lost.
  [[nodiscard]] double snr_db() const noexcept;
};

/// `original` is f32, f16 or bf16 of the weight's shape. Errors: those of check(); invalid_argument (type, shape).
[[nodiscard]] Result<QuantizationError> quantization_error(const memory::ConstTensor& original,
                                                           const QuantizedWeight& weight);

}  // namespace neuract::q4
