#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "neuract/kernels/q4_tiles.hpp"
#include "neuract/memory/result.hpp"
#include "neuract/memory/tensor.hpp"
#include "neuract/q4/diagnostics.hpp"
#include "neuract/q4/session.hpp"
#include "neuract/q4/weight.hpp"

namespace neuract::q4 {

namespace detail {
class LinearState;
}

/// y = x · Wᵀ + bias, W [out_features, in_features] in 4 bits.
///
/// The weight is prepared once, by the backend that the session's policy leads to, and then serves any number of
/// forwards. What it needs belongs to the session: see there what happens when that ends first.
///
/// Threads: all functions may be called by several threads at once. Move-only.
/// Numerics: products and sums in f32, the bias added in f32, one rounding to the type of y. Spikes through kernels give
/// the same bits on every CPU; see kernels/q4_spikes.hpp, kernels/q4_dense.hpp and kernels/matmul.hpp.
class Q4Linear {
 public:
  /// `bias`, [out_features] in f32, f16 or bf16, is copied. Errors: invalid_argument (sizes below 1, the bias).
  [[nodiscard]] static Result<Q4Linear> create(const Q4Session& session, std::int64_t in_features,
                                               std::int64_t out_features,
                                               const std::optional<memory::ConstTensor>& bias = std::nullopt);

  Q4Linear(Q4Linear&& other) noexcept = default;
  Q4Linear& operator=(Q4Linear&& other) noexcept;
  ~Q4Linear();

  [[nodiscard]] std::int64_t in_features() const noexcept { return in_features_; }
  [[nodiscard]] std::int64_t out_features() const noexcept { return out_features_; }

  /// Brings the weight into the backend's own form and lets go of `weight`: whoever moved it in has freed it, and
  /// nothing is in memory twice. Of several calls at once one does the work and all see it done; later ones with the
  /// same numbers change nothing.
  /// Errors: already_exists (another weight is prepared), invalid_argument (the shape; those of check()), those of
  /// decide(), out_of_memory, cancelled.
  Result<void> prepare_weight(QuantizedWeight weight);

  /// The same in place of the weight that is there, if one is. Forwards that are under way finish with the old one, and
  /// on an error it stays; until the new one is ready, both are in memory.
  Result<void> replace_weight(QuantizedWeight weight);

  /// Shapes: x [M, in_features] and y [M, out_features], or [in_features] and [out_features]; f32, f16 or bf16 each.
  /// Rows are contiguous, any distance apart. M may be 0. y must not overlap x, gaps between rows included.
  /// Errors, before anything is computed: not_found (no weight is prepared), invalid_argument (rank, shape, type,
  /// strides, alignment, memory that the backend does not reach, overlap), cancelled. Then: out_of_memory (buffers).
  Result<void> forward(const memory::ConstTensor& x, const memory::Tensor& y) const;

  /// The same for x of zeros and ones; x.rows is M. Bits past in_features must be zero.
  Result<void> forward_spikes(const kernels::SpikeBits& x, const memory::Tensor& y) const;

  /// How the prepared weight computes. Errors: not_found, cancelled.
  [[nodiscard]] Result<Diagnostics> diagnostics() const;
  /// What the prepared weight takes; 0 when there is none.
  [[nodiscard]] std::size_t weight_bytes() const noexcept;

 private:
  Q4Linear(const Q4Session& session, const std::shared_ptr<detail::LinearState>& state, std::int64_t in_features,
           std::int64_t out_features);
  void release() noexcept;

  std::weak_ptr<detail::SessionState> session_;
  std::weak_ptr<detail::LinearState> state_;
  std::int64_t in_features_ = 0;
  std::int64_t out_features_ = 0;
};

}  // namespace neuract::q4
