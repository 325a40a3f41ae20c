#include "neuract/q4/checkpoint/checkpoint.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "neuract/q4/checkpoint/double_quant.hpp"
#include "neuract/q4/checkpoint/quant_state.hpp"
#include "neuract/q4/checkpoint/weight_reader.hpp"
#include "neuract/q4/nf4.hpp"

namespace neuract::q4 {
namespace {

using memory::ConstTensor;
using memory::Dims;
using memory::DType;
using memory::Tensor;

/// What the names of the parts begin with.
Result<std::string> base_of(std::string_view name, Family family) {
  if (family != Family::modelopt && family != Family::compressed_tensors) return std::string(name);
  constexpr std::string_view kEnding = ".weight";
  if (!name.ends_with(kEnding))
    return fail(ErrorCode::invalid_argument, name_of(family), " has names that end with \"", kEnding, "\", unlike ",
                in_quotes(name));
  return std::string(name.substr(0, name.size() - kEnding.size()));
}

Result<void> check_options(Format format, const StoreOptions& options) {
  const FamilyTraits& family = traits_of(options.family);
  if (family.format != format)
    return fail(ErrorCode::invalid_argument, family.name, " does not store ", traits_of(format).name);
  if (options.double_quant && options.family != Family::bitsandbytes)
    return fail(ErrorCode::invalid_argument, family.name, " has no double quantisation");
  return {};
}

template <class T>
Result<ConstTensor> tensor_of(std::span<const T> values, const Dims& shape) {
  NEURACT_TRY_ASSIGN(const Tensor tensor, Tensor::from(values, shape));
  return ConstTensor(tensor);
}

/// Collects tensors under the names of their roles.
class Parts {
 public:
  Parts(std::string base, std::string name, Family family)
      : base_(std::move(base)), name_(std::move(name)), family_(family) {}

  void add(Role role, ConstTensor tensor) {
    const std::string_view suffix = part_of(family_, role)->suffix;
    tensors_.push_back({suffix.empty() ? name_ : base_ + std::string(suffix), std::move(tensor)});
  }
  [[nodiscard]] std::vector<NamedTensor> take() { return std::move(tensors_); }

 private:
  std::string base_, name_;
  Family family_;
  std::vector<NamedTensor> tensors_;
};

Result<StoredTensors> store_nf4(Parts parts, const QuantizedWeight& weight, const StoreOptions& options) {
  StoredTensors stored{{}, weight};
  QuantState state{{weight.out_features, weight.in_features}, weight.block, options.source_dtype, std::nullopt};
  NEURACT_TRY_ASSIGN(const ConstTensor codes, weight.codes.reshape({weight.codes.size(), 1}));
  parts.add(Role::codes, codes);
  NEURACT_TRY_ASSIGN(const ConstTensor levels, tensor_of(std::span<const float>(nf4::kLevels), {16}));
  parts.add(Role::code_map, levels);
  if (options.double_quant) {
    NEURACT_TRY_ASSIGN(const auto absmax, weight.scales.span<float>());
    const NestedScales nested = quantize_scales(absmax);
    state.nested = QuantState::Nested{kNestedBlock, nested.offset};
    const std::span<const float, 256> map = dynamic_map();
    NEURACT_TRY_ASSIGN(const Tensor resolved, Tensor::zeros(DType::f32, {weight.scales.size()}));
    NEURACT_TRY_ASSIGN(const auto out, resolved.span<float>());
    dequantize_scales(nested.codes, nested.absmax, kNestedBlock, map, nested.offset, out);
    stored.weight.scales = resolved;
    NEURACT_TRY_ASSIGN(const ConstTensor q,
                       tensor_of(std::span<const std::uint8_t>(nested.codes), {weight.scales.size()}));
    NEURACT_TRY_ASSIGN(const ConstTensor scales, tensor_of(std::span<const float>(nested.absmax),
                                                           {static_cast<std::int64_t>(nested.absmax.size())}));
    NEURACT_TRY_ASSIGN(const ConstTensor nested_map, tensor_of<float>(map, {256}));
    parts.add(Role::scales, q);
    parts.add(Role::nested_scales, scales);
    parts.add(Role::nested_map, nested_map);
  } else {
    NEURACT_TRY_ASSIGN(const ConstTensor absmax, weight.scales.reshape({weight.scales.size()}));
    parts.add(Role::scales, absmax);
  }
  const std::string text = quant_state_text(state);
  NEURACT_TRY_ASSIGN(const ConstTensor bytes,
                     tensor_of(std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()),
                               {static_cast<std::int64_t>(text.size())}));
  parts.add(Role::state, bytes);
  stored.tensors = parts.take();
  return stored;
}

Result<StoredTensors> store_nvfp4(Parts parts, const QuantizedWeight& weight, Family family) {
  StoredTensors stored{{}, weight};
  float global = weight.global;
  if (traits_of(family).divides_by_global) {
    global = 1.0f / weight.global;
    stored.weight.global = 1.0f / global;
    if (!std::isfinite(global) || !std::isfinite(stored.weight.global) || global == 0.0f)
      return fail(ErrorCode::invalid_argument, "a global scale of ", weight.global,
                  " has no reciprocal that f32 holds, which is what ", name_of(family), " stores");
  }
  NEURACT_TRY_ASSIGN(const ConstTensor codes, weight.codes.reshape({weight.out_features, weight.in_features / 2}));
  NEURACT_TRY_ASSIGN(const ConstTensor scales,
                     weight.scales.reshape({weight.out_features, weight.in_features / weight.block}));
  NEURACT_TRY_ASSIGN(const ConstTensor number, tensor_of(std::span<const float>(&global, 1), {1}));
  parts.add(Role::codes, codes);
  parts.add(Role::scales, scales);
  parts.add(Role::global, number);
  stored.tensors = parts.take();
  return stored;
}

}  // namespace

