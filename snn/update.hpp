#pragma once

#include <cstdint>

/// Neuron updates, compiled from the model declarations for every instruction set.
namespace neuract::snn {

inline constexpr int kMostStateFields = 16;
inline constexpr int kMostCoefficients = 48;

/// A block of 64 neurons. Arrays are 64 long; state[i] and, for neurons with parameters of their own, coefficients[i]
/// point at the block's part of variable i. With common parameters coefficients[i] points at one number.
struct UpdateBlock {
  float* const* state = nullptr;
  const float* const* coefficients = nullptr;
  const float* input[2] = {nullptr, nullptr};  ///< sum of the weights that arrive in this step, per receptor
  const float* current = nullptr;
};

/// One step; bit k of the result tells that neuron k fires.
using UpdateKernel = std::uint64_t (*)(const UpdateBlock& block) noexcept;

enum class Coefficients : std::uint8_t { common, individual };

/// The kernel of model number `model` (its place in models()) for the active instruction set.
UpdateKernel update_kernel(int model, Coefficients coefficients) noexcept;

}  // namespace neuract::snn
