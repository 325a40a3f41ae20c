#include "neuract/snn/distribution.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <sstream>

#include "neuract/snn/portable_math.hpp"

namespace neuract::snn {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

double density(double x) { return portable::exp(-0.5 * x * x) / std::sqrt(2.0 * std::numbers::pi); }

/// Normal distribution function, relative error about 1e-13 down to the smallest tail. Marsaglia 2004, J. Stat. Softw.
/// 11(4): the series around 0, and far out the continued fraction of the tail.
double normal_cdf(double x) {
  if (x == -kInfinity) return 0.0;
  if (x == kInfinity) return 1.0;
  if (x > 3.0) return 1.0 - normal_cdf(-x);
  if (x < -3.0) {
    double fraction = -x;
    for (int k = 200; k >= 1; --k) fraction = -x + k / fraction;
    return density(x) / fraction;
  }
  double term = x;
  double sum = x;
  for (int k = 3; std::abs(term) > 1e-18; k += 2) {
    term *= x * x / k;
    sum += term;
  }
  return 0.5 + sum * density(x);
}

/// x · density(x) with its limit far out.
double weighted_density(double x) { return std::isinf(x) ? 0.0 : x * density(x); }

struct Moments {
  double mean = 0.0;
  double stddev = 0.0;
};

/// Standard normal, redrawn until inside [alpha, beta].
Moments truncated_moments(double alpha, double beta) {
  // The mass is taken on the side where it does not cancel.
  const double mass = alpha > 0.0 ? normal_cdf(-alpha) - normal_cdf(-beta) : normal_cdf(beta) - normal_cdf(alpha);
  const double mean = (density(alpha) - density(beta)) / mass;
  const double variance = 1.0 + (weighted_density(alpha) - weighted_density(beta)) / mass - mean * mean;
  return {mean, std::sqrt(std::max(0.0, variance))};
}

/// Standard normal, moved to the bounds where outside [alpha, beta].
Moments censored_moments(double alpha, double beta) {
  const double below = normal_cdf(alpha);
  const double above = normal_cdf(-beta);
  const double at_low = std::isinf(alpha) ? 0.0 : alpha * below;
  const double at_high = std::isinf(beta) ? 0.0 : beta * above;
  const double mean = at_low + at_high + density(alpha) - density(beta);
  const double square = (std::isinf(alpha) ? 0.0 : alpha * at_low) + (std::isinf(beta) ? 0.0 : beta * at_high) +
                        (1.0 - below - above) + weighted_density(alpha) - weighted_density(beta);
  return {mean, std::sqrt(std::max(0.0, square - mean * mean))};
}

std::string text_of(double value) {
  std::ostringstream text;
  text.precision(15);
  text << value;
  return text.str();
}

bool is_clipped(Distribution::Kind kind) {
  return kind == Distribution::Kind::normal_clipped || kind == Distribution::Kind::normal_clipped_to_boundary;
}

}  // namespace

std::optional<std::string> fault(const Distribution& d) {
  using Kind = Distribution::Kind;
  const bool exponential = d.kind == Kind::exponential;
  const bool uniform = d.kind == Kind::uniform;
  if (!std::isfinite(d.a))
    return std::string("has ") + (uniform ? "low" : "mean") + " = " + text_of(d.a) + ", which must be finite";
  if (exponential) {
    if (d.a <= 0.0) return "has mean = " + text_of(d.a) + ", which must be positive";
    return std::nullopt;
  }
  if (!std::isfinite(d.b))
    return std::string("has ") + (uniform ? "high" : "std") + " = " + text_of(d.b) + ", which must be finite";
  if (uniform) {
    if (d.a > d.b) return "has low = " + text_of(d.a) + " above high = " + text_of(d.b);
    return std::nullopt;
  }
  if (d.b < 0.0) return "has std = " + text_of(d.b) + ", which must not be negative";
  if (d.kind == Kind::lognormal && d.a + 7.0 * d.b > 700.0) {
    return "has mean = " + text_of(d.a) + " and std = " + text_of(d.b) + " of the logarithm: its values overflow";
  }
  if (!is_clipped(d.kind)) return std::nullopt;
  if (std::isnan(d.low) || std::isnan(d.high)) return "has a bound that is not a number";
  if (d.low > d.high) return "has low = " + text_of(d.low) + " above high = " + text_of(d.high);
  if (d.low == kInfinity || d.high == -kInfinity) return "has bounds that leave no number";
  if (d.kind == Kind::normal_clipped) {
    const bool inside = d.low <= d.a && d.a <= d.high;
    const double nearest = d.a < d.low ? d.low : d.high;
    // Beyond 30 standard deviations there is nothing to redraw in anybody's lifetime, and soon nothing that a double
    // can represent.
    if (!inside && (d.b == 0.0 || std::abs(nearest - d.a) > 30.0 * d.b)) {
      return "has mean = " + text_of(d.a) + " and std = " + text_of(d.b) + ", too far from its bounds " +
             text_of(d.low) + " and " + text_of(d.high) + " for a draw to fall between them";
    }
    if (d.b > 0.0 && d.low == d.high)
      return "has low = high = " + text_of(d.low) + ", which no draw hits; give the number itself";
  }
  return std::nullopt;
}

