#include "neuract/q4/nvfp4.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "samples.hpp"

namespace neuract::q4::nvfp4 {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kLargest = std::numeric_limits<float>::max();

struct Packed {
  std::vector<std::uint8_t> codes;
  std::vector<Float8E4M3> scales;
  float global = 0.0f;
};

Packed quantized(std::span<const float> x) {
  Packed packed{std::vector<std::uint8_t>(x.size() / 2, 0xee),
                std::vector<Float8E4M3>(x.size() / kBlock, Float8E4M3{0x7f})};
  packed.global = quantize(x, packed.codes, packed.scales).value();
  return packed;
}
std::vector<float> dequantized(const Packed& packed) {
  std::vector<float> x(packed.codes.size() * 2, kInf);
  dequantize(packed.codes, packed.scales, packed.global, x).value();
  return x;
}

/// Distance in doubles from x to the nearest E2M1 number times step.
double least_error(double x, double step) {
  double least = kInf;
  for (const float magnitude : kMagnitudes) least = std::min(least, std::abs(std::abs(x) - magnitude * step));
  return least;
}

TEST(E2M1, TwoTimesAMagnitudeIsAKnownInteger) {
  constexpr int kDoubled[8] = {0, 1, 2, 3, 4, 6, 8, 12};
  for (std::uint8_t c = 0; c < 8; ++c) {
    EXPECT_EQ(2 * decode_e2m1(c), kDoubled[c]);
    EXPECT_EQ(2 * decode_e2m1(c + 8), -kDoubled[c]);
    EXPECT_TRUE(std::signbit(decode_e2m1(c + 8)));
  }
}

TEST(E2M1, EveryNumberComesBack) {
  for (std::uint8_t c = 0; c < 16; ++c) EXPECT_EQ(encode_e2m1(decode_e2m1(c)), c);
}

TEST(E2M1, TiesGoToTheEvenCode) {
  struct Row {
    float x, rounded;
  };
  constexpr Row kTies[] = {{.25f, 0}, {.75f, 1}, {1.25f, 1}, {1.75f, 2}, {2.5f, 2}, {3.5f, 4}, {5, 4}};
  for (const auto& [x, rounded] : kTies) {
    const std::uint8_t code = encode_e2m1(x);
    EXPECT_EQ(decode_e2m1(code), rounded) << x;
    EXPECT_EQ(code % 2, 0) << x;
    EXPECT_EQ(encode_e2m1(-x), code | 8) << x;
    // Just beside the tie the nearer number wins: one of the two is the even code's neighbour.
    const std::uint8_t below = encode_e2m1(std::nextafter(x, 0.0f)), above = encode_e2m1(std::nextafter(x, 10.0f));
    EXPECT_EQ(above, below + 1) << x;
    EXPECT_EQ((kMagnitudes[below] + kMagnitudes[above]) / 2, x);
  }
}

TEST(E2M1, SaturatesAtSix) {
  for (const float x : {6.0f, 6.5f, 7.0f, 8.0f, 1e30f, kLargest, kInf}) {
    EXPECT_EQ(encode_e2m1(x), 7) << x;
    EXPECT_EQ(encode_e2m1(-x), 15) << x;
  }
}

TEST(E2M1, EncodesToTheNearestNumber) {
  for (int i = -70'000; i <= 70'000; ++i) {
    const float x = static_cast<float>(i) / 10'000;
    const std::uint8_t code = encode_e2m1(x);
    ASSERT_EQ(std::abs(decode_e2m1(code) - double{x}), least_error(x, 1.0)) << x;
    ASSERT_EQ(code >= 8, x < 0) << x;
  }
}

TEST(Nvfp4, GlobalScaleMapsTheLargestMagnitudeToTheLargestCodes) {
  EXPECT_EQ(global_scale(2688.0f), 1.0f);
  for (const float amax : {0x1p-100f, 0.1f, 1.0f, 3.7f, 1e20f, kLargest}) {
    const float global = global_scale(amax);
    EXPECT_NEAR(global, amax / 2688.0, amax / 2688.0 * 0x1p-24);
    EXPECT_EQ(block_scale(amax, global).bits, 0x7e) << amax;
  }
}

TEST(Nvfp4, BlockScaleIsTheNearestE4M3) {
  EXPECT_EQ(block_scale(6.0f, 1.0f).bits, 0x38);             // 1
  EXPECT_EQ(block_scale(6.0f * 0x1p-9f, 1.0f).bits, 0x01);   // the smallest
  EXPECT_EQ(block_scale(6.0f * 0x1p-10f, 1.0f).bits, 0x00);  // half of it: a tie, to even
  EXPECT_EQ(block_scale(6.0f * 0x1.8p-9f, 1.0f).bits, 0x02);
  EXPECT_EQ(block_scale(1e6f, 1.0f).bits, 0x7e);
}

TEST(Nvfp4, PutsTheEvenElementIntoTheLowHalf) {
  std::vector<float> x(kBlock, 0.0f);
  x[0] = 6.0f, x[1] = -0.5f, x[2] = -3.0f, x[15] = 1.5f;
  std::vector<std::uint8_t> codes(kBlock / 2);
  EXPECT_EQ(decode_e4m3(quantize_block(std::span(x).first<kBlock>(), 1.0f, codes.data())), 1.0f);
  EXPECT_THAT(codes, ElementsAre(0x97, 0x0d, 0, 0, 0, 0, 0, 0x30));
}

TEST(Nvfp4, EveryElementIsTheNearestThatItsScaleAllows) {
  for (const std::size_t blocks : {0, 1, 2, 3, 255, 256, 257}) {
    auto x = normal_sample(blocks * kBlock, blocks);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] *= std::exp2(-static_cast<float>(i / kBlock % 12));
    const Packed packed = quantized(x);
    const auto back = dequantized(packed);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double step = double{decode_e4m3(packed.scales[i / kBlock])} * packed.global;
      // Besides the format's own error: the step, the quotient and the product are rounded to f32, by 2^-24 each.
      const double rounding = 3 * 0x1p-24 * std::abs(double{x[i]});
      ASSERT_LE(std::abs(double{back[i]} - x[i]), least_error(x[i], step) + rounding) << blocks << " " << i;
    }
  }
}

