#include "neuract/config/text_table.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <string_view>

#include "neuract/config/progress.hpp"

namespace neuract::config {
namespace {

/// Characters, as far as UTF-8 tells: wide and combining ones do not occur in what is shown here.
std::size_t display_width(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

/// Breaks at spaces; a word that is longer than the line stays whole.
std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
  std::vector<std::string> lines(1);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    if (!lines.back().empty() && display_width(lines.back()) + 1 + display_width(word) > width) lines.emplace_back();
    if (!lines.back().empty()) lines.back() += ' ';
    lines.back() += word;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

}  // namespace

std::string TextTable::text(int width, bool colour, const std::string& indent) const {
  constexpr std::size_t kGap = 2;
  constexpr std::size_t kNarrowest = 20;
  std::vector<std::size_t> widths;
  std::size_t before_last = indent.size();
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    widths.push_back(display_width(columns_[c].header));
    for (const auto& row : rows_) widths.back() = std::max(widths.back(), display_width(row[c]));
    if (c + 1 < columns_.size()) before_last += widths.back() + kGap;
  }
  const auto available = static_cast<std::size_t>(std::max(width, 0));
  const std::size_t last = std::max(kNarrowest, available > before_last ? available - before_last : 0);

  std::string out;
  const auto line = [&](const std::vector<std::string>& cells, bool header) {
    const std::vector<std::string> tail =
        columns_.back().align == Align::left ? wrapped(cells.back(), last) : std::vector{cells.back()};
    for (std::size_t part = 0; part < tail.size(); ++part) {
      std::string text;
      for (std::size_t c = 0; c < columns_.size(); ++c) {
        const bool is_last = c + 1 == columns_.size();
        const std::string cell = is_last ? tail[part] : part == 0 ? cells[c] : std::string();
        const std::string padding(widths[c] - std::min(widths[c], display_width(cell)), ' ');
        if (c > 0) text += std::string(kGap, ' ');
        text += columns_[c].align == Align::right ? padding + cell : cell + padding;
      }
      text.erase(text.find_last_not_of(' ') + 1);
      out.append(indent)
          .append(header && colour ? "\x1b[1m" : "")
          .append(text)
          .append(header && colour ? "\x1b[0m\n" : "\n");
    }
  };
  std::vector<std::string> headers;
  for (const Column& column : columns_) headers.push_back(column.header);
  if (std::any_of(headers.begin(), headers.end(), [](const std::string& h) { return !h.empty(); })) line(headers, true);
  for (const auto& row : rows_) line(row, false);
  return out;
}

OutputStyle detect_output_style() {
  const ProgressOptions terminal = detect_progress_options(stdout);
  OutputStyle style;
  style.colour = terminal.colour;
  if (terminal.terminal) style.width = std::clamp(terminal.width, 60, 120);
  return style;
}

}  // namespace neuract::config
