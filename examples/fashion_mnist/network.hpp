#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "neuract/memory/result.hpp"
#include "neuract/q4/training.hpp"

/// The spiking network of network.toml, in the form in which it is trained: the same neurons, step by step, written as
/// matrix products of whole presentations.
///
///   784 pixels     integrate the brightness of a pixel: full brightness spikes in every second step, half of it in
///                  every fourth, …; no leak
///   hidden         leaky integrate-and-fire neurons, reset to 0 by a spike
///   10 outputs     integrate what arrives and never spike: the largest potential at the end is the answer; no leak
///
/// A spike acts one step later, so that of a presentation's steps 0 … 15 the pixels' spikes of 0 … 13 reach the hidden
/// neurons in 1 … 14 and the outputs in 2 … 15.

namespace fashion_mnist {

inline constexpr double kStep = 1.0;  ///< ms
inline constexpr std::size_t kSteps = 16;
inline constexpr std::size_t kPixels = std::size_t{28} * 28;
inline constexpr std::size_t kClasses = 10;
/// Steps whose spikes come from the pixels to the outputs in time.
inline constexpr std::size_t kUsedSteps = kSteps - 2;

// Potentials in mV, from rest; thresholds are 1.
inline constexpr double kPixelAmplitude = 0.5005;  ///< pA onto 1 pF; no brightness sums up to exactly the threshold
inline constexpr double kNoLeak = 1e9;             ///< ms
inline constexpr double kHiddenTau = 8.0;          ///< ms

/// What the optimiser moves.
struct Weights {
  std::vector<float> fc1;  ///< [hidden, 784]
  std::vector<float> fc2;  ///< [10, hidden]
};

/// What the network computes with.
struct Layers {
  neuract::q4::SteWeight fc1, fc2;

  /// nullopt: f32.
  static neuract::Result<Layers> create(std::size_t hidden, std::optional<neuract::q4::Format> format);
  neuract::Result<void> update(const Weights& weights);
  [[nodiscard]] std::size_t hidden() const noexcept { return static_cast<std::size_t>(fc1.out_features()); }
};

/// The spikes that a pixel of each brightness sends, found by simulating it.
class PixelCode {
 public:
  PixelCode();
  /// Shapes: image u8[784], spikes f32[14, 784] of zeros and ones.
  void encode(std::span<const std::uint8_t> image, std::span<float> spikes) const noexcept;

 private:
  std::array<std::array<float, kUsedSteps>, 256> trains_{};
};

/// A part of a mini-batch, with all that its way through the network and back needs. One thread at a time.
class Slice {
 public:
  Slice(std::size_t images, std::size_t hidden);

  /// Starts with an empty slice.
  void clear() noexcept { count_ = 0; }
  /// One more image; at most as many as the slice was made for.
  void add(const PixelCode& code, std::span<const std::uint8_t> image, std::uint8_t label);

  /// Answers, loss (sum over the images of the cross entropy) and number of right answers.
  neuract::Result<void> forward(const Layers& layers);
  /// The gradients of the loss, in place of those of the last call. Backpropagation through time, with the derivative
  /// 1 / (1 + 2 |V - 1|)² in place of that of the threshold (Zenke and Ganguli 2018, Neural Comput. 30:1514); the reset
  /// counts as a constant.
  neuract::Result<void> backward(const Layers& layers);

  [[nodiscard]] double loss() const noexcept { return loss_; }
  [[nodiscard]] std::size_t right() const noexcept { return right_; }
  [[nodiscard]] const Weights& gradients() const noexcept { return gradients_; }

 private:
  std::size_t hidden_;
  std::size_t count_ = 0;
  float decay_;
  double loss_ = 0.0;
  std::size_t right_ = 0;
  std::vector<std::uint8_t> labels_;
  std::vector<float> spikes_;      ///< [images, 14, 784]
  std::vector<float> potentials_;  ///< [images, 14, hidden]: input, then potential before the reset, then its gradient
  std::vector<float> counts_;      ///< [images, hidden], spikes of a presentation
  std::vector<float> count_errors_;  ///< [images, hidden], their gradient
  std::vector<float> outputs_;       ///< [images, 10]: potentials at the end, then their gradient
  Weights gradients_;
};

}  // namespace fashion_mnist
