#include "neuract/snn/synapses/post_history.hpp"

#include <algorithm>
#include <span>
#include <type_traits>
#include <utility>

#include "neuract/snn/portable_math.hpp"

namespace neuract::snn::synapses {

template <class Real>
PostHistory<Real>::PostHistory(std::uint32_t neurons, Traces traces) : neurons_(neurons), rules_(traces) {
  clear();
}

template <class Real>
void PostHistory<Real>::clear() {
  const std::size_t size = std::size_t{neurons_} * depth_;
  steps_.assign(size, kNever);
  traces_.assign(size, Real(0));
  if (rules_.slow) slow_.assign(size, Real(0));
  latest_.resize(neurons_);
  for (std::uint32_t n = 0; n < neurons_; ++n) fill_latest(n);
}

template <class Real>
void PostHistory<Real>::fill_latest(std::uint32_t neuron) noexcept {
  const std::size_t first = std::size_t{neuron} * depth_;
  std::copy_n(steps_.data() + first, kLatest, latest_[neuron].steps);
  latest_[neuron].trace = traces_[first];
}

template <class Real>
void PostHistory<Real>::add(std::uint32_t neuron, std::int32_t step) {
  const std::size_t first = std::size_t{neuron} * depth_;
  std::int32_t* const steps = steps_.data() + first;
  Real* const traces = traces_.data() + first;
  const double since = static_cast<double>(step) - static_cast<double>(steps[0]);
  const double left = rules_.accumulates ? static_cast<double>(traces[0]) * portable::exp(rules_.rate * since) : 0.0;
  if (rules_.slow) {
    // What is kept is the value before a spike, which adds 1.
    Real* const slow = slow_.data() + first;
    const double before = steps[0] == kNever ? 0.0 : static_cast<double>(slow[0]) + 1.0;
    std::copy_backward(slow, slow + depth_ - 1, slow + depth_);
    slow[0] = static_cast<Real>(before * portable::exp(rules_.slow_rate * since));
  }
  std::copy_backward(steps, steps + depth_ - 1, steps + depth_);
  std::copy_backward(traces, traces + depth_ - 1, traces + depth_);
  steps[0] = step;
  traces[0] = static_cast<Real>(left + 1.0);
  fill_latest(neuron);
}

template <class Real>
void PostHistory<Real>::deepen() {
  const auto spread = [this](auto& list, auto nothing) {
    if (list.empty()) return;
    std::remove_reference_t<decltype(list)> deeper(list.size() * 2, nothing);
    for (std::size_t n = 0; n < neurons_; ++n)
      std::copy_n(list.begin() + static_cast<std::ptrdiff_t>(n * depth_), depth_,
                  deeper.begin() + static_cast<std::ptrdiff_t>(n * depth_ * 2));
    list = std::move(deeper);
  };
  spread(steps_, kNever);
  spread(traces_, Real(0));
  spread(slow_, Real(0));
  depth_ *= 2;
}

template <class Real>
void PostHistory<Real>::shift(std::int32_t by) {
  for (std::int32_t& step : steps_) step = std::max(kNever, step - by);
  for (std::uint32_t n = 0; n < neurons_; ++n) fill_latest(n);
}

template <class Real>
std::uint64_t PostHistory<Real>::bytes() const noexcept {
  return latest_.size() * sizeof(latest_[0]) + steps_.size() * sizeof(steps_[0]) +
         (traces_.size() + slow_.size()) * sizeof(Real);
}

template <class Real>
void PostHistory<Real>::save(StateWriter& out) const {
  out.value(depth_);
  out.array(std::span<const std::int32_t>(steps_));
  out.array(std::span<const Real>(traces_));
  out.array(std::span<const Real>(slow_));
}

template <class Real>
void PostHistory<Real>::load(StateReader& in) {
  constexpr std::uint32_t kDeepest = 1u << 20;
  const auto depth = in.value<std::uint32_t>();
  // Arrays of another length than the depth says are refused by the reader.
  depth_ = in.ok() && depth >= kLeastDepth && depth <= kDeepest ? depth : kLeastDepth;
  const std::size_t size = std::size_t{neurons_} * depth_;
  steps_.resize(size);
  traces_.resize(size);
  slow_.resize(rules_.slow ? size : 0);
  in.array(std::span<std::int32_t>(steps_));
  in.array(std::span<Real>(traces_));
  in.array(std::span<Real>(slow_));
  for (std::uint32_t n = 0; n < neurons_; ++n) fill_latest(n);
}

template class PostHistory<float>;
template class PostHistory<double>;

}  // namespace neuract::snn::synapses
