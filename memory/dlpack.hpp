#pragma once

#include "neuract/memory/dlpack.h"
#include "neuract/memory/result.hpp"
#include "neuract/memory/tensor.hpp"

/// Tensors in and out of other libraries without a copy.
///
/// Export: the receiver owns what it gets and calls its deleter once; until then the elements stay alive.
/// Import: on success the tensor owns the argument and calls its deleter once, with the last handle. On an error the
/// argument still belongs to the caller, who must dispose of it. Import errors: invalid_argument (a broken
/// description), unsupported (device, element type, version, or a read-only tensor where a writable one is asked for).

namespace neuract::memory {

[[nodiscard]] DLManagedTensorVersioned* export_dlpack(const Tensor& tensor);
/// Carries the read-only flag.
[[nodiscard]] DLManagedTensorVersioned* export_dlpack(const ConstTensor& tensor);
/// The form from before DLPack 1.0. It cannot say read-only, so there is none for a ConstTensor.
[[nodiscard]] DLManagedTensor* export_dlpack_unversioned(const Tensor& tensor);

[[nodiscard]] Result<Tensor> import_dlpack(DLManagedTensorVersioned* managed);
[[nodiscard]] Result<Tensor> import_dlpack(DLManagedTensor* managed);
/// Takes read-only tensors too.
[[nodiscard]] Result<ConstTensor> import_const_dlpack(DLManagedTensorVersioned* managed);

}  // namespace neuract::memory
