#include "neuract/memory/device.hpp"

#include <gtest/gtest.h>

#include "fake_device.hpp"

namespace neuract::memory {
namespace {

TEST(DeviceManager, AlwaysKnowsTheCpu) {
  const DeviceManager devices;
  const auto all = devices.devices();
  ASSERT_EQ(all.size(), 1U);
  const DeviceInfo& cpu = all.front();
  EXPECT_EQ(cpu.id, DeviceId{});
  EXPECT_EQ(to_string(cpu.id), "cpu:0");
  EXPECT_FALSE(cpu.name.empty());
  EXPECT_GE(cpu.cores, 1U);
  EXPECT_GT(cpu.total_bytes, 0U);
  EXPECT_LE(cpu.available_bytes, cpu.total_bytes);
  EXPECT_FALSE(cpu.isa.empty());
  EXPECT_GE(cpu.page_bytes, 4096U);
}

TEST(DeviceManager, GivesHostMemoryWithoutAnyDevice) {
  DeviceManager devices;
  EXPECT_EQ(devices.allocator(MemoryKind::host).value(), &host_allocator());
  EXPECT_EQ(devices.allocator(MemoryKind::host, DeviceId{}).value(), &host_allocator());
}

TEST(DeviceManager, SaysThatOtherMemoryNeedsADevice) {
  DeviceManager devices;
  for (const MemoryKind kind : {MemoryKind::pinned, MemoryKind::device, MemoryKind::managed}) {
    const auto any = devices.allocator(kind);
    EXPECT_EQ(any.error().code, ErrorCode::unsupported);
    EXPECT_NE(any.error().message.find(std::string(name_of(kind)) + " memory needs a device"), std::string::npos)
        << any.error();
    EXPECT_EQ(devices.allocator(kind, DeviceId{}).error().code, ErrorCode::unsupported);
    EXPECT_EQ(devices.allocator(kind, DeviceId{DeviceKind::cuda, 0}).error().code, ErrorCode::not_found);
  }
}

TEST(DeviceManager, TakesInADeviceAndItsMemory) {
  DeviceManager devices;
  FakeDevice fake;
  const DeviceId id = devices.add(fake.backend()).value();
  EXPECT_EQ(to_string(id), "cuda:0");
  EXPECT_EQ(devices.devices().size(), 2U);
  EXPECT_EQ(devices.describe(id).value().name, "fake");

  Allocator* allocator = devices.allocator(MemoryKind::device).value();
  EXPECT_EQ(allocator->placement(), (Placement{MemoryKind::device, id}));
  {
    const Block block = allocator->allocate(100).value();
    EXPECT_EQ(fake.live_bytes, 100U);
    EXPECT_EQ(allocator->usage().live_bytes, 100U);
  }
  EXPECT_EQ(fake.live_bytes, 0U);
  EXPECT_EQ(devices.allocator(MemoryKind::pinned).value()->placement().kind, MemoryKind::pinned);
  EXPECT_EQ(devices.allocator(MemoryKind::managed, id).value()->placement().kind, MemoryKind::managed);
}

TEST(DeviceManager, HandsOnTheErrorOfADevice) {
  DeviceManager devices;
  FakeDevice fake;
  fake.capacity = 50;
  ASSERT_TRUE(devices.add(fake.backend()));
  Allocator* allocator = devices.allocator(MemoryKind::device).value();
  EXPECT_EQ(allocator->allocate(51).error().code, ErrorCode::out_of_memory);
  EXPECT_EQ(allocator->usage().live_bytes, 0U);
}

TEST(DeviceManager, RefusesASecondDeviceOfTheSameIdAndIncompleteOnes) {
  DeviceManager devices;
  FakeDevice fake;
  ASSERT_TRUE(devices.add(fake.backend()));
  EXPECT_EQ(devices.add(fake.backend()).error().code, ErrorCode::already_exists);
  DeviceBackend incomplete = fake.backend();
  incomplete.copy = nullptr;
  EXPECT_EQ(devices.add(incomplete).error().code, ErrorCode::invalid_argument);
  fake.info.id = DeviceId{};
  EXPECT_EQ(devices.add(fake.backend()).error().code, ErrorCode::already_exists) << "the CPU is there already";
}

TEST(DeviceManager, AsksForTheCapabilityOnceAndAgainForANewDevice) {
  DeviceManager devices;
  EXPECT_EQ(devices.unified_capability(), UnifiedCapability{});
  FakeDevice fake;
  fake.info.unified.managed = true;
  ASSERT_TRUE(devices.add(fake.backend()));
  const int asked = fake.descriptions;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(devices.unified_capability().managed);
  EXPECT_TRUE(devices.unified_capability().has_device);
  EXPECT_EQ(fake.descriptions, asked + 1);
}

}  // namespace
}  // namespace neuract::memory