Sampler::Sampler(const Distribution& d) {
  using DistributionKind = Distribution::Kind;
  switch (d.kind) {
    case DistributionKind::uniform:
      kind_ = Kind::uniform;
      uniform_ = {d.a, d.b - d.a, d.a, d.b};
      mean_ = 0.5 * d.a + 0.5 * d.b;
      stddev_ = (d.b - d.a) / std::sqrt(12.0);
      break;
    case DistributionKind::exponential:
      kind_ = Kind::exponential;
      exponential_mean_ = d.a;
      mean_ = stddev_ = d.a;
      increasing_ = false;
      break;
    case DistributionKind::normal:
    case DistributionKind::lognormal:
      kind_ = Kind::normal;
      normal_ = {0.0, 1.0, d.a, d.b, -kInfinity, kInfinity, d.kind == DistributionKind::lognormal};
      mean_ = d.a;
      stddev_ = d.b;
      if (normal_.exponentiate) {
        mean_ = portable::exp(d.a + 0.5 * d.b * d.b);
        stddev_ = mean_ * std::sqrt(portable::expm1(d.b * d.b));
      }
      break;
    case DistributionKind::normal_clipped:
    case DistributionKind::normal_clipped_to_boundary: {
      kind_ = Kind::normal;
      normal_ = {0.0, 1.0, d.a, d.b, d.low, d.high, false};
      if (d.b == 0.0) {
        mean_ = std::clamp(d.a, d.low, d.high);
        break;
      }
      const double alpha = (d.low - d.a) / d.b;
      const double beta = (d.high - d.a) / d.b;
      const bool redrawn = d.kind == DistributionKind::normal_clipped;
      const Moments moments = redrawn ? truncated_moments(alpha, beta) : censored_moments(alpha, beta);
      mean_ = d.a + d.b * moments.mean;
      stddev_ = d.b * moments.stddev;
      if (!redrawn) break;
      if (alpha > 0.0) {
        // In the upper tail probabilities crowd at 1: draw from the mirror image instead.
        normal_.offset = normal_cdf(-beta);
        normal_.width = normal_cdf(-alpha) - normal_.offset;
        normal_.sd = -d.b;
        increasing_ = false;
      } else {
        normal_.offset = normal_cdf(alpha);
        normal_.width = normal_cdf(beta) - normal_.offset;
      }
      break;
    }
  }
  smallest_ = draw(0u);
  largest_ = draw(~0u);
  if (smallest_ > largest_) std::swap(smallest_, largest_);
}

double Sampler::draw(std::uint32_t word) const noexcept {
  double value = 0.0;
  draw(std::span(&word, 1), std::span(&value, 1));
  return value;
}

void Sampler::draw(std::span<const std::uint32_t> words, std::span<double> out) const noexcept {
  switch (kind_) {
    case Kind::uniform: return draw_uniform(uniform_, words.data(), words.size(), out.data());
    case Kind::normal: return draw_normal(normal_, words.data(), words.size(), out.data());
    case Kind::exponential: return draw_exponential(exponential_mean_, words.data(), words.size(), out.data());
  }
}

void Sampler::draw(std::span<const std::uint32_t> words, std::span<float> out) const noexcept {
  std::array<double, 256> block;
  for (std::size_t begin = 0; begin < words.size(); begin += block.size()) {
    const std::size_t count = std::min(block.size(), words.size() - begin);
    draw(words.subspan(begin, count), std::span<double>(block.data(), count));
    for (std::size_t i = 0; i < count; ++i) out[begin + i] = static_cast<float>(block[i]);
  }
}

void fill(const Value& value, std::uint64_t seed, Purpose purpose, std::uint32_t entity, std::uint32_t item,
          std::uint32_t first, std::span<double> out) {
  if (const auto* number = std::get_if<double>(&value)) {
    std::fill(out.begin(), out.end(), *number);
  } else if (const auto* numbers = std::get_if<std::vector<double>>(&value)) {
    std::copy_n(numbers->begin() + first, out.size(), out.begin());
  } else {
    const Sampler sampler(std::get<Distribution>(value));
    const Stream stream(seed, purpose, entity, item);
    std::array<std::uint32_t, 4 * Stream::kGroup> words;
    std::size_t done = 0;
    while (done < out.size()) {
      const std::size_t group = (first + done) / Stream::kGroup;
      const std::size_t skipped = (first + done) % Stream::kGroup;
      stream.fill(words.data(), words.size() / Stream::kGroup, static_cast<std::uint32_t>(group));
      const std::size_t count = std::min(words.size() - skipped, out.size() - done);
      sampler.draw(std::span(words).subspan(skipped, count), out.subspan(done, count));
      done += count;
    }
  }
}

}  // namespace neuract::snn
