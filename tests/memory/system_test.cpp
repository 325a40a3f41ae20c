#include "neuract/memory/system.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "neuract/memory/host_array.hpp"

namespace neuract::memory {
namespace {

namespace fs = std::filesystem;

/// A machine with 8,000 kB of memory, 5,000 kB of it available, in a folder of its own.
class Machine : public testing::Test {
 protected:
  Machine()
      : root_(fs::path(testing::TempDir()) /
              ("machine_" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()))) {
    fs::remove_all(root_);
    file("proc/meminfo", "MemTotal:  8000 kB\nMemFree:  100 kB\nMemAvailable:  5000 kB\n");
  }
  ~Machine() override { fs::remove_all(root_); }

  void file(const fs::path& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }

  fs::path root_;
};

TEST_F(Machine, WithoutControlGroupsHasWhatTheKernelSays) {
  const SystemMemory memory = system_memory(root_);
  EXPECT_EQ(memory.total_bytes, 8000U * 1024);
  EXPECT_EQ(memory.available_bytes, 5000U * 1024);
  EXPECT_EQ(memory.limited_by, "machine");
}

TEST_F(Machine, UnlimitedGroupChangesNothing) {
  file("proc/self/cgroup", "0::/user\n");
  file("sys/fs/cgroup/user/memory.max", "max\n");
  file("sys/fs/cgroup/user/memory.current", "1000\n");
  EXPECT_EQ(system_memory(root_).available_bytes, 5000U * 1024);
}

TEST_F(Machine, Version2LimitCountsWhatTheGroupUsesWithoutItsFileCache) {
  file("proc/self/cgroup", "0::/user/job\n");
  file("sys/fs/cgroup/user/job/memory.max", "3000000\n");
  file("sys/fs/cgroup/user/job/memory.current", "1500000\n");
  file("sys/fs/cgroup/user/job/memory.stat", "anon 900000\ninactive_file 500000\n");
  const SystemMemory memory = system_memory(root_);
  EXPECT_EQ(memory.total_bytes, 3000000U);
  EXPECT_EQ(memory.available_bytes, 2000000U);
  EXPECT_NE(memory.limited_by.find("user/job/memory.max"), std::string::npos);
}

TEST_F(Machine, TheTightestParentDecides) {
  file("proc/self/cgroup", "0::/user/job\n");
  file("sys/fs/cgroup/user/job/memory.max", "4000000\n");
  file("sys/fs/cgroup/user/job/memory.current", "0\n");
  file("sys/fs/cgroup/user/memory.max", "2000000\n");
  file("sys/fs/cgroup/user/memory.current", "500000\n");
  const SystemMemory memory = system_memory(root_);
  EXPECT_EQ(memory.available_bytes, 1500000U);
  EXPECT_EQ(memory.total_bytes, 2000000U);
}

TEST_F(Machine, Version1LimitIsHonoured) {
  file("proc/self/cgroup", "5:cpu:/\n4:memory:/job\n0::/\n");
  file("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "2000000\n");
  file("sys/fs/cgroup/memory/job/memory.usage_in_bytes", "300000\n");
  file("sys/fs/cgroup/memory/job/memory.stat", "total_inactive_file 100000\n");
  file("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(system_memory(root_).available_bytes, 1800000U);
}

TEST_F(Machine, InsideAContainerTheMountItselfHoldsTheLimit) {
  file("proc/self/cgroup", "0::/docker/0123\n");
  file("sys/fs/cgroup/memory.max", "1000000\n");
  file("sys/fs/cgroup/memory.current", "250000\n");
  EXPECT_EQ(system_memory(root_).available_bytes, 750000U);
}

TEST_F(Machine, GroupOutsideTheNamespaceFallsBackToTheMount) {
  file("proc/self/cgroup", "0::/../../other\n");
  file("sys/fs/cgroup/memory.max", "1000000\n");
  file("sys/fs/cgroup/memory.current", "1250000\n");
  EXPECT_EQ(system_memory(root_).available_bytes, 0U) << "more used than allowed leaves nothing";
}

TEST(SystemMemory, OfThisMachineMakesSense) {
  const SystemMemory memory = system_memory();
  EXPECT_GT(memory.available_bytes, 0U);
  EXPECT_LE(memory.available_bytes, memory.total_bytes);
}

TEST(Rss, GrowsWithTheMemoryThatIsTouched) {
  constexpr std::size_t bytes = std::size_t{64} << 20;
  const std::uint64_t before = current_rss_bytes();
  HostArray<std::uint8_t> array = HostArray<std::uint8_t>::zeros(bytes).value();
  EXPECT_LT(current_rss_bytes(), before + bytes / 2) << "reserving is free";
  for (std::size_t i = 0; i < bytes; i += 4096) array[i] = 1;
  EXPECT_GE(current_rss_bytes(), before + bytes / 2);
  EXPECT_GE(peak_rss_bytes(), current_rss_bytes());
}

TEST(FormatBytes, UsesUnitsThatPeopleKnow) {
  EXPECT_EQ(format_bytes(0), "0 bytes");
  EXPECT_EQ(format_bytes(1), "1 byte");
  EXPECT_EQ(format_bytes(999), "999 bytes");
  EXPECT_EQ(format_bytes(1500), "1.5 kB");
  EXPECT_EQ(format_bytes(999'600), "1.0 MB");
  EXPECT_EQ(format_bytes(14'400'000'000), "14.4 GB");
  EXPECT_EQ(format_bytes(312'000'000), "312 MB");
  EXPECT_EQ(format_bytes(~std::uint64_t{0}), "18.4 EB");
}

}  // namespace
}  // namespace neuract::memory
