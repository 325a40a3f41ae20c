#include "neuract/q4/checkpoint/quantize_checkpoint.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "neuract/kernels/convert.hpp"
#include "neuract/memory/system.hpp"
#include "samples.hpp"

namespace neuract::q4 {
namespace {

namespace fs = std::filesystem;
using memory::BFloat16;
using memory::ConstTensor;
using memory::Dims;
using memory::DType;
using memory::Tensor;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::IsEmpty;

template <class T>
std::string message(const Result<T>& result) {
  return result ? "" : result.error().to_string();
}
template <class T>
std::vector<T> elements(const ConstTensor& tensor) {
  const auto span = tensor.span<T>().value();
  return {span.begin(), span.end()};
}
std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}
Tensor sample(const Dims& shape, std::uint64_t seed) {
  const auto n = static_cast<std::size_t>(memory::element_count(shape).value());
  return Tensor::from(std::span<const float>(normal_sample(n, seed, 0.1f)), shape).value();
}
Tensor half_sample(const Dims& shape, std::uint64_t seed) {
  const auto full = elements<float>(sample(shape, seed));
  std::vector<BFloat16> halves;
  halves.reserve(full.size());
  for (const float x : full) halves.push_back(kernels::to_bf16(x));
  return Tensor::from(std::span<const BFloat16>(halves), shape).value();
}

class QuantizeCheckpoint : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = fs::temp_directory_path() / ("neuract-quantize-" + std::to_string(::getpid()));
    fs::create_directories(directory_);
    in_ = directory_ / "in.safetensors";
    out_ = directory_ / "out.safetensors";
    tensors_ = {{"a.weight", sample({24, 64}, 1)},
                {"b.weight", half_sample({8, 40}, 2)},
                {"a.bias", sample({24}, 3)},
                {"conv", sample({2, 3, 4}, 4)},
                {"ids", Tensor::zeros(DType::i64, {2, 2}).value()},
                {"embed", sample({10, 32}, 5)}};
    write_safetensors(in_, tensors_, {{"format", "pt"}}).value();
  }
  void TearDown() override { fs::remove_all(directory_); }

  Result<std::vector<CheckpointRow>> run(const CheckpointOptions& options) {
    return quantize_checkpoint(SafetensorsFile::open(in_).value(), out_, options);
  }

  fs::path directory_, in_, out_;
  std::vector<NamedTensor> tensors_;
};

CheckpointOptions nf4() { return {}; }
CheckpointOptions nvfp4() {
  CheckpointOptions options;
  options.format = Format::nvfp4;
  return options;
}

TEST_F(QuantizeCheckpoint, PutsMatricesIntoFourBitsAndCopiesTheRest) {
  const auto rows = run(nf4()).value();
  std::map<std::string, std::string> reasons;
  for (const CheckpointRow& row : rows) reasons[row.name] = row.quantised ? "4 bits" : row.reason;
  EXPECT_THAT(reasons, ElementsAre(std::pair("a.bias", "not two-dimensional"), std::pair("a.weight", "4 bits"),
                                   std::pair("b.weight", "4 bits"), std::pair("conv", "not two-dimensional"),
                                   std::pair("embed", "4 bits"), std::pair("ids", "not F32, F16 or BF16")));

  const auto file = SafetensorsFile::open(out_).value();
  EXPECT_EQ(file.metadata(), (SafetensorsMetadata{{"format", "pt"}}));
  for (const NamedTensor& tensor : tensors_) {
    if (reasons[tensor.name] == "4 bits") {
      const QuantizedWeight direct = quantize(tensor.tensor, Format::nf4).value();
      const auto loaded = load(file, tensor.name);
      ASSERT_EQ(message(loaded), "");
      EXPECT_THAT(elements<float>(dequantize(*loaded).value()),
                  ElementsAreArray(elements<float>(dequantize(direct).value())));
    } else {
      const ConstTensor copy = file.tensor(tensor.name).value();
      EXPECT_EQ(copy.shape(), tensor.tensor.shape());
      EXPECT_EQ(std::memcmp(copy.data(), tensor.tensor.data(), copy.bytes()), 0) << tensor.name;
    }
  }
}

