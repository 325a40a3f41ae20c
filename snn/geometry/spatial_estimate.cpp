#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "neuract/snn/geometry/profile.hpp"
#include "neuract/snn/geometry/spatial_rule.hpp"

/// What is known of a rule before anything is drawn: which cells are best, how many synapses there will be, whether there
/// are sources enough.
namespace neuract::snn {
namespace {

using Kind = Rule::Kind;

constexpr double kExactPairs = 1 << 21;  ///< some hundredths of a second

}  // namespace

/// Small cells bound likelihoods well, large ones are few: those with which a target costs least.
CellShape SpatialRule::best_shape(const Rule& rule, double cutoff, const Box& box, const Space& space,
                                  std::uint32_t neurons) {
  constexpr double kMostCells = 1 << 18;
  constexpr double kTry = 8.0;  ///< visits of a cell that take as long as trying a candidate
  double edge = 0.2 * std::min(characteristic_length(rule.profile.value_or(Profile{})), 0.5 * cutoff);
  std::optional<CellShape> best;
  double least = 0.0;
  double smallest_sum = 0.0;
  for (int i = 0; i < 6; ++i, edge *= 1.6) {
    const CellShape shape(box, space, edge, std::min(0.5 * neurons, kMostCells));
    const std::vector<Reach> reach = reach_of(rule, cutoff, shape);
    const double members = static_cast<double>(neurons) / static_cast<double>(shape.cells());
    const auto tried = [&](const Reach& r) {
      return members * (rule.kind == Kind::pairwise_bernoulli && r.hazard == 0.0 ? 1.0 : r.bound);
    };
    double sum = 0.0;
    for (const Reach& r : reach) sum += tried(r);
    if (i == 0) smallest_sum = sum;
    double visits = 0.0;
    double tries = 0.0;
    if (rule.kind == Kind::fixed_indegree) {
      visits = static_cast<double>(reach.size());
      tries = static_cast<double>(rule.count) * sum / smallest_sum;
    } else {
      // A target looks at no more cells once hardly anything is left to draw.
      for (double left = sum; visits < static_cast<double>(reach.size()) && left > 0.3; ++visits) {
        left -= tried(reach[static_cast<std::size_t>(visits)]);
      }
      tries = sum;
    }
    const double cost = visits + kTry * tries;
    if (!best || cost < least) {
      best = shape;
      least = cost;
    }
  }
  return *best;
}

void SpatialRule::estimate() {
  const std::uint32_t n = targets_->size();
  if (rule_.kind == Kind::fixed_indegree) {
    expected_synapses_ = static_cast<double>(rule_.count) * n;
    max_indegree_ = static_cast<double>(rule_.count);
    return;
  }
  // By cells: sources within reach, and a bound of the mean in-degree.
  std::vector<std::uint32_t> targets_in(sources_.shape().cells(), 0);
  std::vector<CellShape::Cell> cells(sources_.shape().cells());
  for (std::uint32_t target = 0; target < n; ++target) {
    const CellShape::Cell cell = sources_.shape().cell_of((*targets_)[target]);
    cells[sources_.shape().index(cell)] = cell;
    ++targets_in[sources_.shape().index(cell)];
  }
  double pairs = 0.0;
  double most_candidates = 0.0;
  double most_bounded = 0.0;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (targets_in[i] == 0) continue;
    double candidates = 0.0;
    double bounded = 0.0;
    for_each_cell(cells[i], [&](const Reach& reach, std::size_t cell) {
      const auto members = static_cast<double>(sources_.end(cell) - sources_.begin(cell));
      candidates += members;
      bounded += members * reach.bound;
    });
    pairs += candidates * targets_in[i];
    most_candidates = std::max(most_candidates, candidates);
    most_bounded = std::max(most_bounded, bounded);
  }
  const auto stride = static_cast<std::uint32_t>(std::max(1.0, std::ceil(pairs / kExactPairs)));
  double sum = 0.0;
  double largest = 0.0;
  std::uint32_t looked_at = 0;
  std::vector<std::uint32_t> members;
  std::vector<double> likelihood;
  for (std::uint32_t target = 0; target < n; target += stride, ++looked_at) {
    gather(target, members, likelihood);
    const double mean = std::accumulate(likelihood.begin(), likelihood.end(), 0.0);
    sum += mean;
    largest = std::max(largest, mean);
  }
  expected_synapses_ = looked_at == 0 ? 0.0 : sum / looked_at * n;
  const double mean = stride == 1 ? largest : most_bounded;
  max_indegree_ = std::min(most_candidates, std::ceil(mean + 12.0 * std::sqrt(mean) + 64.0));
}

Result<void> SpatialRule::check_reach() const {
  if (rule_.count == 0) return {};
  const double needed = rule_.allow_multapses ? 1.0 : static_cast<double>(rule_.count);
  std::vector<double> certain(sources_.shape().cells(), -1.0);  // sources that every target in the cell reaches
  std::vector<CellShape::Cell> steps;
  std::vector<std::uint32_t> members;
  std::vector<double> likelihood;
  for (const CellShape::Offset& offset : sources_.shape().offsets(cutoff_)) {
    const double g = profile_range(profile_, offset.nearest, offset.farthest).first;
    if (offset.farthest <= cutoff_ && clipped(rule_, profile_, g) > 0.0) steps.push_back(offset.step);
  }
  for (std::uint32_t target = 0; target < targets_->size(); ++target) {
    const CellShape::Cell cell = sources_.shape().cell_of((*targets_)[target]);
    double& known = certain[sources_.shape().index(cell)];
    if (known < 0.0) {
      known = exclude_self_ ? -1.0 : 0.0;
      for (const CellShape::Cell& step : steps) {
        CellShape::Cell there = cell;
        if (!sources_.shape().move(there, step)) continue;
        const std::size_t index = sources_.shape().index(there);
        known += static_cast<double>(sources_.end(index) - sources_.begin(index));
      }
      known = std::max(known, 0.0);
    }
    if (known >= needed) continue;
    gather(target, members, likelihood);
    const auto found = std::count_if(likelihood.begin(), likelihood.end(), [](double x) { return x > 0.0; });
    if (static_cast<double>(found) >= needed) continue;
    return fail(ErrorCode::invalid_argument, "fixed_indegree = ", rule_.count, ": target ", target, " has ", found,
                " sources within reach", rule_.allow_multapses ? "" : ", and multapses are excluded");
  }
  return {};
}

}  // namespace neuract::snn
