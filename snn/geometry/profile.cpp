#include "neuract/snn/geometry/profile.hpp"

#include <algorithm>
#include <limits>

#include "neuract/snn/number_text.hpp"

namespace neuract::snn {
namespace {

using Kind = Profile::Kind;

/// Standard deviations of gaussian2d along its short and its long axis.
std::pair<double, double> axes_of(const Profile& p) {
  const double a = p.length * p.length;
  const double b = p.length_y * p.length_y;
  const double middle = 0.5 * (a + b);
  const double c = p.rho * p.length * p.length_y;
  const double radius = std::sqrt(0.25 * (a - b) * (a - b) + c * c);
  return {std::sqrt(std::max(0.0, middle - radius)), std::sqrt(middle + radius)};
}

double gaussian(double distance, double length) {
  const double z = distance / length;
  return length > 0.0 ? portable::exp(-0.5 * z * z) : 0.0;
}

}  // namespace

std::pair<double, double> profile_range(const Profile& profile, double nearest, double farthest) {
  const auto at = [&](double distance) { return profile_at(profile, {}, distance); };
  switch (profile.kind) {
    case Kind::constant:
    case Kind::linear:
    case Kind::exponential: return {at(farthest), at(nearest)};
    case Kind::gaussian: return {std::min(at(nearest), at(farthest)), at(std::clamp(profile.mean, nearest, farthest))};
    case Kind::gaussian2d: {
      const auto [narrow, wide] = axes_of(profile);
      return {gaussian(farthest, narrow), gaussian(nearest, wide)};
    }
  }
  return {0.0, 1.0};
}

double characteristic_length(const Profile& profile) noexcept {
  switch (profile.kind) {
    case Kind::constant: return std::numeric_limits<double>::infinity();
    case Kind::linear: return 0.5 * profile.length;
    case Kind::exponential:
    case Kind::gaussian: return profile.length;
    case Kind::gaussian2d: return axes_of(profile).first;
  }
  return profile.length;
}

std::optional<std::string> fault(const Profile& profile, int dimensions) {
  const auto positive = [](double x) { return x > 0.0 && std::isfinite(x); };
  if (!std::isfinite(profile.offset))
    return "has offset = " + number_text(profile.offset) + ", expected a finite number";
  if (profile.kind == Kind::constant) return std::nullopt;
  const char* const name = profile.kind == Kind::gaussian     ? "std"
                           : profile.kind == Kind::gaussian2d ? "std_x"
                                                              : "length";
  if (!positive(profile.length))
    return std::string("has ") + name + " = " + number_text(profile.length) + ", expected a positive length";
  if (profile.kind == Kind::gaussian && !std::isfinite(profile.mean))
    return "has mean = " + number_text(profile.mean) + ", expected a finite number";
  if (profile.kind != Kind::gaussian2d) return std::nullopt;
  if (!positive(profile.length_y))
    return "has std_y = " + number_text(profile.length_y) + ", expected a positive length";
  if (!(std::abs(profile.rho) < 1.0))
    return "has rho = " + number_text(profile.rho) + ", expected a number between -1 and 1";
  if (dimensions != 2) return "is for 2 dimensions, the populations have " + std::to_string(dimensions);
  return std::nullopt;
}

}  // namespace neuract::snn
