#include "neuract/snn/weight_codes.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "neuract/kernels/isa_variants.hpp"
#include "neuract/snn/distribution.hpp"

#define NEURACT_KERNELS "neuract/snn/weight_codes.inl"
#include "neuract/kernels/for_each_isa.inl"

namespace neuract::snn {
namespace {

constexpr std::size_t kLevels = WeightCodes::kLevels;
using Levels = std::array<double, kLevels>;

/// A distribution as points with masses: values ascending, and for each how much lies before it, as mass and as the
/// first two moments about `origin`.
class Points {
 public:
  struct Sums {
    double mass = 0.0;
    double first = 0.0;
    double second = 0.0;
    Sums operator-(const Sums& other) const { return {mass - other.mass, first - other.first, second - other.second}; }
    double mean() const { return first / mass; }
  };

  Points(std::vector<double> values, const std::vector<double>& masses) : values_(std::move(values)) {
    double total = 0.0;
    for (std::size_t i = 0; i < values_.size(); ++i) {
      total += masses[i];
      origin_ += masses[i] * (values_[i] - origin_) / total;
    }
    Sums sum;
    sums_.push_back(sum);
    for (std::size_t i = 0; i < values_.size(); ++i) {
      const double x = values_[i] - origin_;
      sum.mass += masses[i] / total;
      sum.first += masses[i] / total * x;
      sum.second += masses[i] / total * (x * x);
      sums_.push_back(sum);
    }
  }

  double origin() const { return origin_; }
  double smallest() const { return values_.front() - origin_; }
  double largest() const { return values_.back() - origin_; }
  const Sums& all() const { return sums_.back(); }
  /// Of what lies below x, which is relative to the origin.
  const Sums& below(double x) const {
    const auto at = std::lower_bound(values_.begin(), values_.end(), x + origin_) - values_.begin();
    return sums_[static_cast<std::size_t>(at)];
  }
  double largest_below(double x) const {
    return *(std::lower_bound(values_.begin(), values_.end(), x + origin_) - 1) - origin_;
  }
  /// Where this part of all mass lies below.
  double quantile(double part) const {
    const auto at =
        std::lower_bound(sums_.begin(), sums_.end(), part, [](const Sums& s, double mass) { return s.mass < mass; });
    const auto i = static_cast<std::size_t>(at - sums_.begin());
    return values_[std::clamp<std::size_t>(i, 1, values_.size()) - 1] - origin_;
  }

