#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "neuract/snn/geometry/positions.hpp"
#include "neuract/snn/geometry/profile.hpp"
#include "neuract/snn/geometry/spatial_rule.hpp"

namespace neuract::snn::testing {

inline PositionSpec free_positions(std::array<double, 3> extent, bool periodic = false, int dimensions = 2) {
  PositionSpec spec;
  spec.kind = PositionSpec::Kind::free;
  spec.dimensions = dimensions;
  spec.extent = extent;
  spec.periodic = periodic;
  return spec;
}

inline PositionSpec grid_positions(std::array<std::uint32_t, 3> shape, std::array<double, 3> extent,
                                   bool periodic = false, int dimensions = 2) {
  PositionSpec spec = free_positions(extent, periodic, dimensions);
  spec.kind = PositionSpec::Kind::grid;
  spec.shape = shape;
  return spec;
}

/// A rule between two populations with positions.
struct Sheet {
  PositionSpec source_spec;
  PositionSpec target_spec;
  PositionsPtr sources;
  PositionsPtr targets;
  bool same = false;
  Space space;

  Sheet(const PositionSpec& source, std::uint32_t n_source, const PositionSpec& target, std::uint32_t n_target)
      : source_spec(source),
        target_spec(target),
        sources(std::make_shared<const Positions>(source, n_source, 1, 0)),
        targets(std::make_shared<const Positions>(target, n_target, 1, 1)),
        space(space_of(source, target)) {}
  /// A population onto itself.
  Sheet(const PositionSpec& spec, std::uint32_t n) : Sheet(spec, n, spec, n) {
    targets = sources;
    same = true;
  }

  Result<std::shared_ptr<const SpatialRule>> make(const Rule& rule, std::uint64_t seed = 1) const {
    return SpatialRule::make(rule, {source_spec, sources}, {target_spec, targets}, same, seed, 0);
  }
  std::pair<Point, double> way(std::uint32_t source, std::uint32_t target) const {
    const Point d = space.way((*sources)[source], (*targets)[target]);
    return {d, Space::length(d)};
  }
  /// What the rule says of a pair, straight from its definition.
  double likelihood(const Rule& rule, std::uint32_t source, std::uint32_t target) const {
    const auto [d, distance] = way(source, target);
    if (distance > rule.cutoff || (same && source == target && !rule.allow_autapses)) return 0.0;
    const double g = rule.profile ? profile_at(*rule.profile, d, distance) : 1.0;
    const double offset = rule.profile ? rule.profile->offset : 0.0;
    if (rule.kind == Rule::Kind::fixed_indegree) return std::max(0.0, g + offset);
    return std::clamp(rule.p * g + offset, 0.0, 1.0);
  }
};

using Lists = std::vector<std::vector<std::uint32_t>>;  ///< sources of each target

inline Lists generate(const SpatialRule& rule, std::uint32_t first, std::uint32_t count) {
  Lists lists;
  rule.for_each_target(first, count, [&](std::uint32_t, std::span<const std::uint32_t> sources) {
    lists.emplace_back(sources.begin(), sources.end());
    return true;
  });
  return lists;
}

}  // namespace neuract::snn::testing
