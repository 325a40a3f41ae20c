#include "neuract/kernels/deliver.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace neuract::kernels {
namespace {

struct Table {
  std::vector<std::uint32_t> offsets{0};
  std::vector<std::uint16_t> targets;
  std::vector<std::int16_t> codes;
  std::vector<std::uint8_t> delays;
  std::vector<std::uint16_t> wide_delays;
};

constexpr std::uint32_t kNeurons = 100;
constexpr std::uint32_t kSlots = 8;

/// Rows of awkward lengths, with repeated targets.
Table make_table() {
  Table t;
  std::uint32_t x = 1;
  const auto next = [&] { return x = x * 1664525u + 1013904223u, x >> 8; };
  for (const std::uint32_t length : {0u, 1u, 2u, 63u, 64u, 65u, 0u, 1000u, 3u}) {
    for (std::uint32_t i = 0; i < length; ++i) {
      t.targets.push_back(static_cast<std::uint16_t>(next() % kNeurons));
      t.codes.push_back(static_cast<std::int16_t>(next() % 65536));
      t.delays.push_back(static_cast<std::uint8_t>(next() % kSlots));
      t.wide_delays.push_back(t.delays.back());
    }
    t.offsets.push_back(static_cast<std::uint32_t>(t.targets.size()));
  }
  return t;
}

TEST(Deliver, AddsEverySynapseOfEveryRowOnce) {
  const Table t = make_table();
  for (const bool own_weights : {false, true}) {
    for (const int delay_bytes : {0, 1, 2}) {
      for (const std::uint32_t receptor : {0u, 1u}) {
        const SynapseRows rows{t.offsets.data(),
                               t.targets.data(),
                               own_weights ? t.codes.data() : nullptr,
                               delay_bytes == 1 ? t.delays.data() : nullptr,
                               delay_bytes == 2 ? t.wide_delays.data() : nullptr,
                               nullptr,
                               0,
                               1,
                               -12345,
                               own_weights ? 3 : 0,
                               receptor,
                               1};
        std::vector<RowEvent> list;
        for (std::uint32_t i = 0; i < 40; ++i)
          list.push_back({&rows, i * 7 % 9, 0, static_cast<std::uint16_t>(0xfff0u + i)});
        std::vector<std::int32_t> ring(kSlots * 128, 1);
        std::vector<std::int32_t> expected = ring;
        std::uint64_t events = 0;
        for (const RowEvent& event : list) {
          for (std::uint32_t j = t.offsets[event.row]; j < t.offsets[event.row + 1]; ++j, ++events) {
            const std::uint32_t slot = (event.step + (delay_bytes ? t.delays[j] : 0)) % kSlots;
            expected[slot * 128 + t.targets[j]] += own_weights ? t.codes[j] * 8 : -12345;
          }
        }
        InputRing rings[2];
        rings[receptor] = {ring.data(), 128, kSlots - 1};
        std::uint64_t counts[2] = {5, 100};
        deliver(list, rings, counts);
        EXPECT_EQ(counts[0], 5u);
        EXPECT_EQ(counts[1], 100 + events);
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
    const SynapseRows rows{
        t.offsets.data(), t.targets.data(), t.codes.data(), nullptr, nullptr, groups.data(), stride, chunk, 0, 0, 0, 0};
    std::vector<RowEvent> list;
    std::vector<std::int32_t> expected(kSlots * 128, 0);
    std::uint64_t events = 0;  // of rows whose first group is delivered
    for (std::uint32_t row = 0; row < 9; ++row) {
      const std::uint32_t first = row % 3;
      if (first == 0) events += t.offsets[row + 1] - t.offsets[row];
      list.push_back({&rows, row, static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(row)});
      for (std::uint32_t g = first; g < std::min(3u, first + chunk); ++g) {
        for (std::uint32_t j = t.offsets[row] + groups[row * stride + g];
             j < t.offsets[row] + groups[row * stride + g + 1]; ++j) {
          expected[(row + g - first) % kSlots * 128 + t.targets[j]] += t.codes[j];
        }
      }
    }
    std::vector<std::int32_t> ring(kSlots * 128, 0);
    const InputRing rings[2] = {{ring.data(), 128, kSlots - 1}, {}};
    std::uint64_t count = 0;
    deliver(list, rings, &count);
    EXPECT_EQ(count, events);
    EXPECT_EQ(ring, expected);
  }
}

}  // namespace
}  // namespace neuract::kernels
