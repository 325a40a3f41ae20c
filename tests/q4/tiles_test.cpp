#include "neuract/q4/tiles.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "neuract/q4/e4m3.hpp"
#include "neuract/q4/nf4.hpp"
#include "neuract/q4/nvfp4.hpp"
#include "samples.hpp"

namespace neuract::q4 {
namespace {

using kernels::kTileLineBytes;
using kernels::kTileOutputs;
using memory::Tensor;
using testing::HasSubstr;

struct Shape {
  std::int64_t out, in;
};
constexpr Shape kShapes[] = {{0, 16},   {1, 16},   {1, 4096}, {2, 48},    {15, 64},    {16, 784},
                             {127, 16}, {128, 64}, {129, 80}, {130, 784}, {257, 1024}, {300, 144}};

QuantizedWeight sample(Format format, Shape shape, std::uint32_t block = 0, float sd = 1.0f) {
  const auto n = static_cast<std::size_t>(shape.out * shape.in);
  const auto x = Tensor::from(std::span<const float>(normal_sample(n, n, sd)), {shape.out, shape.in}).value();
  return quantize(x, format, block).value();
}

template <class T>
std::string message(const Result<T>& result) {
  return result ? "" : result.error().message;
}
template <class T>
ErrorCode code(const Result<T>& result) {
  return result ? ErrorCode::internal : result.error().code;
}

/// The nibble of an output and an input, by the words of kernels/q4_tiles.hpp.
std::uint8_t nibble(const std::uint8_t* codes, std::size_t k, std::size_t o, std::size_t i) {
  const std::uint8_t* line = codes + (o / kTileOutputs * k + i) * kTileLineBytes;
  const std::size_t word = o % 16, j = o % kTileOutputs / 16;
  return static_cast<std::uint8_t>(line[4 * word + j / 2] >> (j % 2 * 4) & 15);
}

double weight_at(const kernels::Nf4Tiles& w, std::size_t o, std::size_t i) {
  const std::size_t block = (o / kTileOutputs * (w.k / w.block) + i / w.block) * kTileOutputs + o % kTileOutputs;
  return double{nf4::kLevels[nibble(w.codes, w.k, o, i)]} * double{w.scales[block]};
}

double weight_at(const kernels::Nvfp4Tiles& w, std::size_t o, std::size_t i) {
  const std::size_t line = (o / kTileOutputs * (w.k / w.kBlock) + i / w.kBlock) * kTileOutputs;
  const auto position = kernels::nvfp4_scale_position(static_cast<std::uint32_t>(o % kTileOutputs));
  return 2.0 * double{nvfp4::decode_e2m1(nibble(w.codes, w.k, o, i))} * w.scales[line + position] * double{w.unit[o]};
}

/// The weight at a place of the checkpoint's order, in double.
double weight_at(const QuantizedWeight& w, std::size_t o, std::size_t i) {
  const std::size_t at = o * static_cast<std::size_t>(w.in_features) + i;
  const std::uint8_t* codes = w.codes.span<std::uint8_t>().value().data();
  if (w.format == Format::nf4)
    return double{nf4::kLevels[code_at<nf4::kTraits.order>(codes, at)]} *
           double{w.scales.span<float>().value()[at / w.block]};
  return double{nvfp4::decode_e2m1(code_at<nvfp4::kTraits.order>(codes, at))} *
         double{decode_e4m3(w.scales.span<Float8E4M3>().value()[at / 16])} * double{w.global};
}

void expect_same(const PackedTiles& tiles, const QuantizedWeight& weight, std::size_t first, std::size_t count) {
  std::visit(
      [&](const auto& view) {
        ASSERT_EQ(view.n, count);
        ASSERT_EQ(view.k, static_cast<std::size_t>(weight.in_features));
        for (std::size_t o = 0; o < count; ++o)
          for (std::size_t i = 0; i < view.k; ++i)
            ASSERT_EQ(weight_at(view, o, i), weight_at(weight, first + o, i)) << "output " << o << ", input " << i;
        for (std::size_t o = count; o < kernels::tiles_of(count) * kTileOutputs; ++o)
          for (std::size_t i = 0; i < view.k; ++i) {
            ASSERT_EQ(nibble(view.codes, view.k, o, i), 0) << "past the last output: " << o;
            ASSERT_EQ(weight_at(view, o, i), 0.0) << "past the last output: " << o;
          }
      },
      tiles.view());
}

TEST(Tiles, HoldEveryWeightExactly) {
  for (const Shape shape : kShapes) {
    for (const Format format : {Format::nf4, Format::nvfp4}) {
      SCOPED_TRACE(std::string(traits_of(format).name) + " " + std::to_string(shape.out) + " x " +
                   std::to_string(shape.in));
      const QuantizedWeight weight = sample(format, shape);
      const PackedTiles tiles = pack_tiles(weight).value();
      EXPECT_EQ(tiles.format(), format);
      expect_same(tiles, weight, 0, static_cast<std::size_t>(shape.out));
    }
  }
}

TEST(Tiles, HoldAnyRangeOfOutputs) {
  const Shape shape{300, 80};
  for (const Format format : {Format::nf4, Format::nvfp4}) {
    const QuantizedWeight weight = sample(format, shape);
    for (const auto& [first, count] : std::vector<std::pair<int, int>>{{0, 300}, {1, 127}, {5, 129}, {299, 1}, {7, 0}})
      expect_same(pack_tiles(weight, first, count).value(), weight, static_cast<std::size_t>(first),
                  static_cast<std::size_t>(count));
    for (const auto& [first, count] : std::vector<std::pair<int, int>>{{-1, 2}, {0, 301}, {300, 1}, {301, 0}, {3, -1}})
      EXPECT_EQ(code(pack_tiles(weight, first, count)), ErrorCode::invalid_argument) << first << " " << count;
    EXPECT_THAT(message(pack_tiles(weight, 200, 101)), HasSubstr("outputs 200 to 200 + 101 of a weight with 300"));
  }
}

TEST(Tiles, Nf4BlocksAreTheLargestThatFitTheInputsAndTheWeight) {
  const auto block_of = [](Shape shape, std::uint32_t block) {
    return std::get<kernels::Nf4Tiles>(pack_tiles(sample(Format::nf4, shape, block)).value().view()).block;
  };
  EXPECT_EQ(block_of({3, 1024}, 64), 64u);
  EXPECT_EQ(block_of({3, 1024}, 32), 32u);
  EXPECT_EQ(block_of({3, 1024}, 4096), 64u);
  EXPECT_EQ(block_of({3, 784}, 64), 16u);
  EXPECT_EQ(block_of({3, 96}, 4096), 32u);
  for (const std::uint32_t block : {32u, 64u, 128u, 4096u}) {
    const QuantizedWeight weight = sample(Format::nf4, {131, 784}, block);
    expect_same(pack_tiles(weight).value(), weight, 0, 131);
  }
}

TEST(Tiles, SayWhichNf4InputsTheyCannotHold) {
  for (const std::int64_t in : {1, 24, 100, 785}) {
    const auto result = pack_tiles(sample(Format::nf4, {4, in}));
    EXPECT_EQ(code(result), ErrorCode::unsupported) << in;
    EXPECT_THAT(message(result), HasSubstr("nf4 with " + std::to_string(in) + " inputs has a new block every "));
  }
}

/// A weight of `out` outputs with 32 inputs whose codes count up and whose scales are all 1.
QuantizedWeight with_scales(std::int64_t out, std::vector<std::uint8_t> bits, float global = 1.0f) {
  std::vector<std::uint8_t> codes(static_cast<std::size_t>(out) * 16);
  for (std::size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<std::uint8_t>(37 * i + 11);
  std::vector<Float8E4M3> scales;
  for (const std::uint8_t b : bits) scales.push_back({b});
  QuantizedWeight weight;
  weight.format = Format::nvfp4;
  weight.out_features = out;
  weight.in_features = 32;
  weight.block = 16;
  weight.codes = Tensor::from(std::span<const std::uint8_t>(codes), {out * 16}).value();
  weight.scales = Tensor::from(std::span<const Float8E4M3>(scales), {out * 2}).value();
  weight.global = global;
  return weight;
}

TEST(Tiles, TakeEveryNvfp4ScaleNextToItself) {
  for (int bits = 0; bits < 0x7f; ++bits) {
    const QuantizedWeight weight =
        with_scales(1, {static_cast<std::uint8_t>(bits), static_cast<std::uint8_t>(bits)}, 0.37f);
    expect_same(pack_tiles(weight).value(), weight, 0, 1);
  }
  const QuantizedWeight signed_zero = with_scales(1, {0x80, 0x38});
  expect_same(pack_tiles(signed_zero).value(), signed_zero, 0, 1);
}

TEST(Tiles, GiveEveryNvfp4OutputItsLargestUnit) {
  // 448 = 7 · 2^6 and 1.25 = 5 · 2^-2 share 2^-2; 1 and 1 share 1; no scale at all is a unit of any size.
  const PackedTiles tiles = pack_tiles(with_scales(3, {0x7e, 0x3a, 0x38, 0x38, 0, 0}, 3.0f)).value();
  const auto& view = std::get<kernels::Nvfp4Tiles>(tiles.view());
  EXPECT_EQ(view.unit[0], 3.0f * 0x1p-3f);
  EXPECT_EQ(view.unit[1], 3.0f * 0x1p-1f);
  EXPECT_EQ(view.scales[kernels::nvfp4_scale_position(0)], 448 * 4);
  EXPECT_EQ(view.scales[kTileOutputs + kernels::nvfp4_scale_position(0)], 5);
  EXPECT_EQ(view.scales[kernels::nvfp4_scale_position(1)], 1);
  EXPECT_EQ(view.scales[kernels::nvfp4_scale_position(2)], 0);
}

TEST(Tiles, RefuseNvfp4ScalesThatExactSumsCannotHold) {
  // 2^-9 next to 56 = 7 · 2^3 is 28672 units, next to 64 it is 2^15.
  EXPECT_TRUE(pack_tiles(with_scales(1, {0x01, 0x66})));
  const auto far = pack_tiles(with_scales(2, {0x38, 0x38, 0x01, 0x68}));
  EXPECT_EQ(code(far), ErrorCode::unsupported);
  EXPECT_THAT(message(far), HasSubstr("output 1 are too far apart: the largest is 32768 times"));

  const auto negative = pack_tiles(with_scales(2, {0x38, 0x38, 0x38, 0xb8}));
  EXPECT_EQ(code(negative), ErrorCode::unsupported);
  EXPECT_THAT(message(negative), HasSubstr("output 1, block 1 is -1; the kernels take no negative scales"));

  const auto tiny = pack_tiles(with_scales(1, {0x01, 0x01}, std::numeric_limits<float>::denorm_min()));
  EXPECT_EQ(code(tiny), ErrorCode::unsupported);
  EXPECT_THAT(message(tiny), HasSubstr("the unit of output 0, is no f32 number"));
}

TEST(Tiles, RefuseNvfp4SumsBeyond32Bits) {
  // Each block of 16 largest codes and scale 56 next to one of 2^-9 is 192 · 28672; 390 of them reach 2^31.
  const auto sums = [](std::int64_t blocks) {
    std::vector<Float8E4M3> scales(static_cast<std::size_t>(blocks), Float8E4M3{0x66});
    scales.back() = {0x01};
    QuantizedWeight weight = with_scales(1, {0x38, 0x38});
    weight.in_features = 16 * blocks;
    weight.codes = Tensor::zeros(memory::DType::u8, {8 * blocks}).value();
    weight.scales = Tensor::from(std::span<const Float8E4M3>(scales), {blocks}).value();
    return pack_tiles(weight);
  };
  EXPECT_TRUE(sums(391));
  EXPECT_EQ(code(sums(392)), ErrorCode::unsupported);
  EXPECT_THAT(message(sums(392)), HasSubstr("the scales of output 0 are 11210753 times"));
}

TEST(Tiles, RefuseScalesThatAreNoNumbers) {
  for (const std::uint8_t nan : std::vector<std::uint8_t>{0x7f, 0xff}) {
    const auto result = pack_tiles(with_scales(2, {0x38, 0x38, nan, 0x38}));
    EXPECT_EQ(code(result), ErrorCode::invalid_argument);
    EXPECT_THAT(message(result), HasSubstr("output 1, block 0 is NaN"));
  }
  QuantizedWeight weight = sample(Format::nf4, {2, 64});
  weight.scales = Tensor::from<float>({1.0f, std::numeric_limits<float>::infinity()}, {2}).value();
  EXPECT_EQ(code(pack_tiles(weight)), ErrorCode::invalid_argument);
  EXPECT_THAT(message(pack_tiles(weight)), HasSubstr("the scale of block 1 is inf"));
  weight.scales = Tensor::from<float>({1.0f, -0x1p90f}, {2}).value();
  EXPECT_EQ(code(pack_tiles(weight)), ErrorCode::unsupported);
  EXPECT_THAT(message(pack_tiles(weight)), HasSubstr("the kernels take scales below 1.23794e+27"));
}

TEST(Tiles, CostLittleMoreThanTheWeight) {
  const Shape shape{512, 1024};
  const auto bytes = [&](Format format) {
    return static_cast<double>(pack_tiles(sample(format, shape)).value().bytes()) / static_cast<double>(512 * 1024);
  };
  EXPECT_EQ(bytes(Format::nf4), 0.5625);
  EXPECT_NEAR(bytes(Format::nvfp4), 0.625 + 4.0 / 1024, 1e-12);
}

TEST(Tiles, ViewsStayGoodWhenTheyMove) {
  const QuantizedWeight weight = sample(Format::nvfp4, {40, 64});
  PackedTiles first = pack_tiles(weight).value();
  const PackedTiles second = std::move(first);
  expect_same(second, weight, 0, 40);
}

}  // namespace
}  // namespace neuract::q4
