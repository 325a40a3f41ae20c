#include "neuract/memory/tensor.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <type_traits>
#include <vector>

namespace neuract::memory {
namespace {

/// f32 0, 1, 2, … in row-major order.
Tensor counting(Dims shape) {
  Tensor tensor = Tensor::zeros(DType::f32, std::move(shape)).value();
  const auto elements = tensor.span<float>().value();
  std::iota(elements.begin(), elements.end(), 0.0F);
  return tensor;
}

TEST(Tensor, OfAnyTypeStartsAsAlignedZeros) {
  for (const DTypeTraits& row : kDTypes) {
    for (const std::int64_t n : {0, 1, 3, 63, 64, 65}) {
      const Tensor tensor = Tensor::zeros(row.dtype, {n, 3}).value();
      EXPECT_EQ(tensor.size(), n * 3);
      EXPECT_EQ(tensor.bytes(), *packed_bytes(row.dtype, static_cast<std::uint64_t>(n * 3)));
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.data()) % kAlignment, 0U);
      EXPECT_EQ(tensor.data() == nullptr, n == 0);
      for (std::size_t i = 0; i < tensor.bytes(); ++i) ASSERT_EQ(tensor.data()[i], std::byte{0});
    }
  }
}

TEST(Tensor, ReadsBackWhatWasWritten) {
  const Tensor tensor = counting({2, 3});
  EXPECT_EQ((tensor.at<float>({1, 2}).value()), 5.0F);
  EXPECT_EQ(tensor.span<float>().value()[5], 5.0F);
  const Tensor made = Tensor::from<std::int32_t>({1, 2, 3, 4}, {2, 2}).value();
  EXPECT_EQ((made.at<std::int32_t>({1, 0}).value()), 3);
  EXPECT_EQ(Tensor::from<std::int32_t>({1, 2, 3}, {2, 2}).error().code, ErrorCode::invalid_argument);
}

