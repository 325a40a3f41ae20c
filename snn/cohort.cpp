#include "neuract/snn/cohort.hpp"

#include <algorithm>
#include <bit>

#include "neuract/snn/distribution.hpp"
#include "neuract/snn/random.hpp"

namespace neuract::snn {
namespace {

using kernels::kBlock;

alignas(64) constexpr float kZeros[kBlock] = {};

}  // namespace

SpikeBatch Cohort::advance(Step from, Step to, std::vector<TraceBlock>& traces) {
  add_arrivals(from, to);
  const auto steps = static_cast<std::size_t>(to - from);
  masks_.assign(steps * blocks_, 0);
  for (Step step = from; step < to;) {
    // Within a run the same generators are on, and no multimeter wants to look.
    const Step end = probes_.empty() ? constant_until(step, to) : step + 1;
    prepare_currents(step);
    for (auto& list : active_) list.clear();
    for (const Poisson& p : poisson_) {
      if (p.start <= step && step < p.stop)
        active_[static_cast<std::size_t>(p.receptor)].push_back({&p.table, p.key, p.code, p.codes.data()});
    }
    run(step, end, masks_.data() + static_cast<std::size_t>(step - from) * blocks_);
    step = end;
    if (!probes_.empty()) sample(step - 1, traces);
  }
  SpikeBatch batch = collect_spikes(from, to, masks_);
  const Step next = plan_->presentation_begin(from) + plan_->presentation_steps();
  if (!answers_.empty() && to == next) classify(from / plan_->presentation_steps());
  return batch;
}

void Cohort::start_presentation() noexcept {
  for (std::size_t i = 0; i < state_.size(); ++i)
    std::copy(initial_state_[i].begin(), initial_state_[i].end(), state_[i].begin());
  std::fill(last_spike_.begin(), last_spike_.end(), -1);
  for (Answer& answer : answers_) std::fill(answer.spikes.begin(), answer.spikes.end(), 0u);
}

void Cohort::classify(Step presentation) {
  const std::uint64_t image = static_cast<std::uint64_t>(presentation) * plan_->spec().batch + range_.sample;
  for (std::size_t i = 0; i < answers_.size(); ++i) {
    const Answer& answer = answers_[i];
    if (image >= answer.labels->size()) continue;
    std::uint32_t best = 0;
    if (answer.state < 0) {
      best = static_cast<std::uint32_t>(std::max_element(answer.spikes.begin(), answer.spikes.end()) -
                                        answer.spikes.begin());
    } else {
      std::vector<float> values(range_.count);
      copy_state(answer.state, values);
      best = static_cast<std::uint32_t>(std::max_element(values.begin(), values.end()) - values.begin());
    }
    ++statistics_.classifiers[i].answers;
    statistics_.classifiers[i].correct += best == (*answer.labels)[image] ? 1 : 0;
  }
}

void Cohort::add_arrivals(Step from, Step to) noexcept {
  for (const Arrivals& arrivals : arrivals_) {
    const kernels::InputRing& ring = rings_[static_cast<std::size_t>(arrivals.receptor)];
    for (auto step = std::lower_bound(arrivals.steps.begin(), arrivals.steps.end(), from);
         step != arrivals.steps.end() && *step < to; ++step) {
      std::int32_t* const slot = ring.data + (static_cast<std::size_t>(*step) & ring.mask) * ring.stride;
      if (arrivals.neurons.empty()) {
        for (std::uint32_t n = 0; n < range_.count; ++n) slot[n] += arrivals.code;
      } else {
        for (const std::uint32_t n : arrivals.neurons) slot[n] += arrivals.code;
      }
    }
  }
}

Step Cohort::constant_until(Step from, Step to) const noexcept {
  const auto cut = [&](Step boundary) {
    if (from < boundary && boundary < to) to = boundary;
  };
  for (const Poisson& p : poisson_) cut(p.start), cut(p.stop);
  for (const Current& c : currents_) {
    cut(c.start), cut(c.stop);
    if (c.interval > 0 && c.images == nullptr && from >= c.start)
      cut(from + c.interval - (from - c.start) % c.interval);
  }
  return to;
}

void Cohort::prepare_currents(Step step) {
  if (currents_.empty()) return;
  std::fill_n(current_.data(), padded_, 0.0f);
  for (Current& current : currents_) {
    if (step < current.start || step >= current.stop) continue;
    if (current.images != nullptr) {
      show_image(current, step / current.interval);
    } else if (current.interval > 0) {
      draw_noise(current, (step - current.start) / current.interval);
    }
    for (std::uint32_t n = 0; n < padded_; ++n) current_[n] += current.values[n];
  }
}

void Cohort::draw_noise(Current& noise, Step interval) {
  if (noise.drawn == interval) return;
  noise.drawn = interval;
  static const Sampler standard_normal(Distribution{Distribution::Kind::normal, 0.0, 1.0});
  const Stream stream(plan_->spec().seed, Purpose::noise, noise.stimulus);
  std::uint32_t words[kBlock];
  float normal[kBlock];
  for (std::uint32_t block = 0; block < blocks_; ++block) {
    stream.fill(words, 1, first_block_ + block, static_cast<std::uint32_t>(interval),
                static_cast<std::uint32_t>(interval >> 32));
    standard_normal.draw(words, normal);
    for (std::uint32_t k = 0; k < kBlock; ++k) {
      const std::uint32_t n = block * kBlock + k;
      noise.values[n] = noise.driven.empty() || noise.driven[n] ? noise.mean + noise.std * normal[k] : 0.0f;
    }
  }
}

void Cohort::show_image(Current& current, Step presentation) {
  if (current.drawn == presentation) return;
  current.drawn = presentation;
  const ImageSet& images = *current.images;
  const std::uint64_t image = static_cast<std::uint64_t>(presentation) * plan_->spec().batch + range_.sample;
  const bool shown = image < images.count;
  const std::uint8_t* const pixels = shown ? images.data.data() + image * images.pixels + range_.first : nullptr;
  for (std::uint32_t n = 0; n < range_.count; ++n) {
    const bool driven = current.driven.empty() || current.driven[n];
    current.values[n] = shown && driven ? current.mean * (static_cast<float>(pixels[n]) / 255.0f) : 0.0f;
  }
}

void Cohort::run(Step from, Step to, std::uint64_t* masks) noexcept {
  const auto collect = kernels::input_kernels().collect;
  const std::uint32_t fields = static_cast<std::uint32_t>(state_.size());
  float* state[kMostStateFields];
  const float* coefficients[kMostCoefficients];
  alignas(64) float input[2][kBlock];
  UpdateBlock block{state, coefficients, {kZeros, kZeros}, kZeros};
  const bool wanted[2] = {rings_[0].data != nullptr || !active_[0].empty(),
                          rings_[1].data != nullptr || !active_[1].empty()};
  for (std::uint32_t b = 0; b < blocks_; ++b) {
    const std::uint32_t offset = b * kBlock;
    for (std::uint32_t i = 0; i < fields; ++i) state[i] = state_[i].data() + offset;
    for (std::size_t i = 0; i < coefficients_.size(); ++i)
      coefficients[i] = coefficients_[i].data() + (individual_ ? offset : 0);
    if (!currents_.empty()) block.current = current_.data() + offset;
    const std::uint32_t left = range_.count - offset;
    const std::uint64_t valid = left >= kBlock ? ~std::uint64_t{0} : (std::uint64_t{1} << left) - 1;
    for (Step step = from; step < to; ++step) {
      for (std::size_t r = 0; r < receptors_; ++r) {
        if (!wanted[r]) continue;
        const kernels::InputRing& ring = rings_[r];
        std::int32_t* const slot =
            ring.data == nullptr ? nullptr
                                 : ring.data + (static_cast<std::size_t>(step) & ring.mask) * ring.stride + offset;
        collect(slot, active_[r].data(), static_cast<std::uint32_t>(active_[r].size()), first_block_ + b, offset,
                static_cast<std::uint64_t>(step), quantum_[r], input[r]);
        block.input[r] = input[r];
      }
      masks[static_cast<std::size_t>(step - from) * blocks_ + b] = kernel_(block) & valid;
    }
  }
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
    for (const int i : probe.states) {
      const auto s = static_cast<std::size_t>(i);
      for (const std::uint32_t n : probe.neurons) {
        const float origin = origins_[s].empty() ? 0.0f : origins_[s].size() == 1 ? origins_[s][0] : origins_[s][n];
        trace->values.push_back(state_[s][n] + origin);
      }
    }
  }
}

