#include <gnuplot-iostream.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "neuract/config/plot.hpp"
#include "neuract/config/plot_view.hpp"
#include "neuract/config/progress.hpp"

// plot_to_file(): the only place that knows gnuplot.
namespace neuract::config {

namespace {

namespace fs = std::filesystem;
using Points = std::vector<std::pair<double, double>>;

constexpr double kPlotColumns = 1040.0;  // pixels of the raster
constexpr double kDotFill = 0.06;        // of a neuron's line
constexpr std::size_t kRasterRows = 360;
constexpr std::size_t kLeastRows = 12;
constexpr double kDots = 12'000.0;  // a vector file stays small, and a raster readable
constexpr std::size_t kMostRateBins = 800;
constexpr std::size_t kLeastRateBins = 100;
constexpr double kSpikesPerBin = 30.0;  // of the least active population: fewer would show little but chance
constexpr std::size_t kLabelLimit = 14;
constexpr std::size_t kIntervalBins = 100;

bool is_installed(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "/usr/bin:/bin" : path);
  for (std::string folder; std::getline(folders, folder, ':');)
    if (::access((folder + "/" + program).c_str(), X_OK) == 0) return true;
  return false;
}

/// As a text between double quotes, for gnuplot's enhanced mode.
std::string gnuplot_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    // Doubly escaped: once for the string, once for the enhanced text.
    if (std::string_view("_^{}@&~").find(c) != std::string_view::npos) out += "\\\\";
    out += c == '\n' ? ' ' : c;
  }
  return out + "\"";
}

/// As a text between single quotes, taken literally.
std::string gnuplot_literal(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("''") : std::string(1, c);
  return out + "'";
}

std::string shell_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string hex(const Colour& c) {
  char text[8];
  std::snprintf(text, sizeof text, "#%02x%02x%02x", c.red, c.green, c.blue);
  return text;
}

std::string format(const char* pattern, double value) {
  char text[64];
  std::snprintf(text, sizeof text, pattern, value);
  return text;
}

/// A gnuplot that dies must not take this program with it.
class IgnoreBrokenPipes {
 public:
  IgnoreBrokenPipes() { ::sigaction(SIGPIPE, &ignore_, &before_); }
  ~IgnoreBrokenPipes() { ::sigaction(SIGPIPE, &before_, nullptr); }
  IgnoreBrokenPipes(const IgnoreBrokenPipes&) = delete;
  IgnoreBrokenPipes& operator=(const IgnoreBrokenPipes&) = delete;

 private:
  struct sigaction ignore_ = [] {
    struct sigaction action {};
    action.sa_handler = SIG_IGN;
    return action;
  }();
  struct sigaction before_ {};
};

/// What the three panels share.
struct Picture {
  const PlotData& data;
  Window window;
  std::vector<Colour> colours;
};

std::string rate_and_cv(const PlotPopulation& population) {
  std::string text =
      population.name + "  " + format(population.rate_hz < 9.995 ? "%.2f Hz" : "%.1f Hz", population.rate_hz);
  if (!std::isnan(population.cv_isi)) text += ", CV " + format("%.2f", population.cv_isi);
  return text;
}

void panel(Gnuplot& gp, double bottom, double top) {
  gp << "set bmargin at screen " << bottom << "\nset tmargin at screen " << top << "\n";
}

/// From zero to a little above `highest`, with a handful of marks.
void set_vertical_axis(Gnuplot& gp, double highest, const char* label) {
  const double top = highest > 0.0 ? 1.08 * highest : 1.0;
  gp << "set yrange [0:" << top << "]\nset ylabel '" << label << "'\nset ytics scale 0.5 nomirror (";
  for (const double tick : ticks(0.0, top, 6)) gp << (tick == 0.0 ? "" : ", ") << tick;
  gp << ")\n";
}

