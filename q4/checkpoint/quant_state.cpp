#include "neuract/q4/checkpoint/quant_state.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <boost/json.hpp>
#include <boost/json/basic_parser_impl.hpp>
#include <cmath>
#include <cstdio>
#include <limits>
#include <utility>

#include "neuract/q4/checkpoint/safetensors_header.hpp"
#include "neuract/q4/format.hpp"

namespace neuract::q4 {
namespace {

namespace json = boost::json;
using memory::DType;

struct TorchType {
  std::string_view name;
  DType dtype;
};
constexpr std::array<TorchType, 3> kTorchTypes{
    {{"float32", DType::f32}, {"float16", DType::f16}, {"bfloat16", DType::bf16}}};

/// Counts the fields of all objects. A parsed object has each name once: of two equal ones the last has won, silently.
struct FieldCounter {
  // Boost's parser asks for these names.
  // NOLINTBEGIN(readability-identifier-naming)
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);
  // NOLINTEND(readability-identifier-naming)
  std::size_t fields = 0;

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code&) { return true; }
  bool on_object_end(std::size_t count, json::error_code&) { return fields += count, true; }
  bool on_array_begin(json::error_code&) { return true; }
  bool on_array_end(std::size_t, json::error_code&) { return true; }
  bool on_key_part(json::string_view, std::size_t, json::error_code&) { return true; }
  bool on_key(json::string_view, std::size_t, json::error_code&) { return true; }
  bool on_string_part(json::string_view, std::size_t, json::error_code&) { return true; }
  bool on_string(json::string_view, std::size_t, json::error_code&) { return true; }
  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(std::int64_t, json::string_view, json::error_code&) { return true; }
  bool on_uint64(std::uint64_t, json::string_view, json::error_code&) { return true; }
  bool on_double(double, json::string_view, json::error_code&) { return true; }
  bool on_bool(bool, json::error_code&) { return true; }
  bool on_null(json::error_code&) { return true; }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }
};

std::size_t count_fields(std::string_view text, const json::parse_options& options) {
  json::basic_parser<FieldCounter> parser(options);
  json::error_code ec;
  parser.write_some(false, text.data(), text.size(), ec);
  return parser.handler().fields;
}

/// Text of a value, short enough for a message.
std::string shown(const json::value& value) {
  if (const json::string* text = value.if_string()) return in_quotes({text->data(), text->size()});
  std::string text = json::serialize(value);
  return text.size() > 60 ? text.substr(0, 60) + "…" : text;
}

/// Reads the fields of an object, each once, and reports those that are left over.
class Fields {
 public:
  Fields(const json::object& object, std::vector<QuantStateFault>& faults) : object_(object), faults_(faults) {}

  void fault(std::string_view key, const std::string& expected, const std::string& found) {
    faults_.push_back({std::string(key) + " " + expected, found});
  }

  /// nullptr, with a fault, when a field is missing.
  const json::value* get(std::string_view key, const std::string& expected) {
    known_.push_back(key);
    const json::value* value = object_.if_contains(key);
    if (value == nullptr) fault(key, expected, "nothing");
    return value;
  }
  [[nodiscard]] bool contains(std::string_view key) const { return object_.if_contains(key) != nullptr; }

  void text(std::string_view key, std::string_view expected) {
    const std::string quoted = in_quotes(expected);
    const json::value* value = get(key, quoted);
    if (value != nullptr && (!value->is_string() || value->get_string() != expected)) fault(key, quoted, shown(*value));
  }

  std::uint32_t block(std::string_view key, std::uint32_t least) {
    const std::uint32_t most = traits_of(Format::nf4).max_block;
    const std::string expected = "a power of two from " + std::to_string(least) + " to " + std::to_string(most);
    const json::value* value = get(key, expected);
    if (value == nullptr) return most;
    const std::int64_t* number = value->if_int64();
    if (number != nullptr && *number >= least && *number <= most &&
        std::has_single_bit(static_cast<std::uint64_t>(*number)))
      return static_cast<std::uint32_t>(*number);
    fault(key, expected, shown(*value));
    return most;
  }