SpikeBatch Cohort::collect_spikes(Step from, Step to, std::span<const std::uint64_t> masks) {
  SpikeBatch batch;
  batch.population = range_.population;
  batch.first = range_.first;
  batch.sample = range_.sample;
  batch.begin = from;
  batch.offsets.reserve(static_cast<std::size_t>(to - from) + 1);
  batch.offsets.push_back(0);
  const std::uint64_t first_gid = plan_->global_id(range_.population, range_.sample, range_.first);
  std::size_t word = 0;
  for (Step step = from; step < to; ++step) {
    const bool counted = step >= plan_->warmup_steps();
    for (std::uint32_t b = 0; b < blocks_; ++b, ++word) {
      for (std::uint64_t mask = masks[word]; mask != 0; mask &= mask - 1) {
        const std::uint32_t n = b * kBlock + static_cast<std::uint32_t>(std::countr_zero(mask));
        batch.ids.push_back(static_cast<std::uint16_t>(n));
        for (Answer& answer : answers_) {
          if (answer.state < 0) ++answer.spikes[n];
        }
        if (!counted) continue;
        statistics_.spike_hash += spike_mix(step, first_gid + n);
        if (last_spike_[n] >= 0) {
          const auto interval = static_cast<std::uint64_t>(step - last_spike_[n]);
          CohortStatistics::Isi& isi = statistics_.isi[n];
          isi.sum += interval;
          isi.sum_of_squares += interval * interval;
          ++isi.count;
        }
        last_spike_[n] = step;
        ++statistics_.spikes;
      }
    }
    batch.offsets.push_back(static_cast<std::uint32_t>(batch.ids.size()));
  }
  all_spikes_ += batch.ids.size();
  return batch;
}

void Cohort::copy_state(int state, std::span<float> out) const {
  const auto s = static_cast<std::size_t>(state);
  for (std::uint32_t n = 0; n < range_.count; ++n) {
    const float origin = origins_[s].empty() ? 0.0f : origins_[s].size() == 1 ? origins_[s][0] : origins_[s][n];
    out[n] = state_[s][n] + origin;
  }
}

}  // namespace neuract::snn
