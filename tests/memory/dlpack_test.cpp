#include "neuract/memory/dlpack.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>

namespace neuract::memory {
namespace {

static_assert(sizeof(DLTensor) == 48 && offsetof(DLTensor, byte_offset) == 40,
              "the standard's layout on 64-bit machines");
static_assert(sizeof(DLManagedTensor) == 64 && sizeof(DLManagedTensorVersioned) == 80 &&
              offsetof(DLManagedTensorVersioned, flags) == 24);

/// Six f32, lent by somebody who counts how often they come back.
struct Lender {
  std::array<float, 6> memory{0, 1, 2, 3, 4, 5};
  std::array<std::int64_t, 2> shape{2, 3};
  std::array<std::int64_t, 2> strides{3, 1};
  int returned = 0;
  DLManagedTensorVersioned versioned{};
  DLManagedTensor plain{};

  Lender() {
    const DLTensor description{memory.data(), {kDLCPU, 0}, 2, {kDLFloat, 32, 1}, shape.data(), strides.data(), 0};
    versioned = {{1, 0},
                 this,
                 [](DLManagedTensorVersioned* self) { ++static_cast<Lender*>(self->manager_ctx)->returned; },
                 0,
                 description};
    plain = {description, this, [](DLManagedTensor* self) { ++static_cast<Lender*>(self->manager_ctx)->returned; }};
  }
};

TEST(DLPack, ImportedTensorIsTheSameMemoryAndIsReturnedOnce) {
  Lender lender;
  {
    const Tensor tensor = import_dlpack(&lender.versioned).value();
    EXPECT_EQ(tensor.data(), reinterpret_cast<std::byte*>(lender.memory.data()));
    EXPECT_EQ(tensor.shape(), (Dims{2, 3}));
    EXPECT_EQ((tensor.at<float>({1, 1}).value()), 4.0F);
    const ConstTensor view = tensor.select(0, 1).value();
    EXPECT_EQ(lender.returned, 0);
  }
  EXPECT_EQ(lender.returned, 1);
}

TEST(DLPack, UnversionedFormIsReturnedOnceToo) {
  Lender lender;
  lender.plain.dl_tensor.strides = nullptr;
  lender.plain.dl_tensor.byte_offset = 0;
  { EXPECT_EQ((import_dlpack(&lender.plain).value().at<float>({1, 2}).value()), 5.0F); }
  EXPECT_EQ(lender.returned, 1);
}

TEST(DLPack, ByteOffsetAndStridesAreHonoured) {
  Lender lender;
  lender.versioned.dl_tensor.byte_offset = sizeof(float);
  lender.shape = {2, 2};
  EXPECT_EQ((import_dlpack(&lender.versioned).value().at<float>({1, 1}).value()), 5.0F);
}

TEST(DLPack, NegativeStridesReadBackwards) {
  Lender lender;
  lender.versioned.dl_tensor.data = &lender.memory[5];
  lender.strides = {-3, -1};
  const Tensor tensor = import_dlpack(&lender.versioned).value();
  EXPECT_EQ((tensor.at<float>({0, 0}).value()), 5.0F);
  EXPECT_EQ((tensor.at<float>({1, 2}).value()), 0.0F);
}

TEST(DLPack, WhatIsRefusedStaysWithTheCaller) {
  const auto refused = [](auto&& change) {
    Lender lender;
    change(lender);
    const auto result = import_dlpack(&lender.versioned);
    EXPECT_EQ(lender.returned, 0);
    return result ? ErrorCode::internal : result.error().code;
  };
  EXPECT_EQ(refused([](Lender& l) { l.versioned.version.major = 2; }), ErrorCode::unsupported);
  EXPECT_EQ(refused([](Lender& l) { l.versioned.flags = DLPACK_FLAG_BITMASK_READ_ONLY; }), ErrorCode::unsupported);
  EXPECT_EQ(refused([](Lender& l) { l.versioned.dl_tensor.dtype = {kDLFloat, 32, 4}; }), ErrorCode::unsupported);
  EXPECT_EQ(refused([](Lender& l) { l.versioned.dl_tensor.dtype = {5, 64, 1}; }), ErrorCode::unsupported) << "complex";
  EXPECT_EQ(refused([](Lender& l) { l.versioned.dl_tensor.device.device_type = static_cast<DLDeviceType>(7); }),
            ErrorCode::unsupported);
  EXPECT_EQ(refused([](Lender& l) { l.versioned.dl_tensor.ndim = -1; }), ErrorCode::invalid_argument);
  EXPECT_EQ(refused([](Lender& l) { l.versioned.dl_tensor.shape = nullptr; }), ErrorCode::invalid_argument);
  EXPECT_EQ(refused([](Lender& l) { l.shape[0] = -2; }), ErrorCode::invalid_argument);
  EXPECT_EQ(refused([](Lender& l) { l.versioned.dl_tensor.data = nullptr; }), ErrorCode::invalid_argument);
  EXPECT_EQ(refused([](Lender& l) { l.versioned.dl_tensor.byte_offset = 1; }), ErrorCode::invalid_argument)
      << "misaligned";
  EXPECT_EQ(refused([](Lender& l) {
              l.versioned.dl_tensor.dtype = {kDLUInt, 4, 1};
              l.versioned.flags = DLPACK_FLAG_BITMASK_IS_SUBBYTE_TYPE_PADDED;
            }),
            ErrorCode::unsupported);
  EXPECT_EQ(import_dlpack(static_cast<DLManagedTensor*>(nullptr)).error().code, ErrorCode::invalid_argument);
}

TEST(DLPack, ReadOnlyTensorCanBeImportedForReading) {
  Lender lender;
  lender.versioned.flags = DLPACK_FLAG_BITMASK_READ_ONLY;
  { EXPECT_EQ((import_const_dlpack(&lender.versioned).value().at<float>({0, 1}).value()), 1.0F); }
  EXPECT_EQ(lender.returned, 1);
}

TEST(DLPack, LenderWithoutADeleterIsFine) {
  Lender lender;
  lender.versioned.deleter = nullptr;
  EXPECT_TRUE(import_dlpack(&lender.versioned));
}

TEST(DLPack, ExportedTensorLivesUntilItsDeleterIsCalled) {
  std::weak_ptr<void> alive;
  DLManagedTensorVersioned* lent = nullptr;
  {
    const Tensor tensor = Tensor::from<float>({0, 1, 2, 3, 4, 5}, {2, 3}).value();
    alive = tensor.owner();
    lent = export_dlpack(tensor.transpose(0, 1).value());
  }
  EXPECT_FALSE(alive.expired());
  EXPECT_EQ(lent->version.major, 1U);
  EXPECT_EQ(lent->flags, 0U);
  EXPECT_EQ(lent->dl_tensor.ndim, 2);
  EXPECT_EQ(lent->dl_tensor.shape[0], 3);
  EXPECT_EQ(lent->dl_tensor.strides[0], 1);
  EXPECT_EQ(lent->dl_tensor.strides[1], 3);
  lent->deleter(lent);
  EXPECT_TRUE(alive.expired());
}

TEST(DLPack, EveryElementTypeSurvivesTheRoundTrip) {
  for (const DTypeTraits& row : kDTypes) {
    const Tensor tensor = Tensor::zeros(row.dtype, {3, 2}).value();
    const Tensor back = import_dlpack(export_dlpack(tensor)).value();
    EXPECT_EQ(back.dtype(), row.dtype);
    EXPECT_EQ(back.data(), tensor.data());
    EXPECT_EQ(import_dlpack(export_dlpack_unversioned(tensor)).value().dtype(), row.dtype);
  }
}

TEST(DLPack, RoundTripKeepsEmptyAndScalarTensors) {
  for (const Dims& shape : {Dims{}, Dims{0}, Dims{3, 0, 2}}) {
    const Tensor tensor = Tensor::zeros(DType::i16, shape).value();
    const Tensor back = import_dlpack(export_dlpack(tensor)).value();
    EXPECT_EQ(back.shape(), shape);
    EXPECT_EQ(back.data(), tensor.data());
  }
}

TEST(DLPack, ExportOfAReaderIsMarkedReadOnly) {
  DLManagedTensorVersioned* lent = export_dlpack(ConstTensor(Tensor::zeros(DType::f32, {2}).value()));
  EXPECT_EQ(lent->flags, DLPACK_FLAG_BITMASK_READ_ONLY);
  EXPECT_EQ(import_dlpack(lent).error().code, ErrorCode::unsupported);
  lent->deleter(lent);
}

TEST(DLPack, DeviceMemoryKeepsItsDevice) {
  float memory[2] = {};
  for (const MemoryKind kind : {MemoryKind::pinned, MemoryKind::device, MemoryKind::managed}) {
    const Placement placement{kind, {DeviceKind::cuda, kind == MemoryKind::device ? 3 : 0}};
    const Tensor tensor = Tensor::wrap(memory, DType::f32, {2}, {}, nullptr, placement).value();
    EXPECT_EQ(import_dlpack(export_dlpack(tensor)).value().placement(), placement);
  }
}

}  // namespace
}  // namespace neuract::memory
