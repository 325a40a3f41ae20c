#include "neuract/config/terminal_raster.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "neuract/config/plot_view.hpp"
#include "neuract/config/progress.hpp"

namespace neuract::config {

namespace {

constexpr std::size_t kRows = 20;      // of spikes, for all populations together
constexpr std::size_t kLeastRows = 2;  // a population has two lines of labels
constexpr std::size_t kLabelLimit = 14;
constexpr double kDotFill = 0.25;      // more than this of all dots set looks like a wall
constexpr double kLeastDotFill = 0.1;  // and less like nothing: then several neurons share a line of dots

/// Dots, two wide and four high per character cell.
class Canvas {
 public:
  Canvas(std::size_t columns, std::size_t rows) : columns_(columns), cells_(columns * rows) {}

  void set(std::size_t x, std::size_t y) {
    // Unicode numbers the dots down the left, down the right, and then the bottom pair.
    constexpr std::array<std::array<std::uint8_t, 2>, 4> kBits{
        {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}}};
    cells_[y / 4 * columns_ + x / 2] |= kBits[y % 4][x % 2];
  }

  std::string row(std::size_t row, bool unicode) const {
    std::string text;
    for (std::size_t c = 0; c < columns_; ++c) {
      const std::uint8_t bits = cells_[row * columns_ + c];
      if (!unicode) {
        text += " .:!*####"[std::popcount(bits)];
      } else if (bits == 0) {
        text += ' ';
      } else {  // U+2800 + bits in UTF-8
        text += {'\xe2', static_cast<char>(0xa0 | bits >> 6), static_cast<char>(0x80 | (bits & 0x3f))};
      }
    }
    return text;
  }

 private:
  std::size_t columns_;
  std::vector<std::uint8_t> cells_;
};

std::string right_aligned(const std::string& text, std::size_t width) {
  const std::size_t length = length_of(text);
  return std::string(width - std::min(width, length), ' ') + text;
}

std::string bars(const std::vector<double>& values, double top, bool unicode) {
  std::string text;
  for (const double value : values) {
    const auto level = top > 0.0 ? std::clamp(std::lround(8.0 * value / top), value > 0.0 ? 1L : 0L, 8L) : 0L;
    if (level == 0)
      text += ' ';
    else if (unicode)
      text += {'\xe2', '\x96', static_cast<char>(0x80 + level)};  // U+2580 + level: lower eighths
    else
      text += " .._--=##"[level];
  }
  return text;
}

/// The end of a scale that shows `highest`, a number that is read at a glance.
double scale_end(double highest) {
  const double power = std::pow(10.0, std::floor(std::log10(highest)));
  for (const double factor : {1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0})
    if (factor * power >= highest) return factor * power;
  return 10.0 * power;
}

class Painter {
 public:
  explicit Painter(bool colour) : colour_(colour) {}
  std::string in(const Colour& c, const std::string& text) const {
    // The 6 x 6 x 6 cube that every terminal with 256 colours has.
    const auto level = [](std::uint8_t v) { return (v + 25) / 51; };
    return wrap("38;5;" + std::to_string(16 + 36 * level(c.red) + 6 * level(c.green) + level(c.blue)), text);
  }
  std::string bold(const std::string& text) const { return wrap("1", text); }
  std::string dim(const std::string& text) const { return wrap("2", text); }

 private:
  std::string wrap(const std::string& code, const std::string& text) const {
    return colour_ && !text.empty() ? "\x1b[" + code + "m" + text + "\x1b[0m" : text;
  }
  bool colour_;
};

/// The line below the raster with its marks, and the line of numbers below that.
std::string time_axis(Window window, std::size_t columns, std::size_t margin, bool unicode, const Painter& paint) {
  std::vector<std::string> line(columns, unicode ? "─" : "-");
  std::string numbers(margin + columns + 12, ' ');
  std::size_t free_from = 0;
  for (const double t : ticks(window.begin_ms, window.end_ms, std::max<std::size_t>(2, columns / 11))) {
    const auto column =
        std::min(columns - 1, static_cast<std::size_t>(std::lround((t - window.begin_ms) / window.length() *
                                                                   static_cast<double>(columns - 1))));
    line[column] = unicode ? "┬" : "+";
    const std::string text = format_tick(t);
    const std::size_t middle = margin + 1 + column;
    const std::size_t begin = middle - std::min(middle, text.size() / 2);
    if (begin < free_from || begin + text.size() > numbers.size()) continue;
    numbers.replace(begin, text.size(), text);
    free_from = begin + text.size() + 1;
  }
  numbers.replace(std::max(free_from, margin + columns + 2), 2, "ms");
  numbers.resize(numbers.find_last_not_of(' ') + 1);
  std::string text;
  for (const std::string& mark : line) text += mark;
  return std::string(margin, ' ') + paint.dim((unicode ? "└" : "+") + text + (unicode ? "┘" : "+")) + "\n" +
         paint.dim(numbers) + "\n";
}

std::string rate_text(double rate) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), rate < 9.995 ? "%.2f Hz" : rate < 999.5 ? "%.1f Hz" : "%.0f Hz", rate);
  return text.data();
}

}  // namespace

