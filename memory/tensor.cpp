#include "neuract/memory/tensor.hpp"

namespace neuract::memory {

Result<void> ConstTensor::check_span(DType asked) const {
  if (asked != dtype_)
    return fail(ErrorCode::invalid_argument, "elements of type ", name_of(asked),
                " were asked for, but the tensor holds ", name_of(dtype_));
  if (!placement_.host_accessible())
    return fail(ErrorCode::invalid_argument, "the tensor is in ", placement_.kind, " memory of ", placement_.device,
                ", which the CPU cannot reach");
  if (!is_contiguous())
    return fail(ErrorCode::invalid_argument, "the tensor of shape ", to_string(shape()), " with strides ",
                to_string(strides()), " is not contiguous and so has no span");
  return {};
}

Result<std::byte*> ConstTensor::address_of(DType asked, std::span<const std::int64_t> index) const {
  if (asked != dtype_)
    return fail(ErrorCode::invalid_argument, "an element of type ", name_of(asked),
                " was asked for, but the tensor holds ", name_of(dtype_));
  if (!placement_.host_accessible())
    return fail(ErrorCode::invalid_argument, "the tensor is in ", placement_.kind, " memory of ", placement_.device,
                ", which the CPU cannot reach");
  NEURACT_TRY_ASSIGN(const std::int64_t offset, offset_of(layout_, index));
  return data_ + offset * static_cast<std::int64_t>(bytes_of(dtype_));
}

Result<void> ConstTensor::assume(Layout layout) {
  // No product overflows: a tensor spans less than 2^59 bytes (see packed_bytes and wrap).
  const std::int64_t bits = layout.offset * static_cast<std::int64_t>(bits_of(dtype_));
  if (bits % 8 != 0)
    return fail(ErrorCode::unsupported, "a view of ", name_of(dtype_), " elements cannot start at element ",
                layout.offset, ", which is in the middle of a byte");
  NEURACT_TRY_ASSIGN(size_, element_count(layout.shape));
  data_ = size_ == 0 ? nullptr : data_ + bits / 8;
  layout.offset = 0;
  layout_ = std::move(layout);
  return {};
}

Result<Tensor> Tensor::zeros(DType dtype, Dims shape, Allocator& allocator) {
  NEURACT_TRY_ASSIGN(Layout layout, row_major(std::move(shape)));
  NEURACT_TRY_ASSIGN(const std::int64_t count, element_count(layout.shape));
  const auto bytes = packed_bytes(dtype, static_cast<std::uint64_t>(count));
  if (!bytes)
    return fail(ErrorCode::invalid_argument, "a tensor of shape ", to_string(layout.shape),
                " does not fit into an address space");
  auto block = allocator.allocate(*bytes);
  if (!block)
    return Unexpected(std::move(block).error().with_context(std::string(name_of(dtype)) + " tensor of shape " +
                                                            to_string(layout.shape)));

  Tensor tensor;
  tensor.dtype_ = dtype;
  tensor.placement_ = allocator.placement();
  tensor.data_ = block->data();
  tensor.owner_ = std::make_shared<Block>(*std::move(block));
  NEURACT_TRY(tensor.assume(std::move(layout)));
  return tensor;
}

Result<Tensor> Tensor::wrap(void* data, DType dtype, Dims shape, Dims strides, std::shared_ptr<void> owner,
                            Placement placement) {
  NEURACT_TRY_ASSIGN(Layout layout, row_major(std::move(shape)));
  if (!strides.empty()) {
    if (strides.size() != layout.shape.size())
      return fail(ErrorCode::invalid_argument, "strides ", to_string(strides), " do not belong to shape ",
                  to_string(layout.shape));
    // What lies between the first and the last element must be addressable; then no offset inside can overflow.
    for (std::size_t d = 0; d < strides.size(); ++d) {
      constexpr std::int64_t limit = std::int64_t{1} << 48;
      std::int64_t reach = 0;
      if (__builtin_mul_overflow(layout.shape[d], strides[d], &reach) || reach > limit || reach < -limit)
        return fail(ErrorCode::invalid_argument, "strides ", to_string(strides), " of shape ", to_string(layout.shape),
                    " leave the address space");
    }
    layout.strides = std::move(strides);
  }
  NEURACT_TRY_ASSIGN(const std::int64_t count, element_count(layout.shape));
  if (!packed_bytes(dtype, static_cast<std::uint64_t>(count)))
    return fail(ErrorCode::invalid_argument, "a tensor of shape ", to_string(layout.shape),
                " does not fit into an address space");
  if (count > 0 && data == nullptr)
    return fail(ErrorCode::invalid_argument, "a tensor of shape ", to_string(layout.shape),
                " needs memory, and the address is null");
  if (const std::size_t element = bytes_of(dtype); element > 1 && reinterpret_cast<std::uintptr_t>(data) % element != 0)
    return fail(ErrorCode::invalid_argument, "memory at ", data, " is not aligned to elements of type ",
                name_of(dtype));
  if (is_packed(dtype) && !memory::is_contiguous(layout))
    return fail(ErrorCode::unsupported, "elements of type ", name_of(dtype), " can only be contiguous");

  Tensor tensor;
  tensor.dtype_ = dtype;
  tensor.placement_ = placement;
  tensor.data_ = static_cast<std::byte*>(data);
  tensor.owner_ = std::move(owner);
  NEURACT_TRY(tensor.assume(std::move(layout)));
  return tensor;
}

ConstTensor ConstTensor::with_owner(std::shared_ptr<void> owner) const {
  ConstTensor view = *this;
  view.owner_ = std::move(owner);
  return view;
}

template <class Handle>
Result<Handle> ConstTensor::view_of(const Handle& handle, Result<Layout> layout) {
  NEURACT_TRY_ASSIGN(Layout where, std::move(layout));
  Handle view = handle;
  NEURACT_TRY(view.assume(std::move(where)));
  return view;
}

Result<ConstTensor> ConstTensor::slice(std::size_t dim, std::int64_t begin, std::int64_t end, std::int64_t step) const {
  return view_of(*this, memory::slice(layout_, dim, begin, end, step));
}
Result<ConstTensor> ConstTensor::select(std::size_t dim, std::int64_t index) const {
  return view_of(*this, memory::select(layout_, dim, index));
}
Result<ConstTensor> ConstTensor::transpose(std::size_t a, std::size_t b) const {
  return view_of(*this, memory::transpose(layout_, a, b));
}
Result<ConstTensor> ConstTensor::reshape(Dims shape) const {
  return view_of(*this, memory::reshape(layout_, std::move(shape)));
}

Result<Tensor> Tensor::slice(std::size_t dim, std::int64_t begin, std::int64_t end, std::int64_t step) const {
  return view_of(*this, memory::slice(layout_, dim, begin, end, step));
}
Result<Tensor> Tensor::select(std::size_t dim, std::int64_t index) const {
  return view_of(*this, memory::select(layout_, dim, index));
}
Result<Tensor> Tensor::transpose(std::size_t a, std::size_t b) const {
  return view_of(*this, memory::transpose(layout_, a, b));
}
Result<Tensor> Tensor::reshape(Dims shape) const { return view_of(*this, memory::reshape(layout_, std::move(shape))); }

}  // namespace neuract::memory
