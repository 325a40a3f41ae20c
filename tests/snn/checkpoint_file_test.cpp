#include "neuract/snn/checkpoint_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "temporary_folder.hpp"

namespace neuract::snn {
namespace {

using ::testing::HasSubstr;
using testing::TemporaryFolder;

std::vector<std::byte> bytes_of(const std::string& text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::vector<CheckpointSection> some_sections() {
  return {{{SectionKind::neurons, 1, 0, 64, 36}, bytes_of("last")},
          {{SectionKind::about}, bytes_of("first")},
          {{SectionKind::neurons, 1, 0, 0, 64}, bytes_of("in between")},
          {{SectionKind::events, 0}, {}}};
}

class CheckpointFiles : public ::testing::Test {
 protected:
  std::string contents() const {
    std::ifstream in(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }
  /// What is wrong with a file of these contents; empty when nothing is.
  static std::string complaint(const std::string& contents) {
    auto bytes = memory::HostArray<std::byte>::zeros(contents.size()).value();
    if (!contents.empty()) std::memcpy(bytes.data(), contents.data(), contents.size());
    const auto file = CheckpointFile::parse(std::move(bytes), "file");
    if (file) return "";
    EXPECT_EQ(file.error().code, ErrorCode::parse);
    return file.error().message;
  }

  const TemporaryFolder folder_;
  const std::filesystem::path path_ = folder_ / "x.checkpoint";
};

TEST_F(CheckpointFiles, GiveBackWhatWasPutInInTheOrderOfKeys) {
  write_checkpoint_file(path_, some_sections()).value();
  const CheckpointFile file = CheckpointFile::read(path_).value();
  ASSERT_EQ(file.sections().size(), 4u);
  std::vector<std::string> texts;
  for (const auto& section : file.sections())
    texts.emplace_back(reinterpret_cast<const char*>(section.bytes.data()), section.bytes.size());
  EXPECT_THAT(texts, ::testing::ElementsAre("first", "", "in between", "last"));
  EXPECT_EQ(file.sections()[2].key, (SectionKey{SectionKind::neurons, 1, 0, 0, 64}));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "x.checkpoint.partial"));
}

TEST_F(CheckpointFiles, AreTheSameBytesWhateverTheOrderOfSections) {
  write_checkpoint_file(path_, some_sections()).value();
  const std::string one = contents();
  auto sections = some_sections();
  std::reverse(sections.begin(), sections.end());
  write_checkpoint_file(path_, std::move(sections)).value();
  EXPECT_EQ(contents(), one);
}

TEST_F(CheckpointFiles, AreRefusedWithAnyByteChanged) {
  write_checkpoint_file(path_, some_sections()).value();
  const std::string good = contents();
  ASSERT_EQ(complaint(good), "");
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (const int flip : {0x01, 0x80, 0xFF}) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ flip);
      EXPECT_NE(complaint(bad), "") << "byte " << i << " of " << good.size() << ", flip " << flip;
    }
  }
}

TEST_F(CheckpointFiles, AreRefusedCutAnywhereOrWithMoreBehind) {
  write_checkpoint_file(path_, some_sections()).value();
  const std::string good = contents();
  for (std::size_t size = 0; size < good.size(); ++size) EXPECT_NE(complaint(good.substr(0, size)), "") << size;
  EXPECT_NE(complaint(good + '\0'), "");
}

TEST_F(CheckpointFiles, SayWhatIsWrong) {
  write_checkpoint_file(path_, some_sections()).value();
  const std::string good = contents();
  EXPECT_EQ(complaint("[simulation]\ndt = 0.1\n"), "file: is not a checkpoint of neuract");
  EXPECT_EQ(complaint(good.substr(0, 30)), "file: is truncated: it has 30 bytes, a checkpoint at least 40");
  EXPECT_EQ(complaint(good.substr(0, good.size() - 1)), "file: is truncated: it has " +
                                                            std::to_string(good.size() - 1) + " bytes, expected " +
                                                            std::to_string(good.size()));
  std::string bad = good;
  bad.back() = 'T';
  EXPECT_THAT(complaint(bad),
              HasSubstr("file: is damaged: section \"neurons 64 … 99 of population 1 in sample 0\" has the "
                        "checksum "));
  EXPECT_EQ(CheckpointFile::read(folder_ / "none").error().code, ErrorCode::not_found);
  EXPECT_EQ(CheckpointFile::read(folder_.path()).error().code, ErrorCode::io);
}

TEST_F(CheckpointFiles, OfANewerFormatAreRefusedByNumber) {
  write_checkpoint_file(path_, some_sections()).value();
  std::string newer = contents();
  const std::uint32_t format = kCheckpointFormat + 1;
  std::memcpy(newer.data() + 8, &format, sizeof format);
  auto bytes = memory::HostArray<std::byte>::zeros(newer.size()).value();
  std::memcpy(bytes.data(), newer.data(), newer.size());
  // A program of that format would have made the checksum right.
  const auto file = CheckpointFile::parse(std::move(bytes), "file", CheckpointFile::Checksums::ignored);
  EXPECT_EQ(file.error().message, "file: has format 2, which is newer than this program's, 1");
}

TEST_F(CheckpointFiles, ThatCannotBeWrittenLeaveTheOldOne) {
  write_checkpoint_file(path_, some_sections()).value();
  const std::string good = contents();
  struct rlimit before {};
  getrlimit(RLIMIT_FSIZE, &before);
  const struct rlimit small { 4096, before.rlim_max };
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  const auto written = write_checkpoint_file(path_, {{{SectionKind::about}, std::vector<std::byte>(10000)}});
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::io);
  EXPECT_THAT(written.error().message, HasSubstr("x.checkpoint.partial: cannot be written: File too large"));
  EXPECT_EQ(contents(), good);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "x.checkpoint.partial"));
  EXPECT_THAT(write_checkpoint_file(folder_ / "no" / "x", some_sections()).error().message,
              HasSubstr("cannot be created: No such file or directory"));
}

}  // namespace
}  // namespace neuract::snn
