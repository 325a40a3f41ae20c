#include "neuract/snn/geometry/positions.hpp"

#include <algorithm>
#include <limits>

#include "neuract/snn/nearest_name.hpp"
#include "neuract/snn/number_text.hpp"
#include "neuract/snn/random.hpp"

namespace neuract::snn {
namespace {

using Kind = PositionSpec::Kind;

constexpr double kLongest = 1e9;  ///< products and squares of lengths stay far from where doubles end

std::size_t axes_of(const PositionSpec& spec) { return spec.dimensions == 3 ? 3 : 2; }

double low_of(const PositionSpec& spec, std::size_t axis) { return spec.center[axis] - 0.5 * spec.extent[axis]; }

}  // namespace

Positions::Positions(const PositionSpec& spec, std::uint32_t n, std::uint64_t seed, std::uint32_t population)
    : n_(n), dimensions_(spec.dimensions) {
  std::uint64_t stride = 1;  // neurons after which the cell along this axis changes
  std::vector<std::uint32_t> words;
  for (std::size_t axis = 0; axis < axes_of(spec); ++axis) {
    std::vector<double>& x = axes_[axis];
    x.resize(n);
    const double low = low_of(spec, axis);
    switch (spec.kind) {
      case Kind::grid: {
        const std::uint32_t cells = std::max(1u, spec.shape[axis]);
        const double width = spec.extent[axis] / cells;
        for (std::uint32_t i = 0; i < n; ++i) x[i] = low + (static_cast<double>(i / stride % cells) + 0.5) * width;
        stride *= cells;
        break;
      }
      case Kind::free: {
        const std::size_t groups = (std::size_t{n} + Stream::kGroup - 1) / Stream::kGroup;
        words.resize(groups * Stream::kGroup);
        Stream(seed, Purpose::position, population, static_cast<std::uint32_t>(axis)).fill(words.data(), groups, 0);
        for (std::uint32_t i = 0; i < n; ++i) x[i] = low + unit_interval(words[i]) * spec.extent[axis];
        break;
      }
      case Kind::list: {
        for (std::uint32_t i = 0; i < n; ++i) x[i] = (*spec.points)[std::size_t{i} * axes_of(spec) + axis];
        break;
      }
    }
  }
}

std::vector<Fault> validate_positions(const PositionSpec& spec, std::uint32_t n, const std::string& subject,
                                      const std::string& path) {
  std::vector<Fault> faults;
  const auto add = [&](const char* key, const std::string& text) {
    faults.push_back({path + "." + key, subject + ": " + text});
  };
  if (spec.dimensions != 2 && spec.dimensions != 3) {
    faults.push_back(
        {path, subject + ": positions have " + std::to_string(spec.dimensions) + " dimensions, expected 2 or 3"});
    return faults;
  }
  const bool bounded = spec.kind != Kind::list || spec.periodic;
  for (std::size_t axis = 0; bounded && axis < axes_of(spec); ++axis) {
    if (!(spec.extent[axis] > 0.0 && spec.extent[axis] <= kLongest)) {
      add("extent", "extent has " + number_text(spec.extent[axis]) + ", expected lengths above 0, at most " +
                        number_text(kLongest));
      break;
    }
  }
  for (std::size_t axis = 0; axis < axes_of(spec); ++axis) {
    if (!(std::abs(spec.center[axis]) <= kLongest)) {
      add("center", "center has " + number_text(spec.center[axis]) + ", expected at most " + number_text(kLongest));
      break;
    }
  }
  if (spec.kind == Kind::grid) {
    double cells = 1.0;
    std::string shape;
    for (std::size_t axis = 0; axis < axes_of(spec); ++axis) {
      cells *= spec.shape[axis];
      shape += (axis == 0 ? "" : " x ") + std::to_string(spec.shape[axis]);
    }
    if (cells != n)
      add("shape",
          "a grid of " + shape + " has " + number_text(cells) + " places, the population has " + counted(n, "neuron"));
  }
  if (spec.kind != Kind::list) return faults;
  if (!spec.points) {
    add("points", "there are no points");
    return faults;
  }
  const std::vector<double>& points = *spec.points;
  if (points.size() != std::size_t{n} * axes_of(spec)) {
    add("points", "there are " + counted(points.size() / axes_of(spec), "position") + " for " + counted(n, "neuron"));
    return faults;
  }
  for (std::size_t i = 0; i < points.size(); ++i) {
    const std::size_t axis = i % axes_of(spec);
    const std::string which = "neuron " + std::to_string(i / axes_of(spec)) + " is at " + number_text(points[i]) +
                              " of axis " + std::to_string(axis + 1);
    if (!(std::abs(points[i]) <= kLongest)) {
      add("points", which + ", expected at most " + number_text(kLongest));
      break;
    }
    if (spec.periodic && std::abs(points[i] - spec.center[axis]) > 0.5 * spec.extent[axis]) {
      add("points", which + ", outside the extent from " + number_text(low_of(spec, axis)) + " to " +
                        number_text(low_of(spec, axis) + spec.extent[axis]) + ", which must hold all when periodic");
      break;
    }
  }
  return faults;
}

std::string incompatibility(const PositionSpec& source, const PositionSpec& target) {
  if (source.dimensions != target.dimensions)
    return "the source has " + std::to_string(source.dimensions) + " dimensions, the target " +
           std::to_string(target.dimensions);
  if (source.periodic != target.periodic)
    return source.periodic ? "the source is periodic, the target is not" : "the target is periodic, the source is not";
  for (std::size_t axis = 0; source.periodic && axis < axes_of(source); ++axis) {
    if (source.extent[axis] != target.extent[axis] || source.center[axis] != target.center[axis])
      return "both are periodic, but in different extents";
  }
  return {};
}

Box box_of(const PositionSpec& spec) {
  Box box;
  for (std::size_t axis = 0; axis < axes_of(spec); ++axis) {
    if (spec.kind != Kind::list || spec.periodic) {
      box.low[axis] = low_of(spec, axis);
      box.high[axis] = low_of(spec, axis) + spec.extent[axis];
      continue;
    }
    double low = std::numeric_limits<double>::infinity();
    double high = -low;
    for (std::size_t i = axis; spec.points && i < spec.points->size(); i += axes_of(spec)) {
      low = std::min(low, (*spec.points)[i]);
      high = std::max(high, (*spec.points)[i]);
    }
    if (low <= high) box.low[axis] = low, box.high[axis] = high;
  }
  return box;
}

Space space_of(const PositionSpec& source, const PositionSpec& target) {
  Space space{source.dimensions, {}};
  for (std::size_t axis = 0; source.periodic && target.periodic && axis < axes_of(source); ++axis)
    space.period[axis] = source.extent[axis];
  return space;
}

double largest_distance(const PositionSpec& source, const PositionSpec& target) {
  const Box a = box_of(source);
  const Box b = box_of(target);
  const Space space = space_of(source, target);
  Point d = {};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    d[axis] = std::max(a.high[axis] - b.low[axis], b.high[axis] - a.low[axis]);
    if (space.period[axis] > 0.0) d[axis] = 0.5 * space.period[axis];
  }
  // Rounding of coordinates may put two neurons some units in the last place farther apart than their boxes are.
  return Space::length(d) * (1.0 + 1e-12);
}

}  // namespace neuract::snn
