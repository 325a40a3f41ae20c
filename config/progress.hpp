#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

/// What a person sees while a network is built and runs: one line that overwrites itself on a terminal, plain lines
/// elsewhere.
namespace neuract::config {

struct BuildProgress {
  double synapses = 0.0;
  double expected_synapses = 0.0;
  double elapsed_s = 0.0;
};

struct RunProgress {
  double time_ms = 0.0;   ///< simulated so far, warm-up included
  double total_ms = 0.0;  ///< warm-up + duration
  double warmup_ms = 0.0;
  double elapsed_s = 0.0;    ///< since the simulation started
  std::uint64_t spikes = 0;  ///< 0 = not shown
};

struct QuantizeProgress {
  std::uint64_t done_bytes = 0;
  std::uint64_t total_bytes = 0;
  double elapsed_s = 0.0;
};

/// One line without line end, at most `width` characters: the least important parts are left out first. Width 0 = no
/// limit.
std::string format_progress(const BuildProgress& progress, int width = 0);
std::string format_progress(const RunProgress& progress, int width = 0);
std::string format_progress(const QuantizeProgress& progress, int width = 0);

std::string format_duration(double seconds);    ///< "42 ms", "3.1 s", "2 min 05 s", "1 h 03 min"
std::string format_count(double count);         ///< "12,500", "15.6 M", "299 M"
std::string format_biological_time(double ms);  ///< "350.0 ms", "1.30 s"

struct ProgressOptions {
  bool quiet = false;
  bool terminal = false;  ///< self-overwriting line
  bool colour = false;
  int width = 80;  ///< columns of the terminal
};

/// From the environment: is `stream` a terminal, how wide, and are colours wanted (NO_COLOR, TERM=dumb).
ProgressOptions detect_progress_options(std::FILE* stream, bool quiet = false);

/// Threads: one at a time. May be called as often as one likes: prints at most ten times a second on a terminal;
/// elsewhere a line every 10 % (but not within a second) or 10 s.
class ProgressPrinter {
 public:
  using Clock = std::chrono::steady_clock;

  explicit ProgressPrinter(std::FILE* stream, ProgressOptions options) : stream_(stream), options_(options) {}
  ~ProgressPrinter() { clear(); }
  ProgressPrinter(const ProgressPrinter&) = delete;
  ProgressPrinter& operator=(const ProgressPrinter&) = delete;

  void update(const BuildProgress& progress, Clock::time_point now = Clock::now());
  void update(const RunProgress& progress, Clock::time_point now = Clock::now());
  void update(const QuantizeProgress& progress, Clock::time_point now = Clock::now());
  /// A line that stays ("Built 15.6 M synapses in 0.8 s"); clears the progress line first. Nothing when quiet.
  void say(std::string_view line);
  /// Removes the progress line, before something else is printed.
  void clear();

 private:
  bool due(int phase, double fraction, Clock::time_point now);
  void show(std::string_view line);

  std::FILE* stream_;
  ProgressOptions options_;
  int phase_ = -1;
  double last_fraction_ = 0.0;
  Clock::time_point last_time_{};
  bool line_shown_ = false;
};

}  // namespace neuract::config
