#include "neuract/snn/connectivity.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "neuract/snn/connection_list.hpp"
#include "neuract/snn/discrete.hpp"
#include "neuract/snn/draw.hpp"
#include "neuract/snn/partner_drawer.hpp"
#include "neuract/snn/source_draws.hpp"

namespace neuract::snn {
namespace {

using Kind = Rule::Kind;

/// In-degrees of targets [first, first + count) when `total` synapses fall on `targets` targets: a binary tree whose
/// nodes split their share between their halves. Only nodes above the range are visited.
class DegreeTree {
 public:
  DegreeTree(const Stream& stream, std::uint32_t candidates, bool distinct, std::uint32_t first, std::uint32_t count)
      : stream_(stream), candidates_(candidates), distinct_(distinct), first_(first), degrees_(count) {}

  std::vector<std::uint32_t> split(std::uint64_t total, std::uint32_t targets) && {
    visit(1, 0, targets, total);
    return std::move(degrees_);
  }

 private:
  void visit(std::uint64_t node, std::uint64_t begin, std::uint64_t end, std::uint64_t total) {
    if (total == 0 || end <= first_ || begin >= first_ + degrees_.size()) return;
    if (end - begin == 1) {
      degrees_[static_cast<std::size_t>(begin - first_)] = static_cast<std::uint32_t>(total);
      return;
    }
    const std::uint64_t middle = begin + (end - begin) / 2;
    const auto words = stream_.block(0, static_cast<std::uint32_t>(node), static_cast<std::uint32_t>(node >> 32));
    const std::uint64_t bits = (static_cast<std::uint64_t>(words[0]) << 20) | (words[1] >> 12);
    const double u = (static_cast<double>(bits) + 0.5) * 0x1p-52;
    const std::uint64_t left =
        distinct_ ? draw_hypergeometric(total, (middle - begin) * candidates_, (end - middle) * candidates_, u)
                  : draw_binomial(total, static_cast<double>(middle - begin) / static_cast<double>(end - begin), u);
    visit(2 * node, begin, middle, left);
    visit(2 * node + 1, middle, end, total - left);
  }

