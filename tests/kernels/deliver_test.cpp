#include "neuract/kernels/deliver.hpp"

#include <gtest/gtest.h>

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

TEST(Deliver, AddsEverySynapseOfEverySpikeOnce) {
  const Table t = make_table();
  const std::vector<std::uint16_t> ids = {0, 1, 3, 4, 5, 6, 7};
  const std::uint32_t first = 1;
  const std::uint64_t step = (std::uint64_t{1} << 33) + 5;
  for (const bool own_weights : {false, true}) {
    for (const int delay_bytes : {0, 1, 2}) {
      const SynapseRows rows{t.offsets.data(), t.targets.data(), own_weights ? t.codes.data() : nullptr, delay_bytes == 1 ? t.delays.data() : nullptr,
                             delay_bytes == 2 ? t.wide_delays.data() : nullptr, -12345, own_weights ? 3 : 0};
      std::vector<std::int32_t> ring(kSlots * 128, 1);
      std::vector<std::int32_t> expected = ring;
      std::uint64_t events = 0;
      for (const std::uint16_t id : ids) {
        for (std::uint32_t j = t.offsets[first + id]; j < t.offsets[first + id + 1]; ++j, ++events) {
          const std::uint64_t slot = (step + (delay_bytes ? t.delays[j] : 0)) % kSlots;
          expected[slot * 128 + t.targets[j]] += own_weights ? t.codes[j] * 8 : -12345;
        }
      }
      EXPECT_EQ(deliver(rows, ids.data(), static_cast<std::uint32_t>(ids.size()), first, {ring.data(), 128, kSlots - 1}, step), events);
      EXPECT_EQ(ring, expected);
    }
  }
}

TEST(Deliver, OfNoSpikesDoesNothing) {
  const Table t = make_table();
  EXPECT_EQ(deliver({t.offsets.data(), t.targets.data(), nullptr, nullptr, nullptr, 1, 0}, nullptr, 0, 0, {}, 3), 0u);
}

}  // namespace
}  // namespace neuract::kernels