/// Returns how many neurons it shows.
std::uint64_t draw_raster(Gnuplot& gp, const Picture& picture) {
  std::uint64_t shown = 0;
  const auto& populations = picture.data.populations;
  const auto rows = share_rows(populations, kRasterRows, kLeastRows);
  std::vector<Points> dots(populations.size());
  std::vector<double> base(populations.size() + 1, 0.0);  // from the bottom: the first population is on top
  constexpr double kGap = 6.0;
  std::size_t total = 0;
  // Where neurons are nearly silent, more of them are shown; as many more in every population, so that densities can be
  // compared.
  double expected = 0.0;
  for (std::size_t p = 0; p < populations.size(); ++p)
    expected += populations[p].rate_hz * 1e-3 * picture.window.length() *
                static_cast<double>(std::min<std::uint64_t>(rows[p], populations[p].n));
  const double denser = std::max(1.0, kDots / std::max(expected, 1.0));
  for (std::size_t p = populations.size(); p-- > 0;) {
    const PlotPopulation& population = populations[p];
    const auto height = static_cast<double>(rows[p]);
    const NeuronSample sample(population.n, static_cast<std::size_t>(std::min(height * denser, 1e9)));
    shown += sample.rows();
    for (std::size_t i = 0; i < population.times_ms.size(); ++i) {
      const double t = population.times_ms[i];
      if (t < picture.window.begin_ms || t > picture.window.end_ms) continue;
      const std::int64_t row = sample.row_of(population.node_ids[i]);
      if (row < 0) continue;
      dots[p].emplace_back(
          t, base[p + 1] + height * (1.0 - (static_cast<double>(row) + 0.5) / static_cast<double>(sample.rows())));
      ++total;
    }
    base[p] = base[p + 1] + height + kGap;
  }

  panel(gp, 0.475, 0.895);
  gp << "set yrange [" << -kGap << ":" << base[0] << "]\nunset ytics\n";
  for (std::size_t p = 0; p < populations.size(); ++p) {
    const double middle = base[p + 1] + static_cast<double>(rows[p]) / 2.0;
    const std::string& name = populations[p].name;
    gp << "set label " << p + 1 << " " << gnuplot_text(shorten(name, kLabelLimit)) << " at graph -0.012, first "
       << middle << " right font '," << (name.size() > 8 ? 9 : 15) << "' tc rgb '" << hex(picture.colours[p]) << "'\n";
  }
  gp << "unset ylabel\nset format x ''\nunset xlabel\nunset key\n";
  const double size = std::clamp(4.5e3 / std::max(1.0, static_cast<double>(total)), 0.22, 0.45);
  gp << "plot ";
  for (std::size_t p = 0; p < populations.size(); ++p)
    gp << (p == 0 ? "" : ", ") << "'-' with points pt 7 ps " << size << " lc rgb '" << hex(picture.colours[p])
       << "' notitle";
  gp << "\n";
  for (const Points& points : dots) gp.send1d(points.empty() ? Points{{-1e9, -1e9}} : points);
  for (std::size_t p = 0; p < populations.size(); ++p) gp << "unset label " << p + 1 << "\n";
  return shown;
}

void draw_rates(Gnuplot& gp, const Picture& picture) {
  const auto& populations = picture.data.populations;
  const double length = picture.window.length();
  double bin = length / static_cast<double>(kMostRateBins);
  for (const PlotPopulation& population : populations)
    if (const double per_ms = population.rate_hz * 1e-3 * static_cast<double>(population.n); per_ms > 0.0)
      bin = std::max(bin, kSpikesPerBin / per_ms);
  bin = bin_width(std::min(bin, length / static_cast<double>(kLeastRateBins)), picture.data.dt_ms);
  const auto bins = static_cast<std::size_t>(std::max(1.0, std::floor(length / bin + 1e-6)));
  const Window whole_bins{picture.window.begin_ms, picture.window.begin_ms + static_cast<double>(bins) * bin};
  std::vector<std::vector<double>> rates;
  double highest = 0.0;
  for (const PlotPopulation& population : populations) {
    rates.push_back(rate_over_time(population, whole_bins, bins));
    highest = std::max(highest, *std::max_element(rates.back().begin(), rates.back().end()));
  }

  panel(gp, 0.285, 0.455);
  set_vertical_axis(gp, highest, "rate (Hz)");
  gp << "set format x '%g'\nset xlabel 'time (ms)' offset 0,0.4\nunset key\nplot ";
  for (std::size_t p = 0; p < populations.size(); ++p)
    gp << (p == 0 ? "" : ", ") << "'-' with lines lw 1.4 lc rgb '" << hex(picture.colours[p]) << "' notitle";
  gp << "\n";
  for (const auto& population : rates) {
    Points points;
    for (std::size_t b = 0; b < bins; ++b)
      points.emplace_back(picture.window.begin_ms + (static_cast<double>(b) + 0.5) * bin, population[b]);
    gp.send1d(points);
  }
}

void draw_intervals(Gnuplot& gp, const Picture& picture) {
  const auto& populations = picture.data.populations;
  std::vector<std::vector<double>> all;
  double longest = 0.0;
  for (const PlotPopulation& population : populations) {
    all.push_back(intervals(population));
    if (!all.back().empty()) longest = std::max(longest, all.back()[all.back().size() * 98 / 100]);
  }
  const double width = bin_width(longest / static_cast<double>(kIntervalBins), picture.data.dt_ms);
  const double end = std::max(std::ceil(longest / width), 10.0) * width;
  std::vector<Points> histograms;
  double highest = 0.0;
  for (const auto& population : all) {
    Points& points = histograms.emplace_back();
    for (std::size_t b = 0; static_cast<double>(b) * width < end + 0.5 * width; ++b)
      points.emplace_back(static_cast<double>(b) * width, 0.0);
    for (const double interval : population) {
      const auto b = static_cast<std::size_t>(interval / width + 1e-6);  // intervals lie on the edges
      if (b < points.size()) points[b].second += 100.0 / static_cast<double>(population.size());
    }
    for (const auto& [from, share] : points) highest = std::max(highest, share);
  }

  panel(gp, 0.075, 0.215);
  set_vertical_axis(gp, highest, "intervals (%)");
  gp << "set xrange [0:" << end << "]\nset xtics autofreq\nset xlabel 'interspike interval (ms)' offset 0,0.4\n"
     << "set key top right reverse Left samplen 1.2 spacing 1.25 opaque font ',12'"
     << (populations.size() > 4 ? " maxrows 4" : "") << "\nplot ";
  for (std::size_t p = 0; p < populations.size(); ++p)
    gp << (p == 0 ? "" : ", ") << "'-' with steps lw 1.8 lc rgb '" << hex(picture.colours[p]) << "' title "
       << gnuplot_text(rate_and_cv(populations[p]));
  gp << "\n";
  for (const Points& points : histograms) gp.send1d(points);
}

