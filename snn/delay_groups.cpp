#include "neuract/snn/delay_groups.hpp"

#include <algorithm>
#include <limits>
#include <vector>

namespace neuract::snn {
namespace {

/// Stable counting sort of one row after another.
template <class Delay>
void sort_rows(SynapseTable& table, const Delay* delays) {
  const std::uint32_t stride = table.group_stride;
  std::vector<std::uint16_t> targets;
  std::vector<std::int16_t> codes;
  std::vector<std::uint16_t> next(stride);
  for (std::uint32_t row = 0; row < table.sources; ++row) {
    const std::uint32_t begin = table.offsets[row];
    const std::uint32_t length = table.offsets[row + 1] - begin;
    std::uint16_t* const groups = table.groups.data() + std::size_t{row} * stride;
    for (std::uint32_t i = 0; i < length; ++i) ++groups[delays[begin + i] + 1u];
    for (std::uint32_t g = 1; g < stride; ++g) groups[g] = static_cast<std::uint16_t>(groups[g] + groups[g - 1]);
    std::copy_n(groups, stride, next.begin());
    targets.assign(table.targets.data() + begin, table.targets.data() + begin + length);
    if (!table.codes.empty()) codes.assign(table.codes.data() + begin, table.codes.data() + begin + length);
    for (std::uint32_t i = 0; i < length; ++i) {
      const std::uint32_t place = begin + next[delays[begin + i]]++;
      table.targets[place] = targets[i];
      if (!table.codes.empty()) table.codes[place] = codes[i];
    }
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
