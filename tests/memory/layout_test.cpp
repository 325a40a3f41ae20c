#include "neuract/memory/layout.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace neuract::memory {
namespace {

/// All offsets of a layout in row-major order, the slow and obvious way.
std::vector<std::int64_t> offsets(const Layout& layout) {
  std::vector<std::int64_t> all{layout.offset};
  for (std::size_t d = 0; d < layout.shape.size(); ++d) {
    std::vector<std::int64_t> next;
    for (const std::int64_t base : all)
      for (std::int64_t i = 0; i < layout.shape[d]; ++i) next.push_back(base + i * layout.strides[d]);
    all = std::move(next);
  }
  return all;
}

/// Up to four dimensions of up to four.
Dims some_shape(std::size_t smallest_rank = 0, std::int64_t smallest_dim = 0) {
  Dims shape(*rc::gen::inRange<std::size_t>(smallest_rank, 5));
  for (auto& n : shape) n = *rc::gen::inRange<std::int64_t>(smallest_dim, 5);
  return shape;
}

RC_GTEST_PROP(Layout, RowMajorNumbersTheElementsInOrder, ()) {
  const Layout layout = row_major(some_shape()).value();
  std::vector<std::int64_t> expected(static_cast<std::size_t>(element_count(layout.shape).value()));
  std::iota(expected.begin(), expected.end(), 0);
  RC_ASSERT(offsets(layout) == expected);
  RC_ASSERT(is_contiguous(layout));
}

/// A row-major array after a few random slices and transpositions.
Layout some_view() {
  Layout layout = row_major(some_shape()).value();
  for (int round = *rc::gen::inRange(0, 4); round > 0 && !layout.shape.empty(); --round) {
    const auto a = *rc::gen::inRange<std::size_t>(0, layout.shape.size());
    const auto b = *rc::gen::inRange<std::size_t>(0, layout.shape.size());
    const auto begin = *rc::gen::inRange<std::int64_t>(0, layout.shape[a] + 1);
    const auto end = *rc::gen::inRange<std::int64_t>(begin, layout.shape[a] + 1);
    layout = slice(layout, a, begin, end, *rc::gen::inRange<std::int64_t>(1, 4)).value();
    layout = transpose(layout, a, b).value();
  }
  return layout;
}

RC_GTEST_PROP(Layout, ViewsOfViewsStayInsideTheArray, ()) {
  const Layout view = some_view();
  const std::vector<std::int64_t> all = offsets(view);
  const Extent extent = extent_of(view);
  RC_ASSERT(element_count(view.shape).value() == static_cast<std::int64_t>(all.size()));
  if (all.empty()) {
    RC_ASSERT(extent.begin == extent.end);
  } else {
    RC_ASSERT(extent.begin == *std::min_element(all.begin(), all.end()));
    RC_ASSERT(extent.end == *std::max_element(all.begin(), all.end()) + 1);
  }
}

RC_GTEST_PROP(Layout, IsContiguousExactlyWhenElementsFollowEachOther, ()) {
  const Layout view = some_view();
  const std::vector<std::int64_t> all = offsets(view);
  bool consecutive = true;
  for (std::size_t i = 1; i < all.size(); ++i) consecutive = consecutive && all[i] == all[i - 1] + 1;
  RC_ASSERT(is_contiguous(view) == consecutive);
}

RC_GTEST_PROP(Layout, SliceTakesEveryStepthElement, ()) {
  const auto n = *rc::gen::inRange<std::int64_t>(0, 20);
  const auto begin = *rc::gen::inRange<std::int64_t>(0, n + 1);
  const auto end = *rc::gen::inRange<std::int64_t>(begin, n + 1);
  const auto step = *rc::gen::inRange<std::int64_t>(1, 25);
  std::vector<std::int64_t> expected;
  for (std::int64_t i = begin; i < end; i += step) expected.push_back(i);
  RC_ASSERT(offsets(slice(row_major({n}).value(), 0, begin, end, step).value()) == expected);
}

RC_GTEST_PROP(Layout, SelectIsASliceOfOneWithoutItsDimension, ()) {
  const Layout array = row_major(some_shape(1, 1)).value();
  const auto dim = *rc::gen::inRange<std::size_t>(0, array.shape.size());
  const Layout view = transpose(array, dim, 0).value();
  const auto index = *rc::gen::inRange<std::int64_t>(0, view.shape[dim]);
  const Layout selected = select(view, dim, index).value();
  RC_ASSERT(selected.shape.size() + 1 == view.shape.size());
  RC_ASSERT(offsets(selected) == offsets(slice(view, dim, index, index + 1).value()));
}

RC_GTEST_PROP(Layout, ReshapeKeepsTheOrderOfElements, ()) {
  const Layout before = row_major(some_shape()).value();
  const Layout after = reshape(before, {element_count(before.shape).value(), 1}).value();
  RC_ASSERT(offsets(before) == offsets(after));
}

TEST(Layout, ScalarHasOneElement) {
  const Layout scalar = row_major({}).value();
  EXPECT_EQ(element_count(scalar.shape).value(), 1);
  EXPECT_TRUE(is_contiguous(scalar));
  EXPECT_EQ(offset_of(scalar, {}).value(), 0);
}

TEST(Layout, WhatIsOutsideIsRefusedWithTheShape) {
  const Layout layout = row_major({3, 4}).value();
  const auto refused = [](const auto& result) {
    return !result && result.error().message.find("[3, 4]") != std::string::npos;
  };
  EXPECT_TRUE(refused(slice(layout, 2, 0, 1)));
  EXPECT_TRUE(refused(slice(layout, 1, 0, 5)));
  EXPECT_TRUE(refused(slice(layout, 1, -1, 2)));
  EXPECT_TRUE(refused(slice(layout, 1, 3, 2)));
  EXPECT_TRUE(refused(slice(layout, 1, 0, 2, 0)));
  EXPECT_TRUE(refused(select(layout, 0, 3)));
  EXPECT_TRUE(refused(select(layout, 0, -1)));
  EXPECT_TRUE(refused(transpose(layout, 0, 2)));
  EXPECT_TRUE(refused(reshape(layout, {11})));
  const std::int64_t outside[] = {3, 0}, too_few[] = {1};
  EXPECT_TRUE(refused(offset_of(layout, outside)));
  EXPECT_TRUE(refused(offset_of(layout, too_few)));
}

TEST(Layout, HugeStepsDoNotOverflow) {
  const Layout layout = row_major({3, std::int64_t{1} << 40}).value();
  EXPECT_EQ(slice(layout, 0, 0, 3, std::int64_t{1} << 62).value().shape[0], 1);
}

TEST(Layout, ShapesThatNoMachineHoldsAreRefused) {
  EXPECT_EQ(element_count({-1}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(row_major({std::int64_t{1} << 32, std::int64_t{1} << 32}).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(row_major({0, std::int64_t{1} << 32, std::int64_t{1} << 32}).error().code, ErrorCode::invalid_argument)
      << "no elements, but strides that do not fit";
  EXPECT_EQ(element_count({0, 5}).value(), 0);
}

TEST(Layout, ATransposedArrayHasToBeCopiedBeforeItIsReshaped) {
  const Layout layout = transpose(row_major({2, 3}).value(), 0, 1).value();
  EXPECT_NE(reshape(layout, {6}).error().message.find("not contiguous"), std::string::npos);
}

}  // namespace
}  // namespace neuract::memory