TEST_F(QuantizeCheckpoint, TellsBytesAndErrorsOfEveryTensor) {
  for (const bool twice : {false, true}) {
    CheckpointOptions options = nf4();
    options.double_quant = twice;
    const auto rows = run(options).value();
    const CheckpointRow& row = rows.at(1);
    ASSERT_EQ(row.name, "a.weight");
    EXPECT_EQ(row.bytes_before, 24u * 64 * 4);
    const auto file = SafetensorsFile::open(out_).value();
    EXPECT_EQ(row.bytes_after, detect(file, "a").value().bytes);

    const auto exact = elements<float>(tensors_[0].tensor);
    const auto back = elements<float>(dequantize(load(file, "a").value()).value());
    double sum = 0, largest = 0, squares = 0, norm = 0;
    for (std::size_t i = 0; i < exact.size(); ++i) {
      const double d = std::abs(double{back[i]} - exact[i]);
      sum += d, squares += d * d, norm += double{exact[i]} * exact[i], largest = std::max(largest, d);
    }
    // Differences are taken in f32, whose rounding is far below what 4 bits cost.
    EXPECT_NEAR(row.error.mean / (sum / static_cast<double>(exact.size())), 1.0, 1e-6);
    EXPECT_NEAR(row.error.largest / largest, 1.0, 1e-6);
    EXPECT_NEAR(row.error.relative / std::sqrt(squares / norm), 1.0, 1e-6);
    EXPECT_NEAR(row.error.snr_db(), 10 * std::log10(norm / squares), 1e-4);
    EXPECT_EQ(rows.at(0).bytes_after, rows.at(0).bytes_before);
  }
}

TEST_F(QuantizeCheckpoint, EveryFamilyLoadsBack) {
  for (const FamilyTraits& family : kFamilies) {
    if (!family.format) continue;
    CheckpointOptions options;
    options.format = *family.format;
    options.family = family.family;
    ASSERT_EQ(message(run(options)), "") << family.name;
    const auto file = SafetensorsFile::open(out_).value();
    const auto weight = detect(file, "a.weight").value();
    EXPECT_EQ(weight.family, family.family);
    EXPECT_THAT(validate(file, weight, {24, 64}), IsEmpty());
  }
}

TEST_F(QuantizeCheckpoint, SaysWhyAMatrixIsCopied) {
  auto reason = [](const std::vector<CheckpointRow>& rows, const std::string& name) {
    for (const CheckpointRow& row : rows)
      if (row.name == name) return row.quantised ? "" : row.reason;
    return std::string("?");
  };
  EXPECT_EQ(reason(run(nvfp4()).value(), "b.weight"), "40 inputs are no multiple of 16");

  CheckpointOptions modelopt = nvfp4();
  modelopt.family = Family::modelopt;
  EXPECT_EQ(reason(run(modelopt).value(), "embed"), "modelopt has names that end with \".weight\", unlike \"embed\"");

  CheckpointOptions some = nf4();
  some.include = {"*.weight"};
  some.exclude = {"b.*"};
  const auto rows = run(some).value();
  EXPECT_EQ(reason(rows, "a.weight"), "");
  EXPECT_EQ(reason(rows, "b.weight"), "excluded");
  EXPECT_EQ(reason(rows, "embed"), "not included");

  Tensor broken = sample({24, 64}, 1);
  broken.span<float>().value()[77] = std::numeric_limits<float>::infinity();
  tensors_[0].tensor = broken;
  write_safetensors(in_, tensors_).value();
  EXPECT_EQ(reason(run(nf4()).value(), "a.weight"), "element 77 is inf; only finite numbers can be quantised");
}

TEST_F(QuantizeCheckpoint, WhatIsQuantisedAlreadyIsCopied) {
  ASSERT_EQ(message(run(nf4())), "");
  fs::rename(out_, in_);
  const auto again = run(nf4());
  EXPECT_THAT(message(again), HasSubstr("no tensor can be quantised"));
  EXPECT_FALSE(fs::exists(out_));

  tensors_.push_back({"late.weight", sample({4, 64}, 9)});
  std::vector<NamedTensor> all{tensors_.back()};
  const auto file = SafetensorsFile::open(in_).value();
  for (const SafetensorsEntry& entry : file.entries()) all.push_back({entry.name, file.tensor(entry).value()});
  write_safetensors(in_, all).value();
  const auto rows = run(nf4()).value();
  for (const CheckpointRow& row : rows) {
    EXPECT_EQ(row.quantised, row.name == "late.weight") << row.name;
    if (row.name == "a.weight.absmax") {
      EXPECT_EQ(row.reason, "part of a bitsandbytes weight");
    }
  }
  EXPECT_EQ(message(load(SafetensorsFile::open(out_).value(), "a")), "");
}

