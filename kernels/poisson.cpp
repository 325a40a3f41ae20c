#include "neuract/kernels/poisson.hpp"

#include <algorithm>
#include <cmath>

namespace neuract::kernels {
namespace {

constexpr std::uint64_t kWhole = std::uint64_t{1} << 32;
constexpr std::uint32_t kSmallestTable = 5;  // 32 columns: two AVX-512 registers

struct Weights {
  std::int32_t first = 0;
  std::vector<std::uint64_t> counts;  // sum = 2^32
};

/// Probabilities relative to the mode's by the recurrence p(k+1) = p(k) · mean/(k+1), outwards until they cannot
/// matter.
Weights poisson_weights(double mean) {
  const double negligible = 1e-13;
  const auto mode = static_cast<std::int64_t>(mean);
  std::vector<double> below;
  std::vector<double> above{1.0};
  for (std::int64_t k = mode; k > 0 && (below.empty() ? 1.0 : below.back()) > negligible; --k) {
    below.push_back((below.empty() ? 1.0 : below.back()) * static_cast<double>(k) / mean);
  }
  for (std::int64_t k = mode; above.back() > negligible; ++k)
    above.push_back(above.back() * mean / static_cast<double>(k + 1));

  std::vector<double> p(below.rbegin(), below.rend());
  p.insert(p.end(), above.begin(), above.end());
  double sum = 0.0;
  for (const double x : p) sum += x;

  Weights weights;
  std::uint64_t total = 0;
  std::size_t heaviest = 0;
  for (const double x : p) {
    weights.counts.push_back(static_cast<std::uint64_t>(std::llround(x / sum * static_cast<double>(kWhole))));
    total += weights.counts.back();
    if (weights.counts.back() > weights.counts[heaviest]) heaviest = weights.counts.size() - 1;
  }
  weights.counts[heaviest] += kWhole - total;  // rounding; wraps correctly when negative

  const auto used = [](std::uint64_t c) { return c != 0; };
  const auto begin = std::find_if(weights.counts.begin(), weights.counts.end(), used);
  const auto end = std::find_if(weights.counts.rbegin(), weights.counts.rend(), used).base();
  weights.first =
      static_cast<std::int32_t>(mode - static_cast<std::int64_t>(below.size()) + (begin - weights.counts.begin()));
  weights.counts = std::vector<std::uint64_t>(begin, end);
  return weights;
}

}  // namespace

PoissonTable::PoissonTable(double mean) {
  Weights weights = poisson_weights(mean);
  first_ = weights.first;
  largest_ = first_ + static_cast<std::int32_t>(weights.counts.size()) - 1;
  while ((std::size_t{1} << bits_) < weights.counts.size()) ++bits_;
  const std::size_t columns = std::size_t{1} << bits_;
  const std::uint64_t capacity = kWhole / columns;
  weights.counts.resize(columns, 0);

  entries_.resize(columns);
  std::vector<std::uint32_t> small;
  std::vector<std::uint32_t> large;
  for (std::uint32_t i = 0; i < columns; ++i) (weights.counts[i] < capacity ? small : large).push_back(i);
  while (!small.empty() && !large.empty()) {
    const std::uint32_t less = small.back();
    const std::uint32_t more = large.back();
    small.pop_back();
    entries_[less] = static_cast<std::uint32_t>(weights.counts[less] << bits_) | more;
    weights.counts[more] -= capacity - weights.counts[less];
    if (weights.counts[more] < capacity) {
      large.pop_back();
      small.push_back(more);
    }
  }
  for (const std::uint32_t full : large) entries_[full] = full;  // its own alias: the threshold does not matter
}

}  // namespace neuract::kernels
