#include "neuract/config/plot.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <stdlib.h>

#include <cmath>
#include <fstream>
#include <numeric>
#include <sstream>

#include "neuract/config/plot_view.hpp"
#include "neuract/config/summary.hpp"
#include "neuract/config/terminal_raster.hpp"
#include "neuract/snn/sonata_writer.hpp"

namespace neuract::config {
namespace {

namespace fs = std::filesystem;
using ::testing::DoubleEq;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

PlotPopulation population(std::string name, std::uint64_t n,
                          const std::vector<std::pair<double, std::uint64_t>>& spikes) {
  PlotPopulation p;
  p.name = std::move(name);
  p.n = n;
  for (const auto& [t, id] : spikes) {
    p.times_ms.push_back(t);
    p.node_ids.push_back(id);
  }
  return p;
}

/// Every neuron fires every `interval` ms, one after the other.
PlotData regular(std::uint64_t n, double interval, double end) {
  std::vector<std::pair<double, std::uint64_t>> spikes;
  for (std::uint64_t id = 0; id < n; ++id)
    for (double t = interval * static_cast<double>(id + 1) / static_cast<double>(n); t <= end; t += interval)
      spikes.emplace_back(std::round(t * 10.0) / 10.0, id);
  PlotData data;
  data.name = "regular";
  data.end_ms = end;
  data.populations = {population("E", n, spikes), population("I", 3, {{end / 2, 1}})};
  data.populations[0].rate_hz = 1000.0 / interval;
  data.populations[0].cv_isi = 0.0;
  return data;
}

TEST(PlotView, NamesTellExcitatoryFromInhibitory) {
  for (const char* name : {"E", "L23E", "L5E", "E_layer4", "E1", "exc", "Excitatory", "pyramidal"})
    EXPECT_EQ(family_of(name), Family::excitatory) << name;
  for (const char* name : {"I", "L6I", "I2", "inh", "interneurons", "PV_L4", "basket"})
    EXPECT_EQ(family_of(name), Family::inhibitory) << name;
  for (const char* name : {"", "Eye", "Input", "retina", "neurons"}) EXPECT_EQ(family_of(name), Family::other) << name;
}

TEST(PlotView, FastNetworksAreShownInAShorterRoundWindow) {
  PlotData data;
  data.begin_ms = 300.0;
  data.end_ms = 1300.0;
  data.populations = {population("E", 10, {})};
  data.populations[0].rate_hz = 10.0;
  EXPECT_EQ(choose_window(data, 120, 0.25).length(), 1000.0);
  data.populations[0].rate_hz = 333.0;
  const Window window = choose_window(data, 120, 0.25);
  EXPECT_EQ(window.end_ms, 1300.0);
  EXPECT_NEAR(window.length(), 100.0, 1e-9);
  data.populations[0].rate_hz = 0.0;
  EXPECT_EQ(choose_window(data, 120, 0.25).length(), 1000.0);
}

RC_GTEST_PROP(PlotView, EveryRowOfASampleIsOneNeuron, ()) {
  const auto n = *rc::gen::inRange<std::uint64_t>(0, 500);
  const auto rows = *rc::gen::inRange<std::size_t>(0, 100);
  const NeuronSample sample(n, rows);
  RC_ASSERT(sample.rows() == std::min<std::size_t>(rows, n));
  std::int64_t next = 0;
  for (std::uint64_t id = 0; id < n + 3; ++id) {
    const std::int64_t row = sample.row_of(id);
    if (row < 0) continue;
    RC_ASSERT(row == next);
    ++next;
  }
  RC_ASSERT(next == static_cast<std::int64_t>(sample.rows()));
}

TEST(PlotView, RatesCountEverySpikeOfTheWindowOnce) {
  const PlotPopulation p = population("E", 2, {{0.1, 0}, {5.0, 1}, {5.1, 0}, {10.0, 1}, {10.1, 0}});
  EXPECT_THAT(rate_over_time(p, {0.0, 10.0}, 2), ElementsAre(DoubleEq(200.0), DoubleEq(200.0)))
      << "a spike belongs to the step that ends at its time";
  EXPECT_THAT(rate_over_time(p, {0.0, 10.0}, 1), ElementsAre(DoubleEq(200.0)));
  EXPECT_TRUE(rate_over_time(p, {0.0, 10.0}, 0).empty());
}

TEST(PlotView, IntervalsAndTheirVariation) {
  const PlotPopulation p = population("E", 3, {{9.0, 0}, {1.0, 0}, {2.0, 1}, {4.0, 0}, {5.0, 0}});
  EXPECT_THAT(intervals(p), ElementsAre(1.0, 3.0, 4.0));
  // Mean 8/3, variance 14/9.
  EXPECT_DOUBLE_EQ(mean_cv(p), std::sqrt(14.0) / 8.0);
  EXPECT_TRUE(std::isnan(mean_cv(population("E", 3, {{1.0, 0}, {2.0, 0}}))));
}

TEST(PlotView, AxesHaveRoundMarks) {
  EXPECT_EQ(round_up(0.3), 0.5);
  EXPECT_EQ(round_up(2.0), 2.0);
  EXPECT_EQ(round_up(5.1), 10.0);
  EXPECT_THAT(ticks(300.0, 1300.0, 6), ElementsAre(400.0, 600.0, 800.0, 1000.0, 1200.0));
  EXPECT_TRUE(ticks(1.0, 1.0, 6).empty());
  for (std::size_t most = 1; most < 20; ++most) EXPECT_LE(ticks(0.0, 1234.5, most).size(), most);
  EXPECT_EQ(format_tick(ticks(-0.0, 10.0, 3).front()), "0");
  EXPECT_DOUBLE_EQ(bin_width(0.5, 0.1), 0.5);
  EXPECT_DOUBLE_EQ(bin_width(0.5, 0.2), 0.6);
  EXPECT_DOUBLE_EQ(bin_width(0.0, 1.0), 1.0);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST(TerminalRaster, FitsTheWidthAndNamesEverything) {
  const PlotData data = regular(4000, 50.0, 1000.0);
  for (const int columns : {40, 60, 80, 133, 250}) {
    const std::string text = terminal_raster(data, {.columns = columns});
    for (const std::string& line : lines_of(text))
      EXPECT_LE(length_of(line), static_cast<std::size_t>(columns)) << line;
    EXPECT_THAT(text, HasSubstr("E │"));
    EXPECT_THAT(text, HasSubstr("4,000 │"));
    EXPECT_THAT(text, HasSubstr("│ 20.0 Hz"));
    EXPECT_THAT(text, HasSubstr("│ CV 0.00"));
    EXPECT_THAT(text, HasSubstr(" ms\n"));
    EXPECT_THAT(text, StartsWith("regular: 4,003 neurons, 1.00 s"));
  }
}

TEST(TerminalRaster, DrawsSpikesWhereTheyAre) {
  PlotData data;
  data.name = "x";
  data.end_ms = 100.0;
  std::vector<std::pair<double, std::uint64_t>> diagonal;
  for (std::uint64_t id = 0; id < 8; ++id) diagonal.emplace_back(12.5 * static_cast<double>(id) + 1.0, id);
  data.populations = {population("cells", 8, diagonal)};
  const auto lines = lines_of(terminal_raster(data, {.columns = 27}));
  ASSERT_GE(lines.size(), 6u);
  // Eight neurons are two rows of cells; ten cells of 10 ms each.
  EXPECT_EQ(lines[2], "cells │⠁⠂⠠⢀      │ 0.00 Hz") << lines[2];
  EXPECT_EQ(lines[3], "    8 │     ⠁⠂⠠⢀ │") << lines[3];
}

TEST(TerminalRaster, PlainTerminalsGetPlainCharacters) {
  const std::string text =
      terminal_raster(regular(400, 50.0, 1000.0), {.columns = 80, .colour = false, .unicode = false});
  for (const char c : text) EXPECT_TRUE(c == '\n' || (c >= ' ' && c <= '~'));
  EXPECT_THAT(text, HasSubstr("<= "));
}

TEST(TerminalRaster, ColoursOnlyWhenWanted) {
  const PlotData data = regular(400, 50.0, 1000.0);
  EXPECT_THAT(terminal_raster(data, {.colour = false}), Not(HasSubstr("\x1b")));
  EXPECT_THAT(terminal_raster(data, {.colour = true}), HasSubstr("\x1b[38;5;"));
}

class Plot : public ::testing::Test {
 protected:
  Plot() {
    std::string name = (fs::temp_directory_path() / "neuract-plot-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
  }
  ~Plot() override { fs::remove_all(directory_); }

  /// A run's output: population I before E.
  std::unique_ptr<snn::SonataWriter> record() {
    snn::NetworkSpec spec;
    spec.warmup = 10.0;
    spec.duration = 100.0;
    spec.populations = {{"I", 4, "iaf_psc_exp", {}}, {"E", 16, "iaf_psc_exp", {}}};
    spec.spike_recorders = {{1}, {0}};
    auto writer = std::move(snn::SonataWriter::create(spec, directory_)).value();
    for (std::uint32_t p = 0; p < 2; ++p) {
      snn::SpikeBatch batch{p, 0, 0, {0}, {}};
      for (snn::Step step = 0; step < 1100; ++step) {
        if (step % 100 == 50) batch.ids.push_back(static_cast<std::uint16_t>(p));
        batch.offsets.push_back(static_cast<std::uint32_t>(batch.ids.size()));
      }
      writer->write(batch).value();
    }
    return writer;
  }

  std::string read(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  fs::path directory_;
};

TEST_F(Plot, TakesNumbersFromTheSummary) {
  record()->finish().value();
  RunSummary summary;
  summary.dt_ms = 0.1;
  summary.duration_ms = 100.0;
  summary.populations = {{"I", 4, 10, 25.0, 0.5}, {"E", 16, 10, 6.25, 0.25}};
  write_summary(summary, directory_).value();
  const auto data = load_plot_data(directory_);
  ASSERT_TRUE(data) << data.error();
  EXPECT_EQ(data->name, directory_.filename());
  EXPECT_EQ(data->begin_ms, 10.0);
  EXPECT_EQ(data->end_ms, 110.0);
  EXPECT_TRUE(data->complete);
  ASSERT_EQ(data->populations.size(), 2u);
  EXPECT_EQ(data->populations[0].name, "I") << "the network's order";
  EXPECT_EQ(data->populations[1].cv_isi, 0.25);
}

TEST_F(Plot, DoesWithoutASummary) {
  record()->finish().value();
  const auto data = load_plot_data(directory_);
  ASSERT_TRUE(data) << data.error();
  ASSERT_EQ(data->populations.size(), 2u);
  EXPECT_EQ(data->populations[0].name, "E");
  EXPECT_EQ(data->populations[0].n, 16u);
  EXPECT_EQ(data->populations[0].times_ms.size(), 10u);
  EXPECT_NEAR(data->populations[0].cv_isi, 0.0, 1e-6);
  EXPECT_NEAR(data->populations[0].rate_hz, 10.0 * 1000.0 / (95.1 * 16.0), 1e-9) << "until the last spike";
}

TEST_F(Plot, ShowsARunThatGoesOn) {
  write_summary(RunSummary{}, directory_).value();  // of an earlier run
  const auto writer = record();
  writer->flush().value();
  const auto data = load_plot_data(directory_);
  ASSERT_TRUE(data) << data.error();
  EXPECT_FALSE(data->complete);
  EXPECT_EQ(data->populations[0].times_ms.size(), 10u);
  EXPECT_THAT(terminal_raster(*data, {}), HasSubstr("(unfinished run)"));
}

TEST_F(Plot, SaysWhatIsMissing) {
  EXPECT_THAT(load_plot_data(directory_ / "none").error().message, HasSubstr("is not a directory"));
  EXPECT_THAT(load_plot_data(directory_).error().message, HasSubstr("[[recorders]] spikes"));
}

TEST_F(Plot, DrawsPngAndSvg) {
  record()->finish().value();
  PlotData data = load_plot_data(directory_).value();
  data.populations[0].name = "it's 50% \"E_1\" {&}@^~\\n";
  ASSERT_TRUE(plot_to_file(data, directory_ / "a picture's_name.png"));
  EXPECT_THAT(read(directory_ / "a picture's_name.png"), StartsWith("\x89PNG"));
  ASSERT_TRUE(plot_to_file(data, directory_ / "picture.SVG"));
  const std::string svg = read(directory_ / "picture.SVG");
  EXPECT_THAT(svg, HasSubstr("</svg>"));
  for (const char* text : {"rate (Hz)", "time (ms)", "interspike interval (ms)", "intervals (%)"})
    EXPECT_THAT(svg, HasSubstr(text));
  EXPECT_THAT(svg, HasSubstr("E_1")) << "names are taken literally";
  for (const auto& entry : fs::directory_iterator(directory_))
    EXPECT_THAT(entry.path().extension().string(), Not(testing::AnyOf(".partial", ".log")));
}

TEST_F(Plot, DrawsASilentNetwork) {
  PlotData data;
  data.name = "silent";
  data.end_ms = 100.0;
  data.populations = {population("E", 10, {}), population("I", 1, {})};
  const auto drawn = plot_to_file(data, directory_ / "silent.svg");
  ASSERT_TRUE(drawn) << drawn.error();
  EXPECT_THAT(read(directory_ / "silent.svg"), HasSubstr("</svg>"));
  EXPECT_THAT(read(directory_ / "silent.svg"), HasSubstr("interspike interval"));
  EXPECT_FALSE(terminal_raster(data, {}).empty());
}

TEST_F(Plot, RefusesOtherEndingsAndPlaces) {
  const PlotData data = regular(10, 50.0, 100.0);
  const auto pdf = plot_to_file(data, directory_ / "x.pdf");
  EXPECT_EQ(pdf.error().code, ErrorCode::invalid_argument);
  EXPECT_THAT(pdf.error().message, HasSubstr(".png or .svg"));
  const auto nowhere = plot_to_file(data, directory_ / "none" / "x.png");
  EXPECT_EQ(nowhere.error().code, ErrorCode::io);
  EXPECT_THAT(nowhere.error().message, HasSubstr("No such file or directory"));
}

TEST_F(Plot, SaysHowToGetGnuplot) {
  const std::string path = ::getenv("PATH");
  ::setenv("PATH", directory_.c_str(), 1);
  const auto drawn = plot_to_file(regular(10, 50.0, 100.0), directory_ / "x.png");
  ::setenv("PATH", path.c_str(), 1);
  EXPECT_EQ(drawn.error().code, ErrorCode::unsupported);
  EXPECT_THAT(drawn.error().message, HasSubstr("apt-get install gnuplot-nox"));
}

}  // namespace
}  // namespace neuract::config
