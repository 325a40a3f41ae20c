#include "neuract/q4/training.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "neuract/memory/system.hpp"
#include "samples.hpp"

namespace neuract::q4 {
namespace {

using testing::Each;
using testing::ElementsAreArray;
using testing::HasSubstr;
using Floats = std::vector<float>;

constexpr std::optional<Format> kNone = std::nullopt;
constexpr std::optional<Format> kEveryFormat[] = {kNone, Format::nf4, Format::nvfp4};

Floats copy(std::span<const float> x) { return {x.begin(), x.end()}; }

SteWeight made(std::span<const float> w, std::int64_t n, std::int64_t k, std::optional<Format> format) {
  SteWeight q = SteWeight::create(n, k, format).value();
  ste_weight(w, q).value();
  return q;
}

/// A layer of 7 outputs and 48 inputs with a batch of 5; its loss is half the sum of squares of y.
struct Layer {
  static constexpr std::size_t m = 5, n = 7, k = 48;
  Floats w = normal_sample(n * k, 1);
  Floats x = normal_sample(m * k, 2);
  Floats bias = normal_sample(n, 3);

  [[nodiscard]] Floats forward(const SteWeight& q) const {
    Floats y(m * n, std::numeric_limits<float>::quiet_NaN());
    linear_ste(q, x, bias, y).value();
    return y;
  }
  [[nodiscard]] double loss(std::optional<Format> format) const {
    double sum = 0.0;
    for (const float y : forward(made(w, n, k, format))) sum += 0.5 * static_cast<double>(y) * static_cast<double>(y);
    return sum;
  }
};

struct Gradients {
  explicit Gradients(const Layer& layer) : x(layer.x.size()), w(layer.w.size()), bias(layer.bias.size()) {}
  [[nodiscard]] LinearGradients spans() { return {x, w, bias}; }
  Floats x, w, bias;
};

/// The loss is a quadratic function of every number by itself, so that central differences have no truncation error, and
/// a large step keeps the rounding error small: y in f32 is off by 2^-24 · |y| · a few, the loss by 2^-24 of itself.
void expect_finite_differences(Layer& layer, Floats& parameter, const Floats& gradient) {
  for (std::size_t i = 0; i < parameter.size(); ++i) {
    const float before = parameter[i];
    parameter[i] = before + 1.0f;
    const double above = layer.loss(kNone);
    parameter[i] = before - 1.0f;
    const double below = layer.loss(kNone);
    parameter[i] = before;
    ASSERT_NEAR(gradient[i], (above - below) / 2.0, 1e-5 * above) << i;
  }
}

TEST(LinearSte, WithoutAFormatHasTheGradientsOfFiniteDifferences) {
  Layer layer;
  const SteWeight q = made(layer.w, Layer::n, Layer::k, kNone);
  Gradients gradients(layer);
  linear_ste_backward(q, layer.x, layer.forward(q), gradients.spans()).value();
  expect_finite_differences(layer, layer.w, gradients.w);
  expect_finite_differences(layer, layer.x, gradients.x);
  expect_finite_differences(layer, layer.bias, gradients.bias);
}

TEST(LinearSte, ComputesWithTheQuantisedWeight) {
  const Layer layer;
  for (const auto format : kEveryFormat) {
    const SteWeight q = made(layer.w, Layer::n, Layer::k, format);
    const Floats y = layer.forward(q);
    for (std::size_t row = 0; row < Layer::m; ++row) {
      for (std::size_t j = 0; j < Layer::n; ++j) {
        double sum = layer.bias[j], magnitude = std::abs(sum);
        for (std::size_t i = 0; i < Layer::k; ++i) {
          const double product = static_cast<double>(layer.x[row * Layer::k + i]) * q.values()[j * Layer::k + i];
          sum += product;
          magnitude += std::abs(product);
        }
        EXPECT_NEAR(y[row * Layer::n + j], sum, 1e-6 * magnitude);
      }
    }
  }
}

TEST(LinearSte, PassesTheGradientOfTheWeightThroughTheQuantiserUnchanged) {
  const Layer layer;
  const Floats dy = normal_sample(Layer::m * Layer::n, 4);
  Gradients plain(layer);
  linear_ste_backward(made(layer.w, Layer::n, Layer::k, kNone), layer.x, dy, plain.spans()).value();
  for (const Format format : {Format::nf4, Format::nvfp4}) {
    Gradients gradients(layer);
    linear_ste_backward(made(layer.w, Layer::n, Layer::k, format), layer.x, dy, gradients.spans()).value();
    EXPECT_EQ(gradients.w, plain.w);
    EXPECT_EQ(gradients.bias, plain.bias);
  }
}

TEST(LinearSte, GivesTheInputTheGradientOfTheQuantisedWeight) {
  const Layer layer;
  const Floats dy = normal_sample(Layer::m * Layer::n, 4);
  for (const Format format : {Format::nf4, Format::nvfp4}) {
    const SteWeight q = made(layer.w, Layer::n, Layer::k, format);
    Gradients gradients(layer), expected(layer);
    linear_ste_backward(q, layer.x, dy, gradients.spans()).value();
    linear_ste_backward(made(q.values(), Layer::n, Layer::k, kNone), layer.x, dy, expected.spans()).value();
    EXPECT_EQ(gradients.x, expected.x);
  }
}

TEST(LinearSte, AddsUpTheGradientsOfWeightAndBiasAndComputesOnlyThoseAskedFor) {
  const Layer layer;
  const SteWeight q = made(layer.w, Layer::n, Layer::k, Format::nf4);
  const Floats dy(Layer::m * Layer::n, 1.0f);
  Gradients once(layer), twice(layer);
  linear_ste_backward(q, layer.x, dy, once.spans()).value();
  linear_ste_backward(q, layer.x, dy, {{}, twice.w, twice.bias}).value();
  linear_ste_backward(q, layer.x, dy, {{}, twice.w, twice.bias}).value();
  EXPECT_THAT(twice.x, Each(0.0f));
  EXPECT_THAT(twice.bias, Each(2.0f * Layer::m));
  for (std::size_t i = 0; i < once.w.size(); ++i) EXPECT_NEAR(twice.w[i], 2.0f * once.w[i], 1e-5f);
}

TEST(LinearSte, LearnsAWeightThatFourBitsHold) {
  // Descent on half the squared distance to a layer whose weight is exact in the format must arrive at it.
  for (const Format format : {Format::nf4, Format::nvfp4}) {
    constexpr std::size_t m = 128, n = 2, k = 16;
    const SteWeight target = made(normal_sample(n * k, 5), n, k, format);
    const Floats x = normal_sample(m * k, 6);
    Floats y(m * n), wanted(m * n), w(n * k), dw(n * k);
    linear_ste(target, x, {}, wanted).value();
    SteWeight q = SteWeight::create(n, k, format).value();
    double error = 0.0;
    for (int step = 0; step < 400; ++step) {
      ste_weight(w, q).value();
      linear_ste(q, x, {}, y).value();
      error = 0.0;
      for (std::size_t i = 0; i < y.size(); ++i) {
        y[i] -= wanted[i];
        error += static_cast<double>(y[i]) * static_cast<double>(y[i]) / m;
      }
      std::fill(dw.begin(), dw.end(), 0.0f);
      linear_ste_backward(q, x, y, {{}, dw, {}}).value();
      for (std::size_t i = 0; i < w.size(); ++i) w[i] -= 0.05f / m * dw[i];
    }
    double power = 0.0;
    for (const float value : wanted) power += static_cast<double>(value) * static_cast<double>(value) / m;
    EXPECT_LT(error, 0.02 * power) << traits_of(format).name;
  }
}

TEST(LinearSte, TakesNoRowsAndOneRow) {
  const SteWeight q = made(Floats(16, 1.0f), 1, 16, Format::nvfp4);
  linear_ste(q, {}, {}, {}).value();
  linear_ste_backward(q, {}, {}, {}).value();
  Floats y(1);
  linear_ste(q, Floats(16, 0.5f), {}, y).value();
  EXPECT_EQ(y[0], 8.0f);
}

TEST(LinearSte, SaysWhichSizeDoesNotFit) {
  const SteWeight q = made(Floats(64), 2, 32, Format::nf4);
  Floats x(64), y(4), bias(2), dw(64);
  const auto message = [](const Result<void>& result) { return result.error().to_string(); };
  EXPECT_EQ(message(linear_ste(q, std::span(x).first(63), bias, y)),
            "x has 63 elements, which are no whole rows of 32");
  EXPECT_EQ(message(linear_ste(q, x, bias, std::span(y).first(3))), "y has 3 elements; expected 4 for [2, 2]");
  EXPECT_EQ(message(linear_ste(q, x, std::span(bias).first(1), y)), "bias has 1 elements; expected 2 for [1, 2]");
  EXPECT_EQ(message(linear_ste(q, x, bias, std::span(x).first(4))),
            "y overlaps x in memory; expected an array of its own");
  EXPECT_EQ(message(linear_ste_backward(q, x, y, {{}, std::span(dw).first(2), {}})),
            "the gradient of w has 2 elements; expected 64 for [2, 32]");
  EXPECT_EQ(message(linear_ste_backward(q, x, y, {x, {}, {}})),
            "a gradient overlaps x in memory; expected an array of its own");
  EXPECT_THAT(message(SteWeight::create(0, 16, kNone).transform([](const SteWeight&) {})),
              HasSubstr("expected at least one of each"));
}

TEST(PackedWeight, HoldsTheNumbersThatQuantizeGives) {
  for (const Format format : {Format::nf4, Format::nvfp4}) {
    for (const std::int64_t n : {1, 3, 64}) {
      const std::int64_t k = 48;
      const Floats w = normal_sample(static_cast<std::size_t>(n * k), static_cast<std::uint64_t>(n));
      PackedWeight packed = PackedWeight::create(format, n, k).value();
      quantize_packed(w, packed).value();
      const auto expected = quantize(memory::Tensor::from<float>(w, {n, k}).value(), format).value();
      EXPECT_THAT(packed.weight().codes.span<std::uint8_t>().value(),
                  ElementsAreArray(expected.codes.span<std::uint8_t>().value()));
      EXPECT_EQ(packed.weight().global, expected.global);

      Floats back(w.size());
      dequantize_packed(packed, back).value();
      const memory::Tensor dequantized = dequantize(expected).value();
      EXPECT_THAT(back, ElementsAreArray(dequantized.span<float>().value()));
    }
  }
}

TEST(PackedWeight, RefusesWhatTheFormatDoesNotHave) {
  const auto message = [](const auto& result) { return result.error().to_string(); };
  EXPECT_THAT(message(PackedWeight::create(Format::nvfp4, 2, 24)), HasSubstr("24 input features"));
  EXPECT_THAT(message(PackedWeight::create(Format::nf4, 2, 24, 48)), HasSubstr("block of 48"));
  EXPECT_THAT(message(PackedWeight::create(Format::nf4, -1, 24)), HasSubstr("-1"));

  PackedWeight packed = PackedWeight::create(Format::nf4, 2, 32).value();
  Floats w(64);
  EXPECT_EQ(message(quantize_packed(std::span(w).first(32), packed)), "w has 32 elements; expected 64 for [2, 32]");
  EXPECT_EQ(message(dequantize_packed(packed, std::span(w).first(32))), "w has 32 elements; expected 64 for [2, 32]");
  w[33] = std::numeric_limits<float>::infinity();
  EXPECT_THAT(message(quantize_packed(w, packed)), HasSubstr("element 33 is inf"));
}

RC_GTEST_PROP(SteWeight, IsAFixedPointOfNf4, ()) {
  const auto n = *rc::gen::inRange<std::int64_t>(1, 9);
  const auto k = *rc::gen::inRange<std::int64_t>(1, 99);
  const Floats w = normal_sample(static_cast<std::size_t>(n * k), *rc::gen::arbitrary<std::uint64_t>());
  const Floats once = copy(made(w, n, k, Format::nf4).values());
  RC_ASSERT(copy(made(once, n, k, Format::nf4).values()) == once);
}

TEST(SteWeight, IsTheWeightItselfWithoutAFormat) {
  const Floats w = normal_sample(15, 7);
  const SteWeight q = made(w, 5, 3, kNone);
  EXPECT_THAT(q.values(), ElementsAreArray(w));
  EXPECT_EQ(q.packed(), nullptr);
}

TEST(Training, RepeatsItsBitsAndDoesNotGrowOver10000Steps) {
  for (const auto format : kEveryFormat) {
    Layer layer;
    SteWeight q = SteWeight::create(Layer::n, Layer::k, format).value();
    Floats y(Layer::m * Layer::n);
    Gradients gradients(layer), first(layer);
    std::uint64_t before = 0;
    for (int step = 0; step < 10'000; ++step) {
      ste_weight(layer.w, q).value();
      linear_ste(q, layer.x, layer.bias, y).value();
      std::fill(gradients.w.begin(), gradients.w.end(), 0.0f);
      std::fill(gradients.bias.begin(), gradients.bias.end(), 0.0f);
      linear_ste_backward(q, layer.x, y, gradients.spans()).value();
      if (step == 0) first = gradients;
      // What the first calls set up once, in OpenBLAS above all, is no growth.
      if (step == 100) before = memory::current_rss_bytes();
    }
    EXPECT_EQ(gradients.w, first.w);
    EXPECT_EQ(gradients.x, first.x);
    EXPECT_EQ(gradients.bias, first.bias);
    EXPECT_LE(memory::current_rss_bytes(), before + (std::uint64_t{256} << 10));
  }
}

}  // namespace
}  // namespace neuract::q4
