#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "neuract/config/progress.hpp"
#include "neuract/q4/checkpoint/checkpoint.hpp"

/// `neuract quantize`, as a program.
namespace neuract::config {
namespace {

namespace fs = std::filesystem;
using memory::Tensor;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

struct Outcome {
  int exit = -1;
  std::string out;
  std::string err;
};

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

class QuantizeCommand : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = fs::temp_directory_path() / ("neuract-quantize-command-" + std::to_string(::getpid()));
    fs::create_directories(directory_);
    std::vector<float> weight(8 * 40);
    for (std::size_t i = 0; i < weight.size(); ++i) weight[i] = static_cast<float>(i % 17) * 0.1f - 0.8f;
    const std::vector<q4::NamedTensor> tensors = {
        {"fc1.weight", Tensor::from(std::span<const float>(weight), {10, 32}).value()},
        {"fc2.weight", Tensor::from(std::span<const float>(weight), {8, 40}).value()},
        {"fc1.bias", Tensor::zeros(memory::DType::f32, {10}).value()}};
    q4::write_safetensors(directory_ / "in.safetensors", tensors).value();
  }
  void TearDown() override { fs::remove_all(directory_); }

  Outcome quantize(const std::string& arguments) {
    const fs::path out = directory_ / "stdout", err = directory_ / "stderr";
    const std::string line = "cd '" + directory_.string() + "' && '" NEURACT_COMMAND "' quantize " + arguments + " >'" +
                             out.string() + "' 2>'" + err.string() + "' </dev/null";
    const int status = std::system(line.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read(out), read(err)};
  }

  fs::path directory_;
};

TEST_F(QuantizeCommand, TellsWhatBecameOfEveryTensor) {
  const Outcome nf4 = quantize("in.safetensors out.safetensors --format nf4");
  EXPECT_EQ(nf4.exit, 0) << nf4.err;
  EXPECT_THAT(nf4.err, IsEmpty());
  EXPECT_THAT(nf4.out, AllOf(HasSubstr("mean error"), HasSubstr("SNR"), HasSubstr("two-dimensional"),
                             HasSubstr("out.safetensors: 2 of 3 tensors in nf4, the rest copied")));
  const auto file = q4::SafetensorsFile::open(directory_ / "out.safetensors").value();
  EXPECT_EQ(q4::load(file, "fc2").value().in_features, 40);

  const Outcome nvfp4 = quantize("in.safetensors out.safetensors --format nvfp4 --family modelopt");
  EXPECT_EQ(nvfp4.exit, 0) << nvfp4.err;
  EXPECT_THAT(nvfp4.out, AllOf(HasSubstr("40 inputs"), HasSubstr("1 of 3 tensors in nvfp4")));
}

TEST_F(QuantizeCommand, GlobsChooseAndQuietIsOneLine) {
  const Outcome outcome = quantize(
      "in.safetensors out.safetensors --format nf4 --double-quant --include 'fc?.weight' "
      "--exclude 'fc2*' --quiet");
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("1 of 3 tensors"), Not(HasSubstr("fc2"))));
  EXPECT_EQ(outcome.out.find('\n'), outcome.out.size() - 1);
}

TEST_F(QuantizeCommand, BadInputEndsWithTwoAndLeavesNothing) {
  const std::vector<std::pair<std::string, std::string>> bad = {
      {"in.safetensors out.safetensors", "--format is required"},
      {"in.safetensors out.safetensors --format int4", "int4"},
      {"in.safetensors out.safetensors --format nf4 --family plain", "plain"},
      {"missing.safetensors out.safetensors --format nf4", "missing.safetensors: there is no such file"},
      {"in.safetensors in.safetensors --format nf4", "it is not overwritten"},
      {"in.safetensors out.safetensors --format nf4 --block 48", "a power of two from 32 to 4096"},
      {"in.safetensors out.safetensors --format nvfp4 --double-quant", "torchao has no double quantisation"},
      {"in.safetensors out.safetensors --format nf4 --include 'nothing*'", "no tensor can be quantised"},
  };
  const std::string before = read(directory_ / "in.safetensors");
  for (const auto& [arguments, expected] : bad) {
    const Outcome outcome = quantize(arguments);
    EXPECT_EQ(outcome.exit, 2) << arguments;
    EXPECT_THAT(outcome.err, HasSubstr(expected)) << arguments;
    EXPECT_FALSE(fs::exists(directory_ / "out.safetensors")) << arguments;
  }
  EXPECT_EQ(read(directory_ / "in.safetensors"), before);
}

TEST_F(QuantizeCommand, AnOutputThatCannotBeWrittenEndsWithOne) {
  const Outcome outcome = quantize("in.safetensors no/such/folder/out.safetensors --format nf4");
  EXPECT_EQ(outcome.exit, 1);
  EXPECT_THAT(outcome.err, HasSubstr("no/such/folder/out.safetensors: cannot be written: No such file or directory"));
}

TEST(QuantizeProgress, SaysHowFarAndHowMuchLonger) {
  const QuantizeProgress half{500'000'000, 1'000'000'000, 2.0};
  EXPECT_EQ(format_progress(half), "Quantising   50 %  500 MB of 1.0 GB  ETA 2.0 s");
  EXPECT_EQ(format_progress(half, 30), "Quantising   50 %  ETA 2.0 s");
}

}  // namespace
}  // namespace neuract::config
