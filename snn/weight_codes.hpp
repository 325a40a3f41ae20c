#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "neuract/snn/spec.hpp"

/// Weights in four bits: sixteen levels that stand for all weights of a projection.
namespace neuract::snn {

/// A weight's code is the number of thresholds that are not above it, and levels[code] what it becomes.
///
/// Levels and thresholds are those of the smallest mean square error (Lloyd 1982, IEEE Trans. Inf. Theory 28:129; Max
/// 1960), spread a little so that the mean and the standard deviation of the coded weights are those of the weights
/// themselves, up to the rounding of levels to quanta: the moments that the input currents of large networks depend on.
/// Weights of one sign stay so. Of a normal distribution the levels are spread by 0.5 %, and the error of one weight is
/// 0.1 standard deviations (rms).
struct WeightCodes {
  static constexpr std::size_t kLevels = 16;

  std::array<std::int32_t, kLevels> levels{};    ///< ascending, in quanta
  std::array<double, kLevels - 1> thresholds{};  ///< ascending, in the unit of the weights

  /// What coding does to the distribution, relative to its standard deviation (to its mean where that is 0).
  struct Error {
    double mean = 0.0;  ///< of the coded weights, less that of the weights
    double sd = 0.0;    ///< the same of the standard deviation
    double rms = 0.0;   ///< of a weight
  };
  Error error;

  /// codes.size() >= values.size()
  void encode(std::span<const double> values, std::span<std::uint8_t> codes) const noexcept;
};

/// For draws of a Sampler of `distribution`, which is without fault. `quantum` > 0; 16 standard deviations are less than
/// 2^31 quanta. Takes some milliseconds.
WeightCodes weight_codes(const Distribution& distribution, double quantum);

/// For these very weights, in any order.
WeightCodes weight_codes(std::span<const double> weights, double quantum);

}  // namespace neuract::snn
