#include "neuract/q4/checkpoint/checkpoint.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <iomanip>
#include <sstream>
#include <string>
#include <vector>

#include "checkpoint_text.hpp"
#include "samples.hpp"

namespace neuract::q4 {
namespace {

namespace fs = std::filesystem;
using memory::ConstTensor;
using memory::Dims;
using memory::DType;
using memory::Tensor;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::IsEmpty;

template <class T>
std::vector<T> elements(const ConstTensor& tensor) {
  const auto span = tensor.span<T>().value();
  return {span.begin(), span.end()};
}
template <class T>
std::string message(const Result<T>& result) {
  return result ? "" : result.error().to_string();
}
Tensor sample(std::int64_t out, std::int64_t in, float sd = 0.05f) {
  const auto x = normal_sample(static_cast<std::size_t>(out * in), 7, sd);
  return Tensor::from(std::span<const float>(x), {out, in}).value();
}
void expect_same(const QuantizedWeight& a, const QuantizedWeight& b) {
  EXPECT_EQ(a.format, b.format);
  EXPECT_EQ(a.out_features, b.out_features);
  EXPECT_EQ(a.in_features, b.in_features);
  EXPECT_EQ(a.block, b.block);
  EXPECT_EQ(a.global, b.global);
  EXPECT_THAT(elements<std::uint8_t>(a.codes), ElementsAreArray(elements<std::uint8_t>(b.codes)));
  if (a.format == Format::nf4)
    EXPECT_THAT(elements<float>(a.scales), ElementsAreArray(elements<float>(b.scales)));
  else
    EXPECT_THAT(elements<Float8E4M3>(a.scales), ElementsAreArray(elements<Float8E4M3>(b.scales)));
}

struct Kind {
  Family family;
  bool double_quant;
  std::int64_t out, in;
  std::uint32_t block;
};
// NOLINTNEXTLINE(readability-identifier-naming): GoogleTest calls it so
void PrintTo(const Kind& kind, std::ostream* out) {
  *out << name_of(kind.family) << (kind.double_quant ? " twice " : " ") << kind.out << "x" << kind.in << "/"
       << kind.block;
}

class StoredAndLoaded : public testing::TestWithParam<Kind> {
 protected:
  void SetUp() override { path_ = fs::temp_directory_path() / ("neuract-checkpoint-" + std::to_string(::getpid())); }
  void TearDown() override { fs::remove(path_); }
  fs::path path_;
};

TEST_P(StoredAndLoaded, AWeightIsWhatItWas) {
  const Kind kind = GetParam();
  const Format format = *traits_of(kind.family).format;
  const QuantizedWeight weight = quantize(sample(kind.out, kind.in), format, kind.block).value();
  const StoreOptions options{kind.family, kind.double_quant, DType::bf16};
  const StoredTensors stored = store("fc1.weight", weight, options).value();

  const auto items = stored_items("fc1.weight", format, kind.out, kind.in, weight.block, options).value();
  ASSERT_EQ(items.size(), stored.tensors.size());
  for (const SafetensorsItem& item : items) {
    const auto tensor = std::find_if(stored.tensors.begin(), stored.tensors.end(),
                                     [&](const NamedTensor& t) { return t.name == item.name; });
    ASSERT_NE(tensor, stored.tensors.end()) << item.name;
    EXPECT_EQ(item.type->dtype, tensor->tensor.dtype()) << item.name;
    EXPECT_EQ(item.shape, tensor->tensor.shape()) << item.name;
  }

  write_safetensors(path_, stored.tensors).value();
  const auto file = SafetensorsFile::open(path_).value();
  const std::vector<StoredWeight> weights = list_weights(file);
  ASSERT_EQ(weights.size(), 1u);
  EXPECT_EQ(weights[0].name, "fc1.weight");
  EXPECT_EQ(weights[0].family, kind.family);
  EXPECT_EQ(weights[0].shape, (Dims{kind.out, kind.in}));
  EXPECT_EQ(weights[0].parts.size(), items.size());
  EXPECT_THAT(validate(file, weights[0]), IsEmpty());
  for (const char* name : {"fc1", "fc1.weight"}) {
    const auto loaded = load(file, name, {kind.out, kind.in});
    ASSERT_EQ(message(loaded), "");
    expect_same(*loaded, stored.weight);
    EXPECT_TRUE(check(*loaded));
  }

  // The codes are those of the weight, always, and so are the scales unless they have been quantised themselves.
  EXPECT_THAT(elements<std::uint8_t>(stored.weight.codes), ElementsAreArray(elements<std::uint8_t>(weight.codes)));
  EXPECT_NEAR(stored.weight.global / weight.global, 1.0f, 0x1p-23f);
  if (!kind.double_quant && kind.family != Family::compressed_tensors) expect_same(stored.weight, weight);
}

INSTANTIATE_TEST_SUITE_P(
    AllFamilies, StoredAndLoaded,
    testing::Values(Kind{Family::bitsandbytes, false, 8, 64, 64}, Kind{Family::bitsandbytes, false, 3, 7, 32},
                    Kind{Family::bitsandbytes, false, 5, 1001, 4096}, Kind{Family::bitsandbytes, false, 0, 7, 64},
                    Kind{Family::bitsandbytes, true, 64, 512, 64}, Kind{Family::bitsandbytes, true, 3, 7, 64},
                    Kind{Family::bitsandbytes, true, 129, 257, 32}, Kind{Family::torchao, false, 5, 48, 16},
                    Kind{Family::torchao, false, 0, 16, 16}, Kind{Family::modelopt, false, 33, 128, 16},
                    Kind{Family::compressed_tensors, false, 33, 128, 16}));

TEST(Checkpoint, DoubleQuantisationCostsLittleMoreThanHalfAByteAndHardlyAnyAccuracy) {
  const Tensor x = sample(256, 1024, 1.0f);
  const QuantizedWeight weight = quantize(x, Format::nf4).value();
  const StoredTensors stored = store("w", weight, {Family::bitsandbytes, true, DType::f32}).value();
  std::size_t bytes = 0;
  for (const NamedTensor& tensor : stored.tensors) bytes += tensor.tensor.bytes();
  // Two maps and the quant_state are there once a weight.
  EXPECT_NEAR(static_cast<double>(bytes - 64 - 1024 - 256) / (256 * 1024), 0.516, 0.0005);

  const auto exact = elements<float>(x);
  const auto once = elements<float>(dequantize(weight).value());
  const auto twice = elements<float>(dequantize(stored.weight).value());
  double error_once = 0, error_twice = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    error_once += std::abs(once[i] - exact[i]);
    error_twice += std::abs(twice[i] - exact[i]);
  }
  EXPECT_LT(error_twice / error_once, 1.01);
}

TEST(Checkpoint, DoubleQuantisedScalesFollowTheFormula) {
  const auto file = open_text(
                        "fc.weight U8 [32,1] 32*0xf0\n"
                        "fc.weight.absmax U8 [1] 254\n"
                        "fc.weight.quant_map F32 [16] nf4\n"
                        "fc.weight.nested_absmax F32 [1] 0.5\n"
                        "fc.weight.nested_quant_map F32 [256] dynamic\n"
                        "fc.weight.quant_state.bitsandbytes__nf4 U8 [*] text {\"quant_type\": \"nf4\", \"blocksize\": "
                        "64, \"dtype\": \"float16\", \"shape\": [1, 64], \"nested_blocksize\": 256, \"nested_dtype\": "
                        "\"float32\", \"nested_offset\": 0.25}\n")
                        .value();
  const QuantizedWeight weight = load(file, "fc").value();
  const auto absmax = elements<float>(weight.scales);
  ASSERT_EQ(absmax.size(), 1u);
  EXPECT_FLOAT_EQ(absmax[0], 0.99296875f * 0.5f + 0.25f);
  const auto x = elements<float>(dequantize(weight).value());
  EXPECT_EQ(x[0], absmax[0]);
  EXPECT_EQ(x[1], -absmax[0]);
}

TEST(Checkpoint, WithoutAQuantStateTheCallerGivesTheShapeAndTheCountOfScalesTheBlock) {
  for (std::uint32_t block = 32; block <= 4096; block *= 2) {
    for (const Dims& shape : {Dims{3, 4097}, Dims{64, 64}, Dims{1, 33}}) {
      const QuantizedWeight weight = quantize(sample(shape[0], shape[1]), Format::nf4, block).value();
      StoredTensors stored = store("w", weight, {}).value();
      std::erase_if(stored.tensors,
                    [](const NamedTensor& t) { return t.name.find("quant_state") != std::string::npos; });
      const fs::path path = fs::temp_directory_path() / ("neuract-no-state-" + std::to_string(::getpid()));
      write_safetensors(path, stored.tensors).value();
      const auto file = SafetensorsFile::open(path).value();
      fs::remove(path);
      EXPECT_THAT(list_weights(file).at(0).shape, IsEmpty());
      EXPECT_THAT(message(load(file, "w")), HasSubstr("or a shape from the caller"));
      const auto loaded = load(file, "w", shape);
      ASSERT_EQ(message(loaded), "");
      EXPECT_THAT(elements<float>(dequantize(*loaded).value()),
                  ElementsAreArray(elements<float>(dequantize(weight).value())));
    }
  }
}

TEST(Checkpoint, Nf4PartsMayStandBesideTheWeight) {
  const auto file = open_text(
                        "fc.weight U8 [32,1] 32*0x7f\n"
                        "fc.absmax F32 [1] 2\n"
                        "fc.quant_map F32 [16] nf4\n"
                        "fc.bias F32 [4]\n")
                        .value();
  EXPECT_EQ(list_weights(file).at(0).name, "fc.weight");
  for (const char* name : {"fc", "fc.weight"})
    EXPECT_EQ(elements<float>(dequantize(load(file, name, {4, 16}).value()).value())[1], 2.0f);
}

const std::string kCodes = "U8 [1,8] 0x10 0x32 0x54 0x76 0x98 0xba 0xdc 0xfe\n";

TEST(Checkpoint, Nvfp4FamiliesAgreeAndOnlyOneDivides) {
  const std::vector<float> expected = {0, .5, 1, 1.5, 2, 3, 4, 6, -0.0f, -.5, -1, -1.5, -2, -3, -4, -6};
  for (const std::string& text : {
           "a.weight.qdata " + kCodes + "a.weight.scale F8_E4M3 [1,1] 8\na.weight.per_tensor_scale F32 [] 0.25\n",
           "a.weight.qdata " + kCodes + "a.weight.scale F8_E4M3 [1,1] 2\n",
           "a.weight.qdata " + kCodes + "a.weight.scale F16 [1,1] 8\na.weight.per_tensor_scale F32 [] 0.25\n",
           "a.weight.qdata " + kCodes + "a.weight.scale F32 [1,1] 256\na.weight.per_tensor_scale F32 [1] 0.0078125\n",
           "a.weight " + kCodes +
               "a.weight_scale F8_E4M3 [1,1] 8\na.weight_scale_2 F32 [] 0.25\na.input_scale F32 [] 3\n",
           "a.weight " + kCodes + "a.weight_scale U8 [1,1] 0x50\na.weight_scale_2 F32 [1] 0.25\n",
           "a.weight_packed " + kCodes +
               "a.weight_scale F8_E4M3 [1,1] 8\na.weight_global_scale F32 [1] 4\na.input_global_scale F32 [1] 9\n",
           "a.weight_packed " + kCodes + "a.weight_scale U8 [1,1] 0x50\na.weight_global_scale F32 [1] 4\n",
       }) {
    const auto file = open_text(text).value();
    const auto weight = load(file, "a");
    ASSERT_EQ(message(weight), "") << text;
    const auto x = elements<float>(dequantize(*weight).value());
    ASSERT_EQ(x.size(), expected.size());
    for (std::size_t i = 0; i < x.size(); ++i) EXPECT_EQ(x[i], 2 * expected[i]) << text << i;
  }
}

TEST(Checkpoint, ScalesOfEverySortAreTakenWhenE4M3HasThem) {
  std::string f16 = "a.qdata U8 [1,1016]\na.scale F16 [1,127]";
  std::string f32 = "a.qdata U8 [1,1016]\na.scale F32 [1,127]";
  std::vector<Float8E4M3> expected;
  for (std::uint8_t code = 0; code < 0x7f; ++code) {
    expected.push_back({code});
    std::ostringstream number;
    number << " " << std::setprecision(9) << decode_e4m3({code});
    f16 += number.str();
    f32 += number.str();
  }
  for (const std::string& text : {f16, f32}) {
    const auto weight = load(open_text(text + "\n").value(), "a");
    ASSERT_EQ(message(weight), "");
    EXPECT_THAT(elements<Float8E4M3>(weight->scales), ElementsAreArray(expected));
  }
}

TEST(Checkpoint, AListNamesAllWeightsTheirFamiliesAndShapes) {
  const auto file = open_text(
                        "a.weight_packed U8 [2,8]\na.weight_scale F8_E4M3 [2,1]\na.weight_global_scale F32 [1] 1\n"
                        "b.weight U8 [2,8]\nb.weight_scale F8_E4M3 [2,1]\nb.weight_scale_2 F32 [1] 1\n"
                        "c.weight.qdata U8 [2,8]\nc.weight.scale F8_E4M3 [2,1]\n"
                        "d.weight BF16 [3,4]\nd.bias BF16 [3]\n"
                        "e.weight F8_E4M3 [3,4]\ne.weight_scale F32 [1]\n"
                        "norm.scale F32 [4]\nids I64 [2,2]\n")
                        .value();
  std::vector<std::string> seen;
  for (const StoredWeight& weight : list_weights(file)) {
    seen.push_back(weight.name + " " + std::string(name_of(weight.family)) + " " + memory::to_string(weight.shape) +
                   " " + std::to_string(weight.bytes));
    EXPECT_THAT(validate(file, weight), IsEmpty()) << weight.name;
  }
  EXPECT_THAT(seen, ElementsAre("a.weight compressed-tensors [2, 16] 22", "b.weight modelopt [2, 16] 22",
                                "c.weight torchao [2, 16] 18", "d.weight plain [3, 4] 24"));
}

TEST(Checkpoint, LoadedArraysAreViewsOfTheFile) {
  const auto file =
      open_text("a.weight " + kCodes + "a.weight_scale F8_E4M3 [1,1] 8\na.weight_scale_2 F32 [] 0.25\n").value();
  const QuantizedWeight weight = load(file, "a").value();
  EXPECT_EQ(static_cast<const void*>(weight.codes.data()), file.bytes(*file.find("a.weight")).data());
  EXPECT_EQ(static_cast<const void*>(weight.scales.data()), file.bytes(*file.find("a.weight_scale")).data());
}

TEST(Checkpoint, StoreRefusesWhatTheFamilyCannotHold) {
  const QuantizedWeight nf4 = quantize(sample(2, 64), Format::nf4).value();
  QuantizedWeight nvfp4 = quantize(sample(2, 64), Format::nvfp4).value();
  EXPECT_THAT(message(store("w", nf4, {Family::torchao, false, DType::f32})), HasSubstr("torchao does not store nf4"));
  EXPECT_THAT(message(store("w", nvfp4, {Family::bitsandbytes, false, DType::f32})),
              HasSubstr("bitsandbytes does not store nvfp4"));
  EXPECT_THAT(message(store("w", nvfp4, {Family::plain, false, DType::f32})), HasSubstr("plain does not store nvfp4"));
  EXPECT_THAT(message(store("w.weight", nvfp4, {Family::modelopt, true, DType::f32})),
              HasSubstr("modelopt has no double quantisation"));
  EXPECT_THAT(message(store("w", nvfp4, {Family::modelopt, false, DType::f32})),
              HasSubstr("modelopt has names that end with \".weight\", unlike \"w\""));
  nvfp4.global = 1e-42f;
  EXPECT_THAT(message(store("w.weight", nvfp4, {Family::compressed_tensors, false, DType::f32})),
              HasSubstr("has no reciprocal that f32 holds"));
}

}  // namespace
}  // namespace neuract::q4
