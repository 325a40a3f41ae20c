#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "network.hpp"
#include "neuract/memory/result.hpp"
#include "neuract/q4/format.hpp"

namespace fashion_mnist {

/// Images with their classes; a view.
struct Samples {
  std::span<const std::uint8_t> pixels;  ///< [images, 784]
  std::span<const std::uint8_t> labels;  ///< [images]

  [[nodiscard]] std::size_t size() const noexcept { return labels.size(); }
  [[nodiscard]] std::span<const std::uint8_t> image(std::size_t i) const noexcept {
    return pixels.subspan(i * kPixels, kPixels);
  }
  [[nodiscard]] Samples part(std::size_t first, std::size_t count) const noexcept {
    return {pixels.subspan(first * kPixels, count * kPixels), labels.subspan(first, count)};
  }
};

struct Settings {
  std::optional<neuract::q4::Format> format;  ///< nullopt: f32
  std::size_t hidden = 512;
  std::size_t epochs = 8;
  std::uint64_t seed = 1;
  unsigned threads = 2;         ///< never change the result
  float learning_rate = 2e-3f;  ///< at its highest: it rises over 100 mini-batches, then falls along a cosine to 0
};

/// After every tenth of an epoch.
struct Progress {
  std::size_t epoch = 0;     ///< from 1
  std::size_t done = 0;      ///< images of this epoch
  double loss = 0.0;         ///< mean over them, each at its time
  double accuracy = 0.0;     ///< of them
  bool epoch_ended = false;  ///< then `layers` are those of the weights after it
  const Layers& layers;
};

/// Trains from random weights with Adam (Kingma and Ba 2015, arXiv 1412.6980) in mini-batches of 128. The gradients of a
/// mini-batch are summed in four parts, each by one thread, and the parts in their order: the weights depend on settings
/// and samples only (and, through OpenBLAS, on the processor's kind).
/// Errors: invalid_argument (fewer samples than a mini-batch); those of the layers and of `report`, which ends it.
neuract::Result<Layers> train(const Samples& samples, const Settings& settings,
                              const std::function<neuract::Result<void>(const Progress&)>& report);

/// How many of the samples the layers classify rightly.
neuract::Result<std::size_t> count_right(const Layers& layers, const Samples& samples, unsigned threads);

}  // namespace fashion_mnist
