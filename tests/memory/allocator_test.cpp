#include "neuract/memory/allocator.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <thread>
#include <vector>

#include "neuract/memory/host_array.hpp"

namespace neuract::memory {
namespace {

constexpr std::size_t kLarge = HostAllocator::kLargeBlock;

class HostAllocatorSizes : public testing::TestWithParam<std::size_t> {};

TEST_P(HostAllocatorSizes, BlocksAreAlignedZeroAndWritableToTheLastByte) {
  HostAllocator allocator;
  const std::size_t bytes = GetParam();
  for (int round = 0; round < 2; ++round) {  // the second time the memory may be a recycled one
    Block block = allocator.allocate(bytes).value();
    ASSERT_EQ(block.bytes(), bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block.data()) % (bytes >= kLarge ? kLarge : kAlignment), 0U);
    EXPECT_TRUE(std::all_of(block.data(), block.data() + bytes, [](std::byte b) { return b == std::byte{0}; }));
    std::memset(block.data(), 0xff, bytes);
  }
}

INSTANTIATE_TEST_SUITE_P(Awkward, HostAllocatorSizes,
                         testing::Values(1, 63, 64, 65, 4095, 4096, 4097, kLarge - 1, kLarge, kLarge + 1,
                                         2 * kLarge - 4096, 3 * kLarge + 4097));

TEST(HostAllocator, NoBytesNeedNoMemory) {
  HostAllocator allocator;
  const Block block = allocator.allocate(0).value();
  EXPECT_EQ(block.data(), nullptr);
  EXPECT_EQ(allocator.usage().live_blocks, 0U);
}

TEST(HostAllocator, CountsWhatIsHeldAndTheMostThatEverWas) {
  HostAllocator allocator;
  {
    const Block a = allocator.allocate(100).value();
    Block b = allocator.allocate(kLarge).value();
    EXPECT_EQ(allocator.usage().live_bytes, 100 + kLarge);
    EXPECT_EQ(allocator.usage().live_blocks, 2U);
    b = Block();
    EXPECT_EQ(allocator.usage().live_bytes, 100U);
  }
  EXPECT_EQ(allocator.usage().live_bytes, 0U);
  EXPECT_EQ(allocator.usage().live_blocks, 0U);
  EXPECT_EQ(allocator.usage().peak_bytes, 100 + kLarge);
}

TEST(HostAllocator, MovedBlockIsGivenBackOnce) {
  HostAllocator allocator;
  Block a = allocator.allocate(10).value();
  Block b = std::move(a);
  Block& self = b;
  b = std::move(self);
  EXPECT_NE(b.data(), nullptr);
  b = allocator.allocate(20).value();
  EXPECT_EQ(allocator.usage().live_bytes, 20U);
}

TEST(HostAllocator, MemoryThatTheMachineDoesNotHaveIsRefusedWithSizes) {
  HostAllocator allocator;
  const auto result = allocator.allocate(std::size_t{1} << 50);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::out_of_memory);
  EXPECT_NE(result.error().message.find("a block of 1.1 PB"), std::string::npos) << result.error();
  EXPECT_NE(result.error().message.find("are available"), std::string::npos) << result.error();
  EXPECT_EQ(allocator.usage().live_bytes, 0U);
}

TEST(HostAllocator, SizesThatOverflowAreRefused) {
  HostAllocator allocator;
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  EXPECT_EQ(allocator.allocate(most).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(allocator.allocate(most / 2, 4).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(allocator.allocate(most, 0).value().bytes(), 0U);
}

TEST(HostAllocator, ServesManyThreadsAtOnce) {
  HostAllocator allocator;
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t)
    threads.emplace_back([&allocator, t] {
      for (std::size_t i = 0; i < 200; ++i) {
        const Block block = allocator.allocate(1 + 7 * t + i).value();
        block.data()[0] = std::byte{1};
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(allocator.usage().live_bytes, 0U);
  EXPECT_GE(allocator.usage().peak_bytes, 200U);
}

TEST(HostArray, StartsAsZerosAndKeepsWhatIsWritten) {
  HostArray<std::uint16_t> array = HostArray<std::uint16_t>::zeros(1001).value();
  EXPECT_EQ(array.size(), 1001U);
  EXPECT_EQ(array.bytes(), 2002U);
  EXPECT_EQ(std::count(array.begin(), array.end(), 0), 1001);
  array[1000] = 7;
  const HostArray<std::uint16_t> moved = std::move(array);
  EXPECT_EQ(moved[1000], 7);
  EXPECT_EQ(moved.span().back(), 7);
  EXPECT_TRUE(array.empty());  // NOLINT(bugprone-use-after-move): a moved-from array is empty
}

TEST(HostArray, RefusesMoreElementsThanAnAddressSpaceHolds) {
  EXPECT_EQ(HostArray<double>::zeros(std::numeric_limits<std::size_t>::max() / 4).error().code,
            ErrorCode::invalid_argument);
  EXPECT_TRUE(HostArray<double>::zeros(0).value().empty());
}

}  // namespace
}  // namespace neuract::memory
