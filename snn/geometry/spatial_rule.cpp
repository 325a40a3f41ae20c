#include "neuract/snn/geometry/spatial_rule.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "neuract/snn/geometry/profile.hpp"
#include "neuract/snn/portable_math.hpp"

namespace neuract::snn {
namespace {

using Kind = Rule::Kind;

constexpr std::uint32_t kNoSelf = std::numeric_limits<std::uint32_t>::max();
constexpr double kImpossible = 1e-18;
constexpr double kTestAll = 0.5;  ///< above it gaps would be shorter than the draws that find them

Box common_box(const Box& a, const Box& b) {
  Box box;
  for (std::size_t k = 0; k < 3; ++k) {
    box.low[k] = std::min(a.low[k], b.low[k]);
    box.high[k] = std::max(a.high[k], b.high[k]);
  }
  return box;
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
  [[nodiscard]] const Stream& stream() const { return stream_; }
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
  // Candidates:
  std::vector<std::uint32_t> members;
  std::vector<double> likelihood;
  std::vector<double> member_bounds;        ///< of the likelihood
  std::vector<std::uint32_t> member_words;  ///< that decide
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
      profile_(rule.profile.value_or(Profile{})),
      exclude_self_(same_population && !rule.allow_autapses),
      seed_(seed),
      projection_(projection),
      sources_(*source.positions, best_shape(rule, cutoff_, common_box(box_of(source.spec), box_of(target.spec)),
                                             space_, source.positions->size())),
      reach_(reach_of(rule, cutoff_, sources_.shape())) {
  double rest = 0.0;
  for (auto reach = reach_.rbegin(); reach != reach_.rend(); ++reach)
    reach->rest = rest += reach->hazard * static_cast<double>(sources_.most_members());
}

std::vector<SpatialRule::Reach> SpatialRule::reach_of(const Rule& rule, double cutoff, const CellShape& shape) {
  const Profile profile = rule.profile.value_or(Profile{});
  std::vector<Reach> all;
  for (const CellShape::Offset& offset : shape.offsets(cutoff)) {
    const double g = profile_range(profile, offset.nearest, std::min(offset.farthest, cutoff)).second;
    const double bound = clipped(rule, profile, g);
    if (bound == 0.0 || (rule.kind == Kind::pairwise_bernoulli && bound < kImpossible)) continue;
    // 1 - bound has no digits left where bound is small: the series does.
    const double hazard =
        bound > kTestAll ? 0.0 : (bound > 1e-5 ? -portable::log(1.0 - bound) : bound * (1.0 + 0.5 * bound));
    all.push_back({offset.step, bound, hazard});
  }
  std::stable_sort(all.begin(), all.end(), [](const Reach& a, const Reach& b) { return a.bound > b.bound; });
  return all;
}

Result<std::shared_ptr<const SpatialRule>> SpatialRule::make(const Rule& rule, const End& source, const End& target,
                                                             bool same_population, std::uint64_t seed,
                                                             std::uint32_t projection) {
  const std::shared_ptr<SpatialRule> made(new SpatialRule(rule, source, target, same_population, seed, projection));
  if (rule.kind == Kind::fixed_indegree) NEURACT_TRY(made->check_reach());
  made->estimate();
  return std::shared_ptr<const SpatialRule>(made);
}

template <Profile::Kind kKind>
void SpatialRule::likelihoods_by(std::uint32_t target, std::span<const std::uint32_t> members, double* out) const {
  const Point at = (*targets_)[target];
  const std::uint32_t self = exclude_self_ ? target : kNoSelf;
  const Space space = space_;
  const double cutoff = cutoff_;
  Profile profile = profile_;
  profile.kind = kKind;
  for (std::size_t i = 0; i < members.size(); ++i) {
    const Point way = space.way(sources_.point(members[i]), at);
    const double distance = Space::length(way);
    const double value = clipped(rule_, profile, profile_at(profile, way, distance));
    out[i] = distance <= cutoff && sources_.neuron(members[i]) != self ? value : 0.0;
  }
}

void SpatialRule::likelihoods(std::uint32_t target, std::span<const std::uint32_t> members, double* out) const {
  switch (profile_.kind) {
    case Profile::Kind::constant: return likelihoods_by<Profile::Kind::constant>(target, members, out);
    case Profile::Kind::linear: return likelihoods_by<Profile::Kind::linear>(target, members, out);
    case Profile::Kind::exponential: return likelihoods_by<Profile::Kind::exponential>(target, members, out);
    case Profile::Kind::gaussian: return likelihoods_by<Profile::Kind::gaussian>(target, members, out);
    case Profile::Kind::gaussian2d: return likelihoods_by<Profile::Kind::gaussian2d>(target, members, out);
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
  auto& members = scratch.members;
  auto& bounds = scratch.member_bounds;
  members.clear();
  bounds.clear();
  // Candidates pass like time, each taking its hazard; an exponential clock rings at those that may be drawn. What is
  // left on it when a cell ends is again exponential.
  double left = scratch.words.exponential();
  const CellShape& shape = sources_.shape();
  const CellShape::Cell from = shape.cell_of((*targets_)[target]);
  for (const Reach& reach : reach_) {
    if (reach.hazard > 0.0 && left > reach.rest) break;
    CellShape::Cell to = from;
    if (!shape.move(to, reach.step)) continue;
    const std::size_t cell = shape.index(to);
    std::size_t member = sources_.begin(cell);
    const std::size_t end = sources_.end(cell);
    if (reach.hazard == 0.0) {
      for (; member < end; ++member) members.push_back(static_cast<std::uint32_t>(member));
      bounds.resize(members.size(), 1.0);
      continue;
    }
    double all = static_cast<double>(end - member) * reach.hazard;
    while (left < all) {
      member += std::min(static_cast<std::size_t>(left / reach.hazard), end - member - 1);
      members.push_back(static_cast<std::uint32_t>(member));
      bounds.push_back(reach.bound);
      left = scratch.words.exponential();
      ++member;
      all = static_cast<double>(end - member) * reach.hazard;
    }
    left -= all;
  }

  const std::size_t n = members.size();
  const std::size_t groups = (n + Stream::kGroup - 1) / Stream::kGroup;
  scratch.member_words.resize(std::max(scratch.member_words.size(), groups * Stream::kGroup));
  scratch.words.stream().fill(scratch.member_words.data(), groups, 0, target, 1);
  scratch.likelihood.resize(std::max(scratch.likelihood.size(), n));
  likelihoods(target, members, scratch.likelihood.data());
  scratch.sources.resize(n);
  std::size_t found = 0;
  for (std::size_t i = 0; i < n; ++i) {
    scratch.sources[found] = sources_.neuron(members[i]);
    found += unit_interval(scratch.member_words[i]) * bounds[i] < scratch.likelihood[i] ? 1 : 0;
  }
  scratch.sources.resize(found);
}

void SpatialRule::draw_indegree(std::uint32_t target, Scratch& scratch) const {
  const auto wanted = static_cast<std::size_t>(rule_.count);
  if (wanted == 0) return;
  auto& [words, sources, members, likelihood, member_bounds, member_words, cells, bounds, sums, taken] = scratch;
  sums.clear();
  cells.clear();
  bounds.clear();
  double sum = 0.0;
  for_each_cell(sources_.shape().cell_of((*targets_)[target]), [&](const Reach& reach, std::size_t cell) {
    sum += reach.bound * static_cast<double>(sources_.end(cell) - sources_.begin(cell));
    sums.push_back(sum);
    cells.push_back(cell);
    bounds.push_back(reach.bound);
  });
  if (!rule_.allow_multapses) taken.resize(sources_.size() / 64 + 1);
  // Where bounds say little (far from all sources), or few sources are left, trying would take too long.
  constexpr int kMostRounds = 16;
  for (int round = 0; round < kMostRounds && sources.size() < wanted; ++round) {
    const std::size_t missing = wanted - sources.size();
    const std::size_t tries = missing + missing / 4 + 8;
    members.resize(tries);
    member_bounds.resize(tries);
    member_words.resize(tries);
    likelihood.resize(tries);
    for (std::size_t i = 0; i < tries; ++i) {
      const double place = words.fine_unit() * sum;
      const auto above = std::upper_bound(sums.begin(), sums.end(), place);
      const std::size_t k = std::min(static_cast<std::size_t>(above - sums.begin()), sums.size() - 1);
      const std::size_t begin = sources_.begin(cells[k]);
      const std::size_t last = sources_.end(cells[k]) - begin - 1;
      const double inside = (place - (k == 0 ? 0.0 : sums[k - 1])) / bounds[k];
      members[i] = static_cast<std::uint32_t>(begin + std::min(static_cast<std::size_t>(std::max(0.0, inside)), last));
      member_bounds[i] = bounds[k];
      member_words[i] = words.next();
    }
    likelihoods(target, members, likelihood.data());
    for (std::size_t i = 0; i < tries && sources.size() < wanted; ++i) {
      if (!(unit_interval(member_words[i]) * member_bounds[i] < likelihood[i])) continue;
      const std::uint32_t neuron = sources_.neuron(members[i]);
      if (!rule_.allow_multapses) {
        const std::uint64_t bit = std::uint64_t{1} << (neuron % 64);
        if ((taken[neuron / 64] & bit) != 0) continue;
        taken[neuron / 64] |= bit;
      }
      sources.push_back(neuron);
    }
  }
  if (!rule_.allow_multapses) {
    for (const std::uint32_t neuron : sources) taken[neuron / 64] = 0;
  }
  if (sources.size() < wanted) draw_exactly(target, scratch);
}

void SpatialRule::gather(std::uint32_t target, std::vector<std::uint32_t>& members,
                         std::vector<double>& likelihood) const {
  members.clear();
  for_each_cell(sources_.shape().cell_of((*targets_)[target]), [&](const Reach&, std::size_t cell) {
    for (std::size_t member = sources_.begin(cell); member < sources_.end(cell); ++member)
      members.push_back(static_cast<std::uint32_t>(member));
  });
  likelihood.resize(members.size());
  likelihoods(target, members, likelihood.data());
}

/// The same law, by the likelihoods of all sources within reach.
void SpatialRule::draw_exactly(std::uint32_t target, Scratch& scratch) const {
  const auto wanted = static_cast<std::size_t>(rule_.count);
  std::vector<std::uint32_t>& sources = scratch.sources;
  gather(target, scratch.members, scratch.likelihood);
  std::vector<std::pair<double, std::uint32_t>> candidates;
  for (std::size_t i = 0; i < scratch.members.size(); ++i) {
    if (scratch.likelihood[i] > 0.0)
      candidates.emplace_back(scratch.likelihood[i], sources_.neuron(scratch.members[i]));
  }
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

}  // namespace neuract::snn
