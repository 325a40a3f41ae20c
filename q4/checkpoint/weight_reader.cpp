#include "neuract/q4/checkpoint/weight_reader.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "neuract/kernels/convert.hpp"
#include "neuract/q4/checkpoint/double_quant.hpp"
#include "neuract/q4/checkpoint/quant_state.hpp"
#include "neuract/q4/e4m3.hpp"
#include "neuract/q4/nf4.hpp"

namespace neuract::q4::detail {
namespace {

using memory::ConstTensor;
using memory::Dims;
using memory::DType;
using memory::Tensor;

std::string described(const SafetensorsEntry& entry) {
  return std::string(entry.type->name) + " " + memory::to_string(entry.shape);
}
std::string type_name(DType dtype) { return std::string(safetensors_dtype(dtype)->name); }
std::uint64_t count_of(const SafetensorsEntry& entry) {
  // An entry lies inside its file, so the product fits.
  return static_cast<std::uint64_t>(memory::element_count(entry.shape).value_or(0));
}

class Reader {
 public:
  Reader(const SafetensorsFile& file, const StoredWeight& stored, const Dims& shape, bool build)
      : file_(file), stored_(stored), asked_(shape), build_(build) {}

  Result<Reading> read() {
    weight_.format = *traits_of(stored_.family).format;
    weight_.block = traits_of(weight_.format).block;
    find_contradictions();
    NEURACT_TRY(weight_.format == Format::nf4 ? read_nf4() : read_nvfp4());
    return Reading{std::move(faults_), std::move(weight_)};
  }

 private:
  [[nodiscard]] std::string key_of(Role role) const {
    // The codes of bitsandbytes have the weight's own name.
    if (stored_.family == Family::bitsandbytes && role == Role::codes) return stored_.name;
    return stored_.base + std::string(part_of(stored_.family, role)->suffix);
  }
  [[nodiscard]] const SafetensorsEntry* part(Role role) const { return file_.find(key_of(role)); }

  void fault(const std::string& key, const std::string& expected, const std::string& found) {
    faults_.push_back({key, expected, found});
  }

  /// The part, or nullptr with a fault when it is missing or of another type.
  const SafetensorsEntry* take(Role role, std::initializer_list<DType> types) {
    std::string expected;
    for (const DType type : types) expected += (expected.empty() ? "" : " or ") + type_name(type);
    const SafetensorsEntry* entry = part(role);
    if (entry == nullptr) {
      if (part_of(stored_.family, role)->required) fault(key_of(role), expected, "nothing");
      return nullptr;
    }
    if (std::find(types.begin(), types.end(), entry->type->dtype) != types.end()) return entry;
    fault(entry->name, expected, described(*entry));
    return nullptr;
  }

  /// Parts of other families, and parts that would change the meaning of this one.
  void find_contradictions() {
    for (const std::string& name : stored_.parts) {
      if (name == stored_.name && stored_.family == Family::bitsandbytes) continue;
      const auto own = std::find_if(kParts.begin(), kParts.end(), [&](const PartTraits& p) {
        return p.family == stored_.family && !p.suffix.empty() && name == stored_.base + std::string(p.suffix);
      });
      if (own != kParts.end() && own->role != Role::foreign) continue;
      has_foreign_ = true;
      fault(name,
            own != kParts.end() ? "no such tensor (" + std::string(own->why) + ")"
                                : "nothing beside the parts of a " + std::string(name_of(stored_.family)) + " weight",
            described(*file_.find(name)));
    }
  }

  void check_asked_shape(const std::string& key) {
    if (!asked_.empty() && asked_ != Dims{weight_.out_features, weight_.in_features})
      fault(key, "a weight of shape " + memory::to_string(asked_),
            "one of shape " + memory::to_string({weight_.out_features, weight_.in_features}));
  }

  /// A fault for the first of all numbers that are not good, if there is one.
  template <class T, class Good>
  void check_numbers(const SafetensorsEntry& entry, const std::string& expected, Good good) {
    const std::span<const std::byte> bytes = file_.bytes(entry);
    std::uint64_t bad = 0;
    std::size_t first = 0;
    T value{}, first_value{};
    for (std::size_t i = 0; i < bytes.size() / sizeof(T); ++i) {
      std::copy_n(bytes.data() + i * sizeof(T), sizeof(T), reinterpret_cast<std::byte*>(&value));
      if (good(value)) continue;
      if (bad++ == 0) first = i, first_value = value;
    }
    if (bad == 0) return;
    std::ostringstream found;
    if constexpr (std::is_same_v<T, Float8E4M3>)
      found << decode_e4m3(first_value);
    else if constexpr (std::is_same_v<T, memory::Float16>)
      found << kernels::to_f32(first_value);
    else
      found << first_value;
    found << " at " << first;
    if (bad > 1) found << " and " << bad - 1 << " more like it";
    fault(entry.name, expected, found.str());
  }

