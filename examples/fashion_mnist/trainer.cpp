#include "trainer.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <random>
#include <thread>

namespace fashion_mnist {

using neuract::Result;

namespace {

constexpr std::size_t kSliceImages = 32;
constexpr std::size_t kSlices = 4;
constexpr std::size_t kBatch = kSliceImages * kSlices;

/// Calls f(0) … f(count - 1), thread t those of t, t + threads, …
template <class F>
void in_parallel(std::size_t count, unsigned threads, F f) {
  const auto every = static_cast<unsigned>(std::clamp<std::size_t>(threads, 1, count));
  const auto work = [&](unsigned first) {
    for (std::size_t i = first; i < count; i += every) f(i);
  };
  std::vector<std::jthread> others;
  for (unsigned t = 1; t < every; ++t) others.emplace_back(work, t);
  work(0);
}

Result<void> first_error(std::vector<Result<void>>& results) {
  for (Result<void>& result : results) NEURACT_TRY(std::move(result));
  return {};
}

std::vector<Slice> make_slices(std::size_t hidden) { return std::vector<Slice>(kSlices, Slice(kSliceImages, hidden)); }

/// Fills the slices with the samples of `chosen`, at most kBatch, and takes them forward, and back where asked to.
Result<void> present(std::vector<Slice>& slices, const Layers& layers, const PixelCode& code, const Samples& samples,
                     std::span<const std::uint32_t> chosen, bool back, unsigned threads) {
  std::vector<Result<void>> results(slices.size());
  in_parallel(slices.size(), threads, [&](std::size_t s) {
    Slice& slice = slices[s];
    slice.clear();
    const std::size_t begin = std::min(s * kSliceImages, chosen.size());
    for (const std::uint32_t i : chosen.subspan(begin, std::min(kSliceImages, chosen.size() - begin)))
      slice.add(code, samples.image(i), samples.labels[i]);
    results[s] = slice.forward(layers);
    if (results[s] && back) results[s] = slice.backward(layers);
  });
  return first_error(results);
}

class Adam {
 public:
  explicit Adam(std::size_t parameters) : mean_(parameters), square_(parameters) {}

  /// Parameters begin … end - 1; gradients[s] are summed over s and divided by the number of samples.
  void move(std::span<float> parameters, std::span<const float* const> gradients, std::size_t step, float rate,
            std::size_t begin, std::size_t end) noexcept {
    const auto t = static_cast<double>(step);
    const auto mean_part = static_cast<float>(1.0 / (1.0 - std::pow(0.9, t)));
    const auto square_part = static_cast<float>(1.0 / (1.0 - std::pow(0.999, t)));
    for (std::size_t i = begin; i < end; ++i) {
      float g = 0.0f;
      for (const float* gradient : gradients) g += gradient[i];
      g /= static_cast<float>(kBatch);
      mean_[i] = 0.9f * mean_[i] + 0.1f * g;
      square_[i] = 0.999f * square_[i] + 0.001f * g * g;
      parameters[i] -= rate * (mean_[i] * mean_part) / (std::sqrt(square_[i] * square_part) + 1e-8f);
    }
  }

 private:
  std::vector<float> mean_, square_;
};

/// One array of the weights, with what the optimiser knows of it.
class Parameters {
 public:
  Parameters(std::vector<float> Weights::*member, std::size_t size) : member_(member), adam_(size) {}

  void move(Weights& weights, const std::vector<Slice>& slices, std::size_t step, float rate, unsigned threads) {
    std::vector<float>& values = weights.*member_;
    std::array<const float*, kSlices> gradients{};
    for (std::size_t s = 0; s < kSlices; ++s) gradients[s] = (slices[s].gradients().*member_).data();
    constexpr std::size_t kPart = std::size_t{1} << 16;
    in_parallel((values.size() + kPart - 1) / kPart, threads, [&](std::size_t part) {
      adam_.move(values, gradients, step, rate, part * kPart, std::min(values.size(), (part + 1) * kPart));
    });
  }

