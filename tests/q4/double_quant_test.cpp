#include "neuract/q4/checkpoint/double_quant.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "samples.hpp"

namespace neuract::q4 {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(DynamicMap, Has256NumbersFromMinusOneToOne) {
  const auto& map = dynamic_map();
  EXPECT_TRUE(std::is_sorted(map.begin(), map.end()));
  EXPECT_EQ(std::set<float>(map.begin(), map.end()).size(), 256u);
  EXPECT_EQ(map[127], 0.0f);
  EXPECT_EQ(map[255], 1.0f);
  // 0.1 + 0.9 · 63.5 / 64, and a millionth of the middle of 0.1 and 1: the ends of bitsandbytes' map.
  EXPECT_FLOAT_EQ(map[254], 0.99296875f);
  EXPECT_FLOAT_EQ(map[0], -0.99296875f);
  EXPECT_FLOAT_EQ(map[128], 5.5e-7f);
  EXPECT_FLOAT_EQ(map[126], -5.5e-7f);
}

TEST(DynamicMap, IsSymmetricButForOne) {
  const auto& map = dynamic_map();
  for (std::size_t c = 0; c < 127; ++c) EXPECT_EQ(map[c], -map[254 - c]) << c;
}

TEST(DynamicMap, HasTwiceAsManyNumbersInEachDecade) {
  const auto& map = dynamic_map();
  double decade = 1e-6;
  for (int count = 1; count <= 64; count *= 2, decade *= 10) {
    const auto inside = std::count_if(map.begin(), map.end(), [&](float x) { return x > 0.1 * decade && x < decade; });
    EXPECT_EQ(inside, count) << decade;
  }
}

TEST(DoubleQuant, EveryScaleIsTheNearestThatTheMapAllows) {
  for (const std::size_t n : {1, 2, 255, 256, 257, 1000}) {
    auto absmax = normal_sample(n, n);
    for (float& x : absmax) x = std::abs(x) + 0.5f;
    const NestedScales nested = quantize_scales(absmax);
    ASSERT_EQ(nested.codes.size(), n);
    ASSERT_EQ(nested.absmax.size(), (n + 255) / 256);
    double mean = 0;
    for (const float x : absmax) mean += x;
    EXPECT_FLOAT_EQ(nested.offset, static_cast<float>(mean / static_cast<double>(n)));
    std::vector<float> back(n);
    dequantize_scales(nested.codes, nested.absmax, kNestedBlock, dynamic_map(), nested.offset, back);
    for (std::size_t i = 0; i < n; ++i) {
      const double largest = nested.absmax[i / 256];
      double least = INFINITY;
      for (const float level : dynamic_map())
        least = std::min(least, std::abs(double{level} * largest + nested.offset - absmax[i]));
      // The rest, its quotient and the way back are rounded to f32.
      ASSERT_LE(std::abs(double{back[i]} - absmax[i]), least + 4 * 0x1p-24 * (absmax[i] + largest + nested.offset));
    }
  }
}

TEST(DoubleQuant, EqualScalesComeBackExactly) {
  const std::vector<float> absmax(300, 0.375f);
  const NestedScales nested = quantize_scales(absmax);
  EXPECT_THAT(nested.absmax, ElementsAre(0.0f, 0.0f));
  std::vector<float> back(300);
  dequantize_scales(nested.codes, nested.absmax, kNestedBlock, dynamic_map(), nested.offset, back);
  EXPECT_THAT(back, Each(0.375f));
  EXPECT_THAT(quantize_scales({}).codes, IsEmpty());
}

}  // namespace
}  // namespace neuract::q4
