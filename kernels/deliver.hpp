#pragma once

#include <cstddef>
#include <cstdint>

namespace neuract::kernels {

/// Synapses grouped by source (compressed sparse rows); row i is the range [offsets[i], offsets[i+1]) of the other arrays.
struct SynapseRows {
  const std::uint32_t* offsets = nullptr;
  const std::uint16_t* targets = nullptr;
  const std::int16_t* codes = nullptr;          ///< weight = codes[j] << shift, in quanta; null: uniform_code
  const std::uint8_t* delays = nullptr;         ///< steps beyond the smallest delay; null and no wide_delays: none
  const std::uint16_t* wide_delays = nullptr;
  std::int32_t uniform_code = 0;
  int shift = 0;
};

/// Inputs of the coming steps: row (step & mask) holds one sum per neuron.
struct InputRing {
  std::int32_t* data = nullptr;
  std::uint32_t stride = 0;
  std::uint32_t mask = 0;
};

/// Adds the weights of the rows first + ids[0 … n-1] to the ring; synapses without extra delay act at `step`.
/// Returns the number of synaptic events.
std::uint64_t deliver(const SynapseRows& rows, const std::uint16_t* ids, std::uint32_t n, std::uint32_t first, const InputRing& ring,
                      std::uint64_t step) noexcept;

}  // namespace neuract::kernels
