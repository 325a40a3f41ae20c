#include "neuract/config/progress.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <vector>

#include "neuract/memory/system.hpp"

namespace neuract::config {

namespace {

constexpr double kTerminalInterval_s = 0.1;
constexpr double kPlainInterval_s = 10.0;
constexpr double kPlainFraction = 0.1;
constexpr double kPlainShortest_s = 1.0;

std::string number(const char* format, double value) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

std::string percent(double done, double total) {
  const double fraction = total > 0.0 ? std::clamp(done / total, 0.0, 1.0) : 0.0;
  return number("%3.0f %%", std::floor(100.0 * fraction));  // 100 only when done
}

/// The parts in their order, with the least important (last in `drop_first`) left out until the line fits.
std::string join(const std::vector<std::string>& parts, std::initializer_list<std::size_t> drop_first, int width) {
  std::vector<bool> shown(parts.size(), true);
  const auto line = [&] {
    std::string text;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (!shown[i] || parts[i].empty()) continue;
      if (!text.empty()) text += "  ";
      text += parts[i];
    }
    return text;
  };
  std::string text = line();
  for (const std::size_t i : drop_first) {
    if (width <= 0 || text.size() <= static_cast<std::size_t>(width)) break;
    shown[i] = false;
    text = line();
  }
  if (width > 0 && text.size() > static_cast<std::size_t>(width)) text.resize(static_cast<std::size_t>(width));
  return text;
}

double remaining(double done, double total, double elapsed_s) {
  return done > 0.0 ? std::max(0.0, elapsed_s * (total - done) / done) : std::numeric_limits<double>::infinity();
}

/// Before something is known about the speed, nothing is said about the end.
std::string eta(double done, double total, double elapsed_s) {
  if (elapsed_s < 0.5 || done <= 0.0 || done >= total) return "";
  return "ETA " + format_duration(remaining(done, total, elapsed_s));
}

}  // namespace

std::string format_duration(double seconds) {
  if (!(seconds >= 0.0) || std::isinf(seconds)) return "?";
  if (seconds < 0.9995) return number("%.0f ms", seconds * 1e3);
  if (seconds < 59.95) return number("%.1f s", seconds);
  const auto whole = static_cast<long long>(std::llround(seconds));
  std::array<char, 64> text{};
  if (whole < 3600)
    std::snprintf(text.data(), text.size(), "%lld min %02lld s", whole / 60, whole % 60);
  else if (whole < 48 * 3600)
    std::snprintf(text.data(), text.size(), "%lld h %02lld min", whole / 3600, whole / 60 % 60);
  else
    std::snprintf(text.data(), text.size(), "%lld days", whole / 86400);
  return text.data();
}

std::string format_count(double count) {
  constexpr std::array<const char*, 4> kUnits{" M", " G", " T", " P"};
  if (!(count >= 0.0)) return "?";
  if (count < 999'999.5) {
    std::string digits = number("%.0f", count);
    if (digits.size() > 3) digits.insert(digits.size() - 3, 1, ',');
    return digits;
  }
  std::size_t unit = 0;
  for (count /= 1e6; count >= 999.5 && unit + 1 < kUnits.size(); count /= 1e3) ++unit;
  return number(count < 9.995 ? "%.2f" : count < 99.95 ? "%.1f" : "%.0f", count) + kUnits[unit];
}

std::string format_biological_time(double ms) {
  if (ms < 1000.0) return number("%.1f ms", ms);
  const double seconds = ms / 1000.0;
  return number(seconds < 100.0 ? "%.2f s" : "%.1f s", seconds);
}

std::string format_progress(const BuildProgress& p, int width) {
  const double rate = p.elapsed_s > 0.0 ? p.synapses / p.elapsed_s : 0.0;
  const std::vector<std::string> parts{
      "Building",
      percent(p.synapses, p.expected_synapses),
      format_count(p.synapses) + " of " + format_count(p.expected_synapses) + " synapses",
      p.elapsed_s > 0.05 ? format_count(rate) + "/s" : "",
      eta(p.synapses, p.expected_synapses, p.elapsed_s),
  };
  return join(parts, {3, 2, 4}, width);
}

