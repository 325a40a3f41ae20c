#pragma once

#include <string>
#include <vector>

namespace neuract::config {

/// Columns of text for a terminal: as wide as their longest cell, the last one wrapped at the end of the line.
class TextTable {
 public:
  enum class Align { left, right };
  struct Column {
    std::string header;
    Align align = Align::left;
  };

  explicit TextTable(std::vector<Column> columns) : columns_(std::move(columns)) {}
  /// As many cells as there are columns.
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  [[nodiscard]] bool empty() const noexcept { return rows_.empty(); }

  /// Lines of at most `width` characters (more when the other columns leave less than 20 for the last one), the header
  /// in bold if `colour`. Every line begins with `indent` and ends with a line end.
  [[nodiscard]] std::string text(int width, bool colour, const std::string& indent = "") const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// What the terminal on stdout, or what stands in its place, takes.
struct OutputStyle {
  int width = 100;
  bool colour = false;
};
OutputStyle detect_output_style();

}  // namespace neuract::config
