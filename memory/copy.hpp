#pragma once

#include "neuract/memory/device.hpp"
#include "neuract/memory/result.hpp"
#include "neuract/memory/stream.hpp"
#include "neuract/memory/tensor.hpp"

/// Copies elements between tensors of the same shape and element type, whatever their strides and wherever they are:
/// within the host, to a device, from a device, on a device. Overlapping tensors are copied as if through a third one.
///
/// Errors: invalid_argument (shape, element type), unsupported (strides in device memory, two different devices, packed
/// elements that are not contiguous), device.

namespace neuract::memory {

[[nodiscard]] Result<void> copy(const ConstTensor& from, const Tensor& to,
                                DeviceManager& devices = DeviceManager::instance());

/// Checks now, copies in the stream's turn, keeps both tensors alive until then.
[[nodiscard]] Result<void> copy_async(const ConstTensor& from, const Tensor& to, Stream& stream,
                                      DeviceManager& devices = DeviceManager::instance());

/// A contiguous tensor of its own with the same elements, in the memory of `allocator`.
[[nodiscard]] Result<Tensor> clone(const ConstTensor& from, Allocator& allocator = host_allocator());

}  // namespace neuract::memory
