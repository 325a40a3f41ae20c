#include <cstring>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "neuract/q4/c_api/c_api.hpp"
#include "neuract/q4/linear.hpp"
#include "neuract/q4/weight.hpp"

struct NVFP4_LayerImpl {
  neuract::q4::Q4Linear linear;
};

namespace neuract::q4 {
namespace {

using c_api::guarded;
using c_api::required;
using memory::ConstTensor;
using memory::DType;
using memory::Tensor;

Result<void> expect_cpu(std::int32_t device) {
  if (device != NVFP4_CPU)
    return fail(ErrorCode::not_found, "there is no device ", device, "; this library computes on the CPU, which is ",
                NVFP4_CPU);
  return {};
}

Result<Tensor> borrow(const NVFP4_Matrix* matrix, std::string_view name) {
  NEURACT_TRY(required(matrix, name));
  constexpr DType kTypes[] = {DType::f32, DType::f16, DType::bf16};
  static_assert(NVFP4_F32 == 0 && NVFP4_F16 == 1 && NVFP4_BF16 == 2);
  if (matrix->dtype < 0 || matrix->dtype >= static_cast<int>(std::size(kTypes)))
    return fail(ErrorCode::invalid_argument, name, " is of type ", matrix->dtype,
                "; expected NVFP4_F32, NVFP4_F16 or NVFP4_BF16");
  auto tensor = Tensor::wrap(matrix->data, kTypes[matrix->dtype], {matrix->rows, matrix->columns},
                             {matrix->rows > 1 ? matrix->stride : matrix->columns, 1}, nullptr);
  if (!tensor) return Unexpected(std::move(tensor).error().with_context(std::string(name)));
  return tensor;
}

static_assert(NVFP4_FORMAT_NF4 == static_cast<int>(Format::nf4) &&
              NVFP4_FORMAT_NVFP4 == static_cast<int>(Format::nvfp4));

Result<Format> format_of(std::int32_t format) {
  if (format != NVFP4_FORMAT_NF4 && format != NVFP4_FORMAT_NVFP4)
    return fail(ErrorCode::invalid_argument, "there is no format ", format,
                "; expected NVFP4_FORMAT_NF4 or NVFP4_FORMAT_NVFP4");
  return static_cast<Format>(format);
}

Result<QuantizedWeight> borrow(const NVFP4_Weight* weight) {
  NEURACT_TRY(required(weight, "weight"));
  NEURACT_TRY_ASSIGN(const Format format, format_of(weight->format));
  NEURACT_TRY_ASSIGN(const std::int64_t n, memory::element_count({weight->outputs, weight->inputs}));
  if (weight->block == 0) return fail(ErrorCode::invalid_argument, "the weight has blocks of 0 elements");
  const auto size = static_cast<std::size_t>(n);
  QuantizedWeight borrowed{format, weight->outputs, weight->inputs, weight->block, {}, {}, weight->global};
  // Nothing is written through these: the form is that of tensors for both.
  NEURACT_TRY_ASSIGN(borrowed.codes, Tensor::wrap(const_cast<void*>(weight->codes), DType::u8,
                                                  {static_cast<std::int64_t>(code_bytes(size))}, {}, nullptr));
  NEURACT_TRY_ASSIGN(borrowed.scales,
                     Tensor::wrap(const_cast<void*>(weight->scales), traits_of(format).scale,
                                  {static_cast<std::int64_t>(block_count(size, weight->block))}, {}, nullptr));
  NEURACT_TRY(check(borrowed));
  return borrowed;
}

int table_quantize(std::int32_t device, std::int32_t format, const NVFP4_Matrix* x, std::uint32_t block, void* codes,
                   void* scales, float* global, NVFP4_Stream) noexcept {
  return guarded([&]() -> Result<void> {
    NEURACT_TRY(expect_cpu(device));
    NEURACT_TRY_ASSIGN(const Format wanted, format_of(format));
    NEURACT_TRY_ASSIGN(const Tensor from, borrow(x, "x"));
    if (from.size() > 0) {
      NEURACT_TRY(required(codes, "codes"));
      NEURACT_TRY(required(scales, "scales"));
    }
    if (wanted == Format::nvfp4) NEURACT_TRY(required(global, "global"));
    NEURACT_TRY_ASSIGN(const QuantizedWeight weight, quantize(from, wanted, block));
    if (from.size() > 0) {
      std::memcpy(codes, weight.codes.data(), weight.codes.bytes());
      std::memcpy(scales, weight.scales.data(), weight.scales.bytes());
    }
    if (wanted == Format::nvfp4) *global = weight.global;
    return {};
  });
}

int table_dequantize(std::int32_t device, const NVFP4_Weight* weight, const NVFP4_Matrix* x, NVFP4_Stream) noexcept {
  return guarded([&]() -> Result<void> {
    NEURACT_TRY(expect_cpu(device));
    NEURACT_TRY_ASSIGN(const QuantizedWeight from, borrow(weight));
    NEURACT_TRY_ASSIGN(const Tensor to, borrow(x, "x"));
    if (to.shape() != memory::Dims{from.out_features, from.in_features} || to.strides()[0] < to.shape()[1])
      return fail(ErrorCode::invalid_argument, "x has shape ", memory::to_string(to.shape()), " and strides ",
                  memory::to_string(to.strides()), "; expected [", from.out_features, ", ", from.in_features,
                  "] in rows that do not overlap");
    NEURACT_TRY_ASSIGN(const Tensor values, dequantize(from, to.dtype()));
    const std::size_t element = memory::bytes_of(to.dtype());
    const std::size_t row = static_cast<std::size_t>(from.in_features) * element;
    if (values.size() == 0) return {};
    for (std::int64_t o = 0; o < from.out_features; ++o)
      std::memcpy(to.data() + static_cast<std::size_t>(o * to.strides()[0]) * element,
                  values.data() + static_cast<std::size_t>(o) * row, row);
    return {};
  });
}

int layer_create(std::int32_t device, const NVFP4_Weight* weight, const NVFP4_Matrix* bias, NVFP4_Stream,
                 NVFP4_Layer* layer) noexcept {
  return guarded([&]() -> Result<void> {
    NEURACT_TRY(required(layer, "layer"));
    *layer = nullptr;
    NEURACT_TRY(expect_cpu(device));
    NEURACT_TRY_ASSIGN(QuantizedWeight from, borrow(weight));
    std::optional<ConstTensor> added;
    if (bias != nullptr) {
      NEURACT_TRY_ASSIGN(const Tensor row, borrow(bias, "bias"));
      if (row.shape() != memory::Dims{1, from.out_features})
        return fail(ErrorCode::invalid_argument, "bias has shape ", memory::to_string(row.shape()), "; expected [1, ",
                    from.out_features, "]");
      NEURACT_TRY_ASSIGN(added, row.select(0, 0));
    }
    NEURACT_TRY_ASSIGN(Q4Linear linear, Q4Linear::create(c_api::session(), from.in_features, from.out_features, added));
    NEURACT_TRY(linear.prepare_weight(std::move(from)));
    *layer = std::make_unique<NVFP4_LayerImpl>(NVFP4_LayerImpl{std::move(linear)}).release();
    return {};
  });
}

int layer_destroy(NVFP4_Layer layer) noexcept {
  return guarded([&]() -> Result<void> {
    delete layer;
    return {};
  });
}

int layer_bytes(NVFP4_Layer layer, std::uint64_t* bytes) noexcept {
  return guarded([&]() -> Result<void> {
    NEURACT_TRY(required(layer, "layer"));
    NEURACT_TRY(required(bytes, "bytes"));
    *bytes = layer->linear.weight_bytes();
    return {};
  });
}

int layer_forward(NVFP4_Layer layer, const NVFP4_Matrix* x, const NVFP4_Matrix* y, NVFP4_Stream) noexcept {
  return guarded([&]() -> Result<void> {
    NEURACT_TRY(required(layer, "layer"));
    NEURACT_TRY_ASSIGN(const Tensor from, borrow(x, "x"));
    NEURACT_TRY_ASSIGN(const Tensor to, borrow(y, "y"));
    return layer->linear.forward(from, to);
  });
}

int layer_forward_spikes(NVFP4_Layer layer, const NVFP4_Spikes* x, const NVFP4_Matrix* y, NVFP4_Stream) noexcept {
  return guarded([&]() -> Result<void> {
    NEURACT_TRY(required(layer, "layer"));
    NEURACT_TRY(required(x, "x"));
    NEURACT_TRY_ASSIGN(const Tensor to, borrow(y, "y"));
    return layer->linear.forward_spikes({x->words, x->rows, x->stride}, to);
  });
}

}  // namespace

constinit const NVFP4_Table c_api::kTable = [] {
  NVFP4_Table table{};
  table.struct_size = sizeof(NVFP4_Table);
  table.abi_version = NVFP4_ABI_VERSION;
  table.quantize = &table_quantize;
  table.dequantize = &table_dequantize;
  table.layer_create = &layer_create;
  table.layer_destroy = &layer_destroy;
  table.layer_bytes = &layer_bytes;
  table.layer_forward = &layer_forward;
  table.layer_forward_spikes = &layer_forward_spikes;
  return table;
}();

}  // namespace neuract::q4
