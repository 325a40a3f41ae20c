#include "neuract/snn/pair_words.hpp"

#include <algorithm>
#include <cstddef>

#include "neuract/kernels/philox_pairs.hpp"

namespace neuract::snn {

PairWords::Words PairWords::of_target(std::uint32_t target, std::span<const std::uint32_t> sources) {
  const std::size_t n = sources.size();
  same_.assign(n, target);
  places_.resize(std::max(places_.size(), n));
  std::uint32_t place = 0;
  for (std::size_t i = 0; i < n; ++i) {
    place = i > 0 && sources[i] == sources[i - 1] ? place + 1 : 0;
    places_[i] = place;
  }
  return draw(same_, sources);
}

PairWords::Words PairWords::of_source(std::uint32_t source, std::span<const std::uint32_t> targets, std::uint32_t first,
                                      std::uint32_t count) {
  const std::size_t n = targets.size();
  same_.assign(n, source);
  places_.resize(std::max(places_.size(), n));
  seen_.resize(std::max<std::size_t>(seen_.size(), count));  // zeros between calls
  for (std::size_t i = 0; i < n; ++i) places_[i] = seen_[targets[i] - first]++;
  for (const std::uint32_t target : targets) seen_[target - first] = 0;
  return draw(targets, same_);
}

PairWords::Words PairWords::draw(std::span<const std::uint32_t> targets, std::span<const std::uint32_t> sources) {
  const std::size_t n = targets.size();
  weight_.resize(std::max(weight_.size(), n));
  delay_.resize(std::max(delay_.size(), n));
  kernels::philox_pairs(stream_.key(), targets.data(), sources.data(), places_.data(), n, weight_.data(),
                        delay_.data());
  return {std::span(weight_).first(n), std::span(delay_).first(n)};
}

}  // namespace neuract::snn
