#include "neuract/snn/partner_drawer.hpp"

#include <algorithm>

#include "neuract/snn/draw.hpp"

namespace neuract::snn {
namespace {

constexpr std::uint32_t kNarrow = 1u << 16;  // up to here 32 random bits choose among candidates

}  // namespace

std::span<const std::uint32_t> PartnerDrawer::independent(std::uint32_t neuron, std::size_t n, std::uint32_t part) {
  partners_.resize(std::max(partners_.size(), n));
  draw(neuron, part, 0, groups_for(n), n, partners_.data());
  return std::span(partners_).first(n);
}

std::span<const std::uint32_t> PartnerDrawer::distinct(std::uint32_t neuron, std::size_t n, std::uint32_t part) {
  if (n <= candidates_ / 2) {
    draw_distinct(neuron, part, n);
    for (std::size_t i = 0; i < n; ++i) taken_[partners_[i] / 64] = 0;
    return std::span(partners_).first(n);
  }
  const std::size_t omitted = candidates_ - n;
  draw_distinct(neuron, part, omitted);
  if (self_ < population_) taken_[self_ / 64] |= std::uint64_t{1} << (self_ % 64);
  partners_.resize(std::max<std::size_t>(partners_.size(), population_));
  std::size_t found = 0;
  for (std::uint32_t i = 0; i < population_; ++i) {
    partners_[found] = i;
    found += 1 - ((taken_[i / 64] >> (i % 64)) & 1);
  }
  std::fill(taken_.begin(), taken_.end(), 0);
  return std::span(partners_).first(n);
}

/// Draws of groups [first_group, first_group + groups) of 64, at most `n` of them.
void PartnerDrawer::draw(std::uint32_t neuron, std::uint32_t part, std::size_t first_group, std::size_t groups,
                         std::size_t n, std::uint32_t* out) {
  const bool wide = candidates_ > kNarrow;
  const std::size_t word_groups = wide ? 2 * groups : groups;
  words_.resize(std::max(words_.size(), word_groups * Stream::kGroup));
  stream_.fill(words_.data(), word_groups, static_cast<std::uint32_t>(wide ? 2 * first_group : first_group), neuron,
               part);
  const std::uint32_t self = self_ < population_ ? self_ : kNoSelf;
  if (!wide) return draw_index(candidates_, self, words_.data(), n, out);
  // Upper and lower halves of 64-bit numbers lie in alternating groups.
  for (std::size_t done = 0; done < n; done += Stream::kGroup) {
    const std::uint32_t* const upper = words_.data() + 2 * done;
    draw_index_wide(candidates_, self, upper, upper + Stream::kGroup, std::min(n - done, Stream::kGroup), out + done);
  }
}

/// Fills partners_ with `n` different ones, and leaves them marked in taken_.
void PartnerDrawer::draw_distinct(std::uint32_t neuron, std::uint32_t part, std::size_t n) {
  taken_.resize(std::max<std::size_t>(taken_.size(), population_ / 64 + 1));
  partners_.resize(std::max(partners_.size(), n));
  std::size_t found = 0;
  for (std::size_t group = 0; found < n;) {
    const std::size_t groups = groups_for(n - found);
    drawn_.resize(std::max(drawn_.size(), groups * Stream::kGroup));
    draw(neuron, part, group, groups, groups * Stream::kGroup, drawn_.data());
    for (std::size_t i = 0; i < groups * Stream::kGroup && found < n; ++i) {
      const std::uint32_t partner = drawn_[i];
      std::uint64_t& mark = taken_[partner / 64];
      const std::uint64_t bit = std::uint64_t{1} << (partner % 64);
      partners_[found] = partner;
      found += (mark & bit) == 0 ? 1u : 0u;
      mark |= bit;
    }
    group += groups;
  }
}

}  // namespace neuract::snn
