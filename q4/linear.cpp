#include "neuract/q4/linear.hpp"

#include <algorithm>
#include <mutex>
#include <string_view>
#include <utility>
#include <variant>

#include "neuract/kernels/matmul.hpp"
#include "neuract/kernels/q4_dense.hpp"
#include "neuract/kernels/q4_spikes.hpp"
#include "neuract/q4/activations.hpp"
#include "neuract/q4/dispatcher.hpp"
#include "neuract/q4/session_state.hpp"
#include "neuract/q4/tiles.hpp"

namespace neuract::q4 {
namespace {

using kernels::SpikeBits;
using memory::ConstTensor;
using memory::DType;
using memory::HostArray;
using memory::Tensor;

/// Rows that are converted and computed at a time: enough for the batched kernels, and buffers that stay in the cache.
constexpr std::int64_t kRowsAtATime = 128;
constexpr std::int64_t kFewRows = 4;  // and more are many for kernels/q4_dense.hpp

/// Which numbers a weight has, for telling one from another after the first is gone.
struct Fingerprint {
  Format format = Format::nf4;
  std::uint32_t block = 0;
  float global = 0.0f;
  std::size_t codes = 0;
  std::size_t scales = 0;
  friend bool operator==(const Fingerprint&, const Fingerprint&) = default;
};

std::size_t hash_of(const ConstTensor& tensor) noexcept {
  return std::hash<std::string_view>()({reinterpret_cast<const char*>(tensor.data()), tensor.bytes()});
}

/// Of a weight that check() has found good.
Fingerprint fingerprint_of(const QuantizedWeight& weight) noexcept {
  return {weight.format, weight.block, weight.global, hash_of(weight.codes), hash_of(weight.scales)};
}

/// Tiles for kernels, row-major f32 for the fallback.
using Form = std::variant<PackedTiles, Tensor>;

/// A weight in the form of its backend.
struct Prepared {
  Diagnostics diagnostics;
  Fingerprint fingerprint;
  Form weight;

  [[nodiscard]] std::size_t bytes() const noexcept {
    return std::visit([](const auto& held) { return held.bytes(); }, weight);
  }
};

Result<Form> form_for(Backend backend, const QuantizedWeight& weight) {
  const auto as_form = [](auto held) { return Form(std::move(held)); };
  switch (backend) {
    case Backend::cpu_nf4:
    case Backend::cpu_nvfp4: return pack_tiles(weight).transform(as_form);
    case Backend::cpu_dequant_matmul: return dequantize(weight).transform(as_form);
    case Backend::cuda_nf4:
    case Backend::cuda_nvfp4:
    case Backend::cuda_dequant_matmul: break;
  }
  return fail(ErrorCode::unsupported, "its functions are not part of this version");
}

/// What a backend cannot do with this weight counts as a backend that is not there, and the dispatcher decides again.
Result<std::shared_ptr<const Prepared>> prepare(const QuantizedWeight& weight, const detail::SessionState& session) {
  Capability capability = session.capability();
  for (;;) {
    NEURACT_TRY_ASSIGN(Decision decision, decide(weight.format, session.config().policy, capability));
    auto form = form_for(decision.backend, weight);
    if (!form && form.error().code == ErrorCode::unsupported) {
      capability[decision.backend] = {false, form.error().to_string()};
      continue;
    }
    if (!form) return Unexpected(std::move(form).error());
    return std::make_shared<const Prepared>(Prepared{{weight.format, decision.backend, decision.compute_path,
                                                      std::move(decision.fallback_reason), capability.native},
                                                     fingerprint_of(weight),
                                                     *std::move(form)});
  }
}

Error ended() {
  return {ErrorCode::cancelled, "the session of this layer has ended, and the layer's weight with it", {}};
}

}  // namespace

namespace detail {

/// What the session owns of a layer.
class LinearState {
 public:
  LinearState(std::int64_t in_features, std::int64_t out_features, HostArray<float> bias,
              std::shared_ptr<BufferPool> buffers)
      : in_features_(in_features), out_features_(out_features), bias_(std::move(bias)), buffers_(std::move(buffers)) {}

  Result<void> prepare_weight(QuantizedWeight weight, const SessionState& session, bool replace) {
    if (weight.out_features != out_features_ || weight.in_features != in_features_)
      return fail(ErrorCode::invalid_argument, "the weight is [", weight.out_features, ", ", weight.in_features,
                  "]; expected [", out_features_, ", ", in_features_, "], as the layer was created");
    NEURACT_TRY(check(weight));
    std::shared_ptr<const Prepared> next;
    {
      const std::lock_guard one_at_a_time(preparing_);
      if (const auto present = prepared(); present != nullptr && !replace) {
        if (fingerprint_of(weight) == present->fingerprint) return {};
        return fail(ErrorCode::already_exists,
                    "another weight is prepared in this layer already; replace_weight takes a new one");
      }
      NEURACT_TRY_ASSIGN(next, prepare(weight, session));
      weight = {};
      const std::lock_guard lock(mutex_);
      prepared_ = next;
    }
    if (session.config().on_diagnostics) session.config().on_diagnostics(next->diagnostics);
    return {};
  }

