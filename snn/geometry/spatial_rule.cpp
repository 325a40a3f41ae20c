#include "neuract/snn/geometry/spatial_rule.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "neuract/snn/geometry/profile.hpp"
#include "neuract/snn/portable_math.hpp"

namespace neuract::snn {
namespace {

using Kind = Rule::Kind;

constexpr std::uint32_t kNoSelf = std::numeric_limits<std::uint32_t>::max();
constexpr double kImpossible = 1e-18;
constexpr double kTestAll = 0.5;         ///< above it gaps would be shorter than the draws that find them
constexpr double kExactPairs = 1 << 23;  ///< a few hundredths of a second

Box common_box(const Box& a, const Box& b) {
  Box box;
  for (std::size_t k = 0; k < 3; ++k) {
    box.low[k] = std::min(a.low[k], b.low[k]);
    box.high[k] = std::max(a.high[k], b.high[k]);
  }
  return box;
}

/// Short enough that the profile changes little across a cell, long enough that there are not too many in reach.
double edge_for(const Rule& rule, double cutoff) {
  const double length = rule.profile ? characteristic_length(*rule.profile) : std::numeric_limits<double>::infinity();
  return 0.25 * std::min(length, 0.5 * cutoff);
}

double clipped(const Rule& rule, double g) {
  if (rule.kind == Kind::fixed_indegree) return std::max(0.0, rule.profile ? g + rule.profile->offset : 1.0);
  return std::clamp(rule.profile ? rule.p * g + rule.profile->offset : rule.p, 0.0, 1.0);
}

}  // namespace

/// Words of a target's substream, one after another.
class SpatialRule::Words {
 public:
  Words(const Stream& stream, double typical) : stream_(stream) {
    groups_ = static_cast<std::size_t>(std::clamp(std::ceil(typical / Stream::kGroup), 1.0, 64.0));
    words_.resize(groups_ * Stream::kGroup);
  }
  void begin(std::uint32_t target) {
    target_ = target;
    next_group_ = 0;
    next_ = words_.size();
  }
  std::uint32_t next() {
    if (next_ == words_.size()) {
      stream_.fill(words_.data(), groups_, next_group_, target_);
      next_group_ += static_cast<std::uint32_t>(groups_);
      next_ = 0;
    }
    return words_[next_++];
  }
  /// From 32 bits.
  double unit() { return unit_interval(next()); }
  /// From 52 bits.
  double fine_unit() {
    const std::uint64_t high = next();
    const std::uint64_t bits = (high << 20) | (next() >> 12);
    return (static_cast<double>(bits) + 0.5) * 0x1p-52;
  }
  /// Of mean 1.
  double exponential() { return -portable::log(fine_unit()); }

 private:
  Stream stream_;
  std::size_t groups_;
  std::vector<std::uint32_t> words_;
  std::uint32_t target_ = 0;
  std::uint32_t next_group_ = 0;
  std::size_t next_ = 0;
};

struct SpatialRule::Scratch {
  explicit Scratch(Words w) : words(std::move(w)) {}