TEST(Nvfp4, DequantisesToTheTrueProductRoundedOnce) {
  std::mt19937_64 engine(1);
  std::uniform_real_distribution<float> exponent(-60.0f, 60.0f);
  std::vector<std::uint8_t> codes(kBlock / 2);
  for (std::size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<std::uint8_t>((2 * i + 1) << 4 | 2 * i);
  for (int code = 0; code < 256; ++code) {
    const Float8E4M3 scale{static_cast<std::uint8_t>(code)};
    if (is_nan(scale)) continue;
    const float global = std::exp2(exponent(engine));
    std::vector<float> x(kBlock);
    dequantize_block(codes.data(), scale, global, std::span(x).first<kBlock>());
    for (std::uint8_t i = 0; i < kBlock; ++i)
      ASSERT_EQ(x[i], static_cast<float>(double{decode_e2m1(i)} * decode_e4m3(scale) * global))
          << code << " " << int{i};
  }
}

TEST(Nvfp4, ZerosStayZero) {
  const Packed zeros = quantized(std::vector<float>(4 * kBlock, 0.0f));
  EXPECT_EQ(zeros.global, 1.0f);
  EXPECT_THAT(zeros.codes, Each(0));
  EXPECT_THAT(dequantized(zeros), Each(0.0f));

  std::vector<float> x(3 * kBlock, 0.0f);
  x[kBlock + 3] = -2.0f;
  x[2 * kBlock] = 1e-9f;  // its block's scale rounds to 0
  auto back = dequantized(quantized(x));
  EXPECT_FLOAT_EQ(back[kBlock + 3], -2.0f);
  back[kBlock + 3] = 0.0f;
  EXPECT_THAT(back, Each(0.0f));
}

TEST(Nvfp4, HoldsAtTheEndsOfTheFloatRange) {
  for (const float amax : {kLargest, 0x1p-110f, 0x1p-126f, 0x1p-140f, 0x1p-149f}) {
    std::vector<float> x(kBlock, 0.0f);
    x[0] = amax, x[1] = -amax, x[2] = amax / 2;
    const auto back = dequantized(quantized(x));
    for (std::size_t i = 0; i < kBlock; ++i) {
      ASSERT_TRUE(std::isfinite(back[i])) << amax;
      ASSERT_LE(std::abs(double{back[i]} - x[i]), amax) << amax;
    }
    EXPECT_EQ(back[0], -back[1]);
    // Where the global scale, amax / 2688, is a normal number, it costs no accuracy.
    if (amax >= 0x1p-110f) {
      EXPECT_NEAR(back[0] / amax, 1.0, 3 * 0x1p-24);
    }
  }
}

TEST(Nvfp4, RefusesWhatIsNotFiniteAndNamesIt) {
  for (const float bad : {kInf, std::numeric_limits<float>::quiet_NaN()}) {
    std::vector<float> x(2 * kBlock, 1.0f);
    x[17] = bad;
    std::vector<std::uint8_t> codes(kBlock);
    std::vector<Float8E4M3> scales(2);
    const auto result = quantize(x, codes, scales);
    EXPECT_THAT(result ? "" : result.error().message, HasSubstr("element 17 is "));
  }
}

TEST(Nvfp4, RefusesAScaleThatIsNanAndWrongSizes) {
  std::vector<float> x(2 * kBlock);
  std::vector<std::uint8_t> codes(kBlock);
  std::vector<Float8E4M3> scales(2, Float8E4M3{0x38});
  EXPECT_TRUE(dequantize(codes, scales, 1.0f, x));
  EXPECT_FALSE(dequantize(codes, std::span(scales).first(1), 1.0f, x));
  EXPECT_FALSE(quantize(std::span(x).first(20), codes, scales));
  for (const Float8E4M3 nan : {Float8E4M3{0x7f}, Float8E4M3{0xff}}) {
    scales[1] = nan;
    const auto result = dequantize(codes, scales, 1.0f, x);
    EXPECT_THAT(result ? "" : result.error().message, HasSubstr("the scale of block 1 is NaN"));
  }
}

}  // namespace
}  // namespace neuract::q4::nvfp4
