#include "neuract/snn/cohort.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "neuract/snn/checkpoint.hpp"

namespace neuract::snn {
namespace {

using kernels::kBlock;

}  // namespace

SpikeBatch Cohort::advance(Step from, Step to, std::vector<TraceBlock>& traces) {
  add_arrivals(from, to);
  fired_.resize(static_cast<std::size_t>(to - from) * blocks_);
  for (Step step = from; step < to;) {
    // Within a run the same generators are on, and no multimeter wants to look.
    const Step end = constant_until(step, std::min<Step>(to, step + kMostStepsAtOnce));
    for (auto& list : active_) list.clear();
    for (const Poisson& p : poisson_) {
      if (p.start <= step && step < p.stop)
        active_[static_cast<std::size_t>(p.receptor)].push_back({&p.table, p.key, p.code, p.codes.data()});
    }
    run(step, end, fired_.data() + static_cast<std::size_t>(step - from) * blocks_);
    step = end;
    if (!probes_.empty()) sample(step - 1, traces);
  }
  SpikeBatch batch = collect_spikes(from, to);
  const Step next = plan_->presentation_begin(from) + plan_->presentation_steps();
  if (!answers_.empty() && to == next) classify(from / plan_->presentation_steps());
  return batch;
}

void Cohort::start_presentation() noexcept {
  neurons_->restart();
  counts_.restart();
  for (Answer& answer : answers_) std::fill(answer.spikes.begin(), answer.spikes.end(), 0u);
}

void Cohort::classify(Step presentation) {
  const std::uint64_t image = static_cast<std::uint64_t>(presentation) * plan_->spec().batch + range_.sample;
  for (std::size_t i = 0; i < answers_.size(); ++i) {
    const Answer& answer = answers_[i];
    if (image >= answer.labels->size()) continue;
    const auto most = std::max_element(answer.spikes.begin(), answer.spikes.end());
    const std::uint32_t best =
        answer.state < 0 ? static_cast<std::uint32_t>(most - answer.spikes.begin()) : neurons_->largest(answer.state);
    ++classifiers_[i].answers;
    classifiers_[i].correct += best == (*answer.labels)[image] ? 1 : 0;
  }
}

void Cohort::add_arrivals(Step from, Step to) noexcept {
  for (const Arrivals& arrivals : arrivals_) {
    for (auto step = std::lower_bound(arrivals.steps.begin(), arrivals.steps.end(), from);
         step != arrivals.steps.end() && *step < to; ++step) {
      std::int32_t* const sums = inputs(arrivals.receptor, *step);
      if (arrivals.neurons.empty()) {
        for (std::uint32_t n = 0; n < range_.count; ++n) sums[n] += arrivals.code;
      } else {
        for (const std::uint32_t n : arrivals.neurons) sums[n] += arrivals.code;
      }
    }
  }
}

Step Cohort::constant_until(Step from, Step to) const noexcept {
  to = neurons_->constant_until(from, to);
  const auto cut = [&](Step boundary) {
    if (from < boundary && boundary < to) to = boundary;
  };
  for (const Poisson& p : poisson_) {
    cut(p.start);
    cut(p.stop);
  }
  const Step warmup = plan_->warmup_steps();
  for (const Probe& probe : probes_)
    cut(warmup + ((std::max(from, warmup) - warmup) / probe.interval + 1) * probe.interval);
  return to;
}

void Cohort::run(Step from, Step to, std::uint64_t* fired) {
  const auto steps = static_cast<std::uint32_t>(to - from);
  const bool drawing = !active_[0].empty() || !active_[1].empty();
  const std::uint32_t blocks_at_once = drawing ? std::max(1u, kDrawnAtOnce / steps) : blocks_;
  NeuronRun run;
  run.from = from;
  run.n_steps = steps;
  run.fired_stride = blocks_;
  std::array<std::array<std::int32_t*, kMostStepsAtOnce>, 2> rows;
  for (std::uint32_t first = 0; first < blocks_; first += blocks_at_once) {
    run.first_block = first;
    run.n_blocks = std::min(blocks_at_once, blocks_ - first);
    run.fired = fired + first;
    for (std::size_t r = 0; r < 2; ++r) {
      const bool ring = rings_[r].data != nullptr;
      if (!ring && active_[r].empty()) continue;
      for (std::uint32_t s = 0; s < steps; ++s) {
        rows[r][s] = ring ? inputs(static_cast<int>(r), from + s) + std::size_t{first} * kBlock
                          : drawn_[r].data() + std::size_t{s} * blocks_at_once * kBlock;
      }
      run.sums[r] = rows[r].data();
      if (active_[r].empty()) continue;
      kernels::input_kernels().add_poisson(active_[r].data(), static_cast<std::uint32_t>(active_[r].size()),
                                           {first_block_ + first, first * kBlock, run.n_blocks, steps,
                                            static_cast<std::uint64_t>(from), rows[r].data()});
    }
    neurons_->update(run);
  }
  // Beyond the last neuron nobody fires.
  const std::uint32_t last = range_.count - (blocks_ - 1) * kBlock;
  const std::uint64_t valid = last == kBlock ? ~std::uint64_t{0} : (std::uint64_t{1} << last) - 1;
  for (std::uint32_t s = 0; s < steps; ++s) fired[std::size_t{s} * blocks_ + blocks_ - 1] &= valid;
}

void Cohort::sample(Step step, std::vector<TraceBlock>& traces) const {
  if (step < plan_->warmup_steps()) return;
  for (const Probe& probe : probes_) {
    if ((step + 1 - plan_->warmup_steps()) % probe.interval != 0) continue;
    auto trace = std::find_if(traces.begin(), traces.end(), [&](const TraceBlock& t) {
      return t.multimeter == probe.multimeter && t.neurons.front() == range_.first + probe.neurons.front();
    });
    if (trace == traces.end()) {
      trace = traces.insert(trace, TraceBlock{probe.multimeter, {}, {}, {}});
      for (const std::uint32_t n : probe.neurons) trace->neurons.push_back(range_.first + n);
    }
    trace->steps.push_back(step);
    for (const int state : probe.states) neurons_->append_state(state, probe.neurons, trace->values);
  }
}

SpikeBatch Cohort::collect_spikes(Step from, Step to) {
  SpikeBatch batch;
  batch.population = range_.population;
  batch.first = range_.first;
  batch.sample = range_.sample;
  batch.begin = from;
  batch.offsets.reserve(static_cast<std::size_t>(to - from) + 1);
  batch.offsets.push_back(0);
  batch.ids.reserve(expected_spikes_);
  const std::uint64_t* fired = fired_.data();
  for (Step step = from; step < to; ++step, fired += blocks_) {
    for (std::uint32_t b = 0; b < blocks_; ++b) {
      for (std::uint64_t mask = fired[b]; mask != 0; mask &= mask - 1)
        batch.ids.push_back(
            static_cast<std::uint16_t>(b * kBlock + static_cast<std::uint32_t>(std::countr_zero(mask))));
    }
    batch.offsets.push_back(static_cast<std::uint32_t>(batch.ids.size()));
    const std::span<const std::uint16_t> ids = batch.at(step);
    if (step >= plan_->warmup_steps()) counts_.add(step, ids);
    for (Answer& answer : answers_) {
      if (answer.state >= 0) continue;
      for (const std::uint16_t n : ids) ++answer.spikes[n];
    }
  }
  all_spikes_ += batch.ids.size();
  expected_spikes_ = batch.ids.size() + batch.ids.size() / 4;
  return batch;
}

CohortStatistics Cohort::statistics() const {
  return {range_, counts_.spikes(), counts_.hash(), counts_.intervals(), classifiers_};
}

void Cohort::save_neurons(StateWriter& out) const {
  neurons_->save(out);
  counts_.save(out);
  for (const Answer& answer : answers_) {
    if (answer.state < 0) out.array(std::span(answer.spikes));
  }
}

void Cohort::load_neurons(NeuronReader& in) {
  neurons_->load(in);
  counts_.load(in);
  for (Answer& answer : answers_) {
    if (answer.state < 0) in.column(std::span(answer.spikes));
  }
}

Cohort::Totals Cohort::totals() const { return {counts_.spikes(), counts_.hash(), all_spikes_, classifiers_}; }

void Cohort::set_totals(Totals totals) {
  counts_.set_totals(totals.spikes, totals.spike_hash);
  all_spikes_ = totals.all_spikes;
  classifiers_ = std::move(totals.classifiers);
}

}  // namespace neuract::snn
