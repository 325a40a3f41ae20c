#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <utility>

#include "neuract/memory/allocator.hpp"
#include "neuract/memory/dtype.hpp"
#include "neuract/memory/layout.hpp"
#include "neuract/memory/placement.hpp"
#include "neuract/memory/result.hpp"

/// ConstTensor and Tensor: n-dimensional arrays as handles. Copying a handle, slicing and reshaping share the elements;
/// the memory goes with the last handle. A Tensor may write, and converts to a ConstTensor, which may not; there is no
/// way back. As with std::span, the constness of the handle itself says nothing about the elements.
///
/// Handles are as thread-safe as ints. Elements have no protection: who may write is the business of Versioned or of
/// the owning actor.

namespace neuract::memory {

class ConstTensor {
 public:
  /// No elements: shape [0], f32.
  ConstTensor() : layout_{{0}, {1}, 0} {}

  [[nodiscard]] DType dtype() const noexcept { return dtype_; }
  [[nodiscard]] const Dims& shape() const noexcept { return layout_.shape; }
  /// In elements.
  [[nodiscard]] const Dims& strides() const noexcept { return layout_.strides; }
  [[nodiscard]] std::size_t rank() const noexcept { return layout_.shape.size(); }
  /// Number of elements.
  [[nodiscard]] std::int64_t size() const noexcept { return size_; }
  /// Bytes of the elements, without gaps that strides leave.
  [[nodiscard]] std::size_t bytes() const noexcept {
    return static_cast<std::size_t>(*packed_bytes(dtype_, static_cast<std::uint64_t>(size_)));
  }
  [[nodiscard]] bool is_contiguous() const noexcept { return memory::is_contiguous(layout_); }
  [[nodiscard]] const Placement& placement() const noexcept { return placement_; }

  /// Address of the element (0, 0, …), on whatever device it is; null when there are no elements.
  [[nodiscard]] const std::byte* data() const noexcept { return data_; }

  /// All elements in row-major order. invalid_argument when T is not the element type, the tensor is not contiguous, or
  /// the CPU cannot reach it.
  template <class T>
  [[nodiscard]] Result<std::span<const T>> span() const {
    NEURACT_TRY(check_span(dtype_of<T>));
    return std::span<const T>(reinterpret_cast<const T*>(data_), static_cast<std::size_t>(size_));
  }

  /// One element, whatever the strides. For tests and tools, not for loops.
  template <class T>
  [[nodiscard]] Result<T> at(std::initializer_list<std::int64_t> index) const {
    NEURACT_TRY_ASSIGN(const std::byte* address, address_of(dtype_of<T>, {index.begin(), index.size()}));
    return *reinterpret_cast<const T*>(address);
  }

  // Views of the same elements; see layout.hpp. Elements of packed types cannot be addressed one by one: a view of them
  // that would start inside a byte is unsupported.
  [[nodiscard]] Result<ConstTensor> slice(std::size_t dim, std::int64_t begin, std::int64_t end,
                                          std::int64_t step = 1) const;
  [[nodiscard]] Result<ConstTensor> select(std::size_t dim, std::int64_t index) const;
  [[nodiscard]] Result<ConstTensor> transpose(std::size_t a, std::size_t b) const;
  [[nodiscard]] Result<ConstTensor> reshape(Dims shape) const;

  /// Keeps the memory alive, for handing elements to code that knows no tensors.
  [[nodiscard]] const std::shared_ptr<void>& owner() const noexcept { return owner_; }

  /// The same elements, kept alive by something else, which must itself keep the memory.
  [[nodiscard]] ConstTensor with_owner(std::shared_ptr<void> owner) const;

 protected:
  [[nodiscard]] Result<void> check_span(DType asked) const;
  [[nodiscard]] Result<std::byte*> address_of(DType asked, std::span<const std::int64_t> index) const;
  /// `layout` counts its offset from data_.
  [[nodiscard]] Result<void> assume(Layout layout);
  template <class Handle>
  [[nodiscard]] static Result<Handle> view_of(const Handle& handle, Result<Layout> layout);

  Layout layout_;  ///< its offset is always 0; data_ holds it
  DType dtype_ = DType::f32;
  std::int64_t size_ = 0;
  Placement placement_;
  std::byte* data_ = nullptr;
  std::shared_ptr<void> owner_;
};

class Tensor : public ConstTensor {
 public:
  Tensor() = default;

  /// Contiguous; host memory is zero. Errors: invalid_argument (shape), out_of_memory.
  [[nodiscard]] static Result<Tensor> zeros(DType dtype, Dims shape, Allocator& allocator = host_allocator());

  /// A contiguous copy of `values` in host memory.
  template <class T>
  [[nodiscard]] static Result<Tensor> from(std::span<const T> values, const Dims& shape);
  template <class T>
  [[nodiscard]] static Result<Tensor> from(std::initializer_list<T> values, const Dims& shape) {
    return from(std::span<const T>(values.begin(), values.size()), shape);
  }

  /// Memory of somebody else, kept alive by `owner`. `data` is the address of the first element; strides count
  /// elements, and none means row-major. invalid_argument: strides of another rank, no memory for the elements, or
  /// memory not aligned to them.
  [[nodiscard]] static Result<Tensor> wrap(void* data, DType dtype, Dims shape, Dims strides,
                                           std::shared_ptr<void> owner, Placement placement = {});

  /// Handles do not protect their elements, so a const Tensor gives write access too.
  [[nodiscard]] std::byte* data() const noexcept { return data_; }

  template <class T>
  [[nodiscard]] Result<std::span<T>> span() const {
    NEURACT_TRY(check_span(dtype_of<T>));
    return std::span<T>(reinterpret_cast<T*>(data_), static_cast<std::size_t>(size_));
  }

  [[nodiscard]] Result<Tensor> slice(std::size_t dim, std::int64_t begin, std::int64_t end,
                                     std::int64_t step = 1) const;
  [[nodiscard]] Result<Tensor> select(std::size_t dim, std::int64_t index) const;
  [[nodiscard]] Result<Tensor> transpose(std::size_t a, std::size_t b) const;
  [[nodiscard]] Result<Tensor> reshape(Dims shape) const;
};

template <class T>
Result<Tensor> Tensor::from(std::span<const T> values, const Dims& shape) {
  NEURACT_TRY_ASSIGN(Tensor tensor, zeros(dtype_of<T>, shape));
  if (static_cast<std::size_t>(tensor.size()) != values.size())
    return fail(ErrorCode::invalid_argument, "a tensor of shape ", to_string(tensor.shape()), " cannot be made from ",
                values.size(), " values");
  for (std::size_t i = 0; i < values.size(); ++i) reinterpret_cast<T*>(tensor.data_)[i] = values[i];
  return tensor;
}

}  // namespace neuract::memory