  // NF4, bitsandbytes ------------------------------------------------------------------------------------------------

  Result<void> read_nf4() {
    const SafetensorsEntry* codes = take(Role::codes, {DType::u8});
    const SafetensorsEntry* absmax = take(Role::scales, {DType::f32, DType::u8});
    check_code_map();
    const std::optional<QuantState> state = read_state();
    const bool has_shape = find_nf4_shape(state, codes);
    const auto n = static_cast<std::uint64_t>(weight_.size());
    if (has_shape && codes != nullptr && count_of(*codes) != code_bytes(n))
      fault(codes->name, "U8 of " + std::to_string(code_bytes(n)) + " elements for " + shape_text(), described(*codes));
    if (state)
      weight_.block = state->block;
    else if (has_shape && absmax != nullptr)
      weight_.block = block_for(n, count_of(*absmax));
    if (has_shape && absmax != nullptr && count_of(*absmax) != block_count(n, weight_.block))
      fault(absmax->name,
            std::string(absmax->type->name) + " of " + std::to_string(block_count(n, weight_.block)) +
                " elements for " + shape_text() + " in blocks of " + std::to_string(weight_.block),
            described(*absmax));
    const bool nested = absmax != nullptr && absmax->type->dtype == DType::u8;
    if (absmax != nullptr && !nested)
      check_numbers<float>(*absmax, "finite numbers that are not negative",
                           [](float x) { return std::isfinite(x) && x >= 0.0f; });
    read_nested(absmax, nested, state);
    if (nested && faults_.empty()) check_resolved(*absmax, *state->nested);

    if (!faults_.empty()) return {};
    NEURACT_TRY_ASSIGN(weight_.codes, file_.tensor(*codes));
    if (!nested) {
      NEURACT_TRY_ASSIGN(weight_.scales, file_.tensor(*absmax));
    } else if (build_) {
      NEURACT_TRY(resolve_nested(*absmax, *state->nested));
    }
    return {};
  }

  void check_code_map() {
    const SafetensorsEntry* map = take(Role::code_map, {DType::f32});
    if (map == nullptr) return;
    const std::span<const std::byte> bytes = file_.bytes(*map);
    const auto levels = std::as_bytes(std::span(nf4::kLevels));
    if (bytes.size() != levels.size()) return fault(map->name, "F32 [16]", described(*map));
    if (!std::equal(bytes.begin(), bytes.end(), levels.begin())) fault(map->name, "the levels of NF4", "other numbers");
  }

  std::optional<QuantState> read_state() {
    const SafetensorsEntry* entry = take(Role::state, {DType::u8});
    if (entry == nullptr) return std::nullopt;
    const std::span<const std::byte> text = file_.bytes(*entry);
    std::vector<QuantStateFault> found;
    QuantState state = parse_quant_state({reinterpret_cast<const char*>(text.data()), text.size()}, found);
    for (QuantStateFault& one : found) fault(entry->name, one.expected, one.found);
    return found.empty() ? std::optional(std::move(state)) : std::nullopt;
  }

  /// False when nobody knows the shape, or has one that cannot be.
  bool find_nf4_shape(const std::optional<QuantState>& state, const SafetensorsEntry* codes) {
    if (state) {
      weight_.out_features = state->shape[0];
      weight_.in_features = state->shape[1];
      check_asked_shape(key_of(Role::state));
      return true;
    }
    if (part(Role::state) != nullptr || has_foreign_) return false;  // a fault already
    if (asked_.size() != 2 || !memory::element_count(asked_)) {
      fault(stored_.name, "a " + key_of(Role::state).substr(stored_.base.size() + 1) + " or a shape from the caller",
            asked_.empty() ? codes != nullptr ? described(*codes) + " of two codes a byte" : "neither"
                           : "the shape " + memory::to_string(asked_));
      return false;
    }
    weight_.out_features = asked_[0];
    weight_.in_features = asked_[1];
    return true;
  }

  /// The block size that gives so many blocks. At most one does, except for a single block, which then is the whole
  /// weight whatever its size.
  static std::uint32_t block_for(std::uint64_t n, std::uint64_t blocks) {
    const FormatTraits& nf4 = traits_of(Format::nf4);
    for (std::uint32_t block = nf4.min_block; block <= nf4.max_block; block *= 2)
      if (block_count(n, block) == blocks) return block;
    return nf4.block;
  }

