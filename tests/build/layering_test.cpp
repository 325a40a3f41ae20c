#include "layering.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace neuract::layering {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A source tree in a scratch folder, for planting faults.
class Tree : public ::testing::Test {
 protected:
  Tree() : root_(fs::path(::testing::TempDir()) / ::testing::UnitTest::GetInstance()->current_test_info()->name()) {
    fs::remove_all(root_);
  }
  ~Tree() override { fs::remove_all(root_); }

  void write(const std::string& name, const std::string& text) {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name) << text;
  }

  fs::path root_;
};

TEST(ThisTree, IncludesOnlyPointDown) { EXPECT_THAT(include_faults(NEURACT_SOURCE_DIR), IsEmpty()); }

TEST(ThisTree, BuildsEverySource) { EXPECT_THAT(unlisted_sources(NEURACT_SOURCE_DIR), IsEmpty()); }

TEST(ThisTree, InstallsWhatItsPublicHeadersInclude) {
  std::ifstream list(NEURACT_PUBLIC_HEADERS);
  const std::vector<std::string> headers(std::istream_iterator<std::string>(list), {});
  ASSERT_FALSE(headers.empty());
  EXPECT_THAT(missing_headers(NEURACT_SOURCE_DIR, headers), IsEmpty());
}

TEST_F(Tree, AnIncludeOfAHigherLayerIsFoundWithFileAndLine) {
  write("snn/plan.hpp", "#pragma once\n\n  #  include \"neuract/actors/system.hpp\"\n");
  EXPECT_THAT(include_faults(root_),
              ElementsAre(AllOf(HasSubstr("snn/plan.hpp:3: "), HasSubstr("snn/ lies below actors/"))));
}

TEST_F(Tree, IncludesOfLowerLayersAndOfTheOwnFolderAreFine) {
  write("memory/tensor.hpp", "#include <vector>\n#include \"neuract/memory/error.hpp\"\n");
  write("config/run.cpp", "#include \"neuract/memory/error.hpp\"\n#include \"neuract/actors/network.hpp\"\n");
  write("tests/config/run_test.cpp", "#include \"neuract/config/run.hpp\"\n");
  write("examples/embed.cpp", "#include \"neuract/actors/network.hpp\"\n");
  EXPECT_THAT(include_faults(root_), IsEmpty());
}

TEST_F(Tree, OnlyOneHeaderIncludesCaf) {
  write("actors/caf.hpp", "#include <caf/all.hpp>\n");
  write("actors/supervisor.cpp", "#include \"neuract/actors/caf.hpp\"\n#include \"caf/all.hpp\"\n");
  write("config/main.cpp", "#include \"neuract/actors/caf.hpp\"\n");
  EXPECT_THAT(include_faults(root_),
              ElementsAre(HasSubstr("actors/supervisor.cpp:2: "), HasSubstr("config/main.cpp:1: ")));
}

TEST_F(Tree, CudaStaysInItsFolder) {
  write("kernels/cuda/mm.cu", "#include <cuda_runtime.h>\n");
  write("kernels/loader.cpp", "#include <cublasLt.h>\n");
  EXPECT_THAT(include_faults(root_), ElementsAre(HasSubstr("kernels/loader.cpp:1: ")));
}

TEST_F(Tree, RelativeIncludesDoNotHideTheirFolder) {
  write("actors/system.hpp", "");
  write("snn/plan.cpp", "#include \"../actors/system.hpp\"\n");
  write("tests/snn/helper.hpp", "");
  write("tests/snn/plan_test.cpp", "#include \"helper.hpp\"\n");
  EXPECT_THAT(include_faults(root_), ElementsAre(HasSubstr("snn/plan.cpp:1: ")));
}

TEST_F(Tree, TestsAndUnknownFoldersAreNotIncluded) {
  write("config/run.cpp", "#include \"neuract/tests/helper.hpp\"\n#include \"neuract/colour/red.hpp\"\n");
  EXPECT_THAT(include_faults(root_), ElementsAre(HasSubstr("no library folder"), HasSubstr("no library folder")));
}

TEST_F(Tree, ASourceThatNoListNamesIsFound) {
  write("memory/CMakeLists.txt", "neuract_library(memory SOURCES aa.cpp\n  detail/b.cpp HEADERS a.hpp)\n");
  write("memory/a.cpp", "");
  write("memory/aa.cpp", "");
  write("memory/a.hpp", "");
  write("memory/detail/b.cpp", "");
  EXPECT_THAT(unlisted_sources(root_), ElementsAre("memory/a.cpp is not named in memory/CMakeLists.txt"));
}

TEST_F(Tree, APublicHeaderThatNeedsAPrivateOneIsFound) {
  write("memory/a.hpp", "#include <vector>\n#include \"neuract/memory/b.hpp\"\n#include \"neuract/memory/c.hpp\"\n");
  write("memory/b.hpp", "");
  write("memory/c.hpp", "");
  EXPECT_THAT(missing_headers(root_, {"memory/a.hpp", "memory/b.hpp"}), ElementsAre(HasSubstr("memory/a.hpp:3: ")));
}

}  // namespace
}  // namespace neuract::layering
