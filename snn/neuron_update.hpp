#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

/// Neuron updates, compiled from the model declarations for every instruction set and for both precisions.
namespace neuract::snn {

/// Some blocks of 64 neurons over some steps. T: float or double.
template <class T>
struct UpdateRun {
  /// Block by block, and in a block one variable after another, 64 numbers each: one stream of memory, whatever the
  /// model, whose parts do not compete for the same places of the cache.
  T* state = nullptr;
  const T* coefficients = nullptr;  ///< one number for each, or, for neurons with parameters of their own, as the state
  const T* current = nullptr;       ///< one number per neuron; null: none
  /// What arrives, per receptor: inputs[r].sums[s] holds one sum of whole quanta per neuron for step s; null: nothing.
  /// The sums are zero afterwards.
  struct Inputs {
    std::int32_t* const* sums = nullptr;
    T quantum = T(1);
  };
  std::array<Inputs, 2> inputs;
  std::uint32_t n_blocks = 0;
  std::uint32_t n_steps = 0;
  std::uint64_t* fired = nullptr;  ///< bit k of fired[s · fired_stride + b]: neuron k of block b fires in step s
  std::size_t fired_stride = 0;
};

template <class T>
using UpdateKernel = void (*)(const UpdateRun<T>& run) noexcept;

enum class Coefficients : std::uint8_t { common, individual };

/// The kernel of model number `model` (its place in models()) for the active instruction set.
template <class T>
UpdateKernel<T> update_kernel(int model, Coefficients coefficients) noexcept;
template <>
UpdateKernel<float> update_kernel<float>(int model, Coefficients coefficients) noexcept;
template <>
UpdateKernel<double> update_kernel<double>(int model, Coefficients coefficients) noexcept;

}  // namespace neuract::snn