  [[nodiscard]] std::shared_ptr<const Prepared> prepared() const {
    const std::lock_guard lock(mutex_);
    return prepared_;
  }

  Result<void> forward(const ConstTensor& x, const Tensor& y) const {
    NEURACT_TRY_ASSIGN(const auto weight, weight_or_error());
    NEURACT_TRY_ASSIGN(const Matrix mx, matrix_of(x, "x", in_features_));
    NEURACT_TRY_ASSIGN(const Matrix my, matrix_of(y, "y", out_features_));
    NEURACT_TRY(check_pair(x, mx, y, my));
    const bool convert = mx.dtype != DType::f32;
    return in_chunks(my, convert, [&](std::int64_t first, std::int64_t rows, float* buffer, float* to, std::size_t ld) {
      if (convert) to_f32(mx, first, rows, buffer);
      const float* const from = convert ? buffer : reinterpret_cast<const float*>(mx.row(first));
      multiply(*weight, from, static_cast<std::size_t>(convert ? mx.columns : mx.stride), rows, to, ld);
    });
  }

  Result<void> forward_spikes(const SpikeBits& x, const Tensor& y) const {
    NEURACT_TRY_ASSIGN(const auto weight, weight_or_error());
    NEURACT_TRY(check_spikes(x, in_features_));
    NEURACT_TRY_ASSIGN(const Matrix my, matrix_of(y, "y", out_features_));
    NEURACT_TRY(check_pair(x, in_features_, y, my));
    const auto* const tiles = std::get_if<PackedTiles>(&weight->weight);
    return in_chunks(my, tiles == nullptr,
                     [&](std::int64_t first, std::int64_t rows, float* buffer, float* to, std::size_t ld) {
                       const SpikeBits part{x.words + static_cast<std::size_t>(first) * x.stride,
                                            static_cast<std::uint32_t>(rows), x.stride};
                       if (tiles != nullptr) return multiply(*tiles, part, to, ld);
                       to_f32(part, in_features_, 0, rows, buffer);
                       multiply(*weight, buffer, static_cast<std::size_t>(in_features_), rows, to, ld);
                     });
  }

 private:
  [[nodiscard]] Result<std::shared_ptr<const Prepared>> weight_or_error() const {
    auto weight = prepared();
    if (weight == nullptr)
      return fail(ErrorCode::not_found, "no weight is prepared in this layer; prepare_weight comes before forward");
    return weight;
  }

  void multiply(const Prepared& prepared, const float* x, std::size_t ldx, std::int64_t rows, float* y,
                std::size_t ldy) const noexcept {
    const auto m = static_cast<std::uint32_t>(rows);
    if (const auto* tiles = std::get_if<PackedTiles>(&prepared.weight)) {
      if (const auto* nf4 = std::get_if<kernels::Nf4Tiles>(&tiles->view()))
        kernels::dense_nf4(*nf4, x, m, ldx, y, ldy);
      else
        kernels::dense_nvfp4(*std::get_if<kernels::Nvfp4Tiles>(&tiles->view()), x, m, ldx, y, ldy);
      return;
    }
    const auto k = static_cast<std::size_t>(in_features_);
    const auto* w = reinterpret_cast<const float*>(std::get_if<Tensor>(&prepared.weight)->data());
    kernels::matmul(x, ldx, w, k, y, ldy, m, static_cast<std::size_t>(out_features_), k);
  }

  static void multiply(const PackedTiles& tiles, const SpikeBits& x, float* y, std::size_t ldy) noexcept {
    if (const auto* nf4 = std::get_if<kernels::Nf4Tiles>(&tiles.view()))
      kernels::spikes_nf4(*nf4, x, y, ldy);
    else
      kernels::spikes_nvfp4(*std::get_if<kernels::Nvfp4Tiles>(&tiles.view()), x, y, ldy);
  }

  /// Calls compute(first row, rows, buffer for the rows of x as f32, where the result goes, its stride), then adds the
  /// bias and converts: all rows at once where neither side needs a buffer.
  template <class Compute>
  Result<void> in_chunks(const Matrix& y, bool buffer_x, const Compute& compute) const {
    const bool buffer_y = y.dtype != DType::f32;
    const std::int64_t step = buffer_x || buffer_y ? std::min(y.rows, kRowsAtATime) : y.rows;
    if (step == 0) return {};
    const auto x_floats = static_cast<std::size_t>(buffer_x ? (step * in_features_ + 15) / 16 * 16 : 0);
    const auto y_floats = static_cast<std::size_t>(buffer_y ? step * out_features_ : 0);
    std::optional<BufferPool::Lease> lease;
    if (x_floats + y_floats > 0) {
      NEURACT_TRY_ASSIGN(lease, buffers_->borrow(x_floats + y_floats));
    }
    float* const buffer = lease ? lease->data() : nullptr;
    for (std::int64_t first = 0, rows = 0; first < y.rows; first += rows) {
      rows = std::min(step, y.rows - first);
      // A few rows are computed in another way than many: no part is so small unless all there are is.
      if (const std::int64_t rest = y.rows - first - rows; rest > 0 && rest < kFewRows) rows -= kFewRows;
      float* const to = buffer_y ? buffer + x_floats : reinterpret_cast<float*>(y.row(first));
      const auto stride = static_cast<std::size_t>(buffer_y ? y.columns : y.stride);
      compute(first, rows, buffer, to, stride);
      add_bias(to, stride, rows);
      if (buffer_y) from_f32(to, y, first, rows);
    }
    return {};
  }

