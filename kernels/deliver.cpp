#include "neuract/kernels/deliver.hpp"

#include <algorithm>

namespace neuract::kernels {
namespace {

constexpr std::size_t kOffsetsAhead = 48;  // rows
constexpr std::size_t kSynapsesAhead = 24;
constexpr std::uintptr_t kPrefetchBytes = 1024;  // of an array; the hardware notices longer streams by itself
constexpr std::uintptr_t kLineBytes = 64;

/// From the line of the first byte to that of the last: a group often begins in a line that the one before it has
/// fetched already.
template <class Element>
[[gnu::always_inline]] inline void prefetch(const Element* array, std::uint32_t begin, std::uint32_t end) noexcept {
  const auto first = reinterpret_cast<std::uintptr_t>(array + begin) & ~(kLineBytes - 1);
  const auto last = std::min(reinterpret_cast<std::uintptr_t>(array + end), first + kPrefetchBytes);
  for (std::uintptr_t line = first; line < last; line += kLineBytes)
    __builtin_prefetch(reinterpret_cast<const void*>(line), 0, 2);
}

/// Begins of the groups of an event, and how many there are.
[[gnu::always_inline]] inline const std::uint16_t* groups_of(const RowEvent& event) noexcept {
  return event.rows->groups + std::size_t{event.row} * event.rows->group_stride + event.group;
}
[[gnu::always_inline]] inline std::uint32_t groups_in(const RowEvent& event) noexcept {
  return std::min(event.rows->chunk, event.rows->group_stride - 1 - event.group);
}

struct Range {
  std::uint32_t begin;
  std::uint32_t end;
};

[[gnu::always_inline]] inline Range range_of(const RowEvent& event) noexcept {
  const SynapseRows& rows = *event.rows;
  const std::uint32_t begin = rows.offsets[event.row];
  if (rows.groups == nullptr) return {begin, rows.offsets[event.row + 1]};
  const std::uint16_t* const groups = groups_of(event);
  return {begin + groups[0], begin + groups[groups_in(event)]};
}

void prefetch_offsets(const RowEvent& event) noexcept {
  const SynapseRows& rows = *event.rows;
  __builtin_prefetch(rows.offsets + event.row, 0, 2);
  if (rows.groups != nullptr) __builtin_prefetch(groups_of(event), 0, 2);
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
[[gnu::always_inline]] inline void add(const RowEvent& event, const InputRing& ring, Weight weight) noexcept {
  const SynapseRows& rows = *event.rows;
  const std::uint16_t* const targets = rows.targets;
  const std::uint32_t begin = rows.offsets[event.row];
  const std::uint32_t end = rows.offsets[event.row + 1];
  const auto slot = [&](std::uint32_t step) { return ring.data + std::size_t{step & ring.mask} * ring.stride; };
  if (rows.groups != nullptr) {
    const std::uint16_t* const groups = groups_of(event);
    const std::uint32_t n = groups_in(event);
    for (std::uint32_t g = 0; g < n; ++g) {
      std::int32_t* const sums = slot(event.step + g);
      const std::uint32_t last = begin + groups[g + 1];
      for (std::uint32_t j = begin + groups[g]; j < last; ++j) sums[targets[j]] += weight(j);
    }
  } else if (rows.delays != nullptr) {
    for (std::uint32_t j = begin; j < end; ++j) slot(event.step + rows.delays[j])[targets[j]] += weight(j);
  } else if (rows.wide_delays != nullptr) {
    for (std::uint32_t j = begin; j < end; ++j) slot(event.step + rows.wide_delays[j])[targets[j]] += weight(j);
  } else {
    std::int32_t* const sums = slot(event.step);
    for (std::uint32_t j = begin; j < end; ++j) sums[targets[j]] += weight(j);
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
    const RowEvent& event = events[i];
    const SynapseRows& rows = *event.rows;
    const InputRing ring = rings[rows.receptor];
    if (event.group == 0) counts[rows.table] += rows.offsets[event.row + 1] - rows.offsets[event.row];
    if (rows.codes == nullptr) {
      const std::int32_t code = rows.uniform_code;
      add(event, ring, [=](std::uint32_t) { return code; });
    } else {
      const std::int16_t* const codes = rows.codes;
      const std::int32_t scale = std::int32_t{1} << rows.shift;
      add(event, ring, [=](std::uint32_t j) { return codes[j] * scale; });
    }
  }
}

}  // namespace neuract::kernels
