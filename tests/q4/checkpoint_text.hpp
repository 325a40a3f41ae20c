#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "neuract/kernels/convert.hpp"
#include "neuract/q4/checkpoint/double_quant.hpp"
#include "neuract/q4/checkpoint/safetensors.hpp"
#include "neuract/q4/e4m3.hpp"
#include "neuract/q4/nf4.hpp"

/// Small safetensors files, whole and broken, written down as text. A line is one of
///
///   fc1.weight U8 [2,8] 0x77 15*0x12       name, type, shape, elements; what is left out is zero
///   m F32 [16] nf4                         the levels of NF4; "dynamic": the map of double quantisation
///   s U8 [*] text {"quant_type": "nf4"}    the bytes of the rest of the line
///   @header {"a": {"dtype": …}}            instead of tensors: the header as it stands, with \xNN for any byte
///   @data 24                               so many bytes after it
///   @length 99                             what the file says to be the length of its header
///   @truncate 20                           the file ends here
///   # a comment
namespace neuract::q4 {

class CheckpointText {
 public:
  /// The file's bytes. Never fails: what makes no sense is left out. At most a megabyte.
  [[nodiscard]] static std::string file_of(std::string_view text) {
    CheckpointText builder;
    std::istringstream lines{std::string(text)};
    for (std::string line; std::getline(lines, line);) builder.add(line);
    return std::move(builder).file();
  }

 private:
  static constexpr std::size_t kMost = 1 << 20;

  void add(const std::string& line) {
    std::istringstream words(line);
    std::string first;
    if (!(words >> first) || first.front() == '#') return;
    if (first == "@header")
      header_ += unescaped(rest_of(words));
    else if (first == "@data" || first == "@length" || first == "@truncate")
      add_number(first, words);
    else
      add_tensor(first, words);
  }

  void add_number(const std::string& what, std::istringstream& words) {
    std::uint64_t number = 0;
    if (!(words >> number)) return;
    if (what == "@data") data_.resize(std::min<std::uint64_t>(data_.size() + number, kMost));
    if (what == "@length") length_ = number, has_length_ = true;
    if (what == "@truncate") truncate_ = std::min<std::uint64_t>(number, kMost);
  }

  void add_tensor(const std::string& name, std::istringstream& words) {
    std::string type, shape;
    if (!(words >> type >> shape)) return;
    const std::size_t begin = data_.size();
    std::size_t count = 0;
    for (std::string word; words >> word;) {
      if (word == "text") {
        const std::string bytes = rest_of(words);
        data_ += bytes, count += bytes.size();
      } else {
        count += add_elements(type, word);
      }
    }
    if (shape == "[*]") shape = "[" + std::to_string(count) + "]";
    data_.resize(begin + std::min(kMost, std::max(data_.size() - begin, bytes_of(type, shape))));
    tensors_ += std::string(tensors_.empty() ? "" : ", ") + "\"" + name + "\": {\"dtype\": \"" + type +
                "\", \"shape\": " + shape + ", \"data_offsets\": [" + std::to_string(begin) + ", " +
                std::to_string(data_.size()) + "]}";
  }

  /// "7", "0x7f", "nan" or "32*0.5".
  std::size_t add_elements(const std::string& type, const std::string& word) {
    if (word == "nf4" || word == "dynamic") {
      const auto put_all = [this](const auto& map) {
        for (const float x : map) put(x);
        return map.size();
      };
      return word == "nf4" ? put_all(nf4::kLevels) : put_all(dynamic_map());
    }
    const std::size_t star = word.find('*');
    const std::size_t times = star == std::string::npos ? 1 : std::strtoul(word.c_str(), nullptr, 10);
    const std::string value = star == std::string::npos ? word : word.substr(star + 1);
    for (std::size_t i = 0; i < times && data_.size() < kMost; ++i) put_value(type, value);
    return times;
  }

  void put_value(const std::string& type, const std::string& value) {
    const double x = std::strtod(value.c_str(), nullptr);
    const auto bits = std::strtoull(value.c_str(), nullptr, 0);
    const bool raw = value.starts_with("0x");
    if (type == "F32")
      raw ? put(static_cast<std::uint32_t>(bits)) : put(static_cast<float>(x));
    else if (type == "F16")
      raw ? put(static_cast<std::uint16_t>(bits)) : put(kernels::to_f16(static_cast<float>(x)));
    else if (type == "BF16")
      raw ? put(static_cast<std::uint16_t>(bits)) : put(kernels::to_bf16(static_cast<float>(x)));
    else if (type == "F8_E4M3")
      raw ? put(static_cast<std::uint8_t>(bits)) : put(encode_e4m3(static_cast<float>(x)));
    else if (type == "F64")
      put(x);
    else if (type == "I64" || type == "U64")
      put(static_cast<std::uint64_t>(bits));
    else if (type == "I32" || type == "U32")
      put(static_cast<std::uint32_t>(bits));
    else
      put(static_cast<std::uint8_t>(bits));
  }

  template <class T>
  void put(T value) {
    std::string bytes(sizeof value, '\0');
    std::memcpy(bytes.data(), &value, sizeof value);
    data_ += bytes;
  }

  static std::size_t bytes_of(const std::string& type, const std::string& shape) {
    const SafetensorsDType* row = safetensors_dtype(type);
    double bits = row == nullptr ? 8 : row->bits;
    std::istringstream numbers(shape.substr(1));
    char separator = ',';
    for (double n = 0; separator == ',' && numbers >> n; numbers >> separator) bits *= n;
    return bits >= 0 && bits / 8 < static_cast<double>(kMost) ? static_cast<std::size_t>(bits / 8) : 0;
  }

  static std::string rest_of(std::istringstream& words) {
    std::string rest;
    std::getline(words >> std::ws, rest);
    return rest;
  }

  static std::string unescaped(const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text.compare(i, 2, "\\x") == 0 && i + 3 < text.size()) {
        out += static_cast<char>(std::strtoul(text.substr(i + 2, 2).c_str(), nullptr, 16));
        i += 3;
      } else {
        out += text[i];
      }
    }
    return out;
  }

  std::string file() && {
    std::string header = header_.empty() ? "{" + tensors_ + "}" : header_;
    // Aligned as real files are.
    while (header_.empty() && (8 + header.size()) % 8 != 0) header += ' ';
    const std::uint64_t length = has_length_ ? length_ : header.size();
    std::string out(sizeof length, '\0');
    std::memcpy(out.data(), &length, sizeof length);
    out += header + data_;
    if (out.size() > truncate_) out.resize(truncate_);
    return out;
  }

  std::string header_, tensors_, data_;
  std::uint64_t length_ = 0;
  bool has_length_ = false;
  std::uint64_t truncate_ = 2 * kMost;
};

/// The file that `text` describes, open; it keeps its bytes.
inline Result<SafetensorsFile> open_text(std::string_view text, std::string name = "test.safetensors") {
  const auto bytes = std::make_shared<std::string>(CheckpointText::file_of(text));
  return SafetensorsFile::from_bytes(std::as_bytes(std::span(*bytes)), std::move(name), bytes);
}

}  // namespace neuract::q4