  void add_bias(float* y, std::size_t stride, std::int64_t rows) const noexcept {
    if (bias_.empty()) return;
    for (std::int64_t r = 0; r < rows; ++r, y += stride)
      for (std::size_t o = 0; o < bias_.size(); ++o) y[o] += bias_[o];
  }

  const std::int64_t in_features_;
  const std::int64_t out_features_;
  const HostArray<float> bias_;
  const std::shared_ptr<BufferPool> buffers_;
  std::mutex preparing_;
  mutable std::mutex mutex_;  // of prepared_
  std::shared_ptr<const Prepared> prepared_;
};

namespace {

Result<HostArray<float>> copy_bias(const std::optional<ConstTensor>& bias, std::int64_t out_features) {
  if (!bias) return HostArray<float>();
  if (bias->rank() != 1)
    return fail(ErrorCode::invalid_argument, "the bias has shape ", memory::to_string(bias->shape()), "; expected [",
                out_features, "]");
  NEURACT_TRY_ASSIGN(const Matrix from, matrix_of(*bias, "the bias", out_features));
  NEURACT_TRY_ASSIGN(auto copy, HostArray<float>::zeros(static_cast<std::size_t>(out_features)));
  if (from.dtype == DType::f32)
    std::copy_n(reinterpret_cast<const float*>(from.data), copy.size(), copy.data());
  else
    to_f32(from, 0, 1, copy.data());
  return copy;
}

}  // namespace
}  // namespace detail

Result<Q4Linear> Q4Linear::create(const Q4Session& session, std::int64_t in_features, std::int64_t out_features,
                                  const std::optional<ConstTensor>& bias) {
  constexpr std::int64_t kMost = std::int64_t{1} << 30;
  if (in_features < 1 || out_features < 1 || in_features > kMost || out_features > kMost)
    return fail(ErrorCode::invalid_argument, "a layer with ", in_features, " inputs and ", out_features,
                " outputs; expected 1 to ", kMost, " of each");
  NEURACT_TRY_ASSIGN(auto copy, detail::copy_bias(bias, out_features));
  auto state =
      std::make_shared<detail::LinearState>(in_features, out_features, std::move(copy), session.state_->buffers());
  session.state_->keep(state);
  return Q4Linear(session, state, in_features, out_features);
}

Q4Linear::Q4Linear(const Q4Session& session, const std::shared_ptr<detail::LinearState>& state,
                   std::int64_t in_features, std::int64_t out_features)
    : session_(session.state_), state_(state), in_features_(in_features), out_features_(out_features) {}

Q4Linear& Q4Linear::operator=(Q4Linear&& other) noexcept {
  if (this != &other) {
    release();
    session_ = std::move(other.session_);
    state_ = std::move(other.state_);
    in_features_ = other.in_features_;
    out_features_ = other.out_features_;
  }
  return *this;
}

Q4Linear::~Q4Linear() { release(); }

void Q4Linear::release() noexcept {
  const auto session = session_.lock();
  const auto state = state_.lock();
  if (session != nullptr && state != nullptr) session->release(state);
}

Result<void> Q4Linear::prepare_weight(QuantizedWeight weight) {
  const auto session = session_.lock();
  const auto state = state_.lock();
  if (session == nullptr || state == nullptr) return ended();
  return state->prepare_weight(std::move(weight), *session, false);
}

Result<void> Q4Linear::replace_weight(QuantizedWeight weight) {
  const auto session = session_.lock();
  const auto state = state_.lock();
  if (session == nullptr || state == nullptr) return ended();
  return state->prepare_weight(std::move(weight), *session, true);
}

Result<void> Q4Linear::forward(const ConstTensor& x, const Tensor& y) const {
  const auto state = state_.lock();
  return state == nullptr ? ended() : state->forward(x, y);
}

Result<void> Q4Linear::forward_spikes(const SpikeBits& x, const Tensor& y) const {
  const auto state = state_.lock();
  return state == nullptr ? ended() : state->forward_spikes(x, y);
}

Result<Diagnostics> Q4Linear::diagnostics() const {
  const auto state = state_.lock();
  if (state == nullptr) return ended();
  const auto prepared = state->prepared();
  if (prepared == nullptr) return fail(ErrorCode::not_found, "no weight is prepared in this layer");
  return prepared->diagnostics;
}

std::size_t Q4Linear::weight_bytes() const noexcept {
  const auto state = state_.lock();
  const auto prepared = state == nullptr ? nullptr : state->prepared();
  return prepared == nullptr ? 0 : prepared->bytes();
}

}  // namespace neuract::q4
