#include "neuract/kernels/deliver.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace neuract::kernels {
namespace {

enum class Weights { common, sixteen_bits, four_bits, thirty_two_bits };
constexpr Weights kForms[] = {Weights::common, Weights::sixteen_bits, Weights::four_bits, Weights::thirty_two_bits};

constexpr std::uint32_t kNeurons = 100;
constexpr std::uint32_t kSlots = 8;

struct Table {
  std::vector<std::uint32_t> offsets{0};
  std::vector<std::uint16_t> targets;
  std::vector<std::uint32_t> words;
  std::vector<std::uint8_t> nibbles;
  std::vector<std::int32_t> levels;
  std::vector<std::int32_t> wide_codes;
  std::vector<std::uint8_t> delays;
  std::vector<std::uint16_t> wide_delays;

  SynapseRows rows(Weights weights) const {
    SynapseRows rows;
    rows.offsets = offsets.data();
    if (weights == Weights::sixteen_bits) {
      rows.words = words.data();
      rows.shift = 3;
    } else {
      rows.targets = targets.data();
    }
    if (weights == Weights::four_bits) {
      rows.nibbles = nibbles.data();
      rows.levels = levels.data();
    }
    if (weights == Weights::thirty_two_bits) rows.wide_codes = wide_codes.data();
    rows.uniform_code = -12345;
    return rows;
  }
  std::int32_t weight(Weights weights, std::uint32_t j) const {
    switch (weights) {
      case Weights::common: break;
      case Weights::sixteen_bits: return static_cast<std::int16_t>(words[j] >> 16) * 8;
      case Weights::four_bits: return levels[(nibbles[j / 2] >> (j % 2 * 4)) & 15u];
      case Weights::thirty_two_bits: return wide_codes[j];
    }
    return -12345;
  }
};

/// Rows of awkward lengths, with repeated targets.
Table make_table() {
  Table t;
  std::uint32_t x = 1;
  const auto next = [&] { return x = x * 1664525u + 1013904223u, x >> 8; };
  for (const std::uint32_t length : {0u, 1u, 2u, 63u, 64u, 65u, 0u, 1000u, 3u}) {
    for (std::uint32_t i = 0; i < length; ++i) {
      t.targets.push_back(static_cast<std::uint16_t>(next() % kNeurons));
      t.words.push_back(t.targets.back() | next() << 16);
      t.wide_codes.push_back(static_cast<std::int32_t>(next() % 2000000) - 1000000);
      t.delays.push_back(static_cast<std::uint8_t>(next() % kSlots));
      t.wide_delays.push_back(t.delays.back());
    }
    t.offsets.push_back(static_cast<std::uint32_t>(t.targets.size()));
  }
  for (std::size_t i = 0; i < t.targets.size(); i += 2) t.nibbles.push_back(static_cast<std::uint8_t>(next()));
  for (int i = 0; i < 16; ++i) t.levels.push_back(1000 * i - 7777);
  return t;
}

TEST(Deliver, AddsEverySynapseOfEveryRowOnce) {
  const Table t = make_table();
  for (const Weights weights : kForms) {
    for (const int delay_bytes : {0, 1, 2}) {
      for (const std::uint32_t receptor : {0u, 1u}) {
        SynapseRows rows = t.rows(weights);
        if (delay_bytes == 1) rows.delays = t.delays.data();
        if (delay_bytes == 2) rows.wide_delays = t.wide_delays.data();
        rows.receptor = receptor;
        std::vector<RowEvent> list;
        for (std::uint32_t i = 0; i < 40; ++i)
          list.push_back({&rows, i * 7 % 9, 0, static_cast<std::uint16_t>(0xfff0u + i)});
        std::vector<std::int32_t> ring(kSlots * 128, 1);
        std::vector<std::int32_t> expected = ring;
        for (const RowEvent& event : list) {
          for (std::uint32_t j = t.offsets[event.row]; j < t.offsets[event.row + 1]; ++j) {
            const std::uint32_t slot = (event.step + (delay_bytes ? t.delays[j] : 0)) % kSlots;
            const std::uint32_t target = weights == Weights::sixteen_bits ? t.words[j] & 0xffffu : t.targets[j];
            expected[slot * 128 + target] += t.weight(weights, j);
          }
        }
        InputRing rings[2];
        rings[receptor] = {ring.data(), 128, kSlots - 1};
        deliver(list, rings);
        EXPECT_EQ(ring, expected);
      }
    }
  }
}

TEST(Deliver, AddsOnlyTheGroupsThatAreAskedFor) {
  const Table t = make_table();
  const std::uint32_t stride = 4;  // three groups: a third of the row each, the last one takes the rest
  std::vector<std::uint16_t> groups;
  for (std::size_t row = 0; row + 1 < t.offsets.size(); ++row) {
    const std::uint32_t length = t.offsets[row + 1] - t.offsets[row];
    for (const std::uint32_t end : {0u, length / 3, 2 * (length / 3), length})
      groups.push_back(static_cast<std::uint16_t>(end));
  }
  for (const std::uint32_t chunk : {1u, 2u, 3u, 100u}) {
    SynapseRows rows = t.rows(Weights::sixteen_bits);
    rows.groups = groups.data();
    rows.group_stride = stride;
    rows.chunk = chunk;
    std::vector<RowEvent> list;
    std::vector<std::int32_t> expected(kSlots * 128, 0);
    for (std::uint32_t row = 0; row < 9; ++row) {
      const std::uint32_t first = row % 3;
      list.push_back({&rows, row, static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(row)});
      for (std::uint32_t g = first; g < std::min(3u, first + chunk); ++g) {
        for (std::uint32_t j = t.offsets[row] + groups[row * stride + g];
             j < t.offsets[row] + groups[row * stride + g + 1]; ++j) {
          expected[(row + g - first) % kSlots * 128 + t.targets[j]] += t.weight(Weights::sixteen_bits, j);
        }
      }
    }
    std::vector<std::int32_t> ring(kSlots * 128, 0);
    const InputRing rings[2] = {{ring.data(), 128, kSlots - 1}, {}};
    deliver(list, rings);
    EXPECT_EQ(ring, expected);
  }
}

}  // namespace
}  // namespace neuract::kernels