  void read_nested(const SafetensorsEntry* absmax, bool nested, const std::optional<QuantState>& state) {
    if (!nested) {
      for (const Role role : {Role::nested_scales, Role::nested_map})
        if (const SafetensorsEntry* surplus = part(role); surplus != nullptr && absmax != nullptr)
          fault(surplus->name, "nothing beside an absmax of F32", described(*surplus));
      if (state && state->nested && absmax != nullptr)
        fault(key_of(Role::state), "no nested_blocksize beside an absmax of F32", std::to_string(state->nested->block));
      return;
    }
    const auto need = [&](Role role) {
      if (part(role) == nullptr) fault(key_of(role), "F32 for an absmax of U8", "nothing");
      return take(role, {DType::f32});
    };
    const auto is_finite = [](float x) { return std::isfinite(x); };
    if (const SafetensorsEntry* map = need(Role::nested_map)) {
      if (count_of(*map) != 256) fault(map->name, "F32 [256]", described(*map));
      check_numbers<float>(*map, "finite numbers", is_finite);
    }
    if (part(Role::state) == nullptr)
      fault(key_of(Role::state), "U8 with the nested_offset of an absmax of U8", "nothing");
    else if (state && !state->nested)
      fault(key_of(Role::state), "nested_blocksize and nested_offset for an absmax of U8", "neither");
    if (const SafetensorsEntry* scales = need(Role::nested_scales)) {
      const std::uint32_t block = state && state->nested ? state->nested->block : kNestedBlock;
      if (const std::uint64_t count = block_count(count_of(*absmax), block); count_of(*scales) != count)
        fault(scales->name,
              "F32 of " + std::to_string(count) + " elements for an absmax of " + std::to_string(count_of(*absmax)) +
                  " in blocks of " + std::to_string(block),
              described(*scales));
      check_numbers<float>(*scales, "finite numbers that are not negative",
                           [](float x) { return std::isfinite(x) && x >= 0.0f; });
    }
  }

  /// All parts can be good and the products still leave the range of f32.
  void check_resolved(const SafetensorsEntry& absmax, const QuantState::Nested& nested) {
    const auto numbers_of = [this](Role role) {
      const std::span<const std::byte> bytes = file_.bytes(*part(role));
      std::vector<float> numbers(bytes.size() / sizeof(float));
      std::copy(bytes.begin(), bytes.end(), std::as_writable_bytes(std::span(numbers)).begin());
      return numbers;
    };
    const std::vector<float> map = numbers_of(Role::nested_map);
    const auto [least, most] = std::minmax_element(map.begin(), map.end());
    for (const float scale : numbers_of(Role::nested_scales)) {
      const float low = *least * scale + nested.offset;
      const float high = *most * scale + nested.offset;
      if (!std::isfinite(low) || !std::isfinite(high))
        return fault(absmax.name, "numbers that stay finite times their nested_absmax", "larger ones");
    }
  }

  Result<void> resolve_nested(const SafetensorsEntry& absmax, const QuantState::Nested& nested) {
    NEURACT_TRY_ASSIGN(const ConstTensor codes, file_.tensor(absmax));
    NEURACT_TRY_ASSIGN(const ConstTensor scales, file_.tensor(*part(Role::nested_scales)));
    NEURACT_TRY_ASSIGN(const ConstTensor map, file_.tensor(*part(Role::nested_map)));
    NEURACT_TRY_ASSIGN(Tensor resolved, Tensor::zeros(DType::f32, {codes.size()}));
    NEURACT_TRY_ASSIGN(const auto code_span, codes.span<std::uint8_t>());
    NEURACT_TRY_ASSIGN(const auto scale_span, scales.span<float>());
    NEURACT_TRY_ASSIGN(const auto map_span, map.span<float>());
    NEURACT_TRY_ASSIGN(const auto out, resolved.span<float>());
    dequantize_scales(code_span, scale_span, nested.block, map_span.first<256>(), nested.offset, out);
    weight_.scales = resolved;
    return {};
  }

  // NVFP4 ------------------------------------------------------------------------------------------------------------

