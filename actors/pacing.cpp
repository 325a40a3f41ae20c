#include "neuract/actors/pacing.hpp"

namespace neuract::actors {

std::uint32_t choose_threads(const snn::Plan& plan, std::uint32_t available) {
  // A neuron's step takes about two nanoseconds with its external input, a synaptic event one; at the usual 10 Hz a
  // neuron fires every 100 ms.
  const snn::Estimate& estimate = plan.estimate();
  // Without projections, and where every shard has samples of its own, shards never wait for each other: any length of
  // epoch would do.
  const double samples = plan.spec().batch;
  const double steps = estimate.epoch_steps == 0 || samples > 1.0 ? 1000.0 : static_cast<double>(estimate.epoch_steps);
  const double events_per_step = estimate.synapses * plan.dt() / 100.0;
  const double epoch_us = steps * samples * (2.0 * static_cast<double>(estimate.neurons) + events_per_step) * 1e-3;
  constexpr double kWorthwhileUs = 20.0;  // of work per shard and epoch; an exchange costs a few microseconds
  const double useful = std::max(1.0, epoch_us / kWorthwhileUs);
  return static_cast<std::uint32_t>(std::min<double>(useful, std::max(1u, available)));
}

std::uint64_t bytes_of_output(const snn::ShardOutput& output) noexcept {
  std::uint64_t bytes = sizeof(output);
  for (const auto& batch : output.batches) {
    bytes += sizeof(batch) + batch.offsets.size() * sizeof(batch.offsets[0]) + batch.ids.size() * sizeof(batch.ids[0]);
  }
  for (const auto& block : output.traces) {
    bytes += sizeof(block) + block.neurons.size() * sizeof(block.neurons[0]) +
             block.steps.size() * sizeof(block.steps[0]) + block.values.size() * sizeof(block.values[0]);
  }
  for (const auto& block : output.weights) {
    bytes += sizeof(block) +
             block.weights.size() * (sizeof(block.sources[0]) + sizeof(block.targets[0]) + sizeof(block.weights[0]));
  }
  return bytes;
}

Step Windows::next(Step now, Step horizon, Step quantum, Step credit) const noexcept {
  Step end = std::min({goal_, horizon, credit, now + quantum});
  if (now < warmup_) end = std::min(end, warmup_);
  if (guard_window_ > 0) end = std::min(end, (now / guard_window_ + 1) * guard_window_);
  if (const auto cut = cuts_.upper_bound(now); cut != cuts_.end()) end = std::min(end, *cut);
  return std::max(end, now);
}

Credit::Credit(std::span<const std::uint32_t> targets, std::span<const std::uint32_t> sources, Step steps, Step now)
    : steps_(steps) {
  for (const std::uint32_t target : targets) {
    if (!std::binary_search(sources.begin(), sources.end(), target)) confirmed_.emplace(target, now);
  }
}

Step Credit::limit() const noexcept {
  Step slowest = kNever - steps_;
  for (const auto& [consumer, step] : confirmed_) slowest = std::min(slowest, step);
  return slowest + steps_;
}

RateWatch::RateWatch(const snn::Plan& plan, std::size_t shards)
    : plan_(plan), shards_(shards), before_(plan.populations().size()) {
  if (const auto& guard = plan.spec().stop_if) window_ = std::max<Step>(1, plan.steps_of(guard->window));
}

std::vector<RateWatch::Excess> RateWatch::add(Step end, std::span<const std::uint64_t> spikes) {
  auto window = std::find_if(open_.begin(), open_.end(), [&](const Window& w) { return w.end >= end; });
  if (window == open_.end() || window->end != end) {
    window = open_.insert(window, Window{end, 0, std::vector<std::uint64_t>(before_.size())});
  }
  for (std::size_t p = 0; p < spikes.size(); ++p) window->spikes[p] += spikes[p];
  if (++window->reports < shards_) return {};

  // A shard reports its windows in order, so that an earlier window can never be completed after a later one.
  std::vector<Excess> excesses;
  const double seconds = static_cast<double>(window_) * plan_.dt() / 1000.0;
  for (std::size_t p = 0; p < before_.size(); ++p) {
    const auto in_window = static_cast<double>(window->spikes[p] - before_[p]);
    const double rate = in_window / (static_cast<double>(plan_.populations()[p].n) * seconds);
    if (rate > plan_.spec().stop_if->rate) excesses.push_back({static_cast<std::uint32_t>(p), end, rate});
  }
  before_ = std::move(window->spikes);
  open_.erase(window);
  return excesses;
}

}  // namespace neuract::actors
