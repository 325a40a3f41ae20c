#include "neuract/q4/checkpoint/safetensors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "checkpoint_text.hpp"
#include "neuract/q4/checkpoint/safetensors_writer.hpp"
#include "samples.hpp"

namespace neuract::q4 {
namespace {

namespace fs = std::filesystem;
using memory::ConstTensor;
using memory::DType;
using memory::Tensor;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::IsEmpty;

class Safetensors : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = fs::temp_directory_path() / ("neuract-safetensors-" + std::to_string(::getpid()));
    fs::create_directories(directory_);
  }
  void TearDown() override { fs::remove_all(directory_); }

  [[nodiscard]] std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(directory_)) names.push_back(entry.path().filename().string());
    return names;
  }
  [[nodiscard]] fs::path write(const std::string& bytes) const {
    fs::path path = directory_ / "written.safetensors";
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }

  fs::path directory_;
};

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}
template <class T>
std::string message(const Result<T>& result) {
  return result ? "" : result.error().to_string();
}
template <class T>
std::vector<T> elements(const ConstTensor& tensor) {
  const auto span = tensor.span<T>().value();
  return {span.begin(), span.end()};
}

TEST_F(Safetensors, AFileSaysWhatItHoldsByName) {
  const auto file = open_text(
                        "b F32 [2,3] 1 2 3 4 5 6\n"
                        "a I64 [] 7\n"
                        "c U8 [0,5]\n")
                        .value();
  ASSERT_EQ(file.entries().size(), 3u);
  EXPECT_EQ(file.entries()[0].name, "a");
  EXPECT_EQ(file.entries()[2].shape, (memory::Dims{0, 5}));
  EXPECT_THAT(elements<float>(file.tensor("b").value()), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_EQ(file.tensor("b").value().shape(), (memory::Dims{2, 3}));
  EXPECT_THAT(elements<std::int64_t>(file.tensor("a").value()), ElementsAre(7));
  EXPECT_EQ(file.tensor("a").value().rank(), 0u);
  EXPECT_EQ(file.tensor("c").value().size(), 0);
  EXPECT_EQ(message(file.tensor("d")), "test.safetensors: there is no tensor \"d\"");
}

TEST_F(Safetensors, ReadsWhatThePythonLibraryWrites) {
  // safetensors.numpy.save({"x": np.arange(3, dtype=np.int32)}, metadata={"format": "np"})
  const std::string header =
      R"({"__metadata__":{"format":"np"},"x":{"dtype":"I32","shape":[3],"data_offsets":[0,12]}}  )";
  std::string bytes(8, '\0');
  bytes[0] = static_cast<char>(header.size());
  bytes += header + std::string("\0\0\0\0\1\0\0\0\2\0\0\0", 12);
  const auto file = SafetensorsFile::open(write(bytes)).value();
  EXPECT_EQ(file.metadata(), (SafetensorsMetadata{{"format", "np"}}));
  EXPECT_THAT(elements<std::int32_t>(file.tensor("x").value()), ElementsAre(0, 1, 2));
}

TEST_F(Safetensors, TensorsAreViewsThatOutliveTheFileHandle) {
  ConstTensor first, second;
  {
    const auto file = SafetensorsFile::open(write(CheckpointText::file_of("x F32 [4] 1 2 3 4\n"))).value();
    first = file.tensor("x").value();
    second = file.tensor("x").value();
    EXPECT_EQ(static_cast<const void*>(first.data()), file.bytes(*file.find("x")).data());
  }
  EXPECT_EQ(first.data(), second.data());
  EXPECT_THAT(elements<float>(first), ElementsAre(1, 2, 3, 4));
}

TEST_F(Safetensors, ATensorThatIsNotAlignedIsCopied) {
  const auto file = open_text("a U8 [3] 1 2 3\nx F32 [2] 0.5 -2\nh F16 [1] 1.5\n").value();
  const auto x = file.tensor("x").value();
  EXPECT_NE(static_cast<const void*>(x.data()), file.bytes(*file.find("x")).data());
  EXPECT_THAT(elements<float>(x), ElementsAre(0.5f, -2.0f));
  EXPECT_EQ(elements<memory::Float16>(file.tensor("h").value())[0], kernels::to_f16(1.5f));
}

TEST_F(Safetensors, TypesThatNoTensorHoldsAreListedButNotRead) {
  for (const std::string type : {"F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "F4", "F6_E2M3", "C64"}) {
    const auto file = open_text("x " + type + " [8]\n").value();
    EXPECT_EQ(file.find("x")->type->name, type);
    EXPECT_EQ(message(file.tensor("x")),
              "test.safetensors: \"x\" has elements of type " + type + ", which cannot be read here");
  }
}

TEST_F(Safetensors, EveryTypeOfTensorsIsWrittenAndReadBack) {
  std::vector<NamedTensor> tensors;
  for (const memory::DTypeTraits& row : memory::kDTypes) {
    if (row.dtype == DType::u4) continue;
    Tensor tensor = Tensor::zeros(row.dtype, {3, 5}).value();
    for (std::size_t i = 0; i < tensor.bytes(); ++i) tensor.data()[i] = static_cast<std::byte>(i % 2);
    tensors.push_back({std::string(row.name), tensor});
  }
  const fs::path path = directory_ / "all.safetensors";
  ASSERT_EQ(message(write_safetensors(path, tensors, {{"b", "\"2\""}, {"a", "1"}})), "");
  const auto file = SafetensorsFile::open(path).value();
  EXPECT_EQ(file.entries().size(), tensors.size());
  EXPECT_EQ(file.metadata(), (SafetensorsMetadata{{"a", "1"}, {"b", "\"2\""}}));
  for (const NamedTensor& tensor : tensors) {
    const ConstTensor back = file.tensor(tensor.name).value();
    EXPECT_EQ(back.dtype(), tensor.tensor.dtype());
    EXPECT_EQ(back.shape(), tensor.tensor.shape());
    EXPECT_EQ(std::memcmp(back.data(), tensor.tensor.data(), back.bytes()), 0) << tensor.name;
    EXPECT_EQ(static_cast<const void*>(back.data()), file.bytes(*file.find(tensor.name)).data()) << "not aligned";
  }
  EXPECT_THAT(files(), ElementsAre("all.safetensors"));
}

TEST_F(Safetensors, TheBytesDependOnWhatIsWrittenOnly) {
  const Tensor a = Tensor::from({1.0f, 2.0f}, {2}).value();
  const Tensor b = Tensor::from<std::uint8_t>({1, 2, 3}, {3}).value();
  const std::vector<NamedTensor> one = {{"b", b}, {"a", a}, {"c", a}}, other = {{"c", a}, {"b", b}, {"a", a}};
  write_safetensors(directory_ / "one", one, {{"x", "y"}}).value();
  write_safetensors(directory_ / "other", other, {{"x", "y"}}).value();
  EXPECT_EQ(read(directory_ / "one"), read(directory_ / "other"));
  const auto file = SafetensorsFile::open(directory_ / "one").value();
  EXPECT_EQ(file.find("a")->begin % 64, 0u);
  EXPECT_LT(file.find("c")->begin, file.find("b")->begin);
}

TEST_F(Safetensors, TensorsMayBeWrittenOneByOneInAnyOrder) {
  const fs::path path = directory_ / "out.safetensors";
  const SafetensorsDType* f32 = safetensors_dtype(DType::f32);
  auto writer = SafetensorsWriter::create(path, {{"a", f32, {2}}, {"b", f32, {1}}, {"e", f32, {0}}}).value();
  const Tensor b = Tensor::from({3.0f}, {1}).value();
  EXPECT_EQ(message(writer.write("b", b)), "");
  EXPECT_THAT(message(writer.write("b", b)), HasSubstr("\"b\" has been written already"));
  EXPECT_THAT(message(writer.write("x", b)), HasSubstr("\"x\" is not in the header"));
  EXPECT_THAT(message(writer.write("a", b)), HasSubstr("\"a\" is f32 [1], but the header says F32 [2]"));
  EXPECT_THAT(message(writer.finish()), HasSubstr("\"a\" has not been written"));
  EXPECT_EQ(message(writer.write("a", Tensor::from({1.0f, 2.0f}, {2}).value())), "");
  EXPECT_EQ(message(writer.write("e", Tensor::zeros(DType::f32, {0}).value())), "");
  EXPECT_FALSE(fs::exists(path));
  EXPECT_EQ(message(writer.finish()), "");
  const auto file = SafetensorsFile::open(path).value();
  EXPECT_THAT(elements<float>(file.tensor("a").value()), ElementsAre(1, 2));
  EXPECT_THAT(elements<float>(file.tensor("b").value()), ElementsAre(3));
}

TEST_F(Safetensors, AFileThatWasNotFinishedLeavesTheOldOneAndNothingElse) {
  const fs::path path = directory_ / "out.safetensors";
  std::ofstream(path) << "old";
  {
    auto writer = SafetensorsWriter::create(path, {{"a", safetensors_dtype(DType::f32), {2}}}).value();
    EXPECT_EQ(files().size(), 2u);
  }
  EXPECT_EQ(read(path), "old");
  EXPECT_THAT(files(), ElementsAre("out.safetensors"));
}

TEST_F(Safetensors, WhatCannotBeWrittenIsRefused) {
  const SafetensorsDType* f32 = safetensors_dtype(DType::f32);
  const fs::path path = directory_ / "out.safetensors";
  EXPECT_THAT(message(SafetensorsWriter::create(path, {{"a", f32, {2}}, {"a", f32, {1}}})),
              HasSubstr("out.safetensors: \"a\" comes twice"));
  EXPECT_THAT(message(SafetensorsWriter::create(path, {{"a", nullptr, {2}}})), HasSubstr("\"a\" has a type that"));
  EXPECT_THAT(message(SafetensorsWriter::create(path, {{"__metadata__", f32, {2}}})), HasSubstr("no tensor can be"));
  EXPECT_THAT(message(SafetensorsWriter::create(path, {{"a", f32, {-2}}})), HasSubstr("negative"));
  EXPECT_THAT(message(SafetensorsWriter::create(path, {{"a", f32, {INT64_MAX / 2}}})), HasSubstr("cannot be stored"));
  EXPECT_THAT(message(SafetensorsWriter::create(path, {{"a", safetensors_dtype("F4"), {3}}})),
              HasSubstr("\"a\": shape [3] of F4 cannot be stored"));
  EXPECT_THAT(message(SafetensorsWriter::create(directory_ / "no" / "x", {})), HasSubstr("No such file or directory"));
  EXPECT_THAT(files(), IsEmpty());
}

TEST_F(Safetensors, AFullDiskIsAnErrorThatLeavesNothing) {
  // A limit on the size of files fails as a full disk does, later only in the text.
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{4096, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const NamedTensor large[] = {{"a", Tensor::zeros(DType::u8, {10'000}).value()}};
  const auto result = write_safetensors(directory_ / "out.safetensors", large);
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, handler);
  EXPECT_EQ(message(result), (directory_ / "out.safetensors").string() + ": cannot be written: File too large");
  EXPECT_THAT(files(), IsEmpty());
}

TEST_F(Safetensors, WhatIsNoFileIsRefusedByName) {
  EXPECT_EQ(message(SafetensorsFile::open("/nowhere/x.safetensors")), "/nowhere/x.safetensors: there is no such file");
  EXPECT_EQ(message(SafetensorsFile::open(directory_)), directory_.string() + ": this is no regular file");
  const fs::path empty = write("");
  EXPECT_EQ(message(SafetensorsFile::open(empty)),
            empty.string() + ": the file has 0 bytes, too few for a safetensors header");
}

TEST_F(Safetensors, ForgottenPagesAreReadAgain) {
  std::string text = "x F32 [65536]";
  for (int i = 0; i < 64; ++i) text += " 1024*" + std::to_string(i);
  const auto file = SafetensorsFile::open(write(CheckpointText::file_of(text + "\n"))).value();
  const auto x = file.tensor("x").value();
  const auto before = elements<float>(x);
  file.forget(*file.find("x"));
  EXPECT_THAT(elements<float>(x), ElementsAreArray(before));
}

RC_GTEST_FIXTURE_PROP(Safetensors, AnySetOfTensorsComesBack, ()) {
  const auto shapes = *rc::gen::container<std::map<std::string, std::vector<std::int64_t>>>(
      rc::gen::nonEmpty<std::string>(),
      rc::gen::resize(3, rc::gen::container<std::vector<std::int64_t>>(rc::gen::inRange<std::int64_t>(0, 5))));
  std::vector<NamedTensor> tensors;
  std::size_t i = 0;
  for (const auto& [name, shape] : shapes) {
    // Names are UTF-8: bytes from 0x80 on would not be.
    std::string ascii;
    for (const char c : name) ascii += static_cast<char>(c & 0x7f);
    ascii += std::to_string(i);
    Tensor tensor = Tensor::zeros(memory::kDTypes[i++ % 14].dtype, shape).value();
    for (std::size_t b = 0; b < tensor.bytes(); ++b) tensor.data()[b] = static_cast<std::byte>((b + i) % 2);
    tensors.push_back({ascii, tensor});
  }
  const fs::path path = directory_ / "any";
  RC_ASSERT(message(write_safetensors(path, tensors)) == "");
  const auto file = SafetensorsFile::open(path).value();
  RC_ASSERT(file.entries().size() == tensors.size());
  for (const NamedTensor& tensor : tensors) {
    const ConstTensor back = file.tensor(tensor.name).value();
    RC_ASSERT(back.shape() == tensor.tensor.shape());
    const auto bytes = std::span(back.data(), back.bytes());
    RC_ASSERT(std::equal(bytes.begin(), bytes.end(), tensor.tensor.data()));
  }
}

}  // namespace
}  // namespace neuract::q4
