#include "neuract/config/plot_view.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <limits>
#include <numeric>
#include <utility>

#include "neuract/config/progress.hpp"

namespace neuract::config {

namespace {

/// Sorted by neuron, then time.
std::vector<std::pair<std::uint64_t, double>> by_neuron(const PlotPopulation& population) {
  std::vector<std::pair<std::uint64_t, double>> spikes(population.times_ms.size());
  for (std::size_t i = 0; i < spikes.size(); ++i) spikes[i] = {population.node_ids[i], population.times_ms[i]};
  std::sort(spikes.begin(), spikes.end());
  return spikes;
}

bool contains(std::string_view text, std::initializer_list<std::string_view> parts) {
  return std::any_of(parts.begin(), parts.end(),
                     [&](std::string_view part) { return text.find(part) != std::string_view::npos; });
}

}  // namespace

Family family_of(std::string_view population) noexcept {
  if (population.empty()) return Family::other;
  // A capital E or I at either end that does not begin or end a word: "L23E", "E_layer4", "E1", but not "Eye".
  const auto marks = [&](char letter) {
    const auto is_lower = [](char c) { return std::islower(static_cast<unsigned char>(c)) != 0; };
    const bool last =
        population.back() == letter && (population.size() == 1 || !is_lower(population[population.size() - 2]));
    const bool first = population.front() == letter &&
                       (population.size() == 1 || std::isalpha(static_cast<unsigned char>(population[1])) == 0);
    return first || last;
  };
  if (marks('E')) return Family::excitatory;
  if (marks('I')) return Family::inhibitory;
  std::array<char, 64> lower{};
  const std::size_t n = std::min(population.size(), lower.size());
  std::transform(population.begin(), population.begin() + static_cast<std::ptrdiff_t>(n), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const std::string_view name(lower.data(), n);
  if (contains(name, {"exc", "pyr"})) return Family::excitatory;
  if (contains(name, {"inh", "interneuron", "basket"}) || contains(population, {"PV", "SST", "VIP"}))
    return Family::inhibitory;
  return Family::other;
}

std::vector<Colour> colours_of(const std::vector<PlotPopulation>& populations) {
  constexpr std::array<Colour, 5> kCool{{{31, 98, 178}, {44, 160, 190}, {92, 75, 160}, {63, 135, 90}, {110, 150, 215}}};
  constexpr std::array<Colour, 5> kWarm{{{200, 45, 45}, {240, 130, 40}, {190, 70, 130}, {150, 85, 40}, {215, 165, 30}}};
  constexpr std::array<Colour, 5> kOther{
      {{60, 145, 75}, {130, 90, 170}, {90, 95, 105}, {150, 130, 30}, {40, 140, 140}}};
  std::array<std::size_t, 3> used{};
  std::vector<Colour> colours;
  for (const PlotPopulation& population : populations) {
    const Family family = family_of(population.name);
    const auto& palette = family == Family::excitatory ? kCool : family == Family::inhibitory ? kWarm : kOther;
    colours.push_back(palette[used[static_cast<std::size_t>(family)]++ % palette.size()]);
  }
  return colours;
}

Window choose_window(const PlotData& data, double columns, double fill) {
  const Window all{data.begin_ms, data.end_ms};
  double fastest = 0.0;
  for (const PlotPopulation& population : data.populations) fastest = std::max(fastest, population.rate_hz);
  if (fastest <= 0.0) return all;
  const double longest = 1e3 * fill * columns / fastest;
  if (longest >= all.length()) return all;
  // The longest round length that is not much more than that.
  double length = round_up(longest);
  while (length > 1.25 * longest) length = round_up(length / 2.6);
  return {all.end_ms - std::min(length, all.length()), all.end_ms};
}

std::vector<std::size_t> share_rows(const std::vector<PlotPopulation>& populations, std::size_t total,
                                    std::size_t least) {
  double sum = 0.0;
  for (const PlotPopulation& population : populations) sum += std::sqrt(static_cast<double>(population.n));
  std::vector<std::size_t> rows;
  for (const PlotPopulation& population : populations) {
    const double share = sum > 0.0 ? std::sqrt(static_cast<double>(population.n)) / sum : 0.0;
    rows.push_back(std::max(least, static_cast<std::size_t>(std::lround(share * static_cast<double>(total)))));
  }
  return rows;
}

std::int64_t NeuronSample::row_of(std::uint64_t neuron) const noexcept {
  if (neuron >= n_ || rows_ == 0) return -1;
  // Row r shows neuron floor(r n / rows).
  const std::uint64_t row = (neuron * rows_ + n_ - 1) / n_;
  return row < rows_ && row * n_ / rows_ == neuron ? static_cast<std::int64_t>(row) : -1;
}

std::vector<double> rate_over_time(const PlotPopulation& population, Window window, std::size_t bins) {
  std::vector<double> rates(bins, 0.0);
  if (bins == 0 || population.n == 0 || window.length() <= 0.0) return rates;
  const double width = window.length() / static_cast<double>(bins);
  // Spikes lie on the grid of time steps, at the end of theirs: half a nanosecond keeps those at an edge in one place.
  for (const double t : population.times_ms) {
    const double position = (t - window.begin_ms - 5e-7) / width;
    if (position < 0.0 || t > window.end_ms) continue;
    ++rates[std::min(static_cast<std::size_t>(position), bins - 1)];
  }
  for (double& rate : rates) rate *= 1e3 / (width * static_cast<double>(population.n));
  return rates;
}

std::vector<double> intervals(const PlotPopulation& population) {
  const auto spikes = by_neuron(population);
  std::vector<double> result;
  for (std::size_t i = 1; i < spikes.size(); ++i)
    if (spikes[i].first == spikes[i - 1].first) result.push_back(spikes[i].second - spikes[i - 1].second);
  std::sort(result.begin(), result.end());
  return result;
}

double mean_cv(const PlotPopulation& population) {
  const auto spikes = by_neuron(population);
  double sum_cv = 0.0;
  std::size_t neurons = 0;
  for (std::size_t begin = 0; begin < spikes.size();) {
    std::size_t end = begin + 1;
    double sum = 0.0;
    double squares = 0.0;
    for (; end < spikes.size() && spikes[end].first == spikes[begin].first; ++end) {
      const double interval = spikes[end].second - spikes[end - 1].second;
      sum += interval;
      squares += interval * interval;
    }
    if (const auto n = static_cast<double>(end - begin - 1); n >= 3.0 && sum > 0.0) {
      const double mean = sum / n;
      sum_cv += std::sqrt(std::max(0.0, squares / n - mean * mean)) / mean;
      ++neurons;
    }
    begin = end;
  }
  return neurons == 0 ? std::numeric_limits<double>::quiet_NaN() : sum_cv / static_cast<double>(neurons);
}

double round_up(double at_least) noexcept {
  if (!(at_least > 0.0)) return 1.0;
  const double power = std::pow(10.0, std::floor(std::log10(at_least)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * power >= at_least * (1.0 - 1e-9)) return factor * power;
  return 10.0 * power;
}

double bin_width(double at_least, double dt_ms) noexcept {
  const double width = round_up(std::max(at_least, dt_ms));
  return std::max(1.0, std::ceil(width / dt_ms - 1e-6)) * dt_ms;
}

std::vector<double> ticks(double low, double high, std::size_t most) {
  std::vector<double> positions;
  if (!(high > low) || most == 0) return positions;
  double step = round_up((high - low) / static_cast<double>(most));
  const auto first = [&] { return std::ceil(low / step - 1e-9); };
  const auto last = [&] { return std::floor(high / step + 1e-9); };
  while (last() - first() + 1.0 > static_cast<double>(most)) step = round_up(step * 1.5);
  for (double k = first(); k <= last(); k += 1.0) positions.push_back(k * step + 0.0);  // no -0
  return positions;
}

std::string format_tick(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.6g", value);
  return text.data();
}

std::size_t length_of(std::string_view utf8) noexcept {
  return static_cast<std::size_t>(std::count_if(utf8.begin(), utf8.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string shorten(const std::string& text, std::size_t width) {
  if (length_of(text) <= width) return text;
  std::string kept;
  for (const char c : text) {
    if ((c & 0xc0) != 0x80 && length_of(kept) + 1 == width) break;
    kept += c;
  }
  return kept + "~";
}

std::string headline(const PlotData& data) {
  std::uint64_t neurons = 0;
  std::size_t spikes = 0;
  for (const PlotPopulation& population : data.populations) {
    neurons += population.n;
    spikes += population.times_ms.size();
  }
  return data.name + ": " + format_count(static_cast<double>(neurons)) + " neurons, " +
         format_biological_time(data.end_ms - data.begin_ms) + ", " + format_count(static_cast<double>(spikes)) +
         " spikes" + (data.complete ? "" : " (unfinished run)");
}

}  // namespace neuract::config
