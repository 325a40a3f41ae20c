#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "data_files.hpp"

/// The `neuract` program: what it prints, what it returns, what it leaves on disk.
namespace neuract::config {

namespace fs = std::filesystem;

struct Outcome {
  int exit = -1;
  std::string out;
  std::string err;
};

inline std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

class Command : public testing::Test {
 protected:
  /// Runs `neuract arguments` in the test's directory.
  Outcome neuract(const std::string& arguments, const std::string& environment = "") {
    const fs::path out = directory_ / "stdout", err = directory_ / "stderr";
    const std::string line = "cd '" + directory_.string() + "' && " + environment + " '" NEURACT_COMMAND "' " +
                             arguments + " >'" + out.string() + "' 2>'" + err.string() + "' </dev/null";
    const int status = std::system(line.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read(out), read(err)};
  }

  void write(const std::string& name, const std::string& text) { std::ofstream(directory_ / name) << text; }

  test::TemporaryDirectory temporary_;
  const fs::path directory_ = temporary_.path();
};

}  // namespace neuract::config
