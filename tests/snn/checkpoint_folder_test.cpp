#include "neuract/snn/checkpoint_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "temporary_folder.hpp"

namespace neuract::snn {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

class CheckpointFolders : public ::testing::Test {
 protected:
  std::set<std::string> names() const {
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(folder_.path())) found.insert(entry.path().filename().string());
    return found;
  }
  static void touch(const fs::path& path) { std::ofstream(path) << "x"; }
  fs::path write(CheckpointFolder& folder, Step step) const {
    const fs::path path = folder.path(step);
    touch(path);
    folder.written(path);
    return path;
  }

  const TemporaryFolder folder_;
};

TEST_F(CheckpointFolders, KeepTheLastOnes) {
  CheckpointFolder folder(folder_.path(), "net", 2, "");
  for (const Step step : {500, 1000, 1500}) write(folder, step);
  EXPECT_THAT(names(), ElementsAre("net-000000001000.checkpoint", "net-000000001500.checkpoint"));
}

TEST_F(CheckpointFolders, LoseWhatAnEarlierRunHasLeftOnceThereIsSomethingNew) {
  for (const char* name : {"net-000000000500.checkpoint", "net-000000000900.checkpoint.partial", "net.toml",
                           "other-000000000500.checkpoint", "net-two-000000000500.checkpoint"})
    touch(folder_ / name);
  CheckpointFolder folder(folder_.path(), "net", 2, "");
  EXPECT_EQ(names().size(), 5u);
  write(folder, 100);
  EXPECT_THAT(names(), ElementsAre("net-000000000100.checkpoint", "net-two-000000000500.checkpoint", "net.toml",
                                   "other-000000000500.checkpoint"));
}

TEST_F(CheckpointFolders, KeepTheOneThatTheRunWentOnFrom) {
  const fs::path resumed = checkpoint_path(folder_.path(), "net", 500);
  touch(resumed);
  CheckpointFolder folder(folder_.path(), "net", 2, resumed);
  write(folder, 600);
  EXPECT_THAT(names(), ElementsAre("net-000000000500.checkpoint", "net-000000000600.checkpoint"));
  write(folder, 700);
  EXPECT_THAT(names(), ElementsAre("net-000000000600.checkpoint", "net-000000000700.checkpoint"));
}

TEST_F(CheckpointFolders, AreSearchedForTheLatestOfTheNetwork) {
  fs::create_directories(folder_ / "checkpoints");
  const fs::path inside = folder_ / "checkpoints";
  touch(inside / "net-000000000900.checkpoint");
  touch(inside / "net-1000000000000.checkpoint");
  touch(inside / "net-2000000000000.checkpoint.partial");
  touch(inside / "other-9000000000000.checkpoint");
  EXPECT_EQ(find_checkpoint(folder_.path(), "net").value(), inside / "net-1000000000000.checkpoint");
  EXPECT_EQ(find_checkpoint(inside, "net").value(), inside / "net-1000000000000.checkpoint");
  EXPECT_EQ(find_checkpoint(inside, "third").value(), inside / "other-9000000000000.checkpoint");
  EXPECT_EQ(find_checkpoint(inside / "net-000000000900.checkpoint", "third").value(),
            inside / "net-000000000900.checkpoint");
}

TEST_F(CheckpointFolders, SayWhereTheyHaveBeenSearched) {
  EXPECT_THAT(find_checkpoint(folder_.path(), "net").error().message,
              HasSubstr(folder_.path().string() + ": there is no checkpoint, neither here nor in checkpoints/"));
  EXPECT_THAT(find_checkpoint(folder_ / "none", "net").error().message, HasSubstr("no such file or directory"));
}

TEST_F(CheckpointFolders, TakeNetworksOfAnyName) {
  EXPECT_EQ(checkpoint_path("d", "a/b c", 7), "d/a_b_c-000000000007.checkpoint");
  EXPECT_EQ(checkpoint_path("d", "", 7), "d/network-000000000007.checkpoint");
}

}  // namespace
}  // namespace neuract::snn
