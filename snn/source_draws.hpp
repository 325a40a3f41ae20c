#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "neuract/snn/partner_drawer.hpp"
#include "neuract/snn/random.hpp"
#include "neuract/snn/spec.hpp"

namespace neuract::snn {

/// The targets of one source after another: of the rules that can be told from the source's side.
///
/// Targets lie in blocks, and what a source has in a block is a draw of its own, so that the time for a range of targets
/// is that for the blocks it meets.
///
/// | rule                          | how                                                                           |
/// |-------------------------------|-------------------------------------------------------------------------------|
/// | one_to_one, all_to_all        | nothing is drawn                                                              |
/// | fixed_outdegree               | the count is split over a binary tree of blocks by exact binomial draws       |
/// |                               | (hypergeometric without multapses); then as many partners in each block       |
/// | pairwise_bernoulli, by_source | gaps between targets, block by block                                          |
///
/// A pure function of (seed, projection, rule, number of targets, source). Threads: one at a time; spans are good until
/// the next call.
class SourceDraws {
 public:
  static bool possible(const Rule& rule) noexcept;

  /// `rule` is possible(), and can be satisfied. `exclude_self`: no synapse onto the source's own number.
  SourceDraws(const Rule& rule, std::uint32_t n_target, bool exclude_self, std::uint64_t seed,
              std::uint32_t projection);

  /// The targets of `source` in [first, first + count), each as often as it has synapses, in the order of drawing.
  std::span<const std::uint32_t> targets(std::uint32_t source, std::uint32_t first, std::uint32_t count);

 private:
  struct Range {
    std::uint32_t first;
    std::uint32_t count;
    bool holds(std::uint32_t target) const noexcept { return target - first < count; }
  };

  void split(std::uint32_t source, std::uint32_t node, std::uint32_t begin, std::uint32_t end, std::uint64_t synapses,
             const Range& range);
  void draw_partners(std::uint32_t source, std::uint32_t block, std::uint64_t synapses, const Range& range);
  void draw_gaps(std::uint32_t source, std::uint32_t block, const Range& range);
  std::uint64_t candidates(std::uint32_t source, std::uint32_t begin_block, std::uint32_t end_block) const noexcept;
  void keep(std::span<const std::uint32_t> targets, std::uint32_t offset, const Range& range);

  Rule rule_;
  std::uint32_t n_target_;
  bool exclude_self_;
  std::uint32_t block_ = 1;   // targets
  std::uint32_t blocks_ = 1;  // of the population
  Stream degree_stream_;
  Stream gap_stream_;
  PartnerDrawer partners_;
  double scale_ = 0.0;              // of gaps
  std::uint32_t gaps_at_once_ = 0;  // groups
  std::vector<std::uint32_t> words_;
  std::vector<std::uint32_t> gaps_;
  std::vector<std::uint32_t> targets_;
};

}  // namespace neuract::snn
