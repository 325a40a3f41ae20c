#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "neuract/memory/result.hpp"
#include "neuract/snn/geometry/cells.hpp"
#include "neuract/snn/geometry/positions.hpp"
#include "neuract/snn/random.hpp"
#include "neuract/snn/spec.hpp"

namespace neuract::snn {

/// Called with a target and its sources, in the order in which its weights and delays are drawn. False = stop.
using TargetSink = std::function<bool(std::uint32_t target, std::span<const std::uint32_t> sources)>;

/// pairwise_bernoulli and fixed_indegree (Rule::spatial()) between populations with positions.
///
/// Sources lie in cells. For a target, candidates of a cell at some offset are drawn with the largest probability that
/// the offset allows, and kept with what their own distance makes of it (thinning), so that cells that are too far cost
/// nothing and far ones next to nothing. Pairs whose probability is below 1e-18 are taken for impossible.
/// fixed_indegree draws each source with a probability proportional to its profile; without multapses those that were
/// drawn before are drawn again.
///
/// Each target's sources are a pure function of (seed, projection, target, all positions of the two populations). Time
/// for a target: O(cells in reach + synapses).  Threads: reentrant.
class SpatialRule {
 public:
  struct End {
    PositionSpec spec;
    PositionsPtr positions;
  };

  /// Error: invalid_argument when a target has too few sources within reach.
  static Result<std::shared_ptr<const SpatialRule>> make(const Rule& rule, const End& source, const End& target,
                                                         bool same_population, std::uint64_t seed,
                                                         std::uint32_t projection);

  bool for_each_target(std::uint32_t first, std::uint32_t count, const TargetSink& sink) const;

  /// Mean number of synapses of the whole projection: the sum over all pairs, or where these are very many, over the
  /// sources of evenly spaced targets.
  [[nodiscard]] double expected_synapses() const noexcept { return expected_synapses_; }
  /// As max_indegree_bound().
  [[nodiscard]] double max_indegree() const noexcept { return max_indegree_; }

 private:
  /// A cell within reach, and what bounds the likelihood of the sources in it.
  struct Reach {
    CellShape::Cell step;
    double bound;
    double hazard;      ///< -log(1 - bound); 0 where every candidate is tested
    double rest = 0.0;  ///< of the hazards of all candidates from here on, an upper bound
  };
  class Words;
  struct Scratch;

  /// The likelihood that the rule makes of g.
  static double clipped(const Rule& rule, const Profile& profile, double g) noexcept {
    const double value = (rule.kind == Rule::Kind::fixed_indegree ? g : rule.p * g) + profile.offset;
    const double above = value > 0.0 ? value : 0.0;
    return rule.kind == Rule::Kind::fixed_indegree || above < 1.0 ? above : 1.0;
  }
  static std::vector<Reach> reach_of(const Rule& rule, double cutoff, const CellShape& shape);
  static CellShape best_shape(const Rule& rule, double cutoff, const Box& box, const Space& space,
                              std::uint32_t neurons);

  SpatialRule(const Rule& rule, const End& source, const End& target, bool same_population, std::uint64_t seed,
              std::uint32_t projection);

  /// Probability of pairwise_bernoulli, weight of fixed_indegree; for a source that is the target itself, where that is
  /// excluded, 0.
  void likelihoods(std::uint32_t target, std::span<const std::uint32_t> members, double* out) const;
  template <Profile::Kind kKind>
  void likelihoods_by(std::uint32_t target, std::span<const std::uint32_t> members, double* out) const;
  /// Calls visit(reach, cell) for every cell within reach of another one that is not empty.
  template <class Visit>
  void for_each_cell(const CellShape::Cell& from, Visit visit) const {
    for (const Reach& reach : reach_) {
      CellShape::Cell cell = from;
      if (!sources_.shape().move(cell, reach.step)) continue;
      const std::size_t index = sources_.shape().index(cell);
      if (sources_.begin(index) != sources_.end(index)) visit(reach, index);
    }
  }

  void draw_bernoulli(std::uint32_t target, Scratch& scratch) const;
  void draw_indegree(std::uint32_t target, Scratch& scratch) const;
  void draw_exactly(std::uint32_t target, Scratch& scratch) const;
  /// All sources within reach, and their likelihoods.
  void gather(std::uint32_t target, std::vector<std::uint32_t>& members, std::vector<double>& likelihood) const;
  void estimate();
  [[nodiscard]] Result<void> check_reach() const;

  Rule rule_;
  double cutoff_;
  Space space_;
  PositionsPtr targets_;
  Profile profile_;  ///< the rule's, or a constant
  bool exclude_self_;
  std::uint64_t seed_;
  std::uint32_t projection_;
  CellGrid sources_;
  std::vector<Reach> reach_;  ///< the likeliest first
  double expected_synapses_ = 0.0;
  double max_indegree_ = 0.0;
};

}  // namespace neuract::snn
