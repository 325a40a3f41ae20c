#include "neuract/q4/training.hpp"

#include <algorithm>
#include <functional>
#include <string_view>

#include "neuract/kernels/matmul.hpp"
#include "neuract/q4/nf4.hpp"
#include "neuract/q4/nvfp4.hpp"

namespace neuract::q4 {
namespace {

using memory::Tensor;

Result<void> check_count(std::string_view what, std::size_t found, std::size_t rows, std::size_t columns) {
  if (found == rows * columns) return {};
  return fail(ErrorCode::invalid_argument, what, " has ", found, " elements; expected ", rows * columns, " for [", rows,
              ", ", columns, "]");
}

Result<void> check_size(std::string_view what, std::size_t found, const QuantizedWeight& weight) {
  return check_count(what, found, static_cast<std::size_t>(weight.out_features),
                     static_cast<std::size_t>(weight.in_features));
}

/// The extents of a product; rows follow from x.
struct Extents {
  std::size_t m, n, k;
};

Result<Extents> extents_of(const SteWeight& q, std::span<const float> x) {
  const auto n = static_cast<std::size_t>(q.out_features());
  const auto k = static_cast<std::size_t>(q.in_features());
  if (x.size() % k != 0)
    return fail(ErrorCode::invalid_argument, "x has ", x.size(), " elements, which are no whole rows of ", k);
  return Extents{x.size() / k, n, k};
}

/// `written` would change while `read` still is.
Result<void> check_apart(std::string_view what, std::span<const float> written, std::string_view other,
                         std::span<const float> read) {
  const std::less<> before;
  if (written.empty() || read.empty() || !before(written.data(), read.data() + read.size()) ||
      !before(read.data(), written.data() + written.size()))
    return {};
  return fail(ErrorCode::invalid_argument, what, " overlaps ", other, " in memory; expected an array of its own");
}

}  // namespace

Result<PackedWeight> PackedWeight::create(Format format, std::int64_t out_features, std::int64_t in_features,
                                          std::uint32_t block) {
  PackedWeight packed;
  QuantizedWeight& weight = packed.weight_;
  weight.format = format;
  weight.out_features = out_features;
  weight.in_features = in_features;
  weight.block = block == 0 ? traits_of(format).block : block;
  NEURACT_TRY_ASSIGN(const std::int64_t elements, memory::element_count({out_features, in_features}));
  const auto n = static_cast<std::size_t>(elements);
  // A block of another size than the format's is reported by check(), which needs no more than one to divide by.
  const std::size_t blocks = block_count(n, std::max<std::uint32_t>(weight.block, 1));
  NEURACT_TRY_ASSIGN(packed.codes_, Tensor::zeros(memory::DType::u8, {static_cast<std::int64_t>(code_bytes(n))}));
  NEURACT_TRY_ASSIGN(packed.scales_, Tensor::zeros(traits_of(format).scale, {static_cast<std::int64_t>(blocks)}));
  weight.codes = packed.codes_;
  weight.scales = packed.scales_;
  NEURACT_TRY(check(weight));
  return packed;
}

Result<void> quantize_packed(std::span<const float> w, PackedWeight& packed) {
  QuantizedWeight& weight = packed.weight_;
  NEURACT_TRY(check_size("w", w.size(), weight));
  NEURACT_TRY_ASSIGN(const auto codes, packed.codes_.span<std::uint8_t>());
  if (weight.format == Format::nf4) {
    NEURACT_TRY_ASSIGN(const auto absmax, packed.scales_.span<float>());
    return nf4::quantize(w, weight.block, codes, absmax);
  }
  NEURACT_TRY_ASSIGN(const auto scales, packed.scales_.span<Float8E4M3>());
  NEURACT_TRY_ASSIGN(weight.global, nvfp4::quantize(w, codes, scales));
  return {};
}

Result<void> dequantize_packed(const PackedWeight& packed, std::span<float> w) {
  NEURACT_TRY(check_size("w", w.size(), packed.weight()));
  return dequantize_part(packed.weight(), 0, w);
}

Result<SteWeight> SteWeight::create(std::int64_t out_features, std::int64_t in_features, std::optional<Format> format,
                                    std::uint32_t block) {
  if (out_features < 1 || in_features < 1)
    return fail(ErrorCode::invalid_argument, "a layer of ", out_features, " outputs and ", in_features,
                " inputs; expected at least one of each");
  NEURACT_TRY_ASSIGN(const std::int64_t n, memory::element_count({out_features, in_features}));
  SteWeight q;
  q.out_features_ = out_features;
  q.in_features_ = in_features;
  if (format) {
    NEURACT_TRY_ASSIGN(q.packed_, PackedWeight::create(*format, out_features, in_features, block));
  }
  NEURACT_TRY_ASSIGN(q.values_, memory::HostArray<float>::zeros(static_cast<std::size_t>(n)));
  return q;
}

Result<void> ste_weight(std::span<const float> w, SteWeight& q) {
  if (q.packed_) {
    NEURACT_TRY(quantize_packed(w, *q.packed_));
    return dequantize_packed(*q.packed_, q.values_.span());
  }
  NEURACT_TRY(
      check_count("w", w.size(), static_cast<std::size_t>(q.out_features_), static_cast<std::size_t>(q.in_features_)));
  std::copy(w.begin(), w.end(), q.values_.begin());
  return {};
}

Result<void> linear_ste(const SteWeight& q, std::span<const float> x, std::span<const float> bias, std::span<float> y) {
  NEURACT_TRY_ASSIGN(const Extents extents, extents_of(q, x));
  const auto [m, n, k] = extents;
  NEURACT_TRY(check_count("y", y.size(), m, n));
  if (!bias.empty()) NEURACT_TRY(check_count("bias", bias.size(), 1, n));
  NEURACT_TRY(check_apart("y", y, "x", x));
  kernels::matmul(x.data(), k, q.values().data(), k, y.data(), n, m, n, k);
  if (bias.empty()) return {};
  for (std::size_t row = 0; row < m; ++row)
    for (std::size_t j = 0; j < n; ++j) y[row * n + j] += bias[j];
  return {};
}

Result<void> linear_ste_backward(const SteWeight& q, std::span<const float> x, std::span<const float> dy,
                                 const LinearGradients& gradients) {
  NEURACT_TRY_ASSIGN(const Extents extents, extents_of(q, x));
  const auto [m, n, k] = extents;
  NEURACT_TRY(check_count("dy", dy.size(), m, n));
  if (!gradients.x.empty()) NEURACT_TRY(check_count("the gradient of x", gradients.x.size(), m, k));
  if (!gradients.w.empty()) NEURACT_TRY(check_count("the gradient of w", gradients.w.size(), n, k));
  if (!gradients.bias.empty()) NEURACT_TRY(check_count("the gradient of bias", gradients.bias.size(), 1, n));
  for (const std::span<float> gradient : {gradients.x, gradients.w, gradients.bias}) {
    NEURACT_TRY(check_apart("a gradient", gradient, "x", x));
    NEURACT_TRY(check_apart("a gradient", gradient, "dy", dy));
  }

  if (!gradients.x.empty())
    kernels::matmul_input_gradient(dy.data(), n, q.values().data(), k, gradients.x.data(), k, m, n, k);
  if (!gradients.w.empty()) kernels::matmul_weight_gradient(dy.data(), n, x.data(), k, gradients.w.data(), k, m, n, k);
  if (!gradients.bias.empty())
    for (std::size_t row = 0; row < m; ++row)
      for (std::size_t j = 0; j < n; ++j) gradients.bias[j] += dy[row * n + j];
  return {};
}

}  // namespace neuract::q4
