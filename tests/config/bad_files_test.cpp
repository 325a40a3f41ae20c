#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

#include "data_files.hpp"
#include "neuract/config/network_file.hpp"

/// Every tests/config/bad/NN_name.toml must be refused with exactly the text of NN_name.expected. Lines "#--set a.b=c"
/// at the beginning of a file are options. The weights and images that they name are made by the test.
namespace neuract::config {
namespace {

namespace fs = std::filesystem;

struct BadFile {
  fs::path path;
};
void PrintTo(const BadFile& file, std::ostream* out) { *out << file.path.filename().string(); }

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::vector<BadFile> bad_files() {
  std::vector<BadFile> files;
  for (const auto& entry : fs::directory_iterator(fs::path(NEURACT_SOURCE_DIR) / "tests/config/bad")) {
    if (entry.path().extension() == ".toml") files.push_back({entry.path()});
  }
  std::sort(files.begin(), files.end(), [](const BadFile& a, const BadFile& b) { return a.path < b.path; });
  return files;
}

std::vector<Override> options_in(const std::string& text) {
  std::vector<Override> options;
  std::istringstream lines(text);
  const std::string mark = "#--set ";
  for (std::string line; std::getline(lines, line) && line.rfind(mark, 0) == 0;)
    options.emplace_back(line.substr(mark.size()));
  return options;
}

class BadNetworkFile : public testing::TestWithParam<BadFile> {
 protected:
  /// Beside them are an empty file, a text and a directory.
  static void SetUpTestSuite() {
    data_ = std::make_unique<test::TemporaryDirectory>();
    test::write_weights(data_->path() / "w.safetensors");
    test::write_images(data_->path() / "images", data_->path() / "labels", 16);
    test::write_idx(data_->path() / "no-images", {0, 8, 8}, {});
    std::ofstream(data_->path() / "empty");
    std::ofstream(data_->path() / "text") << "These are weights, and images too.\n";
    std::ofstream(data_->path() / "edges.csv") << "source,target,weight\n0,0,1.5\n# the last\n99,99,-1\n";
    std::ofstream(data_->path() / "bad_points.csv") << "x,y\n0.0,1.0\n0.5\n";
    fs::create_directory(data_->path() / "directory");
    before_ = fs::current_path();
    fs::current_path(data_->path());
  }
  static void TearDownTestSuite() {
    fs::current_path(before_);
    data_.reset();
  }

 private:
  static inline std::unique_ptr<test::TemporaryDirectory> data_;
  static inline fs::path before_;
};

TEST_P(BadNetworkFile, IsRefusedWithAllItsFaults) {
  const fs::path path = GetParam().path;
  const std::string text = read(path);
  const ParsedNetwork parsed = parse_network(text, path.filename().string(), options_in(text));
  EXPECT_FALSE(parsed);
  EXPECT_EQ(parsed.report() + "\n", read(fs::path(path).replace_extension(".expected")));
}

INSTANTIATE_TEST_SUITE_P(Corpus, BadNetworkFile, testing::ValuesIn(bad_files()), [](const auto& file) {
  std::string name = file.param.path.stem().string();
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  return name;
});

TEST(BadNetworkFiles, AreManyEnough) { EXPECT_GE(bad_files().size(), 40U); }

TEST(Diagnostics, ComeInTheOrderOfTheFileOptionsLast) {
  const ParsedNetwork parsed =
      parse_network("[run]\nthreads = \"x\"\n[simulation]\ndt = -1\n[populations]\n", "net.toml", {"g=1"});
  ASSERT_EQ(parsed.diagnostics.size(), 4U);
  EXPECT_EQ(parsed.diagnostics[0].origin, (Origin{2, 11, -1}));
  EXPECT_EQ(parsed.diagnostics[1].origin, (Origin{4, 6, -1}));
  EXPECT_EQ(parsed.diagnostics[2].origin, (Origin{5, 1, -1}));
  EXPECT_EQ(parsed.diagnostics[3].origin, (Origin{0, 0, 0}));
}

TEST(LoadNetwork, TellsWhyAFileCannotBeRead) {
  EXPECT_EQ(load_network("/nowhere/net.toml").error().message, "/nowhere/net.toml: there is no such file");
  EXPECT_EQ(load_network("/tmp").error().message, "/tmp: this is a directory, expected a network file");
}

}  // namespace
}  // namespace neuract::config
