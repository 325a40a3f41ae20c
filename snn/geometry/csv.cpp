#include "neuract/snn/geometry/csv.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <iterator>
#include <system_error>

#include "neuract/snn/nearest_name.hpp"

namespace neuract::snn {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r";
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// Calls take(field) for every field of a line until it returns false.
template <class Take>
void for_each_field(std::string_view line, Take take) {
  while (true) {
    const std::size_t comma = line.find(',');
    if (!take(trimmed(line.substr(0, comma))) || comma == std::string_view::npos) return;
    line.remove_prefix(comma + 1);
  }
}

}  // namespace

Result<std::string> read_text(const std::filesystem::path& file) {
  const std::string name = file.string();
  std::error_code error;
  const auto status = std::filesystem::status(file, error);
  if (!std::filesystem::exists(status)) return fail(ErrorCode::not_found, name, " does not exist");
  if (std::filesystem::is_directory(status)) return fail(ErrorCode::io, name, " is a directory, expected a file");
  if (!std::filesystem::is_regular_file(status)) return fail(ErrorCode::io, name, " is not a regular file");
  std::ifstream in(file, std::ios::binary);
  if (!in) return fail(ErrorCode::io, "cannot read ", name, ": ", std::generic_category().message(errno));
  std::string text;
  if (const auto size = std::filesystem::file_size(file, error); !error) text.reserve(size);
  std::vector<char> block(1 << 20);
  while (in.read(block.data(), static_cast<std::streamsize>(block.size())) || in.gcount() > 0)
    text.append(block.data(), static_cast<std::size_t>(in.gcount()));
  if (in.bad()) return fail(ErrorCode::io, "cannot read ", name, ": ", std::generic_category().message(errno));
  return text;
}

Unexpected<Error> CsvReader::wrong(const std::string& what) const {
  return fail(ErrorCode::parse, name_, ":", line_, ": ", what);
}

std::string_view CsvReader::next_line() {
  while (!rest_.empty()) {
    const std::size_t end = rest_.find('\n');
    std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    if (line_++ == 0 && line.starts_with("\xef\xbb\xbf")) line.remove_prefix(3);  // byte order mark
    line = trimmed(line.substr(0, line.find('#')));
    if (!line.empty()) return line;
  }
  return {};
}

Result<void> CsvReader::read_header(std::span<const std::string_view> known, std::size_t required) {
  columns_.assign(known.size(), -1);
  const std::string_view line = next_line();
  if (line.empty()) return fail(ErrorCode::parse, name_, ": there is no header line; columns are ", listed(known));
  int place = 0;
  std::string fault;
  for_each_field(line, [&](std::string_view field) {
    const auto found = std::find(known.begin(), known.end(), field);
    if (found == known.end()) {
      const bool number = !field.empty() && field.find_first_not_of("0123456789+-.eE \t") == std::string_view::npos;
      fault = number ? "expected a header line with the names of the columns (" + listed(known) + "), got " +
                           in_quotes(line)
                     : unknown_name("column", field, "columns are", known);
      return false;
    }
    int& column = columns_[static_cast<std::size_t>(found - known.begin())];
    if (column >= 0) fault = "column " + in_quotes(field) + " is named twice";
    column = place++;
    return fault.empty();
  });
  if (!fault.empty()) return wrong(fault);
  for (std::size_t k = 0; k < required; ++k) {
    if (columns_[k] < 0) return wrong("column " + in_quotes(known[k]) + " is missing; columns are " + listed(known));
  }
  values_.resize(static_cast<std::size_t>(place));
  return {};
}

Result<bool> CsvReader::next() {
  const std::string_view line = next_line();
  if (line.empty()) return false;
  std::size_t place = 0;
  std::string fault;
  for_each_field(line, [&](std::string_view field) {
    if (place < values_.size()) {
      std::string_view digits = field;
      if (digits.size() > 1 && digits[0] == '+' && digits[1] != '-') digits.remove_prefix(1);
      const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), values_[place]);
      if (error == std::errc::result_out_of_range) {
        fault = in_quotes(field) + " is beyond the range of numbers";
      } else if (error != std::errc() || end != digits.data() + digits.size()) {
        fault = in_quotes(field) + " is not a number";
      }
    }
    ++place;
    return fault.empty();
  });
  if (!fault.empty()) return wrong(fault);
  if (place != values_.size())
    return wrong("there " + std::string(place == 1 ? "is " : "are ") + counted(place, "value") + ", the header has " +
                 counted(values_.size(), "column"));
  return true;
}

}  // namespace neuract::snn
