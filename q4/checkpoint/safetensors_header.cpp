#include "neuract/q4/checkpoint/safetensors_header.hpp"

#include <algorithm>
#include <array>
#include <boost/json/basic_parser_impl.hpp>
#include <cstdio>
#include <cstring>
#include <set>
#include <tuple>
#include <utility>

namespace neuract::q4 {
namespace {

namespace json = boost::json;
using memory::DType;

constexpr std::array<SafetensorsDType, 22> kTypes{{
    {"F64", 64, DType::f64},
    {"F32", 32, DType::f32},
    {"F16", 16, DType::f16},
    {"BF16", 16, DType::bf16},
    {"F8_E4M3", 8, DType::f8_e4m3},
    {"I64", 64, DType::i64},
    {"I32", 32, DType::i32},
    {"I16", 16, DType::i16},
    {"I8", 8, DType::i8},
    {"U64", 64, DType::u64},
    {"U32", 32, DType::u32},
    {"U16", 16, DType::u16},
    {"U8", 8, DType::u8},
    {"BOOL", 8, DType::boolean},
    {"C64", 64, std::nullopt},
    {"F8_E5M2", 8, std::nullopt},
    {"F8_E8M0", 8, std::nullopt},
    {"F8_E4M3FNUZ", 8, std::nullopt},
    {"F8_E5M2FNUZ", 8, std::nullopt},
    {"F6_E2M3", 6, std::nullopt},
    {"F6_E3M2", 6, std::nullopt},
    {"F4", 4, std::nullopt},
}};

/// Takes the events of the JSON parser and accepts nothing but a safetensors header, so that no text, however large or
/// deep, costs more memory than the entries it describes.
class HeaderHandler {
 public:
  // Boost's parser asks for these names.
  // NOLINTBEGIN(readability-identifier-naming)
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);
  // NOLINTEND(readability-identifier-naming)

  [[nodiscard]] const std::string& fault() const noexcept { return fault_; }
  [[nodiscard]] SafetensorsHeader take() { return std::move(header_); }

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }

  bool on_object_begin(json::error_code& ec) {
    switch (where_) {
      case Where::outside: where_ = Where::header; return true;
      case Where::header:
        where_ = is_metadata() ? Where::metadata : Where::tensor;
        fields_ = {};
        return true;
      default: return refuse(ec, "an object");
    }
  }

  bool on_object_end(std::size_t, json::error_code& ec) {
    switch (where_) {
      case Where::metadata: where_ = Where::header; return true;
      case Where::tensor:
        for (std::size_t f = 0; f < kFields.size(); ++f)
          if (!fields_[f]) return fail(ec, tensor() + std::string(kFields[f]) + " is missing");
        header_.entries.push_back(std::exchange(entry_, {}));
        where_ = Where::header;
        return true;
      default: where_ = Where::outside; return true;
    }
  }

  bool on_array_begin(json::error_code& ec) {
    if (where_ != Where::tensor) return refuse(ec, "an array");
    if (key_ == "shape") return where_ = Where::shape, true;
    if (key_ == "data_offsets") return where_ = Where::offsets, offset_count_ = 0, true;
    return refuse(ec, "an array");
  }

  bool on_array_end(std::size_t, json::error_code& ec) {
    if (where_ == Where::offsets && offset_count_ != 2)
      return fail(ec, tensor() + "data_offsets has " + std::to_string(offset_count_) + " numbers, expected 2");
    where_ = Where::tensor;
    return true;
  }

  bool on_key_part(json::string_view part, std::size_t, json::error_code&) { return text_.append(part), true; }
  bool on_key(json::string_view part, std::size_t, json::error_code& ec) {
    key_ = std::exchange(text_, {});
    key_.append(part);
    switch (where_) {
      case Where::header:
        if (!names_.insert(key_).second) return fail(ec, in_quotes(key_) + " comes twice");
        entry_.name = key_;
        return true;
      case Where::metadata:
        if (header_.metadata.contains(key_)) return fail(ec, "__metadata__: " + in_quotes(key_) + " comes twice");
        return true;
      default: {
        const auto field = std::find(kFields.begin(), kFields.end(), key_);
        if (field == kFields.end())
          return fail(ec, tensor() + "unknown field " + in_quotes(key_) + "; expected dtype, shape, data_offsets");
        bool& seen = fields_[static_cast<std::size_t>(field - kFields.begin())];
        if (std::exchange(seen, true)) return fail(ec, tensor() + key_ + " comes twice");
        return true;
      }
    }
  }

