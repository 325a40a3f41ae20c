#include "neuract/snn/delay_groups.hpp"

#include <algorithm>
#include <limits>
#include <vector>

namespace neuract::snn {
namespace {

/// The places of a row's synapses, and their contents in the old order while they move.
class RowMover {
 public:
  explicit RowMover(SynapseTable& table) : table_(table) {}

  void take(std::uint32_t begin, std::uint32_t length) {
    const auto copy = [&](auto& kept, const auto& array) {
      if (!array.empty()) kept.assign(array.data() + begin, array.data() + begin + length);
    };
    copy(targets_, table_.targets);
    copy(words_, table_.words);
    copy(wide_codes_, table_.wide_codes);
    if (table_.nibbles.empty()) return;
    nibbles_.resize(length);
    for (std::uint32_t i = 0; i < length; ++i) nibbles_[i] = nibble(begin + i);
  }
  void put(std::uint32_t i, std::uint32_t place) {
    if (!table_.targets.empty()) table_.targets[place] = targets_[i];
    if (!table_.words.empty()) table_.words[place] = words_[i];
    if (!table_.wide_codes.empty()) table_.wide_codes[place] = wide_codes_[i];
    if (table_.nibbles.empty()) return;
    const std::uint32_t shift = place % 2 * 4;
    std::uint8_t& byte = table_.nibbles[place / 2];
    byte = static_cast<std::uint8_t>((byte & ~(15u << shift)) | std::uint32_t{nibbles_[i]} << shift);
  }

 private:
  std::uint8_t nibble(std::uint32_t place) const {
    return static_cast<std::uint8_t>((table_.nibbles[place / 2] >> (place % 2 * 4)) & 15u);
  }

  SynapseTable& table_;
  std::vector<std::uint16_t> targets_;
  std::vector<std::uint32_t> words_;
  std::vector<std::int32_t> wide_codes_;
  std::vector<std::uint8_t> nibbles_;
};

/// Stable counting sort of one row after another.
template <class Delay>
void sort_rows(SynapseTable& table, const Delay* delays) {
  const std::uint32_t stride = table.group_stride;
  RowMover row_mover(table);
  std::vector<std::uint16_t> next(stride);
  for (std::uint32_t row = 0; row < table.sources; ++row) {
    const std::uint32_t begin = table.offsets[row];
    const std::uint32_t length = table.offsets[row + 1] - begin;
    std::uint16_t* const groups = table.groups.data() + std::size_t{row} * stride;
    for (std::uint32_t i = 0; i < length; ++i) ++groups[delays[begin + i] + 1u];
    for (std::uint32_t g = 1; g < stride; ++g) groups[g] = static_cast<std::uint16_t>(groups[g] + groups[g - 1]);
    std::copy_n(groups, stride, next.begin());
    row_mover.take(begin, length);
    for (std::uint32_t i = 0; i < length; ++i) row_mover.put(i, begin + next[delays[begin + i]]++);
  }
}

std::uint32_t longest_row(const SynapseTable& table) {
  std::uint32_t longest = 0;
  for (std::uint32_t row = 0; row < table.sources; ++row)
    longest = std::max(longest, table.offsets[row + 1] - table.offsets[row]);
  return longest;
}

bool spread(const SynapseTable& table) { return !table.delays.empty() || !table.wide_delays.empty(); }

Result<void> group(SynapseTable& table) {
  table.group_stride = static_cast<std::uint32_t>(table.delay_max - table.delay_min) + 2;
  NEURACT_TRY_ASSIGN(table.groups,
                     memory::HostArray<std::uint16_t>::zeros(std::size_t{table.sources} * table.group_stride));
  if (!table.delays.empty()) {
    sort_rows(table, table.delays.data());
  } else {
    sort_rows(table, table.wide_delays.data());
  }
  table.delays = {};
  table.wide_delays = {};
  return {};
}

}  // namespace

Result<void> group_by_delay(std::span<SynapseTable> tables) {
  GroupingBytes bytes;
  for (const SynapseTable& table : tables) {
    if (!spread(table)) continue;
    if (longest_row(table) > std::numeric_limits<std::uint16_t>::max()) return {};
    bytes.add(table.sources, static_cast<double>(table.synapses()), table.delay_min, table.delay_max);
  }
  if (!bytes.worthwhile()) return {};
  for (SynapseTable& table : tables) {
    if (spread(table)) NEURACT_TRY(group(table));
  }
  return {};
}

}  // namespace neuract::snn
