#include "neuract/snn/synapses/pair_pathway.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "neuract/snn/synapse_properties.hpp"
#include "neuract/snn/synapses/weight_list.hpp"

namespace neuract::snn::synapses {
namespace {

constexpr std::size_t kPiecesAtOnce = 4096;
constexpr Step kLongestSpan = Step{1} << 22;  // of relative steps, before they begin anew

}  // namespace

template <class Real>
Result<std::unique_ptr<Pathway>> PairPathway<Real>::build(const Plan& plan, std::uint32_t projection,
                                                          const CohortRange& cohort, const BuildProgress& progress) {
  const auto [low, high] = SynapseProperties(plan, projection).weight_range();
  const PairModel model =
      make_pair_model(plan.spec().projections[projection].synapse, plan.dt(), std::max(std::abs(low), std::abs(high)));
  NEURACT_TRY_ASSIGN(auto rows, build_rows<Real>(plan, projection, cohort, {1.0 / model.Wmax, true}, progress));
  return std::unique_ptr<Pathway>(new PairPathway(plan, projection, model, std::move(rows), cohort.count));
}

template <class Real>
PairPathway<Real>::PairPathway(const Plan& plan, std::uint32_t projection, const PairModel& model, Rows<Real> rows,
                               std::uint32_t neurons)
    : source_(plan.projections()[projection].source),
      model_(model),
      rule_(rule_as<Real>(model.rule)),
      rows_(std::move(rows)),
      pre_(rows_.sources, {model.rule.rate_plus, model.accumulates, model.triplets, model.slow_rate_plus}),
      post_(neurons, {model.rule.rate_minus, model.accumulates, model.triplets, model.slow_rate_minus}) {
  const ProjectionPlan& p = plan.projections()[projection];
  negative_ = SynapseProperties(plan, projection).weight_range().first < 0.0;
  receptor_ = static_cast<std::size_t>(negative_ ? p.receptor_negative : p.receptor_positive);
  scale_ = model.Wmax / plan.populations()[p.target].receptor_quantum[receptor_];
  scratch_.resize(post_.depth());
}

template <class Real>
Row<Real> PairPathway<Real>::row_of(const typename Rows<Real>::Piece& piece, std::int32_t previous, double trace,
                                    std::int32_t upper, Real* weights) const noexcept {
  Row<Real> row;
  row.targets = rows_.targets.data() + piece.begin;
  row.weights = weights + piece.begin;
  row.n = piece.n;
  row.upper = upper;
  row.origin = previous - piece.delay;
  row.lower = trace > 0.0 ? std::min(std::max(row.origin, flushed_), upper) : upper;
  row.trace = static_cast<Real>(trace);
  return row;
}

template <class Real>
void PairPathway<Real>::send(const Window& window) {
  const Step first = std::max(window.from - rows_.delay_min, window.begin);
  for (Step sent = first; sent < window.to - rows_.delay_min; ++sent) {
    for (const std::uint32_t source : window.spikes->at(source_, sent)) {
      if (rows_.segments_of(source) != 0) pre_.send(source, relative(sent));
    }
  }
}

template <class Real>
void PairPathway<Real>::deliver(const Window& window) {
  if (window.to - base_ > kLongestSpan) rebase();
  now_ = window.to;
  send(window);
  if (pre_.under_way().empty()) return;

  const kernels::InputRing& ring = window.rings[receptor_];
  pieces_.clear();
  std::vector<Presynaptic::Spike>& spikes = pre_.under_way();
  std::size_t left = 0;
  for (Presynaptic::Spike& spike : spikes) {
    const std::uint32_t segments = rows_.segments_of(spike.source);
    const Step sent = base_ + spike.sent;
    for (; spike.segment < segments; ++spike.segment) {
      const auto piece = rows_.piece(spike.source, spike.segment);
      if (sent + piece.delay >= window.to) break;
      Row<Real> row = row_of(piece, spike.previous, spike.trace, spike.sent - piece.delay, rows_.values.data());
      row.arrives = true;
      row.minus = static_cast<Real>(model_.rule.minus + model_.minus_slow * spike.slow);
      row.scale = static_cast<Real>(scale_);
      row.negative = negative_;
      row.inputs = ring.data + (static_cast<std::size_t>(sent + piece.delay) & ring.mask) * ring.stride;
      pieces_.push_back(row);
      if (sent >= window.counted) events_ += piece.n;
    }
    if (spike.segment < segments) spikes[left++] = spike;
  }
  spikes.resize(left);
  row_kernels().update(rule_, post_.view(), std::span<const Row<Real>>(pieces_), scratch_.buffers());
}

template <class Real>
void PairPathway<Real>::fired(const SpikeBatch& batch) {
  for (Step step = batch.begin; step < batch.end(); ++step) {
    for (const std::uint16_t neuron : batch.at(step)) {
      make_room(neuron);
      post_.add(neuron, relative(step));
    }
  }
}

template <class Real>
void PairPathway<Real>::make_room(std::uint32_t neuron) {
  // A spike that arrives from now on was sent at least the longest delay ago, and looks back as far from there.
  const std::int32_t seen = relative(now_) - 2 * rows_.delay_max;
  if (post_.has_room(neuron, flushed_, seen)) return;
  if (post_.depth() >= kDeepHistory) {
    facilitate_all(rows_.values.data(), seen, 0, scratch_);
    flushed_ = std::max(flushed_, seen);
  }
  while (!post_.has_room(neuron, flushed_, seen)) {
    post_.deepen();
    scratch_.resize(post_.depth());
  }
}

template <class Real>
void PairPathway<Real>::facilitate_all(Real* weights, std::int32_t upper, std::int32_t per_delay,
                                       Scratch<Real>& scratch) const {
  // A segment that a spike under way has not reached is where the spike before left it.
  std::vector<Presynaptic::Spike> waiting(pre_.under_way().begin(), pre_.under_way().end());
  std::stable_sort(waiting.begin(), waiting.end(), [](const auto& a, const auto& b) { return a.source < b.source; });
  std::vector<Row<Real>> pieces;
  const auto update = [&] {
    row_kernels().update(rule_, post_.view(), std::span<const Row<Real>>(pieces), scratch.buffers());
    pieces.clear();
  };
  auto next = waiting.begin();
  for (std::uint32_t source = 0; source < rows_.sources; ++source) {
    auto end = next;
    while (end != waiting.end() && end->source == source) ++end;
    const std::uint32_t segments = rows_.segments_of(source);
    for (std::uint32_t segment = 0; segment < segments; ++segment) {
      const auto first = std::find_if(next, end, [&](const auto& spike) { return spike.segment <= segment; });
      const std::int32_t previous = first != end ? first->previous : pre_.last(source);
      const double trace = first != end ? first->trace : pre_.trace(source);
      const auto piece = rows_.piece(source, segment);
      const Row<Real> row = row_of(piece, previous, trace, upper - per_delay * piece.delay, weights);
      if (row.lower < row.upper) pieces.push_back(row);
    }
    next = end;
    if (pieces.size() >= kPiecesAtOnce) update();
  }
  update();
}

template <class Real>
void PairPathway<Real>::rebase() {
  const std::int32_t seen = relative(now_) - 2 * rows_.delay_max;
  facilitate_all(rows_.values.data(), seen, 0, scratch_);
  flushed_ = std::max(flushed_, seen);
  const std::int32_t steps = relative(now_);
  pre_.shift(steps);
  post_.shift(steps);
  flushed_ = std::max(kNever, flushed_ - steps);
  base_ = now_;
}

template <class Real>
void PairPathway<Real>::start_presentation() {
  facilitate_all(rows_.values.data(), relative(now_) - 1, 2, scratch_);
  pre_.clear();
  post_.clear();
  flushed_ = kNever;
  base_ = now_;
}

template <class Real>
Pathway::WeightList PairPathway<Real>::weights() const {
  std::vector<Real> current(rows_.values.begin(), rows_.values.end());
  Scratch<Real> scratch;
  scratch.resize(post_.depth());
  facilitate_all(current.data(), relative(now_) - 1, 2, scratch);
  return list_weights(rows_, std::span<const Real>(current), negative_ ? -model_.Wmax : model_.Wmax);
}

template <class Real>
void PairPathway<Real>::save(StateWriter& out) const {
  out.value(base_);
  out.value(now_);
  out.value(flushed_);
  out.value(events_);
  out.array(rows_.values.span());
  pre_.save(out);
  post_.save(out);
}

template <class Real>
void PairPathway<Real>::load(StateReader& in) {
  base_ = in.value<Step>();
  now_ = in.value<Step>();
  flushed_ = in.value<std::int32_t>();
  events_ = in.value<std::uint64_t>();
  in.array(rows_.values.span());
  pre_.load(in);
  post_.load(in);
  scratch_.resize(post_.depth());
}

template class PairPathway<float>;
template class PairPathway<double>;

}  // namespace neuract::snn::synapses
