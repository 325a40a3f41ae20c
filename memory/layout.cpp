#include "neuract/memory/layout.hpp"

#include <algorithm>
#include <utility>

namespace neuract::memory {
namespace {

Result<void> check_dim(const Layout& layout, std::size_t dim) {
  if (dim < layout.shape.size()) return {};
  return fail(ErrorCode::invalid_argument, "dimension ", dim, " of an array of shape ", to_string(layout.shape),
              " does not exist");
}

bool has_no_elements(const Layout& layout) noexcept {
  return std::find(layout.shape.begin(), layout.shape.end(), 0) != layout.shape.end();
}

}  // namespace

std::string to_string(const Dims& dims) {
  std::string text = "[";
  for (const std::int64_t n : dims) {
    if (text.size() > 1) text += ", ";
    text += std::to_string(n);
  }
  return text + "]";
}

Result<std::int64_t> element_count(const Dims& shape) {
  constexpr std::int64_t limit = std::int64_t{1} << 62;
  // A zero makes the product 0 however large the others are; strides are computed as if it were 1, so those must fit as
  // well.
  std::int64_t count = 1;
  bool empty = false;
  for (const std::int64_t n : shape) {
    if (n < 0)
      return fail(ErrorCode::invalid_argument, "a shape has no negative dimensions, but ", to_string(shape), " does");
    empty = empty || n == 0;
    if (n != 0 && (__builtin_mul_overflow(count, n, &count) || count > limit))
      return fail(ErrorCode::invalid_argument, "shape ", to_string(shape), " has more than 2^62 elements");
  }
  return empty ? 0 : count;
}

Result<Layout> row_major(Dims shape) {
  NEURACT_TRY(element_count(shape));
  Layout layout{std::move(shape), {}, 0};
  layout.strides.resize(layout.shape.size());
  std::int64_t stride = 1;
  for (std::size_t d = layout.shape.size(); d-- > 0;) {
    layout.strides[d] = stride;
    stride *= std::max<std::int64_t>(layout.shape[d], 1);
  }
  return layout;
}

bool is_contiguous(const Layout& layout) noexcept {
  if (has_no_elements(layout)) return true;
  std::int64_t expected = 1;
  for (std::size_t d = layout.shape.size(); d-- > 0;) {
    if (layout.shape[d] != 1 && layout.strides[d] != expected) return false;
    expected *= layout.shape[d];
  }
  return true;
}

Extent extent_of(const Layout& layout) noexcept {
  Extent extent{layout.offset, layout.offset};
  if (has_no_elements(layout)) return extent;
  for (std::size_t d = 0; d < layout.shape.size(); ++d) {
    const std::int64_t reach = (layout.shape[d] - 1) * layout.strides[d];
    (reach < 0 ? extent.begin : extent.end) += reach;
  }
  ++extent.end;
  return extent;
}

Result<Layout> slice(const Layout& layout, std::size_t dim, std::int64_t begin, std::int64_t end, std::int64_t step) {
  NEURACT_TRY(check_dim(layout, dim));
  if (begin < 0 || begin > end || end > layout.shape[dim] || step < 1)
    return fail(ErrorCode::invalid_argument, "cannot take elements ", begin, " to ", end, " in steps of ", step,
                " from dimension ", dim, " of an array of shape ", to_string(layout.shape));
  Layout result = layout;
  result.shape[dim] = (end - begin) / step + ((end - begin) % step != 0 ? 1 : 0);
  if (result.shape[dim] > 0) result.offset += begin * layout.strides[dim];
  // Below two elements there is no next one, and the product could overflow.
  if (result.shape[dim] > 1) result.strides[dim] *= step;
  return result;
}

Result<Layout> select(const Layout& layout, std::size_t dim, std::int64_t index) {
  NEURACT_TRY(check_dim(layout, dim));
  if (index < 0 || index >= layout.shape[dim])
    return fail(ErrorCode::invalid_argument, "index ", index, " is outside dimension ", dim, " of an array of shape ",
                to_string(layout.shape));
  Layout result = layout;
  result.offset += index * layout.strides[dim];
  result.shape.erase(result.shape.begin() + static_cast<std::ptrdiff_t>(dim));
  result.strides.erase(result.strides.begin() + static_cast<std::ptrdiff_t>(dim));
  return result;
}

Result<Layout> transpose(const Layout& layout, std::size_t a, std::size_t b) {
  NEURACT_TRY(check_dim(layout, a));
  NEURACT_TRY(check_dim(layout, b));
  Layout result = layout;
  std::swap(result.shape[a], result.shape[b]);
  std::swap(result.strides[a], result.strides[b]);
  return result;
}

Result<Layout> reshape(const Layout& layout, Dims shape) {
  if (!is_contiguous(layout))
    return fail(ErrorCode::invalid_argument, "an array of shape ", to_string(layout.shape), " with strides ",
                to_string(layout.strides), " is not contiguous and so cannot take shape ", to_string(shape),
                " without a copy");
  NEURACT_TRY_ASSIGN(const std::int64_t before, element_count(layout.shape));
  NEURACT_TRY_ASSIGN(const std::int64_t after, element_count(shape));
  if (before != after)
    return fail(ErrorCode::invalid_argument, "shape ", to_string(shape), " has ", after,
                " elements, but the array of shape ", to_string(layout.shape), " has ", before);
  NEURACT_TRY_ASSIGN(Layout result, row_major(std::move(shape)));
  result.offset = layout.offset;
  return result;
}

Result<std::int64_t> offset_of(const Layout& layout, std::span<const std::int64_t> index) {
  bool inside = index.size() == layout.shape.size();
  std::int64_t offset = layout.offset;
  for (std::size_t d = 0; inside && d < index.size(); ++d) {
    inside = index[d] >= 0 && index[d] < layout.shape[d];
    if (inside) offset += index[d] * layout.strides[d];
  }
  if (!inside)
    return fail(ErrorCode::invalid_argument, "index ", to_string(Dims(index.begin(), index.end())),
                " is outside an array of shape ", to_string(layout.shape));
  return offset;
}

}  // namespace neuract::memory
