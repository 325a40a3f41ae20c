#include "neuract/kernels/philox_pairs.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <vector>

#include "neuract/kernels/isa.hpp"
#include "neuract/kernels/philox.hpp"

namespace neuract::kernels {
namespace {

TEST(PhiloxPairs, GiveTheFirstTwoWordsOfEveryBlock) {
  std::mt19937 random(1);
  for (const Isa isa : supported_isas()) {
    ASSERT_TRUE(set_isa_for_testing(isa));
    for (const std::size_t n : {0u, 1u, 3u, 4u, 7u, 8u, 9u, 15u, 16u, 17u, 63u, 100u}) {
      const std::uint64_t key = random() * 0x100000001u + 5;
      std::vector<std::uint32_t> counters[3];
      for (auto& c : counters) {
        for (std::size_t i = 0; i < n; ++i) c.push_back(static_cast<std::uint32_t>(random()));
      }
      std::vector<std::uint32_t> first(n + 1, 42);
      std::vector<std::uint32_t> second(n + 1, 43);
      philox_pairs(key, counters[0].data(), counters[1].data(), counters[2].data(), n, first.data(), second.data());
      for (std::size_t i = 0; i < n; ++i) {
        const auto block = philox_block(key, counters[0][i], counters[1][i], counters[2][i], 0);
        EXPECT_EQ(first[i], block[0]) << name_of(isa) << " " << i;
        EXPECT_EQ(second[i], block[1]) << name_of(isa) << " " << i;
      }
      EXPECT_EQ(first[n], 42u);
      EXPECT_EQ(second[n], 43u);
    }
  }
  set_isa_for_testing(supported_isas().back());
}

}  // namespace
}  // namespace neuract::kernels
