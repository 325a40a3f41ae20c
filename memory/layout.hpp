#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "neuract/memory/result.hpp"

/// Shapes and strides, as pure arithmetic: no memory, no element type.

namespace neuract::memory {

/// One number a dimension, the outermost first.
using Dims = std::vector<std::int64_t>;

/// Where the elements of an array lie, in units of elements: element (i, j, …) is at offset + i·strides[0] +
/// j·strides[1] + …. Strides of arrays made here are not negative; imported ones may be.
struct Layout {
  Dims shape;
  Dims strides;
  std::int64_t offset = 0;
  friend bool operator==(const Layout&, const Layout&) = default;
};

/// "[3, 4]"
[[nodiscard]] std::string to_string(const Dims& dims);

/// Product of the dimensions; invalid_argument for negative ones and for more than 2^62 elements.
[[nodiscard]] Result<std::int64_t> element_count(const Dims& shape);

/// The last dimension is the fastest. Errors: as element_count.
[[nodiscard]] Result<Layout> row_major(Dims shape);

/// True when the elements follow each other in row-major order without gaps. Dimensions of one element may have any
/// stride, and an array without elements is always contiguous.
[[nodiscard]] bool is_contiguous(const Layout& layout) noexcept;

/// The first and one past the last offset in use; equal when there are no elements.
struct Extent {
  std::int64_t begin = 0;
  std::int64_t end = 0;
};
[[nodiscard]] Extent extent_of(const Layout& layout) noexcept;

/// Elements begin, begin+step, … below end of dimension `dim`; 0 <= begin <= end <= shape[dim], step >= 1.
[[nodiscard]] Result<Layout> slice(const Layout& layout, std::size_t dim, std::int64_t begin, std::int64_t end,
                                   std::int64_t step = 1);

/// The elements with index `index` in dimension `dim`, which goes away.
[[nodiscard]] Result<Layout> select(const Layout& layout, std::size_t dim, std::int64_t index);

/// Two dimensions change places.
[[nodiscard]] Result<Layout> transpose(const Layout& layout, std::size_t a, std::size_t b);

/// The same elements in row-major order under another shape; only for contiguous layouts.
[[nodiscard]] Result<Layout> reshape(const Layout& layout, Dims shape);

/// Offset of one element.
[[nodiscard]] Result<std::int64_t> offset_of(const Layout& layout, std::span<const std::int64_t> index);

}  // namespace neuract::memory