void draw(Gnuplot& gp, const Picture& picture, const std::string& terminal, const std::string& file) {
  gp << "set encoding utf8\nset terminal " << terminal << "\nset output " << gnuplot_literal(file) << "\n"
     << "set multiplot\nset border 3 lc rgb '#555555'\nset tics out scale 0.5 nomirror textcolor rgb '#333333'\n"
     << "set lmargin at screen 0.095\nset rmargin at screen 0.975\nset style fill solid\n"
     << "set label 100 " << gnuplot_text(headline(picture.data))
     << " at screen 0.095, 0.955 left font ',20' tc rgb '#111111'\n";
  gp << "set xrange [" << picture.window.begin_ms << ":" << picture.window.end_ms << "]\n";
  const std::uint64_t shown = draw_raster(gp, picture);
  gp << "unset label 100\n";

  std::string second;
  std::uint64_t neurons = 0;
  const auto append = [&](const std::string& text) { second += (second.empty() ? "" : "     ") + text; };
  for (const PlotPopulation& population : picture.data.populations) {
    neurons += population.n;
    if (picture.data.populations.size() <= 4) append(rate_and_cv(population));
  }
  if (picture.window.begin_ms > picture.data.begin_ms)
    append("the last " + format_biological_time(picture.window.length()));
  if (shown < neurons) append("raster of " + format_count(static_cast<double>(shown)) + " neurons");
  gp << "set label 101 " << gnuplot_text(second) << " at screen 0.095, 0.92 left font ',14' tc rgb '#555555'\n";
  draw_rates(gp, picture);
  gp << "unset label 101\n";
  draw_intervals(gp, picture);
  gp << "unset multiplot\nunset output\n";
  gp.flush();
}

std::string first_line(const fs::path& file) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    const auto text = line.find_first_not_of(" \t^");
    if (text != std::string::npos) return line.substr(text);
  }
  return "";
}

}  // namespace

Result<void> plot_to_file(const PlotData& data, const fs::path& file) {
  std::string ending = file.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  std::string terminal;
  if (ending == ".png")
    terminal = "pngcairo size 1200,1050 font 'DejaVu Sans,13' background '#ffffff'";
  else if (ending == ".svg")
    terminal = "svg size 1200,1050 font 'DejaVu Sans,13' background '#ffffff'";
  else
    return fail(ErrorCode::invalid_argument, "cannot draw into ", file.string(),
                ": expected a name that ends in .png or .svg");
  if (!is_installed("gnuplot"))
    return fail(ErrorCode::unsupported, "gnuplot is not installed; on Debian: apt-get install gnuplot-nox. ",
                "Without it, 'neuract plot DIR' draws in the terminal.");

  // Into a file beside the final one: what has the final name is whole.
  const fs::path partial = fs::path(file).concat(".partial");
  const fs::path complaints = fs::path(file).concat(".log");
  std::error_code error;
  if (!std::ofstream(complaints))
    return fail(ErrorCode::io, "cannot write ", file.string(), ": ", std::generic_category().message(errno));
  fs::remove(partial, error);
  {
    const IgnoreBrokenPipes guard;
    // Its own exit status would be reported on stderr by the library; whether there is a picture is seen below.
    Gnuplot gp("gnuplot 2>" + shell_quoted(complaints.string()) + " || :");
    draw(gp, {data, choose_window(data, kPlotColumns, kDotFill), colours_of(data.populations)}, terminal,
         partial.string());
  }
  const std::string complaint = first_line(complaints);
  fs::remove(complaints, error);
  const auto size = fs::file_size(partial, error);
  if (error || size == 0) {
    fs::remove(partial, error);
    return fail(ErrorCode::io, "gnuplot did not write ", file.string(), complaint.empty() ? "" : ": " + complaint);
  }
  fs::rename(partial, file, error);
  if (error) return fail(ErrorCode::io, "cannot write ", file.string(), ": ", error.message());
  return {};
}

}  // namespace neuract::config
