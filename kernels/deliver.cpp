#include "neuract/kernels/deliver.hpp"

#include <algorithm>

namespace neuract::kernels {
namespace {

constexpr std::size_t kOffsetsAhead = 48;        // rows
constexpr std::size_t kSynapsesAhead = 24;
constexpr std::ptrdiff_t kPrefetchBytes = 1024;  // of an array; the hardware notices longer streams by itself
constexpr std::ptrdiff_t kLineBytes = 64;

template <class Element>
[[gnu::always_inline]] inline void prefetch(const Element* array, std::uint32_t begin, std::uint32_t end) noexcept {
  const char* const first = reinterpret_cast<const char*>(array + begin);
  const std::ptrdiff_t bytes = std::min<std::ptrdiff_t>(reinterpret_cast<const char*>(array + end) - first, kPrefetchBytes);
  for (std::ptrdiff_t i = 0; i < bytes; i += kLineBytes) __builtin_prefetch(first + i, 0, 2);
}

struct Range {
  std::uint32_t begin;
  std::uint32_t end;
};

[[gnu::always_inline]] inline Range range_of(const RowEvent& event) noexcept {
  const SynapseRows& rows = *event.rows;
  const std::uint32_t begin = rows.offsets[event.row];
  if (rows.groups == nullptr) return {begin, rows.offsets[event.row + 1]};
  const std::uint16_t* const group = rows.groups + std::size_t{event.row} * rows.group_stride + event.group;
  return {begin + group[0], begin + group[1]};
}

void prefetch_offsets(const RowEvent& event) noexcept {
  const SynapseRows& rows = *event.rows;
  __builtin_prefetch(rows.offsets + event.row, 0, 2);
  if (rows.groups != nullptr) __builtin_prefetch(rows.groups + std::size_t{event.row} * rows.group_stride + event.group, 0, 2);
}

void prefetch_synapses(const RowEvent& event) noexcept {
  const SynapseRows& rows = *event.rows;
  const auto [begin, end] = range_of(event);
  prefetch(rows.targets, begin, end);
  if (rows.codes != nullptr) prefetch(rows.codes, begin, end);
  if (rows.delays != nullptr) prefetch(rows.delays, begin, end);
  if (rows.wide_delays != nullptr) prefetch(rows.wide_delays, begin, end);
}

/// weight(j) is the weight of synapse j.
template <class Weight>
[[gnu::always_inline]] inline void add_row(const SynapseRows& rows, std::uint32_t begin, std::uint32_t end, std::uint32_t step, const InputRing& ring,
                                           Weight weight) noexcept {
  const std::uint16_t* const targets = rows.targets;
  const auto add_delayed = [&](const auto* delays) {
    for (std::uint32_t j = begin; j < end; ++j) {
      ring.data[std::size_t{(step + delays[j]) & ring.mask} * ring.stride + targets[j]] += weight(j);
    }
  };
  if (rows.delays != nullptr) {
    add_delayed(rows.delays);
  } else if (rows.wide_delays != nullptr) {
    add_delayed(rows.wide_delays);
  } else {
    std::int32_t* const slot = ring.data + std::size_t{step & ring.mask} * ring.stride;
    for (std::uint32_t j = begin; j < end; ++j) slot[targets[j]] += weight(j);
  }
}

}  // namespace

void deliver(std::span<const RowEvent> events, const InputRing* rings, std::uint64_t* counts) noexcept {
  const std::size_t n = events.size();
  for (std::size_t i = 0; i < std::min(kOffsetsAhead, n); ++i) prefetch_offsets(events[i]);
  for (std::size_t i = 0; i < std::min(kSynapsesAhead, n); ++i) prefetch_synapses(events[i]);
  for (std::size_t i = 0; i < n; ++i) {
    if (i + kOffsetsAhead < n) prefetch_offsets(events[i + kOffsetsAhead]);
    if (i + kSynapsesAhead < n) prefetch_synapses(events[i + kSynapsesAhead]);
    const SynapseRows& rows = *events[i].rows;
    const auto [begin, end] = range_of(events[i]);
    const InputRing ring = rings[rows.receptor];
    if (events[i].group == 0) counts[rows.table] += rows.offsets[events[i].row + 1] - rows.offsets[events[i].row];
    if (rows.codes == nullptr) {
      const std::int32_t code = rows.uniform_code;
      add_row(rows, begin, end, events[i].step, ring, [=](std::uint32_t) { return code; });
    } else {
      const std::int16_t* const codes = rows.codes;
      const std::int32_t scale = std::int32_t{1} << rows.shift;
      add_row(rows, begin, end, events[i].step, ring, [=](std::uint32_t j) { return codes[j] * scale; });
    }
  }
}

}  // namespace neuract::kernels