  void report_unknown() {
    for (const auto& [key, value] : object_) {
      if (std::find(known_.begin(), known_.end(), std::string_view(key.data(), key.size())) == known_.end())
        faults_.push_back({"no field " + in_quotes({key.data(), key.size()}), shown(value)});
    }
  }

 private:
  const json::object& object_;
  std::vector<QuantStateFault>& faults_;
  std::vector<std::string_view> known_;
};

memory::Dims read_shape(Fields& fields) {
  const std::string expected = "[out_features, in_features]";
  const json::value* value = fields.get("shape", expected);
  if (value == nullptr) return {};
  memory::Dims shape;
  if (const json::array* array = value->if_array(); array != nullptr && array->size() == 2) {
    for (const json::value& n : *array) {
      if (n.is_int64() && n.get_int64() >= 0) shape.push_back(n.get_int64());
    }
  }
  if (shape.size() == 2 && memory::element_count(shape)) return shape;
  fields.fault("shape", expected, shown(*value));
  return {};
}

}  // namespace

QuantState parse_quant_state(std::string_view text, std::vector<QuantStateFault>& faults) {
  QuantState state;
  const std::size_t before = faults.size();
  if (text.size() > 65536) {
    faults.push_back({"JSON of at most 65536 bytes", std::to_string(text.size()) + " bytes"});
    return state;
  }
  json::parse_options options;
  options.max_depth = 4;
  json::error_code ec;
  const json::value value = json::parse(json::string_view(text.data(), text.size()), ec, {}, options);
  if (ec || !value.is_object()) {
    faults.push_back({"a JSON object", ec ? "text that is not JSON: " + ec.message() : shown(value)});
    return state;
  }

  if (count_fields(text, options) > value.get_object().size())
    faults.push_back({"each field once and no objects in it", "more"});
  Fields fields(value.get_object(), faults);
  fields.text("quant_type", "nf4");
  state.block = fields.block("blocksize", traits_of(Format::nf4).min_block);
  state.shape = read_shape(fields);
  const std::string types = "\"float32\", \"float16\" or \"bfloat16\"";
  if (const json::value* name = fields.get("dtype", types)) {
    const auto type = std::find_if(kTorchTypes.begin(), kTorchTypes.end(), [&](const TorchType& row) {
      return name->is_string() && name->get_string() == row.name;
    });
    if (type == kTorchTypes.end())
      fields.fault("dtype", types, shown(*name));
    else
      state.dtype = type->dtype;
  }
  if (fields.contains("nested_blocksize") || fields.contains("nested_offset") || fields.contains("nested_dtype")) {
    QuantState::Nested nested;
    nested.block = fields.block("nested_blocksize", 1);
    fields.text("nested_dtype", "float32");
    const std::string expected = "a number that f32 holds";
    if (const json::value* offset = fields.get("nested_offset", expected)) {
      json::error_code not_a_number;
      const auto number = offset->to_number<double>(not_a_number);
      // Also false for NaN.
      if (not_a_number || !(std::abs(number) <= std::numeric_limits<float>::max()))
        fields.fault("nested_offset", expected, shown(*offset));
      else
        nested.offset = static_cast<float>(number);
    }
    state.nested = nested;
  }
  fields.report_unknown();
  return faults.size() == before ? state : QuantState{};
}

std::string quant_state_text(const QuantState& state) {
  const auto type = std::find_if(kTorchTypes.begin(), kTorchTypes.end(),
                                 [&](const TorchType& row) { return row.dtype == state.dtype; });
  std::string text = R"({"quant_type": "nf4", "blocksize": )" + std::to_string(state.block) + R"(, "dtype": ")" +
                     std::string(type == kTorchTypes.end() ? kTorchTypes[0].name : type->name) + R"(", "shape": )" +
                     memory::to_string(state.shape);
  if (state.nested) {
    std::array<char, 32> offset{};
    std::snprintf(offset.data(), offset.size(), "%.9g", static_cast<double>(state.nested->offset));
    text += R"(, "nested_blocksize": )" + std::to_string(state.nested->block) +
            R"(, "nested_dtype": "float32", "nested_offset": )" + offset.data();
  }
  text += "}";
  text.resize(kQuantStateBytes, ' ');
  return text;
}

}  // namespace neuract::q4
