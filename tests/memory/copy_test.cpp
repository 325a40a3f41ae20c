#include "neuract/memory/copy.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <numeric>

#include "fake_device.hpp"

namespace neuract::memory {
namespace {

Tensor counting(Dims shape) {
  Tensor tensor = Tensor::zeros(DType::i32, std::move(shape)).value();
  const auto elements = tensor.span<std::int32_t>().value();
  std::iota(elements.begin(), elements.end(), 1);
  return tensor;
}

/// All elements in row-major order, one by one.
std::vector<std::int32_t> elements_of(const ConstTensor& tensor) {
  if (tensor.rank() == 0) return {tensor.at<std::int32_t>({}).value()};
  std::vector<std::int32_t> all;
  for (std::int64_t i = 0; i < tensor.shape()[0]; ++i) {
    const auto part = elements_of(tensor.select(0, i).value());
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

/// A view with strides into a larger tensor.
Tensor some_view(const Dims& shape) {
  Dims larger;
  for (const auto n : shape) larger.push_back(2 * n + 3);
  Tensor view = counting(larger);
  for (std::size_t d = 0; d < shape.size(); ++d) {
    const auto begin = *rc::gen::inRange<std::int64_t>(0, 3);
    const auto step = *rc::gen::inRange<std::int64_t>(1, 3);
    view = view.slice(d, begin, begin + std::max<std::int64_t>(0, (shape[d] - 1) * step + (shape[d] > 0 ? 1 : 0)), step)
               .value();
  }
  return view;
}

RC_GTEST_PROP(Copy, MovesEveryElementWhateverTheStrides, ()) {
  Dims shape(*rc::gen::inRange<std::size_t>(0, 4));
  for (auto& n : shape) n = *rc::gen::inRange<std::int64_t>(0, 5);
  Tensor from = some_view(shape), to = some_view(shape);
  if (!shape.empty()) {
    const auto a = *rc::gen::inRange<std::size_t>(0, shape.size());
    from = from.transpose(a, 0).value();
    to = to.transpose(a, 0).value();
  }
  RC_ASSERT(copy(from, to).has_value());
  RC_ASSERT(elements_of(to) == elements_of(from));
}

RC_GTEST_PROP(Copy, BetweenOverlappingViewsGoesAsThroughAThirdTensor, ()) {
  const Tensor tensor = counting({20});
  const auto view = [&] {
    const auto step = *rc::gen::inRange<std::int64_t>(1, 4);
    const auto begin = *rc::gen::inRange<std::int64_t>(0, 5);
    return tensor.slice(0, begin, begin + 4 * step + 1, step).value();
  };
  const Tensor from = view(), to = view();
  const std::vector<std::int32_t> before = elements_of(from);
  RC_ASSERT(copy(from, to).has_value());
  RC_ASSERT(elements_of(to) == before);
}

TEST(Copy, LeavesWhatLiesBetweenStridesAlone) {
  const Tensor to = counting({6});
  ASSERT_TRUE(copy(Tensor::zeros(DType::i32, {3}).value(), to.slice(0, 0, 6, 2).value()));
  EXPECT_EQ(elements_of(to), (std::vector<std::int32_t>{0, 2, 0, 4, 0, 6}));
}

TEST(Copy, OfEveryElementSizeWorksWithStrides) {
  for (const DTypeTraits& row : kDTypes) {
    if (is_packed(row.dtype)) continue;
    const Tensor from = Tensor::zeros(row.dtype, {3, 5}).value();
    for (std::size_t i = 0; i < from.bytes(); ++i) from.data()[i] = std::byte(i + 1);
    const Tensor turned = clone(from.transpose(0, 1).value()).value();
    const Tensor back = clone(turned.transpose(0, 1).value()).value();
    EXPECT_TRUE(turned.is_contiguous());
    EXPECT_EQ(std::memcmp(back.data(), from.data(), from.bytes()), 0) << row.name;
  }
}

TEST(Copy, OfAnOddNumberOfHalfBytesLeavesTheNeighbourAlone) {
  const Tensor from = Tensor::zeros(DType::u4, {3}).value();
  from.data()[0] = std::byte{0x21};
  from.data()[1] = std::byte{0x03};
  const Tensor to = Tensor::zeros(DType::u4, {6}).value();
  for (std::size_t i = 0; i < 3; ++i) to.data()[i] = std::byte{0xff};
  ASSERT_TRUE(copy(from, to.slice(0, 0, 3).value()));
  EXPECT_EQ(to.data()[0], std::byte{0x21});
  EXPECT_EQ(to.data()[1], std::byte{0xf3});
  EXPECT_EQ(to.data()[2], std::byte{0xff});
}

TEST(Copy, OfStridedHalfBytesIsRefused) {
  const Tensor packed = Tensor::zeros(DType::u4, {4, 4}).value();
  EXPECT_EQ(clone(packed.transpose(0, 1).value()).error().code, ErrorCode::unsupported);
}

TEST(Copy, RefusesOtherShapesAndTypes) {
  const Tensor a = counting({2, 3});
  EXPECT_EQ(copy(a, counting({3, 2})).error().message, "cannot copy a tensor of shape [2, 3] into one of shape [3, 2]");
  EXPECT_EQ(copy(a, Tensor::zeros(DType::f32, {2, 3}).value()).error().message,
            "cannot copy i32 elements into a tensor of f32");
}

TEST(Copy, OnAStreamHappensInItsTurnAndKeepsBothTensors) {
  Stream stream = Stream::create().value();
  const Tensor to = Tensor::zeros(DType::i32, {4}).value();
  ASSERT_TRUE(copy_async(counting({4}), to, stream));  // the source has no other owner
  ASSERT_TRUE(stream.synchronize());
  EXPECT_EQ(elements_of(to), (std::vector<std::int32_t>{1, 2, 3, 4}));
  EXPECT_FALSE(copy_async(counting({4}), counting({5}), stream)) << "checked at once";
}

class WithDevice : public testing::Test {
 protected:
  WithDevice() {
    EXPECT_TRUE(devices.add(fake.backend()));
    memory = devices.allocator(MemoryKind::device).value();
  }
  FakeDevice fake;
  DeviceManager devices;
  Allocator* memory = nullptr;
};

TEST_F(WithDevice, GoesThereWithinAndBack) {
  Stream stream = Stream::create().value();
  const Tensor from = counting({2, 3}), back = Tensor::zeros(DType::i32, {2, 3}).value();
  const Tensor there = Tensor::zeros(DType::i32, {2, 3}, *memory).value();
  const Tensor within = Tensor::zeros(DType::i32, {2, 3}, *memory).value();
  ASSERT_TRUE(copy(from, there, devices));
  ASSERT_TRUE(copy_async(there, within, stream, devices));
  ASSERT_TRUE(copy_async(within, back, stream, devices));
  ASSERT_TRUE(stream.synchronize());
  EXPECT_EQ(fake.copies, 3);
  EXPECT_EQ(elements_of(back), elements_of(from));
}

TEST_F(WithDevice, StridesInDeviceMemoryAreRefused) {
  const Tensor there = Tensor::zeros(DType::i32, {2, 3}, *memory).value();
  EXPECT_EQ(copy(counting({3, 2}), there.transpose(0, 1).value(), devices).error().code, ErrorCode::unsupported);
}

TEST_F(WithDevice, FailureOfTheDeviceReachesTheWaiter) {
  fake.copies_fail = true;
  Stream stream = Stream::create().value();
  const Tensor there = Tensor::zeros(DType::i32, {3}, *memory).value();
  EXPECT_EQ(copy(counting({3}), there, devices).error().code, ErrorCode::device);
  ASSERT_TRUE(copy_async(counting({3}), there, stream, devices));
  EXPECT_EQ(stream.record().wait().error().message, "the fake device is broken");
}

TEST_F(WithDevice, UnknownDeviceIsNamed) {
  float bytes[2] = {};
  const Tensor elsewhere =
      Tensor::wrap(bytes, DType::i32, {2}, {}, nullptr, {MemoryKind::device, {DeviceKind::cuda, 5}}).value();
  EXPECT_NE(copy(counting({2}), elsewhere, devices).error().message.find("cuda:5"), std::string::npos);
  EXPECT_EQ(copy(Tensor::zeros(DType::i32, {2}, *memory).value(), elsewhere, devices).error().code,
            ErrorCode::unsupported);
}

}  // namespace
}  // namespace neuract::memory
