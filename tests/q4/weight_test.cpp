#include "neuract/q4/weight.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "neuract/kernels/convert.hpp"
#include "neuract/q4/nf4.hpp"
#include "neuract/q4/nvfp4.hpp"
#include "samples.hpp"

namespace neuract::q4 {
namespace {

using memory::BFloat16;
using memory::ConstTensor;
using memory::DType;
using memory::Float16;
using memory::Tensor;
using testing::ElementsAreArray;
using testing::HasSubstr;

struct Shape {
  std::int64_t out, in;
};
constexpr Shape kShapes[] = {{0, 0},  {0, 16},   {1, 1},    {1, 63},   {3, 5},
                             {7, 65}, {1, 4096}, {1, 4097}, {33, 127}, {64, 129}};
constexpr Shape kWholeBlocks[] = {{0, 16}, {1, 16}, {3, 48}, {17, 256}, {1, 4096}, {1, 4112}, {65, 80}};

Tensor sample(Shape shape, std::uint64_t seed = 1) {
  const auto n = static_cast<std::size_t>(shape.out * shape.in);
  return Tensor::from(std::span<const float>(normal_sample(n, seed)), {shape.out, shape.in}).value();
}
std::vector<float> values(const ConstTensor& tensor) {
  const auto span = tensor.span<float>().value();
  return {span.begin(), span.end()};
}
template <class Element>
std::vector<Element> elements(const ConstTensor& tensor) {
  const auto span = tensor.span<Element>().value();
  return {span.begin(), span.end()};
}
template <class T>
std::string message(const Result<T>& result) {
  return result ? "" : result.error().message;
}

TEST(Weight, Nf4IsTheFlatTensorInBlocksOfAnySize) {
  for (const Shape shape : kShapes) {
    for (const std::uint32_t block : {0u, 32u, 64u, 4096u}) {
      const Tensor x = sample(shape);
      const QuantizedWeight weight = quantize(x, Format::nf4, block).value();
      EXPECT_EQ(weight.block, block == 0 ? 64 : block);
      EXPECT_TRUE(check(weight));
      const auto n = static_cast<std::size_t>(weight.size());
      std::vector<std::uint8_t> codes(code_bytes(n));
      std::vector<float> absmax(block_count(n, weight.block)), back(n);
      nf4::quantize(values(x), weight.block, codes, absmax).value();
      EXPECT_THAT(elements<std::uint8_t>(weight.codes), ElementsAreArray(codes));
      EXPECT_THAT(values(weight.scales), ElementsAreArray(absmax));
      nf4::dequantize(codes, absmax, weight.block, back).value();
      const Tensor whole = dequantize(weight).value();
      EXPECT_EQ(whole.shape(), (memory::Dims{shape.out, shape.in}));
      EXPECT_THAT(values(whole), ElementsAreArray(back));
    }
  }
}

TEST(Weight, Nvfp4IsTheRowsInBlocksOfSixteenWithOneGlobalScale) {
  for (const Shape shape : kWholeBlocks) {
    const Tensor x = sample(shape);
    const QuantizedWeight weight = quantize(x, Format::nvfp4).value();
    EXPECT_TRUE(check(weight));
    const auto n = static_cast<std::size_t>(weight.size());
    std::vector<std::uint8_t> codes(code_bytes(n));
    std::vector<Float8E4M3> scales(n / nvfp4::kBlock);
    std::vector<float> back(n);
    EXPECT_EQ(nvfp4::quantize(values(x), codes, scales).value(), weight.global);
    EXPECT_THAT(elements<std::uint8_t>(weight.codes), ElementsAreArray(codes));
    EXPECT_THAT(elements<Float8E4M3>(weight.scales), ElementsAreArray(scales));
    nvfp4::dequantize(codes, scales, weight.global, back).value();
    EXPECT_THAT(values(dequantize(weight).value()), ElementsAreArray(back));
  }
}

TEST(Weight, CostsNineSixteenthsOfAByteEach) {
  for (const Format format : {Format::nf4, Format::nvfp4})
    EXPECT_EQ(quantize(sample({32, 64}), format).value().bytes(), 32u * 64u * 9 / 16);
}

/// The value of a half-precision number, from the definition of the format.
float value_of(Float16 x) {
  const int exponent = x.bits >> 10 & 31, mantissa = x.bits & 1023;
  const double a = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
  return static_cast<float>((x.bits & 0x8000) != 0 ? -a : a);
}
float value_of(BFloat16 x) { return std::bit_cast<float>(static_cast<std::uint32_t>(x.bits) << 16); }

template <class Half>
void expect_same_as_f32(std::uint16_t first_not_finite) {
  // Every finite magnitude once, signs alternating; in rows of 16.
  std::vector<Half> halves;
  std::vector<float> floats;
  for (std::uint16_t bits = 0; bits < first_not_finite; ++bits) {
    halves.push_back({static_cast<std::uint16_t>(bits | (bits % 2 != 0 ? 0x8000 : 0))});
    floats.push_back(value_of(halves.back()));
  }
  const memory::Dims shape{static_cast<std::int64_t>(halves.size()) / 16, 16};
  for (const Format format : {Format::nf4, Format::nvfp4}) {
    const auto half = quantize(Tensor::from(std::span<const Half>(halves), shape).value(), format).value();
    const auto full = quantize(Tensor::from(std::span<const float>(floats), shape).value(), format).value();
    EXPECT_THAT(elements<std::uint8_t>(half.codes), ElementsAreArray(elements<std::uint8_t>(full.codes)));
    EXPECT_THAT(values(dequantize(half).value()), ElementsAreArray(values(dequantize(full).value())));
  }
}

TEST(Weight, HalfPrecisionGivesWhatItsValuesInF32Give) {
  expect_same_as_f32<Float16>(0x7c00);
  expect_same_as_f32<BFloat16>(0x7f80);
}

TEST(Weight, DequantisesToHalfPrecisionByRoundingOnce) {
  for (const auto& [format, shape] :
       {std::pair{Format::nf4, Shape{33, 127}}, std::pair{Format::nvfp4, Shape{65, 80}}}) {
    const QuantizedWeight weight = quantize(sample(shape), format).value();
    const auto full = values(dequantize(weight).value());
    const auto f16 = elements<Float16>(dequantize(weight, DType::f16).value());
    const auto bf16 = elements<BFloat16>(dequantize(weight, DType::bf16).value());
    for (std::size_t i = 0; i < full.size(); ++i) {
      ASSERT_EQ(f16[i], kernels::to_f16(full[i]));
      ASSERT_EQ(bf16[i], kernels::to_bf16(full[i]));
    }
    EXPECT_THAT(message(dequantize(weight, DType::f64)), HasSubstr("cannot be dequantised to f64"));
  }
}

TEST(Weight, PartsOfWholeBlocksDequantiseAsTheWhole) {
  const QuantizedWeight weight = quantize(sample({7, 65}), Format::nf4).value();
  const auto whole = values(dequantize(weight).value());
  for (const auto& [first, count] : {std::pair<std::size_t, std::size_t>{0, 64}, {64, 128}, {448, 7}, {0, 455}}) {
    std::vector<float> part(count);
    ASSERT_EQ(message(dequantize_part(weight, first, part)), "");
    for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(part[i], whole[first + i]);
  }
  std::vector<float> part(64);
  EXPECT_FALSE(dequantize_part(weight, 1, part));
  EXPECT_FALSE(dequantize_part(weight, 448, part));
  EXPECT_FALSE(dequantize_part(weight, 0, std::span(part).first(63)));
}

TEST(Weight, QuantizeSaysWhatIsWrong) {
  const Tensor x = sample({4, 24});
  EXPECT_THAT(message(quantize(x.reshape({96}).value(), Format::nf4)),
              HasSubstr("a weight of shape [96]; expected [out_features, in_features]"));
  EXPECT_THAT(message(quantize(x, Format::nvfp4)), HasSubstr("24 input features are no multiple of 16"));
  EXPECT_THAT(message(quantize(x, Format::nf4, 48)), HasSubstr("a power of two from 32 to 4096"));
  EXPECT_THAT(message(quantize(sample({2, 32}), Format::nvfp4, 32)),
              HasSubstr("nvfp4 blocks have 16 elements, not 32"));
  EXPECT_THAT(message(quantize(x.transpose(0, 1).value(), Format::nf4)), HasSubstr("not contiguous"));
  EXPECT_THAT(message(quantize(Tensor::zeros(DType::i8, {2, 32}).value(), Format::nf4)),
              HasSubstr("weights of type i8; expected f32, f16 or bf16"));
}

TEST(Weight, QuantizeNamesWhatIsNotFinite) {
  for (const Format format : {Format::nf4, Format::nvfp4}) {
    Tensor x = sample({2, 4112});
    x.span<float>().value()[5000] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_THAT(message(quantize(x, format)), HasSubstr("element 5000 is nan")) << traits_of(format).name;
    std::vector<Float16> halves(64, Float16{0x3c00});
    halves[33] = {0xfc00};
    EXPECT_THAT(message(quantize(Tensor::from(std::span<const Float16>(halves), {2, 32}).value(), format)),
                HasSubstr("element 33 is -inf"));
  }
}

TEST(Weight, CheckFindsPartsThatDoNotFit) {
  const QuantizedWeight good = quantize(sample({4, 64}), Format::nvfp4).value();
  auto bad = good;
  bad.codes = Tensor::zeros(DType::u8, {127}).value();
  EXPECT_THAT(message(check(bad)), HasSubstr("127 bytes of nvfp4 codes for 256 elements; expected 128"));
  bad = good;
  bad.scales = Tensor::zeros(DType::u8, {16}).value();
  EXPECT_THAT(message(check(bad)), HasSubstr("scales of type u8; expected f8_e4m3"));
  bad = good;
  bad.scales = Tensor::zeros(DType::f8_e4m3, {17}).value();
  EXPECT_THAT(message(check(bad)), HasSubstr("17 scales for 256 elements in nvfp4 blocks of 16; expected 16"));
  bad = good;
  bad.in_features = 24;
  EXPECT_THAT(message(check(bad)), HasSubstr("24 input features are no multiple of 16"));
  bad = good;
  bad.out_features = -4;
  EXPECT_THAT(message(check(bad)), HasSubstr("negative"));
  for (const float global : {0.0f, -1.0f, std::numeric_limits<float>::infinity()}) {
    bad = good;
    bad.global = global;
    EXPECT_THAT(message(check(bad)), HasSubstr("expected a positive number"));
    EXPECT_FALSE(dequantize(bad));
  }
  bad = good;
  bad.scales = Tensor::from({Float8E4M3{0x7f}}, {1}).value();
  bad.codes = Tensor::zeros(DType::u8, {8}).value();
  bad.out_features = 1, bad.in_features = 16;
  EXPECT_THAT(message(dequantize(bad)), HasSubstr("the scale of block 0 is NaN"));
}

}  // namespace
}  // namespace neuract::q4