  bool on_string_part(json::string_view part, std::size_t, json::error_code&) { return text_.append(part), true; }
  bool on_string(json::string_view part, std::size_t, json::error_code& ec) {
    std::string value = std::exchange(text_, {});
    value.append(part);
    if (where_ == Where::metadata) return header_.metadata.emplace(key_, std::move(value)), true;
    if (where_ != Where::tensor || key_ != "dtype") return refuse(ec, "a string");
    entry_.type = safetensors_dtype(value);
    return entry_.type != nullptr || fail(ec, tensor() + "unknown dtype " + in_quotes(value));
  }

  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(std::int64_t value, json::string_view, json::error_code& ec) {
    if (value < 0) return refuse(ec, std::to_string(value));
    return on_uint64(static_cast<std::uint64_t>(value), {}, ec);
  }
  bool on_uint64(std::uint64_t value, json::string_view, json::error_code& ec) {
    if (where_ == Where::offsets) {
      if (offset_count_ < 2) (offset_count_ == 0 ? entry_.begin : entry_.end) = value;
      ++offset_count_;
      return true;
    }
    if (where_ != Where::shape) return refuse(ec, "a number");
    if (value > static_cast<std::uint64_t>(INT64_MAX))
      return fail(ec, tensor() + "shape: a dimension of " + std::to_string(value) + " is too large");
    if (entry_.shape.size() == kMaxSafetensorsRank)
      return fail(ec, tensor() + "shape: more than " + std::to_string(kMaxSafetensorsRank) + " dimensions");
    entry_.shape.push_back(static_cast<std::int64_t>(value));
    return true;
  }
  bool on_double(double, json::string_view, json::error_code& ec) { return refuse(ec, "a fraction"); }
  bool on_bool(bool, json::error_code& ec) { return refuse(ec, "a boolean"); }
  bool on_null(json::error_code& ec) { return refuse(ec, "null"); }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

 private:
  enum class Where { outside, header, metadata, tensor, shape, offsets };
  static constexpr std::array<std::string_view, 3> kFields{"dtype", "shape", "data_offsets"};

  [[nodiscard]] bool is_metadata() const { return key_ == "__metadata__"; }
  [[nodiscard]] std::string tensor() const { return in_quotes(entry_.name) + ": "; }

  bool fail(json::error_code& ec, std::string fault) {
    fault_ = std::move(fault);
    ec = json::error::syntax;
    return false;
  }
  bool refuse(json::error_code& ec, const std::string& found) {
    switch (where_) {
      case Where::outside: return fail(ec, "expected an object, found " + found);
      case Where::header: return fail(ec, in_quotes(key_) + ": expected an object, found " + found);
      case Where::metadata: return fail(ec, "__metadata__: " + in_quotes(key_) + ": expected a string, found " + found);
      case Where::tensor:
        return fail(ec,
                    tensor() + key_ + ": expected " + (key_ == "dtype" ? "a string" : "an array") + ", found " + found);
      default: return fail(ec, tensor() + key_ + ": expected whole numbers, found " + found);
    }
  }

  SafetensorsHeader header_;
  SafetensorsEntry entry_;
  std::set<std::string> names_;
  std::array<bool, 3> fields_{};
  std::string key_;
  std::string text_;
  std::string fault_;
  std::size_t offset_count_ = 0;
  Where where_ = Where::outside;
};

Result<SafetensorsHeader> parse_json(std::string_view text) {
  if (text.empty() || text.front() != '{')
    return fail(ErrorCode::parse, "the header does not begin with '{': this is no safetensors file");
  json::parse_options options;
  options.max_depth = 8;
  json::basic_parser<HeaderHandler> parser(options);
  json::error_code ec;
  const std::size_t consumed = parser.write_some(false, text.data(), text.size(), ec);
  if (!parser.handler().fault().empty()) return fail(ErrorCode::parse, parser.handler().fault());
  if (ec) return fail(ErrorCode::parse, "the header is not JSON in UTF-8: ", ec.message(), " at byte ", 8 + consumed);
  if (const std::size_t rest = text.find_first_not_of(" \t\r\n", consumed); rest != std::string_view::npos)
    return fail(ErrorCode::parse, "the header has more after its end, at byte ", 8 + rest);
  return parser.handler().take();
}

/// Whether begin and end are inside `data` bytes and as far apart as dtype and shape ask for.
Result<void> check_extent(const SafetensorsEntry& entry, std::uint64_t data) {
  const std::string name = in_quotes(entry.name);
  if (entry.begin > entry.end || entry.end > data)
    return fail(ErrorCode::parse, name, ": data_offsets [", entry.begin, ", ", entry.end,
                "] are not inside the file, which has ", data, " bytes of data");
  const auto count = memory::element_count(entry.shape);
  if (!count) return fail(ErrorCode::parse, name, ": ", count.error().message);
  std::uint64_t bits = 0;
  const bool huge = __builtin_mul_overflow(static_cast<std::uint64_t>(*count), std::uint64_t{entry.type->bits}, &bits);
  if (!huge && bits % 8 != 0)
    return fail(ErrorCode::parse, name, ": ", *count, " elements of type ", entry.type->name,
                " are no whole number of bytes");
  if (huge || bits / 8 != entry.bytes())
    return fail(ErrorCode::parse, name, ": shape ", memory::to_string(entry.shape), " of ", entry.type->name, " takes ",
                huge ? "more than 2^61" : std::to_string(bits / 8), " bytes, but data_offsets [", entry.begin, ", ",
                entry.end, "] hold ", entry.bytes());
  return {};
}

