#include "neuract/memory/dlpack.hpp"

#include <array>
#include <memory>

namespace neuract::memory {
namespace {

struct TypeCode {
  DType dtype;
  DLDataTypeCode code;
};

/// The bit widths come from the table of element types.
constexpr std::array<TypeCode, kDTypes.size()> kTypeCodes{{
    {DType::f64, kDLFloat},
    {DType::f32, kDLFloat},
    {DType::f16, kDLFloat},
    {DType::bf16, kDLBfloat},
    {DType::f8_e4m3, kDLFloat8_e4m3fn},
    {DType::i64, kDLInt},
    {DType::i32, kDLInt},
    {DType::i16, kDLInt},
    {DType::i8, kDLInt},
    {DType::u64, kDLUInt},
    {DType::u32, kDLUInt},
    {DType::u16, kDLUInt},
    {DType::u8, kDLUInt},
    {DType::boolean, kDLBool},
    {DType::u4, kDLUInt},
}};

DLDataType to_dl(DType dtype) {
  for (const TypeCode& row : kTypeCodes)
    if (row.dtype == dtype) return {static_cast<std::uint8_t>(row.code), static_cast<std::uint8_t>(bits_of(dtype)), 1};
  return {};
}

Result<DType> from_dl(DLDataType type) {
  for (const TypeCode& row : kTypeCodes)
    if (row.code == type.code && bits_of(row.dtype) == type.bits && type.lanes == 1) return row.dtype;
  return fail(ErrorCode::unsupported, "a DLPack element type with code ", type.code, ", ", type.bits, " bits and ",
              type.lanes, " lanes has no counterpart here");
}

DLDevice to_dl(const Placement& placement) {
  switch (placement.kind) {
    case MemoryKind::host: return {kDLCPU, 0};
    case MemoryKind::pinned: return {kDLCUDAHost, 0};
    case MemoryKind::device: return {kDLCUDA, placement.device.index};
    case MemoryKind::managed: return {kDLCUDAManaged, 0};
  }
  return {kDLCPU, 0};
}

Result<Placement> from_dl(DLDevice device) {
  switch (device.device_type) {
    case kDLCPU: return Placement{};
    case kDLCUDAHost: return Placement{MemoryKind::pinned, {DeviceKind::cuda, device.device_id}};
    case kDLCUDA: return Placement{MemoryKind::device, {DeviceKind::cuda, device.device_id}};
    case kDLCUDAManaged: return Placement{MemoryKind::managed, {DeviceKind::cuda, device.device_id}};
    default: break;
  }
  return fail(ErrorCode::unsupported, "DLPack device type ", static_cast<int>(device.device_type),
              " is unknown here; there are CPU and CUDA");
}

/// What an exported structure points into; lives until its deleter is called.
template <class Managed>
struct Exported {
  Managed managed{};
  ConstTensor tensor;
  Dims shape;
  Dims strides;
};

template <class Managed>
Managed* lend(const ConstTensor& tensor) {
  auto lent = std::make_unique<Exported<Managed>>();
  lent->tensor = tensor;
  lent->shape = tensor.shape();
  lent->strides = tensor.strides();
  DLTensor& description = lent->managed.dl_tensor;
  description.data = const_cast<std::byte*>(tensor.data());  // the flags say whether it may be written
  description.device = to_dl(tensor.placement());
  description.ndim = static_cast<std::int32_t>(tensor.rank());
  description.dtype = to_dl(tensor.dtype());
  description.shape = lent->shape.data();
  description.strides = lent->strides.data();
  description.byte_offset = 0;
  lent->managed.manager_ctx = lent.get();
  lent->managed.deleter = [](Managed* self) { delete static_cast<Exported<Managed>*>(self->manager_ctx); };
  return &lent.release()->managed;
}

template <class Managed>
Result<Tensor> borrow(Managed* managed) {
  const DLTensor& description = managed->dl_tensor;
  if (description.ndim < 0 || (description.ndim > 0 && description.shape == nullptr))
    return fail(ErrorCode::invalid_argument, "the DLPack tensor has ", description.ndim, " dimensions and ",
                description.shape == nullptr ? "no shape" : "a shape");
  NEURACT_TRY_ASSIGN(const DType dtype, from_dl(description.dtype));
  NEURACT_TRY_ASSIGN(const Placement placement, from_dl(description.device));
  Dims shape(description.shape, description.shape + description.ndim);
  Dims strides;
  if (description.strides != nullptr) strides.assign(description.strides, description.strides + description.ndim);
  void* data =
      description.data == nullptr ? nullptr : static_cast<std::byte*>(description.data) + description.byte_offset;

  NEURACT_TRY_ASSIGN(Tensor unowned, Tensor::wrap(data, dtype, shape, strides, nullptr, placement));
  // Only now, when nothing can be refused any more, does the structure change hands.
  std::shared_ptr<void> owner(managed, [](Managed* self) {
    if (self->deleter != nullptr) self->deleter(self);
  });
  return Tensor::wrap(data, dtype, std::move(shape), std::move(strides), std::move(owner), placement);
}

Result<Tensor> borrow_versioned(DLManagedTensorVersioned* managed, bool for_writing) {
  if (managed == nullptr)
    return fail(ErrorCode::invalid_argument, "there is no DLPack tensor to import: the address is null");
  if (managed->version.major != DLPACK_MAJOR_VERSION)
    return fail(ErrorCode::unsupported, "the DLPack tensor is of version ", managed->version.major, ".",
                managed->version.minor, ", expected ", DLPACK_MAJOR_VERSION, ".x");
  if (for_writing && (managed->flags & DLPACK_FLAG_BITMASK_READ_ONLY) != 0)
    return fail(ErrorCode::unsupported, "the DLPack tensor is read-only; import it with import_const_dlpack");
  if ((managed->flags & DLPACK_FLAG_BITMASK_IS_SUBBYTE_TYPE_PADDED) != 0 && managed->dl_tensor.dtype.bits < 8)
    return fail(ErrorCode::unsupported, "the DLPack tensor has padded elements of ", managed->dl_tensor.dtype.bits,
                " bits; expected packed ones");
  return borrow(managed);
}

DLManagedTensorVersioned* lend_versioned(const ConstTensor& tensor, std::uint64_t flags) {
  auto* managed = lend<DLManagedTensorVersioned>(tensor);
  managed->version = {DLPACK_MAJOR_VERSION, DLPACK_MINOR_VERSION};
  managed->flags = flags;
  return managed;
}

}  // namespace

DLManagedTensorVersioned* export_dlpack(const Tensor& tensor) { return lend_versioned(tensor, 0); }
DLManagedTensorVersioned* export_dlpack(const ConstTensor& tensor) {
  return lend_versioned(tensor, DLPACK_FLAG_BITMASK_READ_ONLY);
}
DLManagedTensor* export_dlpack_unversioned(const Tensor& tensor) { return lend<DLManagedTensor>(tensor); }

Result<Tensor> import_dlpack(DLManagedTensorVersioned* managed) { return borrow_versioned(managed, true); }

Result<Tensor> import_dlpack(DLManagedTensor* managed) {
  if (managed == nullptr)
    return fail(ErrorCode::invalid_argument, "there is no DLPack tensor to import: the address is null");
  return borrow(managed);
}

Result<ConstTensor> import_const_dlpack(DLManagedTensorVersioned* managed) {
  NEURACT_TRY_ASSIGN(Tensor tensor, borrow_versioned(managed, false));
  return ConstTensor(std::move(tensor));
}

}  // namespace neuract::memory