std::string format_progress(const RunProgress& p, int width) {
  // With the factor comes its meaning: how much slower (or faster) than the real thing.
  const double factor = p.time_ms > 0.0 ? p.elapsed_s * 1e3 / p.time_ms : 0.0;
  const std::vector<std::string> parts{
      p.time_ms < p.warmup_ms ? "Warming up" : "Simulating",
      percent(p.time_ms, p.total_ms),
      format_biological_time(p.time_ms) + " of " + format_biological_time(p.total_ms),
      factor > 0.0 ? "real-time factor " + number(factor < 9.995 ? "%.2f" : "%.1f", factor) : "",
      p.spikes > 0 ? format_count(static_cast<double>(p.spikes)) + " spikes" : "",
      eta(p.time_ms, p.total_ms, p.elapsed_s),
  };
  return join(parts, {4, 3, 5, 2}, width);
}

std::string format_progress(const QuantizeProgress& p, int width) {
  const auto done = static_cast<double>(p.done_bytes);
  const auto total = static_cast<double>(p.total_bytes);
  const std::vector<std::string> parts{
      "Quantising",
      percent(done, total),
      memory::format_bytes(p.done_bytes) + " of " + memory::format_bytes(p.total_bytes),
      eta(done, total, p.elapsed_s),
  };
  return join(parts, {2, 3}, width);
}

ProgressOptions detect_progress_options(std::FILE* stream, bool quiet) {
  ProgressOptions options;
  options.quiet = quiet;
  const int fd = ::fileno(stream);
  const char* term = std::getenv("TERM");
  const bool dumb = term == nullptr || std::strcmp(term, "dumb") == 0;
  options.terminal = fd >= 0 && ::isatty(fd) == 1 && !dumb;
  const char* no_colour = std::getenv("NO_COLOR");
  options.colour = options.terminal && (no_colour == nullptr || *no_colour == '\0');
  winsize size{};
  if (options.terminal && ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) options.width = size.ws_col;
  return options;
}

bool ProgressPrinter::due(int phase, double fraction, Clock::time_point now) {
  if (options_.quiet) return false;
  if (phase != phase_) {
    // A new phase is shown at once on a terminal; in a log its beginning says nothing yet.
    phase_ = phase;
    last_fraction_ = 0.0;
    last_time_ = now;
    return options_.terminal;
  }
  const double passed = std::chrono::duration<double>(now - last_time_).count();
  const bool far = fraction - last_fraction_ >= kPlainFraction;
  if (options_.terminal ? passed < kTerminalInterval_s : passed < (far ? kPlainShortest_s : kPlainInterval_s))
    return false;
  last_time_ = now;
  last_fraction_ = fraction;
  return true;
}

void ProgressPrinter::show(std::string_view line) {
  if (options_.terminal) {
    // Back to the first column, the line, and whatever is left of a longer one before it removed.
    std::fprintf(stream_, "\r%s%.*s%s\x1b[K", options_.colour ? "\x1b[36m" : "", static_cast<int>(line.size()),
                 line.data(), options_.colour ? "\x1b[0m" : "");
    line_shown_ = true;
  } else {
    std::fprintf(stream_, "%.*s\n", static_cast<int>(line.size()), line.data());
  }
  std::fflush(stream_);
}

void ProgressPrinter::update(const BuildProgress& progress, Clock::time_point now) {
  const double fraction = progress.expected_synapses > 0.0 ? progress.synapses / progress.expected_synapses : 0.0;
  if (due(0, fraction, now)) show(format_progress(progress, options_.terminal ? options_.width - 1 : 0));
}

void ProgressPrinter::update(const RunProgress& progress, Clock::time_point now) {
  const double fraction = progress.total_ms > 0.0 ? progress.time_ms / progress.total_ms : 0.0;
  if (due(1, fraction, now)) show(format_progress(progress, options_.terminal ? options_.width - 1 : 0));
}

void ProgressPrinter::update(const QuantizeProgress& progress, Clock::time_point now) {
  const auto total = static_cast<double>(progress.total_bytes);
  const double fraction = total > 0.0 ? static_cast<double>(progress.done_bytes) / total : 0.0;
  if (due(2, fraction, now)) show(format_progress(progress, options_.terminal ? options_.width - 1 : 0));
}

void ProgressPrinter::say(std::string_view line) {
  clear();
  if (options_.quiet) return;
  std::fprintf(stream_, "%.*s\n", static_cast<int>(line.size()), line.data());
  std::fflush(stream_);
}

void ProgressPrinter::clear() {
  if (!line_shown_) return;
  std::fputs("\r\x1b[K", stream_);
  std::fflush(stream_);
  line_shown_ = false;
}

}  // namespace neuract::config
