#include "neuract/memory/copy.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <utility>
#include <vector>

namespace neuract::memory {
namespace {

/// One loop of a strided copy, strides in bytes.
struct Loop {
  std::int64_t count;
  std::int64_t from;
  std::int64_t to;
};
using Loops = std::vector<Loop>;

/// As few loops as possible, the outermost first: dimensions of one element go, and neighbours that run through both
/// tensors without a seam become one.
Loops loops_of(const ConstTensor& from, const ConstTensor& to, std::int64_t element) {
  Loops loops;
  for (std::size_t d = 0; d < from.rank(); ++d) {
    const Loop next{from.shape()[d], from.strides()[d] * element, to.strides()[d] * element};
    if (next.count == 1) continue;
    if (!loops.empty() && loops.back().from == next.count * next.from && loops.back().to == next.count * next.to) {
      loops.back() = {loops.back().count * next.count, next.from, next.to};
    } else {
      loops.push_back(next);
    }
  }
  return loops;
}

template <std::size_t kBytes>
void copy_elements(const Loop& loop, const std::byte* from, std::byte* to) {
  for (std::int64_t i = 0; i < loop.count; ++i) std::memcpy(to + i * loop.to, from + i * loop.from, kBytes);
}

void copy_row(const Loop& loop, std::size_t element, const std::byte* from, std::byte* to) {
  const auto bytes = static_cast<std::int64_t>(element);
  if (loop.from == bytes && loop.to == bytes) {
    std::memcpy(to, from, static_cast<std::size_t>(loop.count) * element);
    return;
  }
  switch (element) {
    case 1: return copy_elements<1>(loop, from, to);
    case 2: return copy_elements<2>(loop, from, to);
    case 4: return copy_elements<4>(loop, from, to);
    default: return copy_elements<8>(loop, from, to);
  }
}

void copy_loops(std::span<const Loop> loops, std::size_t element, const std::byte* from, std::byte* to) {
  if (loops.size() == 1) return copy_row(loops[0], element, from, to);
  for (std::int64_t i = 0; i < loops[0].count; ++i)
    copy_loops(loops.subspan(1), element, from + i * loops[0].from, to + i * loops[0].to);
}

bool overlap(const ConstTensor& a, const ConstTensor& b) {
  const auto bytes_of_extent = [](const ConstTensor& tensor) {
    const Extent extent = extent_of({tensor.shape(), tensor.strides(), 0});
    const auto element = static_cast<std::int64_t>(bytes_of(tensor.dtype()));
    return std::pair(tensor.data() + extent.begin * element, tensor.data() + extent.end * element);
  };
  const auto [a_begin, a_end] = bytes_of_extent(a);
  const auto [b_begin, b_end] = bytes_of_extent(b);
  // std::less is a total order even for pointers into different arrays.
  return std::less<>()(a_begin, b_end) && std::less<>()(b_begin, a_end);
}

Result<void> copy_on_host(const ConstTensor& from, const Tensor& to) {
  if (from.is_contiguous() && to.is_contiguous()) {
    // Half a byte at the end must leave its other half alone, which may belong to a neighbour.
    const bool half = is_packed(from.dtype()) && from.size() % 2 != 0;
    const std::size_t whole = from.bytes() - (half ? 1 : 0);
    const std::byte last = half ? from.data()[whole] : std::byte{};
    std::memmove(to.data(), from.data(), whole);
    if (half) to.data()[whole] = (to.data()[whole] & std::byte{0xf0}) | (last & std::byte{0x0f});
    return {};
  }
  if (overlap(from, to)) {
    NEURACT_TRY_ASSIGN(const Tensor between, clone(from));
    return copy_on_host(between, to);
  }
  const std::size_t element = bytes_of(from.dtype());
  const Loops loops = loops_of(from, to, static_cast<std::int64_t>(element));
  const Loop single{1, 0, 0};
  copy_loops(loops.empty() ? std::span(&single, 1) : std::span<const Loop>(loops), element, from.data(), to.data());
  return {};
}

Result<void> check(const ConstTensor& from, const Tensor& to) {
  if (from.dtype() != to.dtype())
    return fail(ErrorCode::invalid_argument, "cannot copy ", name_of(from.dtype()), " elements into a tensor of ",
                name_of(to.dtype()));
  if (from.shape() != to.shape())
    return fail(ErrorCode::invalid_argument, "cannot copy a tensor of shape ", to_string(from.shape()),
                " into one of shape ", to_string(to.shape()));
  const Placement &source = from.placement(), &target = to.placement();
  const bool contiguous = from.is_contiguous() && to.is_contiguous();
  if (!contiguous && is_packed(from.dtype()))
    return fail(ErrorCode::unsupported, "cannot copy ", name_of(from.dtype()), " elements that are not contiguous");
  if (!contiguous && !(source.host_accessible() && target.host_accessible()))
    return fail(ErrorCode::unsupported,
                "cannot copy to or from device memory with strides; make a contiguous tensor first");
  if (!source.host_accessible() && !target.host_accessible() && source.device != target.device)
    return fail(ErrorCode::unsupported, "cannot copy from ", source.device, " to ", target.device,
                "; go through host memory");
  return {};
}

/// `backend` is null for a copy that the CPU does itself.
Result<const DeviceBackend*> backend_for(const ConstTensor& from, const Tensor& to, DeviceManager& devices) {
  if (from.placement().host_accessible() && to.placement().host_accessible()) return nullptr;
  return devices.backend(from.placement().host_accessible() ? to.placement().device : from.placement().device);
}

Result<void> run(const ConstTensor& from, const Tensor& to, const DeviceBackend* backend) {
  if (from.size() == 0) return {};
  if (backend == nullptr) return copy_on_host(from, to);
  return backend->copy(backend->context, to.data(), from.data(), from.bytes());
}

}  // namespace

Result<void> copy(const ConstTensor& from, const Tensor& to, DeviceManager& devices) {
  NEURACT_TRY(check(from, to));
  NEURACT_TRY_ASSIGN(const DeviceBackend* backend, backend_for(from, to, devices));
  return run(from, to, backend);
}

Result<void> copy_async(const ConstTensor& from, const Tensor& to, Stream& stream, DeviceManager& devices) {
  NEURACT_TRY(check(from, to));
  NEURACT_TRY_ASSIGN(const DeviceBackend* backend, backend_for(from, to, devices));
  stream.submit([from, to, backend] { return run(from, to, backend); });
  return {};
}

Result<Tensor> clone(const ConstTensor& from, Allocator& allocator) {
  NEURACT_TRY_ASSIGN(Tensor to, Tensor::zeros(from.dtype(), from.shape(), allocator));
  NEURACT_TRY(copy(from, to));
  return to;
}

}  // namespace neuract::memory
