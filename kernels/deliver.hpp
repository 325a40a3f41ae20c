#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace neuract::kernels {

/// Synapses by source (compressed sparse rows); row i is the range [offsets[i], offsets[i+1]) of the other arrays.
/// Weights, in quanta, are in one of four forms:
///   all the same       targets, uniform_code
///   16 bits            words: target in the low half, code in the high one; weight = code << shift
///   4 bits             targets; nibble j of `nibbles` (low one first) is the index of the weight in `levels`
///   32 bits            targets, wide_codes
struct SynapseRows {
  const std::uint32_t* offsets = nullptr;
  const std::uint16_t* targets = nullptr;
  const std::uint32_t* words = nullptr;
  const std::uint8_t* nibbles = nullptr;
  const std::int32_t* levels = nullptr;  ///< 16
  const std::int32_t* wide_codes = nullptr;
  const std::uint8_t* delays = nullptr;  ///< steps beyond the smallest delay; null and no wide_delays: none
  const std::uint16_t* wide_delays = nullptr;
  const std::uint16_t* groups =
      nullptr;  ///< rows sorted by delay: group g of row i begins at offsets[i] + groups[i · group_stride + g]
  std::uint32_t group_stride = 0;  ///< groups of a row + 1
  std::uint32_t chunk = 1;         ///< groups that an event delivers
  std::int32_t uniform_code = 0;
  int shift = 0;
  std::uint32_t receptor = 0;
};

/// One row to deliver, or, of rows sorted by delay, up to `chunk` groups of a row, the first of which acts in `step`.
struct RowEvent {
  const SynapseRows* rows = nullptr;
  std::uint32_t row = 0;
  std::uint16_t group = 0;
  std::uint16_t step = 0;  ///< low bits of the step in which the row's smallest delay, or the first group's delay, ends
};

/// Inputs of the coming steps: row (step & mask) holds one sum per neuron. The number of rows is a power of two.
struct InputRing {
  std::int32_t* data = nullptr;
  std::uint32_t stride = 0;
  std::uint32_t mask = 0;  ///< below 65536
};

/// Adds the weights of all synapses of the rows and groups to rings[rows->receptor].
///
/// Rows lie scattered over memory that is far larger than any cache. So while one is added, the synapses of rows a few
/// places further on are on their way, and the offsets of rows further still.
void deliver(std::span<const RowEvent> events, const InputRing* rings) noexcept;

/// For rows that will be delivered in a coming call, while something else is done: fetches where they begin, ...
void fetch_begins(std::span<const RowEvent> events) noexcept;
/// ... and, of rows whose begins have come, the first `synapses` in all.
void fetch_synapses(std::span<const RowEvent> events, std::uint32_t synapses) noexcept;

}  // namespace neuract::kernels