TEST(Tensor, DoesNotShowItsElementsAsAnotherType) {
  const Tensor tensor = counting({4});
  const auto wrong = tensor.span<std::int32_t>();
  EXPECT_EQ(wrong.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(wrong.error().message, "elements of type i32 were asked for, but the tensor holds f32");
  EXPECT_FALSE(tensor.at<double>({0}));
}

TEST(Tensor, ViewsShareElementsAndKeepThemAlive) {
  Tensor row;
  {
    const Tensor tensor = counting({3, 4});
    row = tensor.select(0, 1).value();
  }
  EXPECT_EQ(row.shape(), Dims{4});
  EXPECT_EQ(row.span<float>().value()[0], 4.0F);
  row.slice(0, 1, 3).value().span<float>().value()[0] = 99.0F;
  EXPECT_EQ(row.at<float>({1}).value(), 99.0F);
}

TEST(Tensor, StridedViewHasElementsButNoSpan) {
  const Tensor column = counting({3, 4}).select(1, 2).value();
  EXPECT_FALSE(column.is_contiguous());
  EXPECT_EQ(column.at<float>({2}).value(), 10.0F);
  EXPECT_NE(column.span<float>().error().message.find("not contiguous"), std::string::npos);
  const Tensor every_second = counting({7}).slice(0, 1, 7, 2).value();
  EXPECT_EQ(every_second.shape(), Dims{3});
  EXPECT_EQ(every_second.at<float>({2}).value(), 5.0F);
  EXPECT_FALSE(every_second.at<float>({3}));
}

TEST(Tensor, TransposesAndReshapesWithoutMovingElements) {
  const Tensor tensor = counting({2, 3});
  const Tensor turned = tensor.transpose(0, 1).value();
  EXPECT_EQ(turned.shape(), (Dims{3, 2}));
  EXPECT_EQ((turned.at<float>({2, 1}).value()), 5.0F);
  EXPECT_EQ(turned.data(), tensor.data());
  EXPECT_FALSE(turned.reshape({6}));
  EXPECT_EQ(tensor.reshape({3, 2}).value().data(), tensor.data());
}

TEST(Tensor, EmptyViewsAreFine) {
  const Tensor none = counting({3, 4}).slice(0, 3, 3).value();
  EXPECT_EQ(none.size(), 0);
  EXPECT_EQ(none.data(), nullptr);
  EXPECT_TRUE(none.span<float>().value().empty());
  EXPECT_EQ(Tensor().size(), 0);
  EXPECT_TRUE(Tensor().span<float>().value().empty());
}

TEST(Tensor, ScalarHasOneElement) {
  const Tensor scalar = Tensor::zeros(DType::f64, {}).value();
  EXPECT_EQ(scalar.size(), 1);
  EXPECT_EQ(scalar.at<double>({}).value(), 0.0);
}

TEST(Tensor, OfFourBitsCanOnlyBeViewedFromWholeBytes) {
  const Tensor packed = Tensor::zeros(DType::u4, {3, 6}).value();
  EXPECT_EQ(packed.bytes(), 9U);
  EXPECT_EQ(packed.select(0, 1).value().data(), packed.data() + 3);
  EXPECT_EQ(packed.select(0, 1).value().slice(0, 1, 3).error().code, ErrorCode::unsupported);
}

TEST(Tensor, ReadersCannotGetWriteAccess) {
  static_assert(std::is_convertible_v<Tensor, ConstTensor>);
  static_assert(!std::is_convertible_v<ConstTensor, Tensor> && !std::is_constructible_v<Tensor, ConstTensor>);
  const ConstTensor view = counting({2});
  static_assert(std::is_same_v<decltype(view.span<float>().value()), const std::span<const float>&> ||
                std::is_same_v<decltype(view.span<float>().value()), std::span<const float>&&>);
  EXPECT_EQ(view.span<float>().value()[1], 1.0F);
}

TEST(Tensor, WrapsForeignMemoryAndLetsGoOfItOnce) {
  std::vector<float> memory(12, 1.0F);
  int released = 0;
  {
    std::shared_ptr<void> owner(memory.data(), [&released](void*) { ++released; });
    const Tensor tensor = Tensor::wrap(memory.data(), DType::f32, {2, 3}, {6, 2}, std::move(owner)).value();
    memory[6 + 4] = 7.0F;
    EXPECT_EQ((tensor.at<float>({1, 2}).value()), 7.0F);
    const ConstTensor copy = tensor.select(0, 1).value();
    EXPECT_EQ(released, 0);
  }
  EXPECT_EQ(released, 1);
}

TEST(Tensor, RefusesForeignMemoryThatCannotBeRight) {
  float memory[4] = {};
  const auto refused = [&](void* data, DType dtype, Dims shape, Dims strides) {
    return Tensor::wrap(data, dtype, std::move(shape), std::move(strides), nullptr).error().code;
  };
  EXPECT_EQ(refused(nullptr, DType::f32, {2}, {}), ErrorCode::invalid_argument);
  EXPECT_EQ(refused(memory, DType::f32, {2}, {1, 1}), ErrorCode::invalid_argument);
  EXPECT_EQ(refused(memory, DType::f32, {-2}, {}), ErrorCode::invalid_argument);
  EXPECT_EQ(refused(reinterpret_cast<char*>(memory) + 1, DType::f32, {2}, {}), ErrorCode::invalid_argument);
  EXPECT_EQ(refused(memory, DType::f32, {4}, {std::int64_t{1} << 60}), ErrorCode::invalid_argument);
  EXPECT_EQ(refused(memory, DType::f64, {std::int64_t{1} << 58}, {}), ErrorCode::invalid_argument);
  EXPECT_EQ(refused(memory, DType::u4, {2, 2}, {4, 1}), ErrorCode::unsupported);
}

TEST(Tensor, InDeviceMemoryIsOutOfTheCpusReach) {
  float memory[4] = {};
  const Tensor tensor =
      Tensor::wrap(memory, DType::f32, {4}, {}, nullptr, {MemoryKind::device, {DeviceKind::cuda, 0}}).value();
  EXPECT_NE(tensor.span<float>().error().message.find("device memory of cuda:0"), std::string::npos);
  EXPECT_FALSE(tensor.at<float>({0}));
}

TEST(Tensor, TooLargeForTheMachineSaysWhatWasAskedFor) {
  const auto result = Tensor::zeros(DType::f32, {std::int64_t{1} << 48});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::out_of_memory);
  EXPECT_NE(result.error().to_string().find("f32 tensor of shape [281474976710656]: a block of 1.1 PB"),
            std::string::npos)
      << result.error();
}

}  // namespace
}  // namespace neuract::memory
