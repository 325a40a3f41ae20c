#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "neuract/memory/result.hpp"
#include "neuract/snn/spec.hpp"
#include "neuract/snn/validate.hpp"

/// Positions of neurons and ways between them.
namespace neuract::snn {

using Point = std::array<double, 3>;  ///< of two dimensions the first two count, the third is 0

/// A box with its sides along the axes.
struct Box {
  Point low = {};
  Point high = {};
};

/// Distances in a space of which some axes may be circles.
struct Space {
  int dimensions = 2;
  Point period = {};  ///< 0: the axis does not end where it began

  /// From `a` to `b` by the shortest way; both lie within one period.
  [[nodiscard]] Point way(const Point& a, const Point& b) const noexcept {
    Point d;
    for (std::size_t k = 0; k < 3; ++k) {
      d[k] = b[k] - a[k];
      const double half = 0.5 * period[k];
      if (half > 0.0) d[k] -= d[k] > half ? period[k] : (d[k] < -half ? -period[k] : 0.0);
    }
    return d;
  }
  [[nodiscard]] static double length(const Point& d) noexcept {
    return std::sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
  }
};

/// Where the neurons of one population are. Threads: immutable.
class Positions {
 public:
  /// `spec` without faults for `n` neurons. Random ones are functions of (seed, population, neuron).
  Positions(const PositionSpec& spec, std::uint32_t n, std::uint64_t seed, std::uint32_t population);

  [[nodiscard]] std::uint32_t size() const noexcept { return n_; }
  [[nodiscard]] int dimensions() const noexcept { return dimensions_; }
  [[nodiscard]] Point operator[](std::uint32_t neuron) const noexcept {
    return {axes_[0][neuron], axes_[1][neuron], dimensions_ == 3 ? axes_[2][neuron] : 0.0};
  }

 private:
  std::uint32_t n_;
  int dimensions_;
  std::array<std::vector<double>, 3> axes_;
};
using PositionsPtr = std::shared_ptr<const Positions>;

/// Everything wrong with the positions of a population of `n` neurons. `subject` begins every message, `path` every path.
std::vector<Fault> validate_positions(const PositionSpec& spec, std::uint32_t n, const std::string& subject,
                                      const std::string& path);

/// What hinders distances between two populations, as in "has 2 dimensions, the target 3"; empty when nothing does.
std::string incompatibility(const PositionSpec& source, const PositionSpec& target);

/// The box that the neurons lie in, from the specification alone.
Box box_of(const PositionSpec& spec);
/// The space of two populations that distances can be taken between.
Space space_of(const PositionSpec& source, const PositionSpec& target);
/// No distance between neurons of the two is larger; from the specification alone.
double largest_distance(const PositionSpec& source, const PositionSpec& target);

}  // namespace neuract::snn
