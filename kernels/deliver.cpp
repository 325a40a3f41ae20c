#include "neuract/kernels/deliver.hpp"

#include <algorithm>

namespace neuract::kernels {
namespace {

constexpr std::size_t kOffsetsAhead = 24;       // events
constexpr std::uint32_t kSynapsesAhead = 2048;  // fetched before they are added: a few times the latency of memory
constexpr std::uint32_t kPiece = 32;            // synapses: one line of targets, two of words

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

/// Fetches what will be added, a fixed number of synapses ahead and at the pace at which they are added: the memory system takes a
/// steady stream of scattered lines, but drops what comes in bursts.
class Prefetcher {
 public:
  explicit Prefetcher(std::span<const RowEvent> events) noexcept : events_(events) {
    for (std::size_t i = 0; i < std::min(kOffsetsAhead, events.size()); ++i) fetch_offsets(i);
    advance(kSynapsesAhead);
  }

  [[gnu::always_inline]] void advance(std::uint32_t synapses) noexcept {
    credit_ += static_cast<std::int32_t>(synapses);
    while (credit_ > 0) {
      if (position_ == end_) {
        if (next_ == events_.size()) return;
        open_next();
        continue;
      }
      const std::uint32_t n = std::min(kPiece, end_ - position_);
      fetch(position_);
      position_ += n;
      credit_ -= static_cast<std::int32_t>(n);
      if (position_ == end_) fetch(end_ - 1);  // rows begin anywhere in a line, and so end in one more
    }
  }

 private:
  void fetch_offsets(std::size_t i) const noexcept {
    const SynapseRows& rows = *events_[i].rows;
    __builtin_prefetch(rows.offsets + events_[i].row);
    if (rows.groups != nullptr) __builtin_prefetch(groups_of(events_[i]));
  }

  void open_next() noexcept {
    if (next_ + kOffsetsAhead < events_.size()) fetch_offsets(next_ + kOffsetsAhead);
    const Range range = range_of(events_[next_]);
    rows_ = events_[next_].rows;
    position_ = range.begin;
    end_ = range.end;
    ++next_;
    --credit_;  // an empty row takes its turn as well
  }

  [[gnu::always_inline]] void fetch(std::uint32_t synapse) const noexcept {
    if (rows_->words != nullptr) {
      __builtin_prefetch(rows_->words + synapse);
      __builtin_prefetch(rows_->words + synapse + kPiece / 2);
    } else {
      __builtin_prefetch(rows_->targets + synapse);
      if (rows_->nibbles != nullptr) __builtin_prefetch(rows_->nibbles + synapse / 2);
      if (rows_->wide_codes != nullptr) {
        __builtin_prefetch(rows_->wide_codes + synapse);
        __builtin_prefetch(rows_->wide_codes + synapse + kPiece / 2);
      }
    }
    if (rows_->delays != nullptr) __builtin_prefetch(rows_->delays + synapse);
    if (rows_->wide_delays != nullptr) __builtin_prefetch(rows_->wide_delays + synapse);
  }

