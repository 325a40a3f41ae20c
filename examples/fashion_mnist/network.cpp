#include "network.hpp"

#include <algorithm>
#include <cmath>

#include "neuract/snn/models/iaf_psc_delta.hpp"

namespace fashion_mnist {

using neuract::Result;
using neuract::snn::IafPscDelta;

namespace {

IafPscDelta::Parameters neuron(double tau_m) {
  return {.E_L = 0.0, .C_m = 1.0, .tau_m = tau_m, .t_ref = 0.0, .V_th = 1.0, .V_reset = 0.0};
}

/// As the engine has them.
IafPscDelta::Coefficients<float> coefficients_of(const IafPscDelta::Parameters& parameters) {
  const auto exact = neuract::snn::to_array(IafPscDelta::prepare(parameters, kStep));
  std::array<float, exact.size()> rounded;
  std::transform(exact.begin(), exact.end(), rounded.begin(), [](double value) { return static_cast<float>(value); });
  return neuract::snn::from_array<IafPscDelta::Coefficients>(rounded);
}

constexpr float kThreshold = 1.0f;
constexpr float kSurrogateSlope = 2.0f;

}  // namespace

Result<Layers> Layers::create(std::size_t hidden, std::optional<neuract::q4::Format> format) {
  const auto h = static_cast<std::int64_t>(hidden);
  NEURACT_TRY_ASSIGN(auto fc1, neuract::q4::SteWeight::create(h, kPixels, format));
  NEURACT_TRY_ASSIGN(auto fc2, neuract::q4::SteWeight::create(kClasses, h, format));
  return Layers{std::move(fc1), std::move(fc2)};
}

Result<void> Layers::update(const Weights& weights) {
  NEURACT_TRY(ste_weight(weights.fc1, fc1));
  return ste_weight(weights.fc2, fc2);
}

PixelCode::PixelCode() {
  const auto pixel = coefficients_of(neuron(kNoLeak));
  for (std::size_t brightness = 0; brightness < trains_.size(); ++brightness) {
    const float current = static_cast<float>(kPixelAmplitude) * (static_cast<float>(brightness) / 255.0f);
    IafPscDelta::State<float> state{};
    for (float& spike : trains_[brightness]) spike = IafPscDelta::step(state, pixel, 0.0f, 0.0f, current) ? 1.0f : 0.0f;
  }
}

void PixelCode::encode(std::span<const std::uint8_t> image, std::span<float> spikes) const noexcept {
  for (std::size_t step = 0; step < kUsedSteps; ++step)
    for (std::size_t i = 0; i < kPixels; ++i) spikes[step * kPixels + i] = trains_[image[i]][step];
}

Slice::Slice(std::size_t images, std::size_t hidden)
    : hidden_(hidden),
      decay_(coefficients_of(neuron(kHiddenTau)).decay),
      labels_(images),
      spikes_(images * kUsedSteps * kPixels),
      potentials_(images * kUsedSteps * hidden),
      counts_(images * hidden),
      count_errors_(images * hidden),
      outputs_(images * kClasses),
      gradients_{std::vector<float>(hidden * kPixels), std::vector<float>(kClasses * hidden)} {}

void Slice::add(const PixelCode& code, std::span<const std::uint8_t> image, std::uint8_t label) {
  constexpr std::size_t kImageSpikes = kUsedSteps * kPixels;
  code.encode(image, std::span(spikes_).subspan(count_ * kImageSpikes, kImageSpikes));
  labels_.at(count_++) = label;
}

Result<void> Slice::forward(const Layers& layers) {
  const std::size_t rows = count_ * kUsedSteps;
  const std::span<float> potentials = std::span(potentials_).first(rows * hidden_);
  NEURACT_TRY(linear_ste(layers.fc1, std::span(spikes_).first(rows * kPixels), {}, potentials));

  std::fill(counts_.begin(), counts_.end(), 0.0f);
  std::vector<float> after_reset(hidden_);
  for (std::size_t image = 0; image < count_; ++image) {
    std::fill(after_reset.begin(), after_reset.end(), 0.0f);
    float* const counts = counts_.data() + image * hidden_;
    for (std::size_t step = 0; step < kUsedSteps; ++step) {
      float* const V = potentials.data() + (image * kUsedSteps + step) * hidden_;
      for (std::size_t h = 0; h < hidden_; ++h) {
        V[h] += decay_ * after_reset[h];
        const bool fired = V[h] >= kThreshold;
        counts[h] += fired ? 1.0f : 0.0f;
        after_reset[h] = fired ? 0.0f : V[h];
      }
    }
  }

  const std::span<float> outputs = std::span(outputs_).first(count_ * kClasses);
  NEURACT_TRY(linear_ste(layers.fc2, std::span(counts_).first(count_ * hidden_), {}, outputs));
  loss_ = 0.0;
  right_ = 0;
  for (std::size_t image = 0; image < count_; ++image) {
    const std::span<float> V = outputs.subspan(image * kClasses, kClasses);
    const auto best = std::max_element(V.begin(), V.end());
    const auto label = static_cast<std::ptrdiff_t>(labels_[image]);
    right_ += best - V.begin() == label ? 1 : 0;
    double sum = 0.0;
    for (const float v : V) sum += std::exp(static_cast<double>(v - *best));
    loss_ += std::log(sum) - static_cast<double>(V[label] - *best);
  }
  return {};
}

Result<void> Slice::backward(const Layers& layers) {
  for (std::size_t image = 0; image < count_; ++image) {
    const std::span<float> error = std::span(outputs_).subspan(image * kClasses, kClasses);
    const float best = *std::max_element(error.begin(), error.end());
    float sum = 0.0f;
    for (float& v : error) sum += v = std::exp(v - best);
    for (float& v : error) v /= sum;
    error[labels_[image]] -= 1.0f;
  }
  std::fill(gradients_.fc1.begin(), gradients_.fc1.end(), 0.0f);
  std::fill(gradients_.fc2.begin(), gradients_.fc2.end(), 0.0f);
  const std::size_t rows = count_ * kUsedSteps;
  const std::span<float> count_errors = std::span(count_errors_).first(count_ * hidden_);
  NEURACT_TRY(linear_ste_backward(layers.fc2, std::span(counts_).first(count_ * hidden_),
                                  std::span(outputs_).first(count_ * kClasses), {count_errors, gradients_.fc2, {}}));

  std::vector<float> later(hidden_);  // gradient of the potential that the next step starts from
  for (std::size_t image = 0; image < count_; ++image) {
    std::fill(later.begin(), later.end(), 0.0f);
    const float* const spike_error = count_errors.data() + image * hidden_;
    for (std::size_t step = kUsedSteps; step-- > 0;) {
      float* const V = potentials_.data() + (image * kUsedSteps + step) * hidden_;
      for (std::size_t h = 0; h < hidden_; ++h) {
        const float slope = 1.0f / (1.0f + kSurrogateSlope * std::abs(V[h] - kThreshold));
        const float kept = V[h] >= kThreshold ? 0.0f : later[h];
        V[h] = spike_error[h] * slope * slope + kept;
        later[h] = decay_ * V[h];
      }
    }
  }
  return linear_ste_backward(layers.fc1, std::span(spikes_).first(rows * kPixels),
                             std::span(potentials_).first(rows * hidden_), {{}, gradients_.fc1, {}});
}

}  // namespace fashion_mnist
