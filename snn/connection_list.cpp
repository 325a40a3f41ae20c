#include "neuract/snn/connection_list.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <numeric>
#include <utility>

#include "neuract/snn/geometry/csv.hpp"
#include "neuract/snn/nearest_name.hpp"
#include "neuract/snn/number_text.hpp"

namespace neuract::snn {
namespace {

std::string neuron_fault(const char* what, double neuron, const std::string& population, std::uint32_t n) {
  if (neuron >= 0.0 && neuron < n && neuron == std::floor(neuron)) return {};
  return std::string(what) + " is " + number_text(neuron) + ", " + in_quotes(population) + " has neurons 0 to " +
         std::to_string(n == 0 ? 0 : n - 1);
}

std::string weight_fault(double weight) {
  if (std::isfinite(weight)) return {};
  return "weight is " + number_text(weight) + ", expected a finite number";
}

std::string delay_fault(double delay, double dt) {
  if (!std::isfinite(delay)) return "delay is " + number_text(delay) + ", expected a finite number";
  if (delay < dt * (1.0 - 1e-9))
    return "delay is " + number_text(delay) + " ms, must be at least one step of " + number_text(dt) + " ms";
  return {};
}

/// What is wrong with a row; empty when nothing is. Without a weight or delay of its own: null.
std::string row_fault(double source, double target, const double* weight, const double* delay,
                      const ConnectionListFit& fit) {
  std::string fault = neuron_fault("source", source, fit.source, fit.n_source);
  if (fault.empty()) fault = neuron_fault("target", target, fit.target, fit.n_target);
  if (fault.empty() && weight != nullptr) fault = weight_fault(*weight);
  if (fault.empty() && delay != nullptr) fault = delay_fault(*delay, fit.dt);
  return fault;
}

/// Rows in the order of their keys, equal ones as in `order`: a counting sort.
std::vector<std::uint64_t> sorted_by(std::span<const std::uint64_t> keys, std::uint32_t n,
                                     const std::vector<std::uint64_t>& order, std::vector<std::uint64_t>& begins) {
  begins.assign(std::size_t{n} + 1, 0);
  for (const std::uint64_t key : keys) ++begins[key + 1];
  std::partial_sum(begins.begin(), begins.end(), begins.begin());
  std::vector<std::uint64_t> next(begins.begin(), begins.end() - 1);
  std::vector<std::uint64_t> sorted(order.size());
  for (const std::uint64_t row : order) sorted[next[keys[row]]++] = row;
  return sorted;
}

void reorder(std::vector<double>& values, const std::vector<std::uint64_t>& order) {
  if (values.empty()) return;
  std::vector<double> sorted(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) sorted[i] = values[order[i]];
  values = std::move(sorted);
}

/// From rows that have been checked.
ConnectionListPtr sorted_list(ConnectionColumns columns, const ConnectionListFit& fit, std::string file) {
  ConnectionList list;
  list.file = std::move(file);
  list.n_source = fit.n_source;
  list.n_target = fit.n_target;
  std::vector<std::uint64_t> order(columns.sources.size());
  std::iota(order.begin(), order.end(), std::uint64_t{0});
  order = sorted_by(columns.sources, fit.n_source, order, list.begins);
  order = sorted_by(columns.targets, fit.n_target, order, list.begins);
  list.sources.resize(order.size());
  for (std::size_t i = 0; i < order.size(); ++i)
    list.sources[i] = static_cast<std::uint32_t>(columns.sources[order[i]]);
  reorder(columns.weights, order);
  reorder(columns.delays, order);
  list.weights = std::move(columns.weights);
  list.delays = std::move(columns.delays);
  if (!list.weights.empty()) {
    const auto [low, high] = std::minmax_element(list.weights.begin(), list.weights.end());
    list.smallest_weight = *low;
    list.largest_weight = *high;
  }
  if (!list.delays.empty()) {
    const auto [low, high] = std::minmax_element(list.delays.begin(), list.delays.end());
    list.smallest_delay = *low;
    list.largest_delay = *high;
  }
  for (std::size_t t = 0; t < fit.n_target; ++t) {
    list.largest_indegree = std::max(list.largest_indegree, list.begins[t + 1] - list.begins[t]);
    if (list.weights.empty()) continue;
    double positive = 0.0;
    double negative = 0.0;
    for (std::uint64_t i = list.begins[t]; i < list.begins[t + 1]; ++i)
      (list.weights[i] < 0.0 ? negative : positive) += std::abs(list.weights[i]);
    list.largest_positive_sum = std::max(list.largest_positive_sum, positive);
    list.largest_negative_sum = std::max(list.largest_negative_sum, negative);
  }
  return std::make_shared<const ConnectionList>(std::move(list));
}

}  // namespace

Result<ConnectionListPtr> make_connection_list(ConnectionColumns columns, const ConnectionListFit& fit,
                                               std::string file) {
  const std::size_t n = columns.sources.size();
  const auto fits = [&](std::size_t size, bool optional) { return size == n || (optional && size == 0); };
  if (!fits(columns.targets.size(), false) || !fits(columns.weights.size(), true) ||
      !fits(columns.delays.size(), true)) {
    return fail(ErrorCode::invalid_argument, file, ": there are ", n, " sources, ", columns.targets.size(),
                " targets, ", columns.weights.size(), " weights and ", columns.delays.size(), " delays");
  }
  for (std::size_t i = 0; i < n; ++i) {
    const std::string fault =
        row_fault(static_cast<double>(columns.sources[i]), static_cast<double>(columns.targets[i]),
                  columns.weights.empty() ? nullptr : &columns.weights[i],
                  columns.delays.empty() ? nullptr : &columns.delays[i], fit);
    if (!fault.empty()) return fail(ErrorCode::invalid_argument, file, ": row ", i, ": ", fault);
  }
  return sorted_list(std::move(columns), fit, std::move(file));
}

Result<ConnectionListPtr> parse_connections(std::string_view text, const std::string& name,
                                            const ConnectionListFit& fit) {
  constexpr auto kColumns = std::to_array<std::string_view>({"source", "target", "weight", "delay"});
  CsvReader reader(text, name);
  NEURACT_TRY(reader.read_header(kColumns, 2));
  ConnectionColumns columns;
  while (true) {
    NEURACT_TRY_ASSIGN(const bool more, reader.next());
    if (!more) break;
    const double source = reader.value(reader.column(0));
    const double target = reader.value(reader.column(1));
    std::array<double, 2> own = {};
    std::array<const double*, 2> given = {};
    for (std::size_t k = 0; k < 2; ++k) {
      if (reader.column(k + 2) < 0) continue;
      own[k] = reader.value(reader.column(k + 2));
      given[k] = &own[k];
    }
    if (const std::string fault = row_fault(source, target, given[0], given[1], fit); !fault.empty())
      return reader.wrong(fault);
    columns.sources.push_back(static_cast<std::uint64_t>(source));
    columns.targets.push_back(static_cast<std::uint64_t>(target));
    if (given[0] != nullptr) columns.weights.push_back(own[0]);
    if (given[1] != nullptr) columns.delays.push_back(own[1]);
  }
  return sorted_list(std::move(columns), fit, name);
}

Result<ConnectionListPtr> read_connections(const std::filesystem::path& file, const std::string& edges,
                                           const ConnectionListFit& fit) {
  constexpr std::string_view kSignature = "\x89HDF\r\n\x1a\n";
  std::array<char, kSignature.size()> begin = {};
  std::ifstream in(file, std::ios::binary);
  const bool hdf5 = in.read(begin.data(), begin.size()) && std::string_view(begin.data(), begin.size()) == kSignature;
  if (hdf5) return read_sonata_connections(file, edges, fit);
  NEURACT_TRY_ASSIGN(const std::string text, read_text(file));
  if (!edges.empty())
    return fail(ErrorCode::invalid_argument, file.string(), " is not a SONATA file: it has no population ",
                in_quotes(edges));
  return parse_connections(text, file.string(), fit);
}

}  // namespace neuract::snn
