#include "neuract/q4/format.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace neuract::q4 {
namespace {

using testing::HasSubstr;

TEST(Format, BothCostNineSixteenthsOfAByteAWeight) {
  for (const FormatTraits& traits : kFormats) {
    constexpr std::size_t kWeights = 4096;
    const std::size_t bytes =
        code_bytes(kWeights) + block_count(kWeights, traits.block) * memory::bytes_of(traits.scale);
    EXPECT_EQ(static_cast<double>(bytes) / kWeights, 0.5625) << traits.name;
    EXPECT_EQ(traits.bytes_per_weight(traits.block), 0.5625) << traits.name;
  }
}

TEST(Format, OddCountsTakeAWholeByteAndPartialBlocksAScale) {
  EXPECT_EQ(code_bytes(0), 0u);
  EXPECT_EQ(code_bytes(1), 1u);
  EXPECT_EQ(code_bytes(64), 32u);
  EXPECT_EQ(code_bytes(65), 33u);
  EXPECT_EQ(block_count(0, 64), 0u);
  EXPECT_EQ(block_count(1, 64), 1u);
  EXPECT_EQ(block_count(64, 64), 1u);
  EXPECT_EQ(block_count(65, 64), 2u);
}

TEST(Format, PacksTheEvenElementWhereTheOrderSays) {
  EXPECT_EQ(pack<NibbleOrder::high_first>(0xa, 0x3), 0xa3);
  EXPECT_EQ(pack<NibbleOrder::low_first>(0xa, 0x3), 0x3a);
  for (std::uint8_t even = 0; even < 16; ++even) {
    for (std::uint8_t odd = 0; odd < 16; ++odd) {
      const std::uint8_t high[2] = {0x5a, pack<NibbleOrder::high_first>(even, odd)};
      const std::uint8_t low[2] = {0x5a, pack<NibbleOrder::low_first>(even, odd)};
      EXPECT_EQ(code_at<NibbleOrder::high_first>(high, 2), even);
      EXPECT_EQ(code_at<NibbleOrder::high_first>(high, 3), odd);
      EXPECT_EQ(code_at<NibbleOrder::low_first>(low, 2), even);
      EXPECT_EQ(code_at<NibbleOrder::low_first>(low, 3), odd);
    }
  }
}

TEST(Format, LargestMagnitudeNeverHidesWhatIsNotFinite) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  const auto amax = [](std::initializer_list<float> x) { return absolute_maximum({x.begin(), x.size()}); };
  EXPECT_EQ(amax({}), 0.0f);
  EXPECT_FALSE(std::signbit(amax({-0.0f})));
  EXPECT_EQ(amax({1.0f, -3.0f, 2.0f}), 3.0f);
  EXPECT_EQ(amax({1.0f, -kInf, 2.0f}), kInf);
  EXPECT_TRUE(std::isnan(amax({kNan, 1.0f})));
  EXPECT_TRUE(std::isnan(amax({1.0f, -kNan, kInf, 2.0f})));
}

TEST(Format, SaysWhichSizeIsWrongAndWhatItShouldBe) {
  const auto message = [](Format format, std::size_t n, std::size_t block, std::size_t bytes, std::size_t scales) {
    const auto result = check_sizes(format, n, block, bytes, scales);
    return result ? std::string() : result.error().message;
  };
  for (std::size_t block = 32; block <= 4096; block *= 2)
    EXPECT_EQ(message(Format::nf4, 4097, block, 2049, 4096 / block + 1), "") << block;
  EXPECT_EQ(message(Format::nvfp4, 48, 16, 24, 3), "");
  for (const std::size_t block : {0, 1, 16, 63, 96, 8192})
    EXPECT_THAT(message(Format::nf4, 64, block, 32, 1), HasSubstr("a power of two from 32 to 4096")) << block;
  EXPECT_THAT(message(Format::nf4, 65, 64, 32, 2), HasSubstr("32 bytes of nf4 codes for 65 elements; expected 33"));
  EXPECT_THAT(message(Format::nf4, 65, 64, 33, 1),
              HasSubstr("1 scales for 65 elements in nf4 blocks of 64; expected 2"));
  EXPECT_THAT(message(Format::nvfp4, 64, 32, 32, 2), HasSubstr("nvfp4 blocks have 16 elements, not 32"));
  EXPECT_THAT(message(Format::nvfp4, 40, 16, 20, 3), HasSubstr("40 elements are no whole number of nvfp4 blocks"));
}

}  // namespace
}  // namespace neuract::q4