TEST_F(QuantizeCheckpoint, NeverWritesOverWhatItReads) {
  const std::string before = read(in_);
  fs::create_hard_link(in_, out_);
  EXPECT_THAT(message(run(nf4())), HasSubstr("this is the file that is read; it is not overwritten"));
  EXPECT_EQ(read(in_), before);
}

TEST_F(QuantizeCheckpoint, OptionsThatContradictEachOtherAreErrors) {
  CheckpointOptions options = nvfp4();
  options.block = 32;
  EXPECT_THAT(message(run(options)), HasSubstr("nvfp4 blocks have 16 elements, not 32"));
  options = nvfp4();
  options.double_quant = true;
  EXPECT_THAT(message(run(options)), HasSubstr("torchao has no double quantisation"));
  options = nf4();
  options.family = Family::modelopt;
  EXPECT_THAT(message(run(options)), HasSubstr("modelopt does not store nf4"));
  options = nf4();
  options.include = {"nothing*"};
  EXPECT_THAT(message(run(options)),
              HasSubstr("in.safetensors: no tensor can be quantised: \"a.weight\": not included"));
  EXPECT_FALSE(fs::exists(out_));
}

TEST_F(QuantizeCheckpoint, ProgressGoesFromNothingToAll) {
  std::uint64_t last = 0, all = 0;
  bool forward = true;
  const auto note = [&](std::uint64_t done, std::uint64_t total) {
    forward = forward && done >= last && done <= total && (all == 0 || total == all);
    last = done, all = total;
    return true;
  };
  ASSERT_EQ(message(quantize_checkpoint(SafetensorsFile::open(in_).value(), out_, nf4(), note)), "");
  EXPECT_TRUE(forward);
  EXPECT_EQ(last, all);
}

TEST_F(QuantizeCheckpoint, LeavesNothingBehindWhenItIsGivenUp) {
  std::uint64_t total_bytes = 0;
  const auto measure = [&](std::uint64_t, std::uint64_t total) { return total_bytes = total, true; };
  ASSERT_EQ(message(quantize_checkpoint(SafetensorsFile::open(in_).value(), out_, nf4(), measure)), "");
  fs::remove(out_);
  for (std::uint64_t give_up = 0; give_up < total_bytes; give_up += total_bytes / 5) {
    const auto stop = [&](std::uint64_t done, std::uint64_t) { return done <= give_up; };
    const auto rows = quantize_checkpoint(SafetensorsFile::open(in_).value(), out_, nf4(), stop);
    ASSERT_FALSE(rows);
    EXPECT_EQ(rows.error().code, ErrorCode::cancelled);
    std::size_t files = 0;
    for ([[maybe_unused]] const auto& file : fs::directory_iterator(in_.parent_path())) ++files;
    EXPECT_EQ(files, 1u) << "only the input";
  }
}

TEST_F(QuantizeCheckpoint, HoldsOneTensorAtATime) {
  std::vector<NamedTensor> large;
  large.reserve(16);
  for (int i = 0; i < 16; ++i) large.push_back({"w" + std::to_string(i), sample({1024, 1024}, 1)});
  write_safetensors(in_, large).value();
  large.clear();
  std::uint64_t most = 0;
  const std::uint64_t before = memory::current_rss_bytes();
  const auto watch = [&](std::uint64_t, std::uint64_t) {
    most = std::max(most, memory::current_rss_bytes());
    return true;
  };
  ASSERT_EQ(message(quantize_checkpoint(SafetensorsFile::open(in_).value(), out_, nvfp4(), watch)), "");
  // The file has 64 MiB; one tensor and its codes have less than 5. The rest is for what allocators keep.
  EXPECT_LT(most, before + (32u << 20));
}

}  // namespace
}  // namespace neuract::q4
