#include "neuract/snn/synapses/dopamine_pathway.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "neuract/snn/portable_math.hpp"
#include "neuract/snn/synapse_properties.hpp"
#include "neuract/snn/synapses/weight_list.hpp"

namespace neuract::snn::synapses {
namespace {

constexpr Step kLongestSpan = Step{1} << 22;  // of relative steps, before they begin anew

/// Long enough that bringing all synapses up to date costs little, short enough for exp(epoch / tau_c).
std::int32_t epoch_steps(double tau_c, double dt) {
  return static_cast<std::int32_t>(std::clamp(std::nearbyint(tau_c / dt), 1.0, 16384.0));
}

}  // namespace

template <class Real>
Result<std::unique_ptr<Pathway>> DopaminePathway<Real>::build(const Plan& plan, std::uint32_t projection,
                                                              const CohortRange& cohort,
                                                              const BuildProgress& progress) {
  const auto p = parameters_of<StdpDopamine>(plan.spec().projections[projection].synapse);
  const double largest = std::max(std::abs(p.Wmin), std::abs(p.Wmax));
  NEURACT_TRY_ASSIGN(auto rows, build_rows<Real>(plan, projection, cohort, {1.0 / largest, true}, progress));
  NEURACT_TRY_ASSIGN(auto eligibility, memory::HostArray<Real>::zeros(rows.values.size()));
  std::unique_ptr<DopaminePathway> pathway(new DopaminePathway(plan, projection, std::move(rows), cohort.count));
  pathway->eligibility_ = std::move(eligibility);
  return std::unique_ptr<Pathway>(std::move(pathway));
}

template <class Real>
DopaminePathway<Real>::DopaminePathway(const Plan& plan, std::uint32_t projection, Rows<Real> rows,
                                       std::uint32_t neurons)
    : source_(plan.projections()[projection].source),
      modulator_(*plan.spec().projections[projection].synapse.modulator),
      parameters_(parameters_of<StdpDopamine>(plan.spec().projections[projection].synapse)),
      dt_(plan.dt()),
      rows_(std::move(rows)),
      pre_(rows_.sources, {-dt_ / parameters_.tau_plus}),
      post_(neurons, {-dt_ / parameters_.tau_minus}),
      epoch_steps_(epoch_steps(parameters_.tau_c, dt_)),
      rewards_(static_cast<std::size_t>(rows_.delay_min), 0) {
  const ProjectionPlan& p = plan.projections()[projection];
  negative_ = parameters_.Wmin < 0.0;
  receptor_ = static_cast<std::size_t>(negative_ ? p.receptor_negative : p.receptor_positive);
  largest_ = std::max(std::abs(parameters_.Wmin), std::abs(parameters_.Wmax));
  smallest_ = std::min(std::abs(parameters_.Wmin), std::abs(parameters_.Wmax)) / largest_;
  scale_ = largest_ / plan.populations()[p.target].receptor_quantum[receptor_];
  integral_.assign(1, 0.0);
  for (std::int32_t k = 0; k <= epoch_steps_; ++k) {
    left_.push_back(portable::exp(-k * dt_ / parameters_.tau_c));
    grown_.push_back(portable::exp(k * dt_ / parameters_.tau_c));
  }
}

template <class Real>
std::uint64_t DopaminePathway<Real>::bytes() const noexcept {
  return rows_.bytes() + eligibility_.bytes() + pre_.bytes() + post_.bytes() +
         (left_.size() + grown_.size() + integral_.size()) * sizeof(double);
}

/// Moves the dopamine trace on to step clock_, and its integral.
template <class Real>
void DopaminePathway<Real>::step_dopamine(std::uint32_t spikes) {
  const StdpDopamine::Parameters& p = parameters_;
  if (clock_ > epoch_) {
    const double rate = 1.0 / p.tau_c + 1.0 / p.tau_n;
    const double by_dopamine = -portable::expm1(-dt_ * rate) / rate;
    const double by_rest = -p.tau_c * portable::expm1(-dt_ / p.tau_c);
    integral_.push_back(integral_.back() + left_[integral_.size() - 1] * (dopamine_ * by_dopamine - p.b * by_rest));
    dopamine_ *= portable::exp(-dt_ / p.tau_n);
  }
  dopamine_ += spikes / p.tau_n;
}

template <class Real>
void DopaminePathway<Real>::update_row(std::uint32_t source, const RowTimes& times, Synapses synapses,
                                       std::int32_t* inputs) const noexcept {
  const StdpDopamine::Parameters& p = parameters_;
  const auto piece = rows_.piece(source, 0);
  const PostSpikes<Real> post = post_.view();
  const std::int32_t epoch = relative(epoch_);
  const std::int32_t upper = times.now - piece.delay;  // of the target's spikes
  const std::int32_t lower = times.updated - piece.delay;
  const double rate_plus = -dt_ / p.tau_plus;
  const double rate_minus = -dt_ / p.tau_minus;
  const double per_weight = (negative_ ? -1.0 : 1.0) / largest_;
  for (std::uint32_t i = piece.begin; i < piece.begin + piece.n; ++i) {
    const std::int32_t* const steps = post.steps + std::size_t{rows_.targets[i]} * post.depth;
    double x = static_cast<double>(synapses.x[i]);
    double c = static_cast<double>(synapses.c[i]);
    std::int32_t at = times.updated;
    const auto advance = [&](std::int32_t to) {
      const auto from = static_cast<std::size_t>(at - epoch);
      const double change = c * ((integral_[static_cast<std::size_t>(to - epoch)] - integral_[from]) * grown_[from]);
      x = std::min(std::max(x + per_weight * change, smallest_), 1.0);
      c *= left_[static_cast<std::size_t>(to - at)];
      at = to;
    };
    std::uint32_t seen = 0;
    while (seen < post.depth && steps[seen] > upper) ++seen;
    std::uint32_t known = seen;
    while (known < post.depth && steps[known] > lower) ++known;
    for (std::uint32_t k = known; k-- > seen;) {
      advance(steps[k] + piece.delay);
      c += p.A_plus * times.trace * portable::exp(rate_plus * static_cast<double>(at - times.previous));
    }
    advance(times.now);
    if (inputs != nullptr) {
      if (steps[seen] == upper) ++seen;  // a spike in the same step is not part of the trace
      const double trace = static_cast<double>(post.traces[std::size_t{rows_.targets[i]} * post.depth + seen]);
      c -= p.A_minus * trace * portable::exp(rate_minus * static_cast<double>(upper - steps[seen]));
    }
    synapses.x[i] = static_cast<Real>(x);
    synapses.c[i] = static_cast<Real>(c);
    if (inputs != nullptr) {
      const auto quanta = static_cast<std::int32_t>(std::lrint(static_cast<double>(synapses.x[i]) * scale_));
      inputs[rows_.targets[i]] += negative_ ? -quanta : quanta;
    }
  }
}

template <class Real>
void DopaminePathway<Real>::update_all(std::int32_t now, Synapses synapses) const {
  for (std::uint32_t source = 0; source < rows_.sources; ++source) {
    // Without any spike there is no eligibility.
    if (pre_.trace(source) == 0.0) continue;
    update_row(source, {std::max(pre_.last(source), relative(epoch_)), pre_.last(source), pre_.trace(source), now},
               synapses, nullptr);
  }
}

template <class Real>
void DopaminePathway<Real>::begin_epoch() {
  update_all(relative(clock_), {rows_.values.data(), eligibility_.data()});
  epoch_ = clock_;
  integral_.assign(1, 0.0);
  if (clock_ - base_ < kLongestSpan) return;
  const std::int32_t steps = relative(clock_);
  pre_.shift(steps);
  post_.shift(steps);
  base_ = clock_;
}

template <class Real>
void DopaminePathway<Real>::deliver(const Window& window) {
  const kernels::InputRing& ring = window.rings[receptor_];
  now_ = window.to;
  for (clock_ = std::max(window.from - rows_.delay_min, window.begin); clock_ < window.to - rows_.delay_min; ++clock_) {
    rewards_.push_back(static_cast<std::uint32_t>(window.spikes->at(modulator_, clock_).size()));
    step_dopamine(rewards_.front());
    rewards_.pop_front();
    for (const std::uint32_t source : window.spikes->at(source_, clock_)) {
      if (rows_.segments_of(source) == 0) continue;
      pre_.send(source, relative(clock_));
      const Presynaptic::Spike spike = pre_.under_way().back();
      pre_.under_way().clear();
      const Step arrival = clock_ + rows_.delay_min;
      update_row(source, {std::max(spike.previous, relative(epoch_)), spike.previous, spike.trace, relative(clock_)},
                 {rows_.values.data(), eligibility_.data()},
                 ring.data + (static_cast<std::size_t>(arrival) & ring.mask) * ring.stride);
      if (clock_ >= window.counted) events_ += rows_.piece(source, 0).n;
    }
    if (clock_ - epoch_ == epoch_steps_) begin_epoch();
  }
}

template <class Real>
void DopaminePathway<Real>::fired(const SpikeBatch& batch) {
  const std::int32_t lower = relative(epoch_) - rows_.delay_min;
  const std::int32_t upper = relative(clock_) - rows_.delay_min;
  for (Step step = batch.begin; step < batch.end(); ++step) {
    for (const std::uint16_t neuron : batch.at(step)) {
      while (!post_.has_room(neuron, lower, upper)) post_.deepen();
      post_.add(neuron, relative(step));
    }
  }
}

template <class Real>
void DopaminePathway<Real>::start_presentation() {
  if (clock_ > epoch_) update_all(relative(clock_ - 1), {rows_.values.data(), eligibility_.data()});
  std::fill(eligibility_.begin(), eligibility_.end(), Real(0));
  pre_.clear();
  post_.clear();
  clock_ = now_;
  base_ = clock_;
  epoch_ = clock_;
  dopamine_ = 0.0;
  rewards_.assign(static_cast<std::size_t>(rows_.delay_min), 0);
  integral_.assign(1, 0.0);
}

template <class Real>
Pathway::WeightList DopaminePathway<Real>::weights() const {
  std::vector<Real> current(rows_.values.begin(), rows_.values.end());
  if (clock_ > epoch_) {
    std::vector<Real> eligibility(eligibility_.begin(), eligibility_.end());
    update_all(relative(clock_ - 1), {current.data(), eligibility.data()});
  }
  return list_weights(rows_, std::span<const Real>(current), negative_ ? -largest_ : largest_);
}

template <class Real>
void DopaminePathway<Real>::save(StateWriter& out) const {
  out.value(base_);
  out.value(now_);
  out.value(clock_);
  out.value(epoch_);
  out.value(dopamine_);
  out.value(events_);
  const std::vector<std::uint32_t> rewards(rewards_.begin(), rewards_.end());
  out.array(std::span<const std::uint32_t>(rewards));
  out.array(std::span<const double>(integral_));
  out.array(rows_.values.span());
  out.array(eligibility_.span());
  pre_.save(out);
  post_.save(out);
}

template <class Real>
void DopaminePathway<Real>::load(StateReader& in) {
  base_ = in.value<Step>();
  now_ = in.value<Step>();
  clock_ = in.value<Step>();
  epoch_ = in.value<Step>();
  dopamine_ = in.value<double>();
  events_ = in.value<std::uint64_t>();
  std::vector<std::uint32_t> rewards(static_cast<std::size_t>(rows_.delay_min));
  in.array(std::span<std::uint32_t>(rewards));
  rewards_.assign(rewards.begin(), rewards.end());
  integral_ = in.array<double>();
  in.array(rows_.values.span());
  in.array(eligibility_.span());
  pre_.load(in);
  post_.load(in);
}

template class DopaminePathway<float>;
template class DopaminePathway<double>;

}  // namespace neuract::snn::synapses
