#pragma once

#include <cstdint>

#include "neuract/kernels/poisson.hpp"

namespace neuract::kernels {

inline constexpr std::uint32_t kBlock = 64;  ///< neurons that a kernel call treats together

/// One Poisson generator as seen by its targets. Counts are drawn by Philox4x32-10 with key `key` and counter
/// (16 · block + lane, step_low, step_high, 0); neuron 16·w + lane of the block takes word w.
struct PoissonInput {
  const PoissonTable* table = nullptr;
  std::uint64_t key = 0;
  std::int32_t code = 0;                ///< weight in quanta
  const std::int32_t* codes = nullptr;  ///< or one weight per neuron of the cohort
};

/// The inputs that Poisson generators add to: of some blocks in some steps.
struct PoissonTarget {
  std::uint32_t block = 0;   ///< index of the first block in its population
  std::uint32_t offset = 0;  ///< of its first neuron in PoissonInput::codes
  std::uint32_t n_blocks = 1;
  std::uint32_t n_steps = 1;
  std::uint64_t step = 0;               ///< the first
  std::int32_t* const* rows = nullptr;  ///< rows[s]: one sum per neuron of these blocks, for step `step` + s
};

struct InputKernels {
  /// sum[k] += y[k] · scale rounded to the nearest integer, ties to even; k < n, |y[k] · scale| < 2^31.
  void (*add_rounded)(const float* y, float scale, std::uint32_t n, std::int32_t* sum) noexcept;
  /// Adds the events of the generators, in quanta.
  void (*add_poisson)(const PoissonInput* generators, std::uint32_t n_generators, const PoissonTarget& target) noexcept;
};

const InputKernels& input_kernels() noexcept;

}  // namespace neuract::kernels