  Stream stream_;
  std::uint64_t candidates_;
  bool distinct_;
  std::uint64_t first_;
  std::vector<std::uint32_t> degrees_;
};

/// Source candidates of a target.
double sources_per_target(const Rule& rule, std::uint32_t n_source, bool same_population) {
  return std::max(0.0, static_cast<double>(n_source) - (same_population && !rule.allow_autapses ? 1.0 : 0.0));
}

}  // namespace

double expected_synapses(const Rule& rule, std::uint32_t n_source, std::uint32_t n_target,
                         bool same_population) noexcept {
  const double sources = n_source;
  const double targets = n_target;
  const double count = static_cast<double>(rule.count);
  switch (rule.kind) {
    case Kind::one_to_one: return std::min(sources, targets);
    case Kind::all_to_all: return targets * sources_per_target(rule, n_source, same_population);
    case Kind::fixed_indegree: return targets * count;
    case Kind::fixed_outdegree: return sources * count;
    case Kind::fixed_total_number: return count;
    case Kind::pairwise_bernoulli: return targets * sources_per_target(rule, n_source, same_population) * rule.p;
    case Kind::connections: break;
  }
  return 0.0;
}

double max_indegree_bound(const Rule& rule, std::uint32_t n_source, std::uint32_t n_target,
                          bool same_population) noexcept {
  const double candidates = sources_per_target(rule, n_source, same_population);
  const double mean = n_target == 0 ? 0.0 : expected_synapses(rule, n_source, n_target, same_population) / n_target;
  const double likely = std::ceil(mean + 12.0 * std::sqrt(mean) + 64.0);
  const double count = static_cast<double>(rule.count);
  switch (rule.kind) {
    case Kind::one_to_one: return 1.0;
    case Kind::all_to_all: return candidates;
    case Kind::fixed_indegree: return count;
    case Kind::pairwise_bernoulli: return std::min(likely, candidates);
    case Kind::fixed_total_number: return std::min(likely, rule.allow_multapses ? count : std::min(count, candidates));
    case Kind::fixed_outdegree: return std::min(likely, rule.allow_multapses ? count * n_source : candidates);
    case Kind::connections: break;
  }
  return 0.0;
}

Connectivity::Connectivity(const Rule& rule, std::uint32_t n_source, std::uint32_t n_target, bool same_population,
                           std::uint64_t seed, std::uint32_t projection)
    : rule_(rule),
      n_source_(n_source),
      n_target_(n_target),
      exclude_self_(same_population && !rule.allow_autapses),
      seed_(seed),
      projection_(projection),
      same_population_(same_population) {}

Result<Connectivity> Connectivity::make(const NetworkSpec& spec, std::uint32_t projection,
                                        std::span<const PositionsPtr> positions) {
  const ProjectionSpec& p = spec.projections[projection];
  const PopulationSpec& source = spec.populations[p.source];
  const PopulationSpec& target = spec.populations[p.target];
  const bool same = p.source == p.target;
  if (p.rule.kind == Kind::connections) {
    if (!p.connections) return fail(ErrorCode::invalid_argument, "there is no list of connections");
    Connectivity connectivity(p.rule, source.n, target.n, same, spec.seed, projection);
    connectivity.list_ = p.connections;
    return connectivity;
  }
  Rule rule = p.rule;
  rule.profile.reset();
  rule.cutoff = std::numeric_limits<double>::infinity();
  NEURACT_TRY_ASSIGN(Connectivity connectivity, make(rule, source.n, target.n, same, spec.seed, projection));
  if (p.rule.spatial()) {
    if (!positions[p.source] || !positions[p.target])
      return fail(ErrorCode::invalid_argument,
                  "the rule depends on distances, but not both populations have positions");
    NEURACT_TRY_ASSIGN(connectivity.spatial_,
                       SpatialRule::make(p.rule, {*source.positions, positions[p.source]},
                                         {*target.positions, positions[p.target]}, same, spec.seed, projection));
  }
  return connectivity;
}

Result<Connectivity> Connectivity::make(const Rule& rule, std::uint32_t n_source, std::uint32_t n_target,
                                        bool same_population, std::uint64_t seed, std::uint32_t projection) {
  constexpr double largest_degree = std::numeric_limits<std::int32_t>::max();
  if (rule.spatial()) return fail(ErrorCode::invalid_argument, "the rule depends on distances: there are no positions");
  const Connectivity connectivity(rule, n_source, n_target, same_population, seed, projection);
  const std::uint64_t self = connectivity.exclude_self_ ? 1 : 0;
  const char* const without_self = self == 1 ? " (autapses excluded)" : "";
  const std::uint64_t sources = n_source - std::min<std::uint64_t>(self, n_source);
  const std::uint64_t targets = n_target - std::min<std::uint64_t>(self, n_target);

  // What `count` draws need: partners to draw from, and enough of them where they must differ.
  const auto check_degree = [&](const char* name, std::uint64_t neurons, std::uint64_t partners,
                                const char* what) -> Result<void> {
    if (rule.count == 0 || neurons == 0) return {};
    if (partners == 0)
      return fail(ErrorCode::invalid_argument, name, " = ", rule.count, ": there is no ", what, " to draw",
                  without_self);
    if (!rule.allow_multapses && rule.count > partners) {
      return fail(ErrorCode::invalid_argument, name, " = ", rule.count, " without multapses needs as many ", what,
                  "s; there are ", partners, without_self);
    }
    if (static_cast<double>(rule.count) > largest_degree) {
      return fail(ErrorCode::invalid_argument, name, " = ", rule.count, " is more than ",
                  static_cast<std::int64_t>(largest_degree));
    }
    return {};
  };

  switch (rule.kind) {
    case Kind::one_to_one:
      if (n_source != n_target) {
        return fail(ErrorCode::invalid_argument, "one_to_one needs populations of one size; the source has ", n_source,
                    " neurons, the target ", n_target);
      }
      if (self == 1 && n_source > 0) {
        return fail(ErrorCode::invalid_argument,
                    "one_to_one within a population makes nothing but autapses, which are excluded");
      }
      break;
    case Kind::all_to_all: break;
    case Kind::fixed_indegree: NEURACT_TRY(check_degree("fixed_indegree", n_target, sources, "source")); break;
    case Kind::fixed_outdegree: NEURACT_TRY(check_degree("fixed_outdegree", n_source, targets, "target")); break;
    case Kind::fixed_total_number: {
      if (rule.count == 0) break;
      if (n_target == 0 || sources == 0) {
        return fail(ErrorCode::invalid_argument, "fixed_total_number = ", rule.count,
                    ": there is no pair of neurons to connect", without_self);
      }
      if (!rule.allow_multapses && rule.count > sources * n_target) {
        return fail(ErrorCode::invalid_argument, "fixed_total_number = ", rule.count,
                    " without multapses needs as many pairs; there are ", sources * n_target, without_self);
      }
      if (max_indegree_bound(rule, n_source, n_target, same_population) > largest_degree) {
        return fail(ErrorCode::invalid_argument, "fixed_total_number = ", rule.count, " is too many for ", n_target,
                    " targets");
      }
      break;
    }
    case Kind::pairwise_bernoulli:
      if (!(rule.p >= 0.0 && rule.p <= 1.0)) {
        return fail(ErrorCode::invalid_argument, "pairwise_bernoulli = ", rule.p,
                    " is not a probability between 0 and 1");
      }
      break;
    case Kind::connections: return fail(ErrorCode::invalid_argument, "there is no list of connections");
  }
  return connectivity;
}

double Connectivity::expected_synapses() const noexcept {
  if (list_) return static_cast<double>(list_->size());
  if (spatial_) return spatial_->expected_synapses();
  return snn::expected_synapses(rule_, n_source_, n_target_, same_population_);
}

double Connectivity::max_indegree() const noexcept {
  if (list_) return static_cast<double>(list_->largest_indegree);
  if (spatial_) return spatial_->max_indegree();
  return max_indegree_bound(rule_, n_source_, n_target_, same_population_);
}

bool Connectivity::for_each_target(std::uint32_t first, std::uint32_t count, const Sink& sink) const {
  if (spatial_) return spatial_->for_each_target(first, count, sink);
  switch (rule_.kind) {
    case Kind::one_to_one: return one_to_one(first, count, sink);
    case Kind::all_to_all: return all_to_all(first, count, sink);
    case Kind::fixed_indegree:
      return by_degree(first, std::vector<std::uint32_t>(count, static_cast<std::uint32_t>(rule_.count)), sink);
    case Kind::fixed_outdegree: return by_source(first, count, sink);
    case Kind::fixed_total_number: {
      const std::uint32_t candidates = n_source_ - (exclude_self_ ? 1u : 0u);
      DegreeTree tree(Stream(seed_, Purpose::degree, projection_), candidates, !rule_.allow_multapses, first, count);
      return by_degree(first, std::move(tree).split(rule_.count, n_target_), sink);
    }
    case Kind::pairwise_bernoulli:
      return rule_.by_source ? by_source(first, count, sink) : pairwise_bernoulli(first, count, sink);
    case Kind::connections: return connections(first, count, sink);
  }
  return true;
}

bool Connectivity::connections(std::uint32_t first, std::uint32_t count, const Sink& sink) const {
  for (std::uint32_t target = first; target < first + count; ++target) {
    if (!sink(target, list_->sources_of(target))) return false;
  }
  return true;
}

bool Connectivity::one_to_one(std::uint32_t first, std::uint32_t count, const Sink& sink) const {
  for (std::uint32_t target = first; target < first + count; ++target) {
    if (!sink(target, std::span(&target, 1))) return false;
  }
  return true;
}

bool Connectivity::all_to_all(std::uint32_t first, std::uint32_t count, const Sink& sink) const {
  std::vector<std::uint32_t> all(n_source_);
  std::iota(all.begin(), all.end(), 0u);
  std::vector<std::uint32_t> others;
  for (std::uint32_t target = first; target < first + count; ++target) {
    if (exclude_self_) {
      others.assign(all.begin(), all.end());
      others.erase(others.begin() + target);
    }
    if (!sink(target, exclude_self_ ? others : all)) return false;
  }
  return true;
}

bool Connectivity::by_degree(std::uint32_t first, std::span<const std::uint32_t> degrees, const Sink& sink) const {
  PartnerDrawer drawer(Stream(seed_, Purpose::source, projection_));
  for (std::uint32_t i = 0; i < degrees.size(); ++i) {
    const std::uint32_t target = first + i;
    drawer.choose_from(n_source_, exclude_self_ ? target : kNoSelf);
    const auto sources =
        rule_.allow_multapses ? drawer.independent(target, degrees[i]) : drawer.distinct(target, degrees[i]);
    if (!sink(target, sources)) return false;
  }
  return true;
}

SourceDraws Connectivity::source_draws() const {
  return SourceDraws(rule_, n_target_, exclude_self_, seed_, projection_);
}

bool Connectivity::by_source(std::uint32_t first, std::uint32_t count, const Sink& sink) const {
  // Targets are what is drawn, and every range of them goes through all sources: a few targets at a time, to bound the
  // memory.
  constexpr double kKept = 1 << 23;
  constexpr double kMostTargets = 1 << 16;
  const double indegree = n_target_ == 0 ? 0.0 : expected_synapses() / n_target_;
  const auto at_once = static_cast<std::uint32_t>(std::clamp(kKept / std::max(indegree, 1.0), 1.0, kMostTargets));
  SourceDraws draws = source_draws();
  std::vector<std::size_t> ends;
  std::vector<std::uint32_t> sources;
  for (std::uint32_t begin = 0; begin < count; begin += at_once) {
    const std::uint32_t base = first + begin;
    const std::uint32_t width = std::min(at_once, count - begin);
    ends.assign(width + 1, 0);
    for (std::uint32_t source = 0; source < n_source_; ++source) {
      for (const std::uint32_t target : draws.targets(source, base, width)) ++ends[target - base + 1];
    }
    std::partial_sum(ends.begin(), ends.end(), ends.begin());
    sources.resize(ends.back());
    // ends[i] runs from the begin of target i to its end.
    for (std::uint32_t source = 0; source < n_source_; ++source) {
      for (const std::uint32_t target : draws.targets(source, base, width)) sources[ends[target - base]++] = source;
    }
    std::size_t position = 0;
    for (std::uint32_t i = 0; i < width; ++i) {
      if (!sink(base + i, std::span<const std::uint32_t>(sources).subspan(position, ends[i] - position))) return false;
      position = ends[i];
    }
  }
  return true;
}

bool Connectivity::pairwise_bernoulli(std::uint32_t first, std::uint32_t count, const Sink& sink) const {
  const std::uint64_t candidates = n_source_ - std::min(n_source_, exclude_self_ ? 1u : 0u);
  if (rule_.p == 1.0) return all_to_all(first, count, sink);
  if (rule_.p == 0.0 || candidates == 0) {
    for (std::uint32_t target = first; target < first + count; ++target) {
      if (!sink(target, {})) return false;
    }
    return true;
  }
  constexpr std::uint32_t cut = std::numeric_limits<std::int32_t>::max();  // see draw_gap
  constexpr std::size_t pair = 2 * Stream::kGroup;
  const Stream stream(seed_, Purpose::source, projection_);
  const double scale = 1.0 / log_of_complement(rule_.p);
  const double mean = static_cast<double>(candidates) * rule_.p;
  const std::size_t at_once =
      groups_for(static_cast<std::size_t>(std::min(mean + 3.0 * std::sqrt(mean) + 2.0, 65536.0)));
  std::vector<std::uint32_t> words(at_once * pair);
  std::vector<std::uint32_t> gaps(at_once * Stream::kGroup);
  std::vector<std::uint32_t> sources;
  for (std::uint32_t target = first; target < first + count; ++target) {
    sources.clear();
    const std::uint32_t self = exclude_self_ ? target : kNoSelf;
    std::uint64_t next = 0;  // the first candidate not yet decided
    for (std::size_t group = 0; next < candidates; group += at_once) {
      stream.fill(words.data(), 2 * at_once, static_cast<std::uint32_t>(2 * group), target);
      for (std::size_t g = 0; g < at_once; ++g) {
        const std::uint32_t* const upper = words.data() + g * pair;
        draw_gap(scale, upper, upper + Stream::kGroup, Stream::kGroup, gaps.data() + g * Stream::kGroup);
      }
      for (const std::uint32_t gap : gaps) {
        next += gap;
        if (next >= candidates) break;
        if (gap == cut) continue;  // at least so many failures; how many more is a new draw
        sources.push_back(static_cast<std::uint32_t>(next) + (next >= self ? 1u : 0u));
        ++next;
      }
    }
    if (!sink(target, sources)) return false;
  }
  return true;
}

}  // namespace neuract::snn
