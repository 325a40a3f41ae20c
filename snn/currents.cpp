#include "neuract/snn/currents.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <variant>

#include "neuract/snn/neuron_values.hpp"

namespace neuract::snn {

using kernels::kBlock;

template <class T>
Result<Currents<T>> Currents<T>::build(const Plan& plan, const CohortRange& range) {
  Currents currents;
  currents.plan_ = &plan;
  currents.range_ = range;
  currents.padded_ = (range.count + kBlock - 1) / kBlock * kBlock;
  for (std::uint32_t i = 0; i < plan.spec().stimuli.size(); ++i) {
    const StimulusSpec& stimulus = plan.spec().stimuli[i];
    const auto* const dc = std::get_if<DcGenerator>(&stimulus.generator);
    const auto* const noise = std::get_if<NoiseGenerator>(&stimulus.generator);
    const auto* const images = std::get_if<ImageGenerator>(&stimulus.generator);
    if (stimulus.target != range.population || (dc == nullptr && noise == nullptr && images == nullptr)) continue;
    const std::vector<std::uint32_t> neurons = inside(stimulus.neurons, range);
    if (!stimulus.neurons.empty() && neurons.empty()) continue;

    Generator generator{};
    generator.stimulus = i;
    generator.start = plan.steps_of(stimulus.start);
    generator.stop = std::isinf(stimulus.stop) ? std::numeric_limits<Step>::max() : plan.steps_of(stimulus.stop);
    if (images != nullptr) {
      generator.images = images->images.get();
      generator.mean = static_cast<T>(images->amplitude);
      generator.interval = plan.presentation_steps();
    } else if (dc != nullptr) {
      generator.mean = static_cast<T>(dc->amplitude);
    } else {
      generator.mean = static_cast<T>(noise->mean);
      generator.std = static_cast<T>(noise->std);
      generator.interval = std::max<Step>(1, plan.steps_of(noise->dt));
    }
    if (!neurons.empty()) {
      generator.driven.assign(currents.padded_, false);
      for (const std::uint32_t n : neurons) generator.driven[n] = true;
    }
    NEURACT_TRY_ASSIGN(generator.values, memory::HostArray<T>::zeros(currents.padded_));
    for (std::uint32_t n = 0; n < range.count; ++n)
      generator.values[n] = generator.driven.empty() || generator.driven[n] ? generator.mean : T(0);
    currents.generators_.push_back(std::move(generator));
  }
  if (!currents.generators_.empty()) {
    NEURACT_TRY_ASSIGN(currents.sum_, memory::HostArray<T>::zeros(currents.padded_));
  }
  return currents;
}

template <class T>
Step Currents<T>::constant_until(Step from, Step to) const noexcept {
  const auto cut = [&](Step boundary) {
    if (from < boundary && boundary < to) to = boundary;
  };
  for (const Generator& g : generators_) {
    cut(g.start);
    cut(g.stop);
    if (g.interval == 0) continue;
    const Step origin = g.images != nullptr ? 0 : g.start;
    if (from >= origin) cut(from + g.interval - (from - origin) % g.interval);
  }
  return to;
}

template <class T>
const T* Currents<T>::sum(Step step) {
  if (generators_.empty()) return nullptr;
  if (begin_ <= step && step < end_) return sum_.data();
  begin_ = step;
  end_ = constant_until(step, std::numeric_limits<Step>::max());
  std::fill(sum_.begin(), sum_.end(), T(0));
  for (Generator& generator : generators_) {
    if (step < generator.start || step >= generator.stop) continue;
    if (generator.images != nullptr) {
      show_image(generator, step / generator.interval);
    } else if (generator.interval > 0) {
      draw_noise(generator, (step - generator.start) / generator.interval);
    }
    for (std::uint32_t n = 0; n < padded_; ++n) sum_[n] += generator.values[n];
  }
  return sum_.data();
}

template <class T>
void Currents<T>::draw_noise(Generator& noise, Step interval) {
  if (noise.drawn == interval) return;
  noise.drawn = interval;
  static const Sampler standard_normal(Distribution{Distribution::Kind::normal, 0.0, 1.0});
  const Stream stream(plan_->spec().seed, Purpose::noise, noise.stimulus);
  const std::uint32_t first_block = first_block_of(*plan_, range_);
  std::uint32_t words[kBlock];
  float normal[kBlock];
  for (std::uint32_t first = 0; first < padded_; first += kBlock) {
    stream.fill(words, 1, first_block + first / kBlock, static_cast<std::uint32_t>(interval),
                static_cast<std::uint32_t>(interval >> 32));
    standard_normal.draw(words, normal);
    for (std::uint32_t k = 0; k < kBlock; ++k) {
      const std::uint32_t n = first + k;
      noise.values[n] =
          noise.driven.empty() || noise.driven[n] ? noise.mean + noise.std * static_cast<T>(normal[k]) : T(0);
    }
  }
}

template <class T>
void Currents<T>::show_image(Generator& generator, Step presentation) {
  if (generator.drawn == presentation) return;
  generator.drawn = presentation;
  const ImageSet& images = *generator.images;
  const std::uint64_t image = static_cast<std::uint64_t>(presentation) * plan_->spec().batch + range_.sample;
  const bool shown = image < images.count;
  const std::uint8_t* const pixels = shown ? images.data.data() + image * images.pixels + range_.first : nullptr;
  for (std::uint32_t n = 0; n < range_.count; ++n) {
    const bool driven = generator.driven.empty() || generator.driven[n];
    generator.values[n] = shown && driven ? generator.mean * (static_cast<T>(pixels[n]) / T(255)) : T(0);
  }
}

template class Currents<float>;
template class Currents<double>;

}  // namespace neuract::snn