TerminalRasterOptions detect_raster_options() {
  TerminalRasterOptions options;
  const ProgressOptions terminal = detect_progress_options(stdout);
  options.columns = terminal.terminal ? terminal.width : 80;
  options.colour = terminal.colour;
  // Without any locale a terminal of our days still takes UTF-8; the Linux console has no braille.
  std::string_view locale;
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    locale = value;
    break;
  }
  const auto has = [&](std::string_view part) { return locale.find(part) != std::string_view::npos; };
  const char* term = std::getenv("TERM");
  options.unicode = (locale.empty() || has("UTF-8") || has("utf8") || has("UTF8") || has("utf-8")) &&
                    (term == nullptr || std::string_view(term) != "linux");
  return options;
}

std::string terminal_raster(const PlotData& data, const TerminalRasterOptions& options) {
  const Painter paint(options.colour);
  const bool unicode = options.unicode;
  const std::string side = paint.dim(unicode ? "│" : "|");

  std::size_t margin = 4;
  for (const PlotPopulation& population : data.populations)
    margin = std::max({margin, length_of(population.name), format_count(static_cast<double>(population.n)).size()});
  margin = std::min(margin, kLabelLimit) + 1;
  constexpr std::size_t kRight = 12;  // frame, space, "≤ 1234 Hz"
  const auto wanted = static_cast<std::size_t>(std::max(options.columns, 1));
  const std::size_t columns = wanted > margin + kRight + 10 ? wanted - margin - kRight : 10;

  const Window window = choose_window(data, 2.0 * static_cast<double>(columns), kDotFill);
  const auto rows = share_rows(data.populations, kRows, kLeastRows);
  const auto colours = colours_of(data.populations);

  std::string out = paint.bold(shorten(headline(data), wanted)) + "\n";
  if (window.begin_ms > data.begin_ms) out += paint.dim("the last " + format_biological_time(window.length())) + "\n";
  out += "\n";
  for (std::size_t p = 0; p < data.populations.size(); ++p) {
    const PlotPopulation& population = data.populations[p];
    const double fill = population.rate_hz * window.length() * 1e-3 / static_cast<double>(2 * columns);
    const double most = std::max(1.0, static_cast<double>(population.n / (4 * rows[p])));
    const auto together =
        static_cast<std::size_t>(std::lround(std::clamp(kLeastDotFill / std::max(fill, 1e-9), 1.0, most)));
    const NeuronSample sample(population.n, 4 * rows[p] * together);
    // Fewer neurons than lines: each gets a line, and the band shrinks.
    const std::size_t band = std::max(kLeastRows, (sample.rows() + 3) / 4 / together);
    Canvas canvas(columns, band);
    for (std::size_t i = 0; i < population.times_ms.size(); ++i) {
      const double t = population.times_ms[i];
      if (t < window.begin_ms || t > window.end_ms) continue;
      const std::int64_t row = sample.row_of(population.node_ids[i]);
      if (row < 0) continue;
      const double x = (t - window.begin_ms) / window.length() * static_cast<double>(2 * columns);
      canvas.set(std::min(2 * columns - 1, static_cast<std::size_t>(x)), static_cast<std::size_t>(row) / together);
    }
    for (std::size_t r = 0; r < band; ++r) {
      std::string left;
      std::string right;
      if (r == 0) {
        left = paint.in(colours[p], paint.bold(right_aligned(shorten(population.name, margin - 1), margin - 1)));
        right = rate_text(population.rate_hz);
      } else if (r == 1) {
        left = paint.dim(right_aligned(format_count(static_cast<double>(population.n)), margin - 1));
        if (!std::isnan(population.cv_isi)) {
          std::array<char, 32> text{};
          std::snprintf(text.data(), text.size(), "CV %.2f", population.cv_isi);
          right = paint.dim(text.data());
        }
      } else {
        left = std::string(margin - 1, ' ');
      }
      out += left + " " + side + paint.in(colours[p], canvas.row(r, unicode)) + side +
             (right.empty() ? "" : " " + right) + "\n";
    }
    const auto rate = rate_over_time(population, window, columns);
    const double highest = *std::max_element(rate.begin(), rate.end());
    const double top = highest > 0.0 ? scale_end(highest) : 0.0;
    out += paint.dim(right_aligned("rate", margin - 1)) + " " + side + paint.in(colours[p], bars(rate, top, unicode)) +
           side + (top > 0.0 ? paint.dim(std::string(unicode ? " ≤ " : " <= ") + format_tick(top) + " Hz") : "") + "\n";
  }
  return out + time_axis(window, columns, margin, unicode, paint);
}

}  // namespace neuract::config
