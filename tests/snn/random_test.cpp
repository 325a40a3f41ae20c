#include "neuract/snn/random.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <vector>

namespace neuract::snn {
namespace {

TEST(Stream, SingleWordsAreThoseThatFillGives) {
  const Stream stream(12345, Purpose::weight, 3, 1);
  std::vector<std::uint32_t> words(5 * Stream::kGroup);
  stream.fill(words.data(), 5, 2, 77, 8, 9);
  for (std::size_t i = 0; i < words.size(); ++i) {
    ASSERT_EQ(words[i], stream.word(2 * Stream::kGroup + i, 77, 8, 9)) << i;
  }
}

TEST(Stream, EveryPartOfTheNameMatters) {
  std::set<std::uint64_t> keys;
  std::size_t made = 0;
  for (const std::uint64_t seed : {0ull, 1ull, 2ull, 1ull << 32, 1ull << 63}) {
    for (std::uint32_t purpose = 1; purpose <= 9; ++purpose) {
      for (const std::uint32_t entity : {0u, 1u, 2u, 1000u}) {
        for (const std::uint32_t item : {0u, 1u, 2u}) {
          keys.insert(Stream(seed, static_cast<Purpose>(purpose), entity, item).key());
          ++made;
        }
      }
    }
  }
  EXPECT_EQ(keys.size(), made);

  const Stream stream(1, Purpose::noise, 0);
  EXPECT_NE(stream.word(0, 0, 0, 0), stream.word(0, 1, 0, 0));
  EXPECT_NE(stream.word(0, 0, 0, 0), stream.word(0, 0, 1, 0));
  EXPECT_NE(stream.word(0, 0, 0, 0), stream.word(0, 0, 0, 1));
  EXPECT_NE(stream.word(0, 0, 0, 0), stream.word(1, 0, 0, 0));
}

/// Spike trains that were published with one version must come again with the next: these words may never change.
TEST(Stream, KeepsItsBitsFromVersionToVersion) {
  const Stream stream(1, Purpose::source, 0);
  EXPECT_EQ(stream.key(), 5677280566487920187u);
  EXPECT_EQ(stream.word(0), 945830372u);
  EXPECT_EQ(stream.word(63, 5), 4047429580u);
}

TEST(Stream, WordsAreUniform) {
  // Chi-square of the upper byte over 2^20 words: 255 degrees of freedom, sd 22.6.
  const Stream stream(99, Purpose::parameter, 4);
  std::vector<std::uint32_t> words(1 << 20);
  stream.fill(words.data(), words.size() / Stream::kGroup, 0);
  std::vector<double> counts(256);
  for (const std::uint32_t word : words) counts[word >> 24] += 1.0;
  double chi_square = 0.0;
  for (const double count : counts) chi_square += (count - 4096.0) * (count - 4096.0) / 4096.0;
  EXPECT_NEAR(chi_square, 255.0, 5 * 22.6);
}

TEST(UnitInterval, ExcludesBothEnds) {
  EXPECT_EQ(unit_interval(0), 0x1p-33);
  EXPECT_LT(unit_interval(0xffffffff), 1.0);
  EXPECT_EQ(unit_interval(0x7fffffff) + unit_interval(0x80000000), 1.0);
}

}  // namespace
}  // namespace neuract::snn
