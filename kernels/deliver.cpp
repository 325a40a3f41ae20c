#include "neuract/kernels/deliver.hpp"

namespace neuract::kernels {
namespace {

constexpr std::uint32_t kAhead = 4;       // rows; a row's first lines arrive from memory while the rows before it are added
constexpr std::uint32_t kLineBytes = 64;

template <class Element>
void prefetch(const Element* first, const Element* last, int lines) noexcept {
  const auto* line = reinterpret_cast<const char*>(first);
  const auto* end = reinterpret_cast<const char*>(last);
  for (int i = 0; i < lines && line < end; ++i, line += kLineBytes) __builtin_prefetch(line, 0, 0);
}

/// `add(j)` adds synapse j.
template <class Prefetch, class Add>
std::uint64_t for_each_synapse(const SynapseRows& rows, const std::uint16_t* ids, std::uint32_t n, std::uint32_t first, Prefetch&& ahead,
                               Add&& add) noexcept {
  std::uint64_t events = 0;
  for (std::uint32_t i = 0; i < n; ++i) {
    if (i + kAhead < n) {
      const std::uint32_t later = first + ids[i + kAhead];
      ahead(rows.offsets[later], rows.offsets[later + 1]);
    }
    const std::uint32_t begin = rows.offsets[first + ids[i]];
    const std::uint32_t end = rows.offsets[first + ids[i] + 1];
    events += end - begin;
    for (std::uint32_t j = begin; j < end; ++j) add(j);
  }
  return events;
}

template <class Delay>
std::uint64_t deliver_delayed(const SynapseRows& rows, const Delay* delays, const std::uint16_t* ids, std::uint32_t n, std::uint32_t first,
                              const InputRing& ring, std::uint64_t step) noexcept {
  const auto base = static_cast<std::uint32_t>(step);
  std::int32_t* const data = ring.data;
  const std::uint32_t mask = ring.mask;
  const std::uint32_t stride = ring.stride;
  const std::uint16_t* const targets = rows.targets;
  const auto ahead = [&](std::uint32_t begin, std::uint32_t end) {
    prefetch(targets + begin, targets + end, 8);
    prefetch(delays + begin, delays + end, 4);
    if (rows.codes != nullptr) prefetch(rows.codes + begin, rows.codes + end, 8);
  };
  if (rows.codes == nullptr) {
    const std::int32_t code = rows.uniform_code;
    return for_each_synapse(rows, ids, n, first, ahead,
                            [&](std::uint32_t j) { data[((base + delays[j]) & mask) * stride + targets[j]] += code; });
  }
  const std::int16_t* const codes = rows.codes;
  const std::int32_t scale = std::int32_t{1} << rows.shift;
  return for_each_synapse(rows, ids, n, first, ahead,
                          [&](std::uint32_t j) { data[((base + delays[j]) & mask) * stride + targets[j]] += codes[j] * scale; });
}

}  // namespace

std::uint64_t deliver(const SynapseRows& rows, const std::uint16_t* ids, std::uint32_t n, std::uint32_t first, const InputRing& ring,
                      std::uint64_t step) noexcept {
  if (rows.delays != nullptr) return deliver_delayed(rows, rows.delays, ids, n, first, ring, step);
  if (rows.wide_delays != nullptr) return deliver_delayed(rows, rows.wide_delays, ids, n, first, ring, step);

  std::int32_t* const slot = ring.data + (static_cast<std::uint32_t>(step) & ring.mask) * std::size_t{ring.stride};
  const std::uint16_t* const targets = rows.targets;
  if (rows.codes == nullptr) {
    const std::int32_t code = rows.uniform_code;
    return for_each_synapse(rows, ids, n, first, [&](std::uint32_t begin, std::uint32_t end) { prefetch(targets + begin, targets + end, 8); },
                            [&](std::uint32_t j) { slot[targets[j]] += code; });
  }
  const std::int16_t* const codes = rows.codes;
  const std::int32_t scale = std::int32_t{1} << rows.shift;
  const auto ahead = [&](std::uint32_t begin, std::uint32_t end) {
    prefetch(targets + begin, targets + end, 8);
    prefetch(codes + begin, codes + end, 8);
  };
  return for_each_synapse(rows, ids, n, first, ahead, [&](std::uint32_t j) { slot[targets[j]] += codes[j] * scale; });
}

}  // namespace neuract::kernels