  Result<void> read_nvfp4() {
    const FamilyTraits& family = traits_of(stored_.family);
    const SafetensorsEntry* codes = take(Role::codes, {DType::u8});
    const bool has_shape = codes != nullptr && find_nvfp4_shape(*codes);
    const SafetensorsEntry* scales = family.has_float_scales
                                         ? take(Role::scales, {DType::f8_e4m3, DType::f16, DType::f32})
                                     : family.u8_scales_are_e4m3 ? take(Role::scales, {DType::f8_e4m3, DType::u8})
                                                                 : take(Role::scales, {DType::f8_e4m3});
    if (scales != nullptr) {
      const Dims expected{weight_.out_features, weight_.in_features / weight_.block};
      if (has_shape && scales->shape != expected)
        fault(scales->name, memory::to_string(expected) + " for " + shape_text() + " in blocks of 16",
              described(*scales));
      check_scales(*scales);
    }
    read_global(family.divides_by_global);

    if (!faults_.empty()) return {};
    NEURACT_TRY_ASSIGN(weight_.codes, file_.tensor(*codes));
    if (build_) NEURACT_TRY(build_scales(*scales));
    return {};
  }

  bool find_nvfp4_shape(const SafetensorsEntry& codes) {
    if (codes.shape.size() != 2 || codes.shape[1] > kMostPackedInputs) {
      fault(codes.name, "two dimensions", described(codes));
      return false;
    }
    weight_.out_features = codes.shape[0];
    weight_.in_features = 2 * codes.shape[1];
    if (weight_.in_features % weight_.block != 0) {
      fault(codes.name, "rows of whole blocks, multiples of 8 bytes", described(codes));
      return false;
    }
    check_asked_shape(codes.name);
    return true;
  }

  void check_scales(const SafetensorsEntry& scales) {
    switch (*scales.type->dtype) {
      case DType::f32:
        return check_numbers<float>(scales, "numbers that E4M3 has, not negative", [](float x) { return is_scale(x); });
      case DType::f16:
        return check_numbers<memory::Float16>(scales, "numbers that E4M3 has, not negative",
                                              [](memory::Float16 x) { return is_scale(kernels::to_f32(x)); });
      default:
        return check_numbers<Float8E4M3>(scales, "E4M3 numbers that are not negative",
                                         [](Float8E4M3 x) { return !is_nan(x) && x.bits < 0x80; });
    }
  }
  static bool is_scale(float x) { return !std::signbit(x) && std::isfinite(x) && decode_e4m3(encode_e4m3(x)) == x; }

  void read_global(bool divides) {
    const SafetensorsEntry* global = take(Role::global, {DType::f32});
    if (global == nullptr) return;
    if (count_of(*global) != 1) return fault(global->name, "one number", described(*global));
    float value = 0.0f;
    const std::span<const std::byte> bytes = file_.bytes(*global);
    std::copy(bytes.begin(), bytes.end(), reinterpret_cast<std::byte*>(&value));
    weight_.global = divides ? 1.0f / value : value;
    const auto good = [](float x) { return std::isfinite(x) && x > 0.0f; };
    if (good(value) && good(weight_.global)) return;
    std::ostringstream found;
    found << value;
    fault(global->name, divides ? "a positive number with a finite reciprocal" : "a positive number", found.str());
  }

  Result<void> build_scales(const SafetensorsEntry& entry) {
    NEURACT_TRY_ASSIGN(const ConstTensor stored, file_.tensor(entry));
    if (stored.dtype() == DType::f8_e4m3) return weight_.scales = stored, Result<void>();
    if (stored.dtype() == DType::u8) {
      NEURACT_TRY_ASSIGN(weight_.scales, Tensor::wrap(const_cast<std::byte*>(stored.data()), DType::f8_e4m3,
                                                      stored.shape(), {}, stored.owner()));
      return {};
    }
    NEURACT_TRY_ASSIGN(Tensor converted, Tensor::zeros(DType::f8_e4m3, stored.shape()));
    NEURACT_TRY_ASSIGN(const auto out, converted.span<Float8E4M3>());
    if (stored.dtype() == DType::f16) {
      NEURACT_TRY_ASSIGN(const auto in, stored.span<memory::Float16>());
      std::transform(in.begin(), in.end(), out.begin(), [](auto x) { return encode_e4m3(kernels::to_f32(x)); });
    } else {
      NEURACT_TRY_ASSIGN(const auto in, stored.span<float>());
      std::transform(in.begin(), in.end(), out.begin(), [](float x) { return encode_e4m3(x); });
    }
    weight_.scales = converted;
    return {};
  }

  [[nodiscard]] std::string shape_text() const {
    return "shape " + memory::to_string({weight_.out_features, weight_.in_features});
  }

  const SafetensorsFile& file_;
  const StoredWeight& stored_;
  const Dims& asked_;
  bool build_;
  bool has_foreign_ = false;
  std::vector<Fault> faults_;
  QuantizedWeight weight_;
};

}  // namespace

Result<Reading> read_weight(const SafetensorsFile& file, const StoredWeight& weight, const Dims& shape, bool build) {
  return Reader(file, weight, shape, build).read();
}

}  // namespace neuract::q4::detail
