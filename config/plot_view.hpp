#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "neuract/config/plot.hpp"

/// What both the terminal picture and the file show: which time, which neurons, which numbers, which colours.
namespace neuract::config {

enum class Family : std::uint8_t { excitatory, inhibitory, other };

/// By the name, as people choose them: "E", "L23E", "exc", "pyramidal_E" …; "I", "L5I", "inh", "PV", "SST", "VIP" ….
Family family_of(std::string_view population) noexcept;

struct Colour {
  std::uint8_t red, green, blue;
};
/// Cool colours for excitatory, warm ones for inhibitory populations, others in between; different within one picture.
std::vector<Colour> colours_of(const std::vector<PlotPopulation>& populations);

struct Window {
  double begin_ms = 0.0;
  double end_ms = 0.0;
  double length() const noexcept { return end_ms - begin_ms; }
};

/// The part of the run that `columns` columns can show without the most active population filling more than `fill` of
/// its row: all of it, or a round length at its end.
Window choose_window(const PlotData& data, double columns, double fill);

/// Rows for each population, about `total` in all, growing with the square root of its size (no small one vanishes);
/// each at least `least`.
std::vector<std::size_t> share_rows(const std::vector<PlotPopulation>& populations, std::size_t total,
                                    std::size_t least);

/// `rows` neurons spread evenly over 0 … n-1 (all of them when there are fewer): row of a neuron, or -1 when it is not
/// shown.
class NeuronSample {
 public:
  NeuronSample(std::uint64_t n, std::size_t rows) noexcept
      : n_(n), rows_(rows < n ? rows : static_cast<std::size_t>(n)) {}
  std::size_t rows() const noexcept { return rows_; }
  std::int64_t row_of(std::uint64_t neuron) const noexcept;

 private:
  std::uint64_t n_;
  std::size_t rows_;
};

/// Mean rate in Hz of all neurons of a population in `bins` equal parts of the window.
std::vector<double> rate_over_time(const PlotPopulation& population, Window window, std::size_t bins);

/// All interspike intervals of a population, in ms, ascending.
std::vector<double> intervals(const PlotPopulation& population);

/// Mean over the neurons with at least three intervals of the coefficient of variation; NaN when there are none.
double mean_cv(const PlotPopulation& population);

/// 1, 2 or 5 times a power of ten: the smallest such number >= `at_least`.
double round_up(double at_least) noexcept;

/// The smallest round width >= `at_least` that is a whole number of time steps: other bins would hold more steps here
/// than there.
double bin_width(double at_least, double dt_ms) noexcept;

/// Round positions for the marks of an axis, at most `most` of them.
std::vector<double> ticks(double low, double high, std::size_t most);

/// Without trailing zeros: "300", "0.25".
std::string format_tick(double value);

/// Characters of a UTF-8 text.
std::size_t length_of(std::string_view text) noexcept;

/// At most `width` characters, with a tilde for what is missing.
std::string shorten(const std::string& text, std::size_t width);

/// One line about the network: name, neurons, time.
std::string headline(const PlotData& data);

}  // namespace neuract::config