Result<void> check_cover(const std::vector<SafetensorsEntry>& entries, std::uint64_t data) {
  std::vector<const SafetensorsEntry*> order;
  order.reserve(entries.size());
  for (const SafetensorsEntry& entry : entries) order.push_back(&entry);
  std::sort(order.begin(), order.end(), [](const SafetensorsEntry* a, const SafetensorsEntry* b) {
    return std::tie(a->begin, a->end, a->name) < std::tie(b->begin, b->end, b->name);
  });
  std::uint64_t covered = 0;
  const SafetensorsEntry* before = nullptr;
  for (const SafetensorsEntry* entry : order) {
    if (entry->begin < covered)
      return fail(ErrorCode::parse, in_quotes(entry->name), ": data_offsets [", entry->begin, ", ", entry->end,
                  "] overlap those of ", in_quotes(before->name), ", [", before->begin, ", ", before->end, "]");
    if (entry->begin > covered)
      return fail(ErrorCode::parse, in_quotes(entry->name), ": data_offsets begin at ", entry->begin, ", but bytes ",
                  covered, " to ", entry->begin, " belong to no tensor");
    covered = entry->end;
    before = entry;
  }
  if (covered != data)
    return fail(ErrorCode::parse, "the file has ", data, " bytes of data, but its tensors end at ", covered);
  return {};
}

}  // namespace

const SafetensorsDType* safetensors_dtype(std::string_view name) noexcept {
  const auto row = std::find_if(kTypes.begin(), kTypes.end(), [&](const auto& type) { return type.name == name; });
  return row == kTypes.end() ? nullptr : &*row;
}

const SafetensorsDType* safetensors_dtype(DType dtype) noexcept {
  const auto row = std::find_if(kTypes.begin(), kTypes.end(), [&](const auto& type) { return type.dtype == dtype; });
  return row == kTypes.end() ? nullptr : &*row;
}

const SafetensorsEntry* SafetensorsHeader::find(std::string_view name) const noexcept {
  const auto entry = std::lower_bound(entries.begin(), entries.end(), name,
                                      [](const SafetensorsEntry& e, std::string_view n) { return e.name < n; });
  return entry == entries.end() || entry->name != name ? nullptr : &*entry;
}

Result<SafetensorsHeader> parse_safetensors_header(std::span<const std::byte> file) {
  if (file.size() < 8)
    return fail(ErrorCode::parse, "the file has ", file.size(), " bytes, too few for a safetensors header");
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), sizeof length);
  if (length > kMaxSafetensorsHeader)
    return fail(ErrorCode::parse, "a header of ", length, " bytes; at most ", kMaxSafetensorsHeader,
                " are accepted. Is this a safetensors file?");
  if (length > file.size() - 8)
    return fail(ErrorCode::parse, "a header of ", length, " bytes in a file of ", file.size(), " bytes");
  NEURACT_TRY_ASSIGN(SafetensorsHeader header,
                     parse_json({reinterpret_cast<const char*>(file.data()) + 8, static_cast<std::size_t>(length)}));

  const std::uint64_t data_begin = 8 + length;
  const std::uint64_t data = file.size() - data_begin;
  std::sort(header.entries.begin(), header.entries.end(),
            [](const SafetensorsEntry& a, const SafetensorsEntry& b) { return a.name < b.name; });
  for (const SafetensorsEntry& entry : header.entries) NEURACT_TRY(check_extent(entry, data));
  NEURACT_TRY(check_cover(header.entries, data));
  for (SafetensorsEntry& entry : header.entries) {
    entry.begin += data_begin;
    entry.end += data_begin;
  }
  return header;
}

std::string in_quotes(std::string_view name) {
  constexpr std::size_t kLongest = 100;
  std::size_t length = std::min(name.size(), kLongest);
  while (length > 0 && length < name.size() && (static_cast<unsigned char>(name[length]) & 0xc0) == 0x80) --length;
  std::string text = "\"";
  for (const char c : name.substr(0, length)) {
    if (c == '"' || c == '\\') text += '\\';
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) {
      text += c;
    } else {
      std::array<char, 8> code{};
      std::snprintf(code.data(), code.size(), "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
      text += code.data();
    }
  }
  return text + (length < name.size() ? "…\"" : "\"");
}

}  // namespace neuract::q4