 private:
  std::vector<double> values_;
  std::vector<Sums> sums_;
  double origin_ = 0.0;  // the mean, so that nothing cancels
};

/// All words of a Sampler, the fewer to a point the farther out in the tails.
Points points_of(const Distribution& distribution) {
  constexpr std::uint64_t kPerOctave = 1024;
  const Sampler sampler(distribution);
  std::vector<std::uint64_t> begins = {0};  // of the words of each point, up to the middle of all
  for (int octave = 0; octave < 31; ++octave) {
    const std::uint64_t words = std::uint64_t{1} << octave;
    const std::uint64_t step = std::max<std::uint64_t>(1, words / kPerOctave);
    for (std::uint64_t word = words; word < 2 * words; word += step) begins.push_back(word);
  }
  std::vector<std::uint32_t> words;
  std::vector<double> masses;
  for (std::size_t i = 0; i < begins.size(); ++i) {
    const std::uint64_t end = i + 1 < begins.size() ? begins[i + 1] : std::uint64_t{1} << 31;
    words.push_back(static_cast<std::uint32_t>(begins[i] + (end - begins[i]) / 2));
    masses.push_back(static_cast<double>(end - begins[i]));
  }
  for (std::size_t i = words.size(); i-- > 0;) {
    words.push_back(~words[i]);
    masses.push_back(masses[i]);
  }
  std::vector<double> values(words.size());
  sampler.draw(words, values);
  if (!sampler.increasing()) std::reverse(values.begin(), values.end());  // masses are symmetric
  return Points(std::move(values), masses);
}

struct Cells {
  Levels levels;  // relative to the origin
  std::array<double, kLevels - 1> thresholds;
  Levels masses;
};

/// Thresholds in the middle between levels, and levels that are the means of what lies between thresholds: one after
/// the other until nothing moves.
Cells smallest_error(const Points& points) {
  constexpr int kMostRounds = 20000;
  Cells cells{};
  for (std::size_t k = 0; k < kLevels; ++k)
    cells.levels[k] = points.quantile((static_cast<double>(k) + 0.5) / static_cast<double>(kLevels));
  const double scale = std::sqrt(points.all().second);
  for (int round = 0; round < kMostRounds; ++round) {
    for (std::size_t k = 0; k + 1 < kLevels; ++k)
      cells.thresholds[k] = 0.5 * cells.levels[k] + 0.5 * cells.levels[k + 1];
    double moved = 0.0;
    std::size_t unused = kLevels;
    double worst_error = 1e-12 * points.all().second;
    double worst_end = 0.0;
    Points::Sums before;
    for (std::size_t k = 0; k < kLevels; ++k) {
      const bool last = k + 1 == kLevels;
      const Points::Sums end = last ? points.all() : points.below(cells.thresholds[k]);
      const Points::Sums cell = end - before;
      before = end;
      cells.masses[k] = cell.mass;
      if (cell.mass <= 0.0) {
        unused = k;
        continue;
      }
      moved = std::max(moved, std::abs(cell.mean() - cells.levels[k]));
      cells.levels[k] = cell.mean();
      if (const double error = cell.second - cell.first * cell.mean(); error > worst_error) {
        worst_error = error;
        worst_end = last ? points.largest() : points.largest_below(cells.thresholds[k]);
      }
    }
    if (unused < kLevels && worst_end != 0.0) {  // many weights share one value; the level is of use elsewhere
      cells.levels[unused] = worst_end;
      std::sort(cells.levels.begin(), cells.levels.end());
    } else if (moved <= 1e-9 * scale) {
      break;
    }
  }
  return cells;
}

/// Levels lack the variance inside the cells. Spreads them so that they have `variance`, around the mean they have.
void spread(Cells& cells, double variance, double origin, double smallest, double largest) {
  const auto sum = [&](auto term) {
    double total = 0.0;
    for (std::size_t k = 0; k < kLevels; ++k) total += cells.masses[k] * term(cells.levels[k]);
    return total;
  };
  const double present = sum([](double x) { return x * x; });
  const double missing = variance - present;
  if (missing <= 1e-12 * variance) return;
  const double factor = std::sqrt(variance / present);
  const bool positive = origin + smallest >= 0.0;
  const bool negative = origin + largest <= 0.0;
  const bool crosses = (positive && origin + factor * cells.levels.front() < 0.0) ||
                       (negative && origin + factor * cells.levels.back() > 0.0);
  if (!crosses) {
    for (double& x : cells.levels) x *= factor;
    return;
  }
  // With y = origin + x the level: y -> y (1 + t (y - k)). k keeps the mean, t gives the variance; signs stay, since
  // small levels hardly move.
  const auto moment = [&](int power) {
    return sum([&](double x) {
      double product = 1.0;
      for (int i = 0; i < power; ++i) product *= origin + x;
      return product;
    });
  };
  const double k = moment(2) / moment(1);
  const double a = sum([&](double x) { return (origin + x) * (origin + x) * (origin + x - k) * (origin + x - k); });
  const double b = sum([&](double x) { return (origin + x) * (origin + x) * (origin + x - k); });
  const double t = missing / (std::abs(b) + std::sqrt(b * b + a * missing)) * (b < 0.0 ? -1.0 : 1.0);
  for (double& x : cells.levels) x += t * (origin + x) * (origin + x - k);
}

WeightCodes codes_of(const Points& points, double quantum) {
  Cells cells = smallest_error(points);
  const double variance = points.all().second;
  spread(cells, variance, points.origin(), points.smallest(), points.largest());

  WeightCodes codes;
  for (std::size_t k = 0; k < kLevels; ++k)
    codes.levels[k] = static_cast<std::int32_t>(std::nearbyint((points.origin() + cells.levels[k]) / quantum));
  for (std::size_t k = 0; k + 1 < kLevels; ++k) codes.thresholds[k] = points.origin() + cells.thresholds[k];

  double mean = 0.0;
  double square = 0.0;
  double error = 0.0;
  Points::Sums before;
  for (std::size_t k = 0; k < kLevels; ++k) {
    const Points::Sums end = k + 1 < kLevels ? points.below(cells.thresholds[k]) : points.all();
    const Points::Sums cell = end - before;
    before = end;
    const double level = codes.levels[k] * quantum - points.origin();
    mean += cell.mass * level;
    square += cell.mass * (level * level);
    error += cell.second - 2.0 * level * cell.first + cell.mass * (level * level);
  }
  const double sd = std::sqrt(variance);
  const double unit = sd > 0.0 ? sd : std::abs(points.origin());
  if (unit == 0.0) return codes;
  codes.error.mean = (mean - points.all().first) / unit;
  codes.error.sd = (std::sqrt(std::max(0.0, square - mean * mean)) - sd) / unit;
  codes.error.rms = std::sqrt(std::max(0.0, error)) / unit;
  return codes;
}

}  // namespace

void WeightCodes::encode(std::span<const double> values, std::span<std::uint8_t> codes) const noexcept {
  NEURACT_SELECT(kernels::active_isa(), encode)(thresholds.data(), values.data(), values.size(), codes.data());
}

WeightCodes weight_codes(const Distribution& distribution, double quantum) {
  return codes_of(points_of(distribution), quantum);
}

WeightCodes weight_codes(std::span<const double> weights, double quantum) {
  if (weights.empty()) return {};
  std::vector<double> values(weights.begin(), weights.end());
  std::sort(values.begin(), values.end());
  const std::vector<double> masses(values.size(), 1.0);
  return codes_of(Points(std::move(values), masses), quantum);
}

}  // namespace neuract::snn
