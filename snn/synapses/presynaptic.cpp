#include "neuract/snn/synapses/presynaptic.hpp"

#include <algorithm>

#include "neuract/snn/portable_math.hpp"

namespace neuract::snn::synapses {

Presynaptic::Presynaptic(std::uint32_t sources, Traces traces)
    : rules_(traces), last_(sources, kNever), trace_(sources), slow_(traces.slow ? sources : 0) {}

void Presynaptic::send(std::uint32_t source, std::int32_t step) {
  Spike spike{source, step, last_[source], 0, trace_[source], 0.0};
  const double since = static_cast<double>(step) - static_cast<double>(last_[source]);
  if (rules_.slow) {
    spike.slow = slow_[source] * portable::exp(rules_.slow_rate * since);
    slow_[source] = spike.slow + 1.0;
  }
  trace_[source] = 1.0 + (rules_.accumulates ? trace_[source] * portable::exp(rules_.rate * since) : 0.0);
  last_[source] = step;
  under_way_.push_back(spike);
}

void Presynaptic::clear() {
  std::fill(last_.begin(), last_.end(), kNever);
  std::fill(trace_.begin(), trace_.end(), 0.0);
  std::fill(slow_.begin(), slow_.end(), 0.0);
  under_way_.clear();
}

void Presynaptic::shift(std::int32_t steps) {
  for (std::int32_t& last : last_) last = std::max(kNever, last - steps);
  for (Spike& spike : under_way_) {
    spike.sent -= steps;
    spike.previous = std::max(kNever, spike.previous - steps);
  }
}

std::uint64_t Presynaptic::bytes() const noexcept {
  return last_.size() * sizeof(last_[0]) + (trace_.size() + slow_.size()) * sizeof(double);
}

void Presynaptic::save(StateWriter& out) const {
  out.array(std::span<const std::int32_t>(last_));
  out.array(std::span<const double>(trace_));
  out.array(std::span<const double>(slow_));
  out.array(std::span<const Spike>(under_way_));
}

void Presynaptic::load(StateReader& in) {
  in.array(std::span<std::int32_t>(last_));
  in.array(std::span<double>(trace_));
  in.array(std::span<double>(slow_));
  under_way_ = in.array<Spike>();
}

}  // namespace neuract::snn::synapses
