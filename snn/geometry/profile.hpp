#pragma once

#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "neuract/snn/geometry/positions.hpp"
#include "neuract/snn/portable_math.hpp"
#include "neuract/snn/spec.hpp"

/// What depends on the way between two neurons. The same bits everywhere.
namespace neuract::snn {

/// g of the profile for a way of length `distance`, in [0, 1].
inline double profile_at(const Profile& profile, const Point& way, double distance) noexcept {
  switch (profile.kind) {
    case Profile::Kind::constant: return 1.0;
    case Profile::Kind::linear: return distance < profile.length ? 1.0 - distance / profile.length : 0.0;
    case Profile::Kind::exponential: return portable::exp(-distance / profile.length);
    case Profile::Kind::gaussian: {
      const double z = (distance - profile.mean) / profile.length;
      return portable::exp(-0.5 * z * z);
    }
    case Profile::Kind::gaussian2d: {
      const double x = way[0] / profile.length;
      const double y = way[1] / profile.length_y;
      return portable::exp(-(x * x + y * y - 2.0 * profile.rho * x * y) / (2.0 - 2.0 * profile.rho * profile.rho));
    }
  }
  return 0.0;
}

/// Bounds of g for distances in [nearest, farthest].
std::pair<double, double> profile_range(const Profile& profile, double nearest, double farthest);

/// The length over which the profile changes; infinity when it does not.
double characteristic_length(const Profile& profile) noexcept;

/// What is wrong with its numbers, as in "has length 0, expected a positive number"; nothing when it can be used in
/// this many dimensions.
std::optional<std::string> fault(const Profile& profile, int dimensions);

}  // namespace neuract::snn
