#include "neuract/snn/source_draws.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "neuract/snn/discrete.hpp"
#include "neuract/snn/draw.hpp"

namespace neuract::snn {
namespace {

using Kind = Rule::Kind;

/// Targets of a block in which a source has about so many synapses.
std::uint32_t block_for(double synapses, double density, std::uint32_t n_target) {
  const double aligned = 64.0 * std::ceil(synapses / std::max(density, 1e-12) / 64.0);
  return aligned >= n_target ? std::max(1u, n_target) : static_cast<std::uint32_t>(aligned);
}

}  // namespace

bool SourceDraws::possible(const Rule& rule) noexcept {
  if (rule.spatial()) return false;
  return rule.kind == Kind::one_to_one || rule.kind == Kind::all_to_all || rule.drawn_by_source();
}

SourceDraws::SourceDraws(const Rule& rule, std::uint32_t n_target, bool exclude_self, std::uint64_t seed,
                         std::uint32_t projection)
    : rule_(rule),
      n_target_(n_target),
      exclude_self_(exclude_self),
      degree_stream_(seed, Purpose::degree, projection, 1),
      gap_stream_(seed, Purpose::source, projection, 3),
      partners_(Stream(seed, Purpose::source, projection, 1)) {
  // A block costs as much as some hundred draws of partners, or as half a group of gaps.
  constexpr double kPartnersOfBlock = 256.0;
  constexpr double kGapsOfBlock = 96.0;
  if (rule.kind == Kind::fixed_outdegree)
    block_ = block_for(kPartnersOfBlock, static_cast<double>(rule.count) / std::max(1u, n_target), n_target);
  if (rule.kind == Kind::pairwise_bernoulli) {
    if (rule_.p == 1.0) rule_.kind = Kind::all_to_all;
    block_ = block_for(kGapsOfBlock, rule.p, n_target);
    const double mean = block_ * rule.p;
    gaps_at_once_ =
        static_cast<std::uint32_t>(groups_for(static_cast<std::size_t>(mean + 3.0 * std::sqrt(mean) + 2.0)));
    if (rule.p > 0.0 && rule.p < 1.0) scale_ = 1.0 / log_of_complement(rule.p);
    words_.resize(2 * gaps_at_once_ * Stream::kGroup);
    gaps_.resize(gaps_at_once_ * Stream::kGroup);
  }
  blocks_ = std::max(1u, (n_target + block_ - 1) / block_);
}

std::span<const std::uint32_t> SourceDraws::targets(std::uint32_t source, std::uint32_t first, std::uint32_t count) {
  targets_.clear();
  if (count == 0) return targets_;
  const Range range{first, count};
  switch (rule_.kind) {
    case Kind::one_to_one:
      if (range.holds(source)) targets_.push_back(source);
      break;
    case Kind::all_to_all:
      targets_.resize(count);
      std::iota(targets_.begin(), targets_.end(), first);
      if (exclude_self_ && range.holds(source)) targets_.erase(targets_.begin() + (source - first));
      break;
    case Kind::fixed_outdegree: split(source, 1, 0, blocks_, rule_.count, range); break;
    case Kind::pairwise_bernoulli:
      if (rule_.p == 0.0) break;
      for (std::uint32_t block = first / block_; block <= (first + count - 1) / block_; ++block)
        draw_gaps(source, block, range);
      break;
    default: break;  // not possible()
  }
  return targets_;
}

/// The synapses of blocks [begin, end).
void SourceDraws::split(std::uint32_t source, std::uint32_t node, std::uint32_t begin, std::uint32_t end,
                        std::uint64_t synapses, const Range& range) {
  if (synapses == 0 || std::uint64_t{end} * block_ <= range.first ||
      std::uint64_t{begin} * block_ >= std::uint64_t{range.first} + range.count)
    return;
  if (end - begin == 1) return draw_partners(source, begin, synapses, range);
  const std::uint32_t middle = begin + (end - begin) / 2;
  const std::uint64_t in_left = candidates(source, begin, middle);
  const std::uint64_t in_right = candidates(source, middle, end);
  const auto words = degree_stream_.block(0, source, node);
  const std::uint64_t bits = (static_cast<std::uint64_t>(words[0]) << 20) | (words[1] >> 12);
  const double u = (static_cast<double>(bits) + 0.5) * 0x1p-52;
  const std::uint64_t left =
      rule_.allow_multapses
          ? draw_binomial(synapses, static_cast<double>(in_left) / static_cast<double>(in_left + in_right), u)
          : draw_hypergeometric(synapses, in_left, in_right, u);
  split(source, 2 * node, begin, middle, left, range);
  split(source, 2 * node + 1, middle, end, synapses - left, range);
}

std::uint64_t SourceDraws::candidates(std::uint32_t source, std::uint32_t begin_block,
                                      std::uint32_t end_block) const noexcept {
  const std::uint64_t begin = std::uint64_t{begin_block} * block_;
  const std::uint64_t end = std::min<std::uint64_t>(n_target_, std::uint64_t{end_block} * block_);
  return end - begin - (exclude_self_ && source >= begin && source < end ? 1 : 0);
}

void SourceDraws::draw_partners(std::uint32_t source, std::uint32_t block, std::uint64_t synapses, const Range& range) {
  const std::uint32_t begin = block * block_;
  const std::uint32_t width = std::min(block_, n_target_ - begin);
  partners_.choose_from(width, exclude_self_ && source - begin < width ? source - begin : kNoSelf);
  const auto n = static_cast<std::size_t>(synapses);
  keep(rule_.allow_multapses ? partners_.independent(source, n, block) : partners_.distinct(source, n, block), begin,
       range);
}

void SourceDraws::draw_gaps(std::uint32_t source, std::uint32_t block, const Range& range) {
  constexpr std::uint32_t kCut = std::numeric_limits<std::int32_t>::max();  // see draw_gap
  constexpr std::size_t kPair = 2 * Stream::kGroup;
  const std::uint32_t begin = block * block_;
  const std::uint64_t width = std::min(block_, n_target_ - begin);
  const std::uint64_t self = exclude_self_ && source >= begin ? source - begin : width;
  std::uint64_t next = 0;  // the first target of the block not yet decided
  for (std::uint32_t group = 0; next < width; group += gaps_at_once_) {
    gap_stream_.fill(words_.data(), 2 * gaps_at_once_, 2 * group, source, block);
    for (std::size_t g = 0; g < gaps_at_once_; ++g) {
      const std::uint32_t* const upper = words_.data() + g * kPair;
      draw_gap(scale_, upper, upper + Stream::kGroup, Stream::kGroup, gaps_.data() + g * Stream::kGroup);
    }
    for (const std::uint32_t gap : gaps_) {
      next += gap;
      if (next >= width) break;
      if (gap == kCut) continue;  // at least so many failures; how many more is a new draw
      const std::uint32_t target = begin + static_cast<std::uint32_t>(next);
      if (next != self && range.holds(target)) targets_.push_back(target);
      ++next;
    }
  }
}

/// Of targets that are counted from `offset`, those in the range.
void SourceDraws::keep(std::span<const std::uint32_t> targets, std::uint32_t offset, const Range& range) {
  std::size_t kept = targets_.size();
  targets_.resize(kept + targets.size());
  for (const std::uint32_t target : targets) {
    targets_[kept] = target + offset;
    kept += range.holds(target + offset) ? 1u : 0u;
  }
  targets_.resize(kept);
}

}  // namespace neuract::snn
