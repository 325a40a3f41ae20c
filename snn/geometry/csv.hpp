#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "neuract/memory/result.hpp"

/// Tables of numbers as comma-separated text: a header line with the names of the columns, then a line for every row.
/// Empty lines and what follows a "#" do not count.
namespace neuract::snn {

/// The whole file. Errors: not_found, io; they name it.
Result<std::string> read_text(const std::filesystem::path& file);

/// Goes through a table line by line; memory O(columns). Errors (parse) begin with "name:line: ". `text` must outlive it.
class CsvReader {
 public:
  CsvReader(std::string_view text, std::string name) : rest_(text), name_(std::move(name)) {}

  /// Reads the header. Its columns are among `known`, in any order, each once; the first `required` must be there.
  Result<void> read_header(std::span<const std::string_view> known, std::size_t required);
  /// The place of known column `k` among the values of a row, or -1.
  [[nodiscard]] int column(std::size_t k) const noexcept { return columns_[k]; }

  /// The next row; false after the last one.
  Result<bool> next();
  /// Of the current row, by the place of the column.
  [[nodiscard]] double value(int place) const noexcept { return values_[static_cast<std::size_t>(place)]; }
  [[nodiscard]] std::size_t line() const noexcept { return line_; }
  /// An error at the current line.
  [[nodiscard]] Unexpected<Error> wrong(const std::string& what) const;

 private:
  /// The next line that counts, without comment and surrounding blanks; empty after the last one.
  std::string_view next_line();

  std::string_view rest_;
  std::string name_;
  std::size_t line_ = 0;
  std::vector<int> columns_;
  std::vector<double> values_;
};

}  // namespace neuract::snn
