#include "neuract/config/progress.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <string>

namespace neuract::config {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(Format, DurationsAsOneSaysThem) {
  EXPECT_EQ(format_duration(0.0), "0 ms");
  EXPECT_EQ(format_duration(0.0423), "42 ms");
  EXPECT_EQ(format_duration(0.9999), "1.0 s");
  EXPECT_EQ(format_duration(3.14), "3.1 s");
  EXPECT_EQ(format_duration(59.96), "1 min 00 s");
  EXPECT_EQ(format_duration(125.0), "2 min 05 s");
  EXPECT_EQ(format_duration(3780.0), "1 h 03 min");
  EXPECT_EQ(format_duration(4 * 86400.0), "4 days");
  EXPECT_EQ(format_duration(std::nan("")), "?");
  EXPECT_EQ(format_duration(HUGE_VAL), "?");
}

TEST(Format, CountsWithThreeDigitsOrAll) {
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(12500), "12,500");
  EXPECT_EQ(format_count(999999), "999,999");
  EXPECT_EQ(format_count(999999.7), "1.00 M");
  EXPECT_EQ(format_count(15'625'000), "15.6 M");
  EXPECT_EQ(format_count(298'880'968), "299 M");
  EXPECT_EQ(format_count(2.5e9), "2.50 G");
}

TEST(Format, BiologicalTime) {
  EXPECT_EQ(format_biological_time(350.0), "350.0 ms");
  EXPECT_EQ(format_biological_time(1300.0), "1.30 s");
  EXPECT_EQ(format_biological_time(600'000.0), "600.0 s");
}

TEST(Format, RunShowsTimeFactorAndEnd) {
  const RunProgress run{650.0, 1300.0, 300.0, 1.3, 12'345};
  EXPECT_EQ(format_progress(run),
            "Simulating   50 %  650.0 ms of 1.30 s  real-time factor 2.00  12,345 spikes  ETA 1.3 s");
  EXPECT_THAT(format_progress(RunProgress{100.0, 1300.0, 300.0, 0.1, 0}), StartsWith("Warming up    7 %"));
  EXPECT_THAT(format_progress(RunProgress{1299.9, 1300.0, 0.0, 3.0, 0}), HasSubstr(" 99 %"))
      << "100 % is for what is done";
  EXPECT_EQ(format_progress(RunProgress{0.0, 1300.0, 0.0, 0.0, 0}), "Simulating    0 %  0.0 ms of 1.30 s");
}

TEST(Format, BuildShowsSpeedAndEnd) {
  const BuildProgress build{150e6, 300e6, 5.0};
  EXPECT_EQ(format_progress(build), "Building   50 %  150 M of 300 M synapses  30.0 M/s  ETA 5.0 s");
  EXPECT_EQ(format_progress(BuildProgress{}), "Building    0 %  0 of 0 synapses");
}

TEST(Format, NarrowTerminalsLoseTheLeastImportantFirst) {
  const RunProgress run{650.0, 1300.0, 300.0, 1.3, 12'345};
  const std::string full = format_progress(run);
  for (int width = 1; width <= 100; ++width) {
    const std::string line = format_progress(run, width);
    EXPECT_LE(line.size(), static_cast<std::size_t>(width));
    if (static_cast<std::size_t>(width) >= full.size()) {
      EXPECT_EQ(line, full);
    }
    if (width >= 17) {
      EXPECT_THAT(line, HasSubstr("50 %"));
    }
  }
  EXPECT_THAT(format_progress(run, 70), Not(HasSubstr("spikes")));
  EXPECT_THAT(format_progress(run, 50), EndsWith("ETA 1.3 s"));
}

/// What a printer wrote.
class Printed {
 public:
  Printed() : stream_(::open_memstream(&text_, &size_)) {}
  ~Printed() {
    std::fclose(stream_);
    ::free(text_);
  }
  std::FILE* stream() { return stream_; }
  std::string text() {
    std::fflush(stream_);
    return {text_, size_};
  }

 private:
  char* text_ = nullptr;
  std::size_t size_ = 0;
  std::FILE* stream_;
};

TEST(Progress, PlainLinesComeEveryTenPercentOrTenSeconds) {
  Printed printed;
  ProgressPrinter printer(printed.stream(), {});
  const auto start = ProgressPrinter::Clock::time_point{} + 1h;
  const auto lines = [&] {
    const std::string text = printed.text();
    return std::count(text.begin(), text.end(), '\n');
  };
  printer.update(RunProgress{0.0, 1000.0, 0.0, 0.0, 0}, start);
  printer.update(RunProgress{200.0, 1000.0, 0.0, 0.5, 0}, start + 500ms);
  EXPECT_EQ(lines(), 0) << "a short run has no lines";
  printer.update(RunProgress{300.0, 1000.0, 0.0, 1.1, 0}, start + 1100ms);
  EXPECT_EQ(lines(), 1);
  printer.update(RunProgress{350.0, 1000.0, 0.0, 8.0, 0}, start + 8s);
  EXPECT_EQ(lines(), 1);
  printer.update(RunProgress{360.0, 1000.0, 0.0, 11.2, 0}, start + 11200ms);
  EXPECT_EQ(lines(), 2);
  EXPECT_THAT(printed.text(), Not(HasSubstr("\x1b"))) << "no control characters in a log";
  EXPECT_THAT(printed.text(), Not(HasSubstr("\r")));
}

TEST(Progress, TerminalHasOneLineThatGoesAway) {
  Printed printed;
  {
    ProgressPrinter printer(printed.stream(), {.terminal = true, .width = 60});
    const auto start = ProgressPrinter::Clock::time_point{} + 1h;
    printer.update(BuildProgress{1e6, 10e6, 0.1}, start);
    EXPECT_THAT(printed.text(), StartsWith("\rBuilding   10 %"));
    const auto after_first = printed.text().size();
    printer.update(BuildProgress{2e6, 10e6, 0.15}, start + 50ms);
    EXPECT_EQ(printed.text().size(), after_first) << "not more than ten times a second";
    printer.update(RunProgress{100.0, 1000.0, 0.0, 0.1, 0}, start + 60ms);
    EXPECT_THAT(printed.text(), HasSubstr("\rSimulating")) << "but a new phase at once";
    printer.say("Built 10.0 M synapses in 0.2 s");
    EXPECT_THAT(printed.text(), EndsWith("\r\x1b[KBuilt 10.0 M synapses in 0.2 s\n"));
    EXPECT_THAT(printed.text(), Not(HasSubstr("\x1b[36m"))) << "no colours unless wanted";
    printer.update(RunProgress{200.0, 1000.0, 0.0, 0.3, 0}, start + 1s);
  }
  EXPECT_THAT(printed.text(), EndsWith("\r\x1b[K")) << "nothing is left behind";
}

TEST(Progress, QuietIsQuiet) {
  Printed printed;
  ProgressPrinter printer(printed.stream(), {.quiet = true, .terminal = true});
  printer.update(RunProgress{100.0, 1000.0, 0.0, 0.1, 0});
  printer.say("something");
  printer.clear();
  EXPECT_EQ(printed.text(), "");
}

TEST(Progress, AFileIsNoTerminal) {
  std::FILE* file = std::tmpfile();
  const ProgressOptions options = detect_progress_options(file);
  EXPECT_FALSE(options.terminal);
  EXPECT_FALSE(options.colour);
  std::fclose(file);
}

}  // namespace
}  // namespace neuract::config
