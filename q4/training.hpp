#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "neuract/memory/host_array.hpp"
#include "neuract/memory/result.hpp"
#include "neuract/memory/tensor.hpp"
#include "neuract/q4/weight.hpp"

/// Training through 4 bits: a layer computes with Q(w) = dequantise(quantise(w)), while the optimiser keeps and moves w
/// in f32. Q is a staircase, whose true gradient is zero almost everywhere; the gradient of Q(w) is taken as that of w
/// ("straight through", Bengio 2013, arXiv 1308.3432).
///
/// Arrays are made once, by create(); every other function here allocates nothing. All matrices are row-major f32.
/// Numerics: Q by the rules of the formats, the same bits on every machine; products in f32 by kernels/matmul.hpp, the
/// same bits for the same shapes on the same processor; bias gradients row after row.

namespace neuract::q4 {

/// A quantised weight that is written again and again. Move-only.
class PackedWeight {
 public:
  /// Shape [out_features, in_features]; `block` 0 = the format's own.
  /// Errors: invalid_argument (sizes or block that the format does not have), out_of_memory.
  [[nodiscard]] static Result<PackedWeight> create(Format format, std::int64_t out_features, std::int64_t in_features,
                                                   std::uint32_t block = 0);

  PackedWeight(PackedWeight&&) noexcept = default;
  PackedWeight& operator=(PackedWeight&&) noexcept = default;

  /// Zeros before the first quantize_packed(). Copies share the arrays, which the next one overwrites.
  [[nodiscard]] const QuantizedWeight& weight() const noexcept { return weight_; }

 private:
  friend Result<void> quantize_packed(std::span<const float> w, PackedWeight& packed);

  PackedWeight() = default;

  QuantizedWeight weight_;
  memory::Tensor codes_, scales_;  ///< the arrays of weight_, to be written
};

/// Shapes: w [out_features, in_features]. The numbers are those of quantize() (weight.hpp).
/// Errors: invalid_argument (size; an element that is infinite or NaN, named, and then `packed` is partly written).
[[nodiscard]] Result<void> quantize_packed(std::span<const float> w, PackedWeight& packed);

/// Shapes: w [out_features, in_features], all written. Errors: invalid_argument (size).
[[nodiscard]] Result<void> dequantize_packed(const PackedWeight& packed, std::span<float> w);

/// What a layer computes with: Q(w), or w itself where no format is given, for comparison. Move-only.
/// Threads: ste_weight() by one, then values() and the layer functions below by any number.
class SteWeight {
 public:
  /// Errors: those of PackedWeight::create().
  [[nodiscard]] static Result<SteWeight> create(std::int64_t out_features, std::int64_t in_features,
                                                std::optional<Format> format, std::uint32_t block = 0);

  [[nodiscard]] std::int64_t out_features() const noexcept { return out_features_; }
  [[nodiscard]] std::int64_t in_features() const noexcept { return in_features_; }
  /// [out_features, in_features], as of the last ste_weight(); zeros before.
  [[nodiscard]] std::span<const float> values() const noexcept { return values_.span(); }
  /// The 4 bits behind values(), or nullptr where no format is given.
  [[nodiscard]] const PackedWeight* packed() const noexcept { return packed_ ? &*packed_ : nullptr; }

 private:
  friend Result<void> ste_weight(std::span<const float> w, SteWeight& q);

  SteWeight() = default;

  std::int64_t out_features_ = 0;
  std::int64_t in_features_ = 0;
  std::optional<PackedWeight> packed_;
  memory::HostArray<float> values_;
};

/// q = Q(w). The gradient of w is that of q.values(). Errors: those of quantize_packed().
[[nodiscard]] Result<void> ste_weight(std::span<const float> w, SteWeight& q);

/// y = x · Q(w)ᵀ + bias.
/// Shapes: x [m, in_features], bias [out_features] or empty, y [m, out_features]; y overlaps nothing.
/// Errors: invalid_argument (sizes, y over x).
[[nodiscard]] Result<void> linear_ste(const SteWeight& q, std::span<const float> x, std::span<const float> bias,
                                      std::span<float> y);

/// Where the gradients of a layer go; an empty one is not computed.
struct LinearGradients {
  std::span<float> x;     ///< [m, in_features], dy · Q(w), overwritten
  std::span<float> w;     ///< [out_features, in_features], += dyᵀ · x: straight through Q
  std::span<float> bias;  ///< [out_features], += the sum of the rows of dy
};

/// The way back. Shapes: x as given to linear_ste(), dy [m, out_features]; no gradient overlaps anything.
/// Errors: invalid_argument (sizes, a gradient over x or dy), and then nothing is written.
[[nodiscard]] Result<void> linear_ste_backward(const SteWeight& q, std::span<const float> x, std::span<const float> dy,
                                               const LinearGradients& gradients);

}  // namespace neuract::q4