Result<QuantizedWeight> load(const SafetensorsFile& file, const StoredWeight& weight, const Dims& shape) {
  if (weight.family == Family::plain)
    return fail(ErrorCode::invalid_argument, file.name(), ": ", in_quotes(weight.name), " is not quantised");
  auto reading = detail::read_weight(file, weight, shape, true);
  if (!reading) return Unexpected(std::move(reading).error().with_context(file.name()));
  if (reading->faults.empty()) return std::move(reading->weight);
  std::string text;
  for (const Fault& fault : reading->faults) text += (text.empty() ? "" : "; ") + to_string(fault);
  return fail(ErrorCode::parse, file.name(), ": ", in_quotes(weight.name), " (", name_of(weight.family), "): ", text);
}

Result<QuantizedWeight> load(const SafetensorsFile& file, std::string_view name, const Dims& shape) {
  NEURACT_TRY_ASSIGN(const StoredWeight weight, detect(file, name));
  return load(file, weight, shape);
}

Result<std::vector<SafetensorsItem>> stored_items(std::string_view name, Format format, std::int64_t out_features,
                                                  std::int64_t in_features, std::uint32_t block,
                                                  const StoreOptions& options) {
  NEURACT_TRY(check_options(format, options));
  NEURACT_TRY_ASSIGN(const std::string base, base_of(name, options.family));
  NEURACT_TRY_ASSIGN(const std::int64_t count, memory::element_count({out_features, in_features}));
  const auto n = static_cast<std::size_t>(count);
  const auto blocks = static_cast<std::int64_t>(block_count(n, block));
  std::vector<SafetensorsItem> items;
  const auto add = [&](Role role, DType dtype, Dims shape) {
    const std::string_view suffix = part_of(options.family, role)->suffix;
    items.push_back(
        {suffix.empty() ? std::string(name) : base + std::string(suffix), safetensors_dtype(dtype), std::move(shape)});
  };
  if (format == Format::nvfp4) {
    add(Role::codes, DType::u8, {out_features, in_features / 2});
    add(Role::scales, DType::f8_e4m3, {out_features, in_features / block});
    add(Role::global, DType::f32, {1});
    return items;
  }
  add(Role::codes, DType::u8, {static_cast<std::int64_t>(code_bytes(n)), 1});
  add(Role::code_map, DType::f32, {16});
  add(Role::scales, options.double_quant ? DType::u8 : DType::f32, {blocks});
  if (options.double_quant) {
    add(Role::nested_scales, DType::f32,
        {static_cast<std::int64_t>(block_count(static_cast<std::size_t>(blocks), kNestedBlock))});
    add(Role::nested_map, DType::f32, {256});
  }
  add(Role::state, DType::u8, {static_cast<std::int64_t>(kQuantStateBytes)});
  return items;
}

Result<StoredTensors> store(std::string_view name, const QuantizedWeight& weight, const StoreOptions& options) {
  NEURACT_TRY(check(weight));
  NEURACT_TRY(check_options(weight.format, options));
  NEURACT_TRY_ASSIGN(std::string base, base_of(name, options.family));
  Parts parts(std::move(base), std::string(name), options.family);
  return weight.format == Format::nf4 ? store_nf4(std::move(parts), weight, options)
                                      : store_nvfp4(std::move(parts), weight, options.family);
}

}  // namespace neuract::q4