 private:
  std::vector<float> Weights::*member_;
  Adam adam_;
};

/// Sums of inputs stay below the threshold at first, for most neurons.
Weights random_weights(std::size_t hidden, std::mt19937_64& random) {
  std::normal_distribution<float> normal;
  Weights weights{std::vector<float>(hidden * kPixels), std::vector<float>(kClasses * hidden)};
  for (float& w : weights.fc1) w = normal(random) * 0.7f / std::sqrt(static_cast<float>(kPixels));
  for (float& w : weights.fc2) w = normal(random) * 0.5f / std::sqrt(static_cast<float>(hidden));
  return weights;
}

float learning_rate(const Settings& settings, std::size_t step, std::size_t steps) {
  const double cosine = 0.5 + 0.5 * std::cos(std::numbers::pi * static_cast<double>(step) / static_cast<double>(steps));
  return settings.learning_rate * static_cast<float>(cosine * std::min(1.0, static_cast<double>(step) / 100.0));
}

}  // namespace

Result<Layers> train(const Samples& samples, const Settings& settings,
                     const std::function<Result<void>(const Progress&)>& report) {
  const std::size_t batches = samples.size() / kBatch;
  if (batches == 0)
    return neuract::fail(neuract::ErrorCode::invalid_argument, samples.size(),
                         " images to train on; expected at least ", kBatch);
  std::mt19937_64 random(settings.seed);
  Weights weights = random_weights(settings.hidden, random);
  NEURACT_TRY_ASSIGN(Layers layers, Layers::create(settings.hidden, settings.format));
  NEURACT_TRY(layers.update(weights));
  const PixelCode code;
  std::vector<Slice> slices = make_slices(settings.hidden);
  Parameters fc1(&Weights::fc1, weights.fc1.size()), fc2(&Weights::fc2, weights.fc2.size());
  std::vector<std::uint32_t> order(samples.size());
  std::iota(order.begin(), order.end(), 0u);

  std::size_t step = 0;
  for (std::size_t epoch = 1; epoch <= settings.epochs; ++epoch) {
    std::shuffle(order.begin(), order.end(), random);
    double loss = 0.0;
    std::size_t right = 0;
    for (std::size_t b = 0; b < batches; ++b) {
      NEURACT_TRY(
          present(slices, layers, code, samples, std::span(order).subspan(b * kBatch, kBatch), true, settings.threads));
      ++step;
      const float rate = learning_rate(settings, step, settings.epochs * batches);
      fc1.move(weights, slices, step, rate, settings.threads);
      fc2.move(weights, slices, step, rate, settings.threads);
      NEURACT_TRY(layers.update(weights));
      for (const Slice& slice : slices) {
        loss += slice.loss();
        right += slice.right();
      }
      const std::size_t done = (b + 1) * kBatch;
      const bool ended = b + 1 == batches;
      if (ended || (b + 1) * 10 / batches != b * 10 / batches)
        NEURACT_TRY(report({epoch, done, loss / static_cast<double>(done),
                            static_cast<double>(right) / static_cast<double>(done), ended, layers}));
    }
  }
  return layers;
}

Result<std::size_t> count_right(const Layers& layers, const Samples& samples, unsigned threads) {
  const PixelCode code;
  std::vector<Slice> slices = make_slices(layers.hidden());
  std::vector<std::uint32_t> order(samples.size());
  std::iota(order.begin(), order.end(), 0u);
  std::size_t right = 0;
  for (std::size_t begin = 0; begin < order.size(); begin += kBatch) {
    const auto chosen = std::span(order).subspan(begin, std::min(kBatch, order.size() - begin));
    NEURACT_TRY(present(slices, layers, code, samples, chosen, false, threads));
    for (const Slice& slice : slices) right += slice.right();
  }
  return right;
}

}  // namespace fashion_mnist