  Words words;
  std::vector<std::uint32_t> sources;
  // Of fixed_indegree, one for each cell that is not empty:
  std::vector<std::size_t> cells;
  std::vector<double> bounds;
  std::vector<double> sums;          ///< of the bounds of all candidates up to the cell's end
  std::vector<std::uint64_t> taken;  ///< a bit for each neuron, where multapses are excluded
};

SpatialRule::SpatialRule(const Rule& rule, const End& source, const End& target, bool same_population,
                         std::uint64_t seed, std::uint32_t projection)
    : rule_(rule),
      cutoff_(std::min(rule.cutoff, largest_distance(source.spec, target.spec))),
      space_(space_of(source.spec, target.spec)),
      targets_(target.positions),
      exclude_self_(same_population && !rule.allow_autapses),
      seed_(seed),
      projection_(projection),
      sources_(*source.positions, common_box(box_of(source.spec), box_of(target.spec)), space_,
               edge_for(rule, cutoff_)) {
  for (const CellGrid::Offset& offset : sources_.offsets(cutoff_)) {
    const double g =
        rule_.profile ? profile_range(*rule_.profile, offset.nearest, std::min(offset.farthest, cutoff_)).second : 1.0;
    const double bound = clipped(rule_, g);
    if (bound == 0.0 || (rule_.kind == Kind::pairwise_bernoulli && bound < kImpossible)) continue;
    // 1 - bound has no digits left where bound is small: the series does.
    const double hazard =
        bound > kTestAll ? 0.0 : (bound > 1e-5 ? -portable::log(1.0 - bound) : bound * (1.0 + 0.5 * bound));
    reach_.push_back({offset.step, bound, hazard});
  }
}

Result<std::shared_ptr<const SpatialRule>> SpatialRule::make(const Rule& rule, const End& source, const End& target,
                                                             bool same_population, std::uint64_t seed,
                                                             std::uint32_t projection) {
  const std::shared_ptr<SpatialRule> made(new SpatialRule(rule, source, target, same_population, seed, projection));
  if (rule.kind == Kind::fixed_indegree) NEURACT_TRY(made->check_reach());
  made->estimate();
  return std::shared_ptr<const SpatialRule>(made);
}

double SpatialRule::likelihood(const Point& target, std::size_t member) const noexcept {
  const Point way = space_.way(sources_.point(member), target);
  const double distance = Space::length(way);
  if (distance > cutoff_) return 0.0;
  return clipped(rule_, rule_.profile ? profile_at(*rule_.profile, way, distance) : 1.0);
}

std::uint32_t SpatialRule::self_of(std::uint32_t target) const noexcept { return exclude_self_ ? target : kNoSelf; }

template <class Visit>
void SpatialRule::for_each_cell(const CellGrid::Cell& from, Visit visit) const {
  for (const Reach& reach : reach_) {
    CellGrid::Cell cell = from;
    if (!sources_.move(cell, reach.step)) continue;
    const std::size_t index = sources_.index(cell);
    if (sources_.begin(index) != sources_.end(index)) visit(reach, index);
  }
}

bool SpatialRule::for_each_target(std::uint32_t first, std::uint32_t count, const TargetSink& sink) const {
  const double mean = targets_->size() == 0 ? 0.0 : expected_synapses_ / targets_->size();
  Scratch scratch(Words(Stream(seed_, Purpose::source, projection_, 2), 4.0 * mean + 8.0));
  for (std::uint32_t target = first; target < first + count; ++target) {
    scratch.sources.clear();
    scratch.words.begin(target);
    if (rule_.kind == Kind::pairwise_bernoulli) {
      draw_bernoulli(target, scratch);
    } else {
      draw_indegree(target, scratch);
    }
    if (!sink(target, scratch.sources)) return false;
  }
  return true;
}

void SpatialRule::draw_bernoulli(std::uint32_t target, Scratch& scratch) const {
  const Point at = (*targets_)[target];
  const std::uint32_t self = self_of(target);
  Words& words = scratch.words;
  const auto decide = [&](std::size_t member, double bound) {
    if (words.unit() * bound < likelihood(at, member) && sources_.neuron(member) != self)
      scratch.sources.push_back(sources_.neuron(member));
  };
  // Candidates pass like time, each taking its hazard; an exponential clock rings at those that are drawn. What is left
  // on it when a cell ends is again exponential.
  double left = words.exponential();
  for_each_cell(sources_.cell_of(at), [&](const Reach& reach, std::size_t cell) {
    std::size_t member = sources_.begin(cell);
    const std::size_t end = sources_.end(cell);
    if (reach.hazard == 0.0) {
      for (; member < end; ++member) decide(member, 1.0);
      return;
    }
    while (true) {
      const auto candidates = static_cast<double>(end - member);
      const double passed = std::floor(left / reach.hazard);
      if (passed >= candidates) {
        left = std::max(0.0, left - candidates * reach.hazard);
        return;
      }
      member += static_cast<std::size_t>(passed);
      decide(member, reach.bound);
      left = words.exponential();
      ++member;
    }
  });
}

void SpatialRule::draw_indegree(std::uint32_t target, Scratch& scratch) const {
  const auto wanted = static_cast<std::size_t>(rule_.count);
  if (wanted == 0) return;
  const Point at = (*targets_)[target];
  const std::uint32_t self = self_of(target);
  auto& [words, sources, cells, bounds, sums, taken] = scratch;
  sums.clear();
  cells.clear();
  bounds.clear();
  double sum = 0.0;
  for_each_cell(sources_.cell_of(at), [&](const Reach& reach, std::size_t cell) {
    sum += reach.bound * static_cast<double>(sources_.end(cell) - sources_.begin(cell));
    sums.push_back(sum);
    cells.push_back(cell);
    bounds.push_back(reach.bound);
  });
  if (!rule_.allow_multapses) taken.resize(sources_.size() / 64 + 1);
  // Where bounds say little (far from all sources), or few sources are left, trying would take too long.
  std::size_t tries = 16 * wanted + 256;
  while (sources.size() < wanted && tries-- > 0) {
    const double place = words.fine_unit() * sum;
    const auto k = std::min(static_cast<std::size_t>(std::upper_bound(sums.begin(), sums.end(), place) - sums.begin()),
                            sums.size() - 1);
    const std::size_t begin = sources_.begin(cells[k]);
    const std::size_t last = sources_.end(cells[k]) - begin - 1;
    const double inside = (place - (k == 0 ? 0.0 : sums[k - 1])) / bounds[k];
    const std::size_t member = begin + std::min(static_cast<std::size_t>(std::max(0.0, inside)), last);
    const std::uint32_t neuron = sources_.neuron(member);
    if (!(words.unit() * bounds[k] < likelihood(at, member)) || neuron == self) continue;
    if (!rule_.allow_multapses) {
      const std::uint64_t bit = std::uint64_t{1} << (neuron % 64);
      if ((taken[neuron / 64] & bit) != 0) continue;
      taken[neuron / 64] |= bit;
    }
    sources.push_back(neuron);
  }
  if (!rule_.allow_multapses) {
    for (const std::uint32_t neuron : sources) taken[neuron / 64] = 0;
  }
  if (sources.size() < wanted) draw_exactly(target, scratch);
}

/// The same law, by the likelihoods of all sources within reach.
void SpatialRule::draw_exactly(std::uint32_t target, Scratch& scratch) const {
  const Point at = (*targets_)[target];
  const auto wanted = static_cast<std::size_t>(rule_.count);
  std::vector<std::uint32_t>& sources = scratch.sources;
  std::vector<std::pair<double, std::uint32_t>> candidates;
  for_each_cell(sources_.cell_of(at), [&](const Reach&, std::size_t cell) {
    for (std::size_t member = sources_.begin(cell); member < sources_.end(cell); ++member) {
      const double weight = likelihood(at, member);
      if (weight > 0.0 && sources_.neuron(member) != self_of(target))
        candidates.emplace_back(weight, sources_.neuron(member));
    }
  });
  if (!rule_.allow_multapses) {
    // Those whose clocks ring first, where clocks run as fast as the likelihoods (Efraimidis and Spirakis 2006).
    std::vector<std::uint32_t> drawn(sources);
    std::sort(drawn.begin(), drawn.end());
    std::erase_if(candidates, [&](const auto& c) { return std::binary_search(drawn.begin(), drawn.end(), c.second); });
    for (auto& candidate : candidates) candidate.first = scratch.words.exponential() / candidate.first;
    std::sort(candidates.begin(), candidates.end());
    for (std::size_t i = 0; sources.size() < wanted && i < candidates.size(); ++i)
      sources.push_back(candidates[i].second);
    return;
  }
  double sum = 0.0;
  for (auto& candidate : candidates) candidate.first = sum += candidate.first;
  while (sources.size() < wanted && !candidates.empty()) {
    const double place = scratch.words.fine_unit() * sum;
    const auto found = std::upper_bound(candidates.begin(), candidates.end(), place,
                                        [](double value, const auto& c) { return value < c.first; });
    sources.push_back(found == candidates.end() ? candidates.back().second : found->second);
  }
}

void SpatialRule::estimate() {
  const std::uint32_t n = targets_->size();
  if (rule_.kind == Kind::fixed_indegree) {
    expected_synapses_ = static_cast<double>(rule_.count) * n;
    max_indegree_ = static_cast<double>(rule_.count);
    return;
  }
  // By cells: sources within reach, and a bound of the mean in-degree.
  std::vector<std::uint32_t> targets_in(sources_.cells(), 0);
  std::vector<CellGrid::Cell> cells(sources_.cells());
  for (std::uint32_t target = 0; target < n; ++target) {
    const CellGrid::Cell cell = sources_.cell_of((*targets_)[target]);
    cells[sources_.index(cell)] = cell;
    ++targets_in[sources_.index(cell)];
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
  for (std::uint32_t target = 0; target < n; target += stride, ++looked_at) {
    const Point at = (*targets_)[target];
    double mean = 0.0;
    for_each_cell(sources_.cell_of(at), [&](const Reach&, std::size_t cell) {
      for (std::size_t member = sources_.begin(cell); member < sources_.end(cell); ++member) {
        if (sources_.neuron(member) != self_of(target)) mean += likelihood(at, member);
      }
    });
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
  std::vector<double> certain(sources_.cells(), -1.0);  // sources that every target in the cell reaches
  std::vector<CellGrid::Cell> steps;
  for (const CellGrid::Offset& offset : sources_.offsets(cutoff_)) {
    const double g = rule_.profile ? profile_range(*rule_.profile, offset.nearest, offset.farthest).first : 1.0;
    if (offset.farthest <= cutoff_ && clipped(rule_, g) > 0.0) steps.push_back(offset.step);
  }
  for (std::uint32_t target = 0; target < targets_->size(); ++target) {
    const Point at = (*targets_)[target];
    const CellGrid::Cell cell = sources_.cell_of(at);
    double& known = certain[sources_.index(cell)];
    if (known < 0.0) {
      known = exclude_self_ ? -1.0 : 0.0;
      for (const CellGrid::Cell& step : steps) {
        CellGrid::Cell there = cell;
        if (!sources_.move(there, step)) continue;
        const std::size_t index = sources_.index(there);
        known += static_cast<double>(sources_.end(index) - sources_.begin(index));
      }
      known = std::max(known, 0.0);
    }
    if (known >= needed) continue;
    double found = 0.0;
    for_each_cell(cell, [&](const Reach&, std::size_t index) {
      for (std::size_t member = sources_.begin(index); member < sources_.end(index); ++member)
        found += likelihood(at, member) > 0.0 && sources_.neuron(member) != self_of(target) ? 1.0 : 0.0;
    });
    if (found >= needed) continue;
    return fail(ErrorCode::invalid_argument, "fixed_indegree = ", rule_.count, ": target ", target, " has ",
                static_cast<std::uint64_t>(found), " sources within reach",
                rule_.allow_multapses ? "" : ", and multapses are excluded");
  }
  return {};
}

}  // namespace neuract::snn
