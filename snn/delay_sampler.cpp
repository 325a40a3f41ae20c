#include <algorithm>
#include <bit>
#include <cmath>

#include "neuract/snn/distribution.hpp"

namespace neuract::snn {
namespace {

constexpr std::uint64_t kWords = std::uint64_t{1} << 32;

}  // namespace

int delay_steps(double delay_ms, double dt) noexcept {
  constexpr double largest = 1 << 30;
  return static_cast<int>(std::clamp(std::floor(delay_ms / dt + 0.5), 1.0, largest));
}

DelaySampler::DelaySampler(const Value& delay_ms, double dt) {
  if (const auto* number = std::get_if<double>(&delay_ms)) {
    min_steps_ = max_steps_ = delay_steps(*number, dt);
    return;
  }
  const Sampler sampler(std::get<Distribution>(delay_ms));
  min_steps_ = delay_steps(sampler.support().first, dt);
  max_steps_ = delay_steps(sampler.support().second, dt);
  if (uniform() || max_steps_ - min_steps_ > kMaxSpread) return;

  // Delays are a monotone function of the word: bisection finds the first word of each step, so that this is exactly
  // what Sampler draws.
  const auto outcomes = static_cast<std::size_t>(max_steps_ - min_steps_ + 1);
  const auto steps_at = [&](std::uint64_t position) {
    const std::uint64_t word = sampler.increasing() ? position : kWords - 1 - position;
    return delay_steps(sampler.draw(static_cast<std::uint32_t>(word)), dt);
  };
  counts_.resize(outcomes);
  std::uint64_t begin = 0;
  for (std::size_t i = 0; i < outcomes; ++i) {
    std::uint64_t low = begin;
    std::uint64_t high = kWords;
    while (low < high) {
      const std::uint64_t middle = low + (high - low) / 2;
      if (steps_at(middle) <= min_steps_ + static_cast<int>(i))
        low = middle + 1;
      else
        high = middle;
    }
    counts_[i] = low - begin;
    begin = low;
  }

  // Alias table: every bin holds `room` words, some of its own outcome and the rest of one other.
  bits_ = std::max(1, static_cast<int>(std::bit_width(outcomes - 1)));
  const std::size_t bins = std::size_t{1} << bits_;
  const std::uint64_t room = kWords >> bits_;
  std::vector<std::uint64_t> left(counts_);
  left.resize(bins);
  std::vector<std::uint32_t> poor;
  std::vector<std::uint32_t> rich;
  threshold_.resize(bins);
  alias_.resize(bins);
  for (std::size_t bin = 0; bin < bins; ++bin) {
    alias_[bin] = static_cast<std::uint32_t>(bin);
    (left[bin] < room ? poor : rich).push_back(static_cast<std::uint32_t>(bin));
  }
  while (!poor.empty() && !rich.empty()) {
    const std::uint32_t taker = poor.back();
    const std::uint32_t giver = rich.back();
    poor.pop_back();
    threshold_[taker] = static_cast<std::uint32_t>(left[taker]);
    alias_[taker] = giver;
    left[giver] -= room - left[taker];
    if (left[giver] < room) {
      rich.pop_back();
      poor.push_back(giver);
    }
  }
  // What is over is exactly full: its alias is itself.
}

void DelaySampler::draw(std::span<const std::uint32_t> words, std::span<std::uint16_t> out) const noexcept {
  if (uniform()) {
    std::fill(out.begin(), out.end(), std::uint16_t{0});
  } else {
    draw_alias({threshold_.data(), alias_.data(), bits_}, words.data(), words.size(), out.data());
  }
}

std::uint64_t DelaySampler::words_for(int steps) const noexcept {
  if (steps < min_steps_ || steps > max_steps_) return 0;
  return uniform() ? kWords : counts_[static_cast<std::size_t>(steps - min_steps_)];
}

}  // namespace neuract::snn
