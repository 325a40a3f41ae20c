#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

#include "checkpoint_text.hpp"
#include "neuract/q4/checkpoint/checkpoint.hpp"

/// Every tests/q4/bad/NN_name.txt describes a file that must be refused with exactly the text of NN_name.expected: the
/// error of opening it, or all faults of all its weights. A first line "#load fc1 2 64" loads that weight instead, with
/// the shape that the caller gives.
namespace neuract::q4 {
namespace {

namespace fs = std::filesystem;

struct BadFile {
  fs::path path;
};
// NOLINTNEXTLINE(readability-identifier-naming): GoogleTest calls it so
void PrintTo(const BadFile& file, std::ostream* out) { *out << file.path.filename().string(); }

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::vector<BadFile> bad_files() {
  std::vector<BadFile> files;
  for (const auto& entry : fs::directory_iterator(fs::path(NEURACT_SOURCE_DIR) / "tests/q4/bad")) {
    if (entry.path().extension() == ".txt") files.push_back({entry.path()});
  }
  std::sort(files.begin(), files.end(), [](const BadFile& a, const BadFile& b) { return a.path < b.path; });
  return files;
}

std::string report(const std::string& text, const std::string& name) {
  const auto file = open_text(text, name);
  if (!file) return file.error().to_string() + "\n";
  if (std::istringstream first(text.substr(0, text.find('\n'))); first.str().starts_with("#load ")) {
    std::string weight;
    first.ignore(6) >> weight;
    const memory::Dims shape{std::istream_iterator<std::int64_t>(first), {}};
    const auto loaded = load(*file, weight, shape);
    return loaded ? "" : loaded.error().to_string() + "\n";
  }
  std::string faults;
  for (const StoredWeight& weight : list_weights(*file)) {
    for (const Fault& fault : validate(*file, weight))
      faults += weight.name + " (" + std::string(name_of(weight.family)) + "): " + to_string(fault) + "\n";
    EXPECT_EQ(static_cast<bool>(load(*file, weight)), validate(*file, weight).empty());
  }
  return faults;
}

class BadCheckpoint : public testing::TestWithParam<BadFile> {};

TEST_P(BadCheckpoint, IsRefusedWithAllItsFaults) {
  const fs::path path = GetParam().path;
  const std::string found = report(read(path), path.filename().string());
  EXPECT_NE(found, "");
  EXPECT_EQ(found, read(fs::path(path).replace_extension(".expected")));
}

INSTANTIATE_TEST_SUITE_P(Corpus, BadCheckpoint, testing::ValuesIn(bad_files()), [](const auto& file) {
  std::string name = file.param.path.stem().string();
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  return name;
});

TEST(BadCheckpoints, AreManyEnough) { EXPECT_GE(bad_files().size(), 60u); }

}  // namespace
}  // namespace neuract::q4