  std::span<const RowEvent> events_;
  std::size_t next_ = 0;
  const SynapseRows* rows_ = nullptr;
  std::uint32_t position_ = 0;
  std::uint32_t end_ = 0;
  std::int32_t credit_ = 0;
};

/// Calls visit(j) for begin <= j < end while the prefetcher keeps its distance.
template <class Visit>
[[gnu::always_inline]] inline void for_pieces(std::uint32_t begin, std::uint32_t end, Prefetcher& prefetcher,
                                              Visit visit) noexcept {
  while (begin < end) {
    const std::uint32_t stop = std::min(end, begin + kPiece);
    prefetcher.advance(stop - begin);
    for (; begin < stop; ++begin) visit(begin);
  }
}

/// target(j) and weight(j) are those of synapse j.
template <class Target, class Weight>
[[gnu::always_inline]] inline void add(const RowEvent& event, const InputRing& ring, Prefetcher& prefetcher,
                                       Target target, Weight weight) noexcept {
  const SynapseRows& rows = *event.rows;
  const std::uint32_t begin = rows.offsets[event.row];
  const std::uint32_t end = rows.offsets[event.row + 1];
  const auto slot = [&](std::uint32_t step) { return ring.data + std::size_t{step & ring.mask} * ring.stride; };
  if (rows.groups != nullptr) {
    const std::uint16_t* const groups = groups_of(event);
    const std::uint32_t n = groups_in(event);
    for (std::uint32_t g = 0; g < n; ++g) {
      std::int32_t* const sums = slot(event.step + g);
      for_pieces(begin + groups[g], begin + groups[g + 1], prefetcher,
                 [&](std::uint32_t j) { sums[target(j)] += weight(j); });
    }
  } else if (rows.delays != nullptr) {
    for_pieces(begin, end, prefetcher,
               [&](std::uint32_t j) { slot(event.step + rows.delays[j])[target(j)] += weight(j); });
  } else if (rows.wide_delays != nullptr) {
    for_pieces(begin, end, prefetcher,
               [&](std::uint32_t j) { slot(event.step + rows.wide_delays[j])[target(j)] += weight(j); });
  } else {
    std::int32_t* const sums = slot(event.step);
    for_pieces(begin, end, prefetcher, [&](std::uint32_t j) { sums[target(j)] += weight(j); });
  }
}

}  // namespace

void deliver(std::span<const RowEvent> events, const InputRing* rings) noexcept {
  Prefetcher prefetcher(events);
  for (const RowEvent& event : events) {
    const SynapseRows& rows = *event.rows;
    const InputRing ring = rings[rows.receptor];
    const std::uint16_t* const targets = rows.targets;
    const auto target = [=](std::uint32_t j) { return std::uint32_t{targets[j]}; };
    if (rows.words != nullptr) {
      const std::uint32_t* const words = rows.words;
      const std::int32_t scale = std::int32_t{1} << rows.shift;
      add(
          event, ring, prefetcher, [=](std::uint32_t j) { return words[j] & 0xffffu; },
          [=](std::uint32_t j) { return (static_cast<std::int32_t>(words[j]) >> 16) * scale; });
    } else if (rows.nibbles != nullptr) {
      const std::uint8_t* const nibbles = rows.nibbles;
      const std::int32_t* const levels = rows.levels;
      add(event, ring, prefetcher, target,
          [=](std::uint32_t j) { return levels[(nibbles[j / 2] >> (j % 2 * 4)) & 15]; });
    } else if (rows.wide_codes != nullptr) {
      const std::int32_t* const codes = rows.wide_codes;
      add(event, ring, prefetcher, target, [=](std::uint32_t j) { return codes[j]; });
    } else {
      const std::int32_t code = rows.uniform_code;
      add(event, ring, prefetcher, target, [=](std::uint32_t) { return code; });
    }
  }
}

void fetch_begins(std::span<const RowEvent> events) noexcept {
  for (const RowEvent& event : events) {
    __builtin_prefetch(event.rows->offsets + event.row);
    if (event.rows->groups != nullptr) __builtin_prefetch(groups_of(event));
  }
}

void fetch_synapses(std::span<const RowEvent> events, std::uint32_t synapses) noexcept {
  for (const RowEvent& event : events) {
    const Range range = range_of(event);
    const std::uint32_t length = range.end - range.begin;
    if (length > synapses) return;
    synapses -= length;
    const SynapseRows& rows = *event.rows;
    constexpr std::uint32_t kLine = 64;
    const auto fetch = [&](const void* array, std::uint32_t bytes) {
      const char* const begin = static_cast<const char*>(array);
      for (std::uint32_t i = 0; i < bytes + kLine; i += kLine) __builtin_prefetch(begin + std::min(i, bytes));
    };
    if (rows.words != nullptr) {
      fetch(rows.words + range.begin, 4 * length);
    } else {
      fetch(rows.targets + range.begin, 2 * length);
    }
  }
}

}  // namespace neuract::kernels
