#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "neuract/memory/result.hpp"
#include "neuract/memory/tensor.hpp"
#include "neuract/q4/format.hpp"

namespace neuract::q4 {

/// The weight of a linear layer, [out_features, in_features] row-major, in 4 bits, as checkpoints have it: in host
/// memory, packed by the format's own nibble order, blocks over the flattened tensor (NF4) or along the input (NVFP4).
/// A handle: copying shares the arrays, which may be a mapped file.
struct QuantizedWeight {
  Format format = Format::nf4;
  std::int64_t out_features = 0;
  std::int64_t in_features = 0;
  std::uint32_t block = 64;    ///< elements that share a scale
  memory::ConstTensor codes;   ///< u8[ceil(n/2)], n = out_features · in_features
  memory::ConstTensor scales;  ///< NF4: f32[ceil(n/block)], absmax; NVFP4: f8_e4m3[n/16]
  float global = 1.0f;         ///< NVFP4: w = e2m1 · scale · global

  [[nodiscard]] std::int64_t size() const noexcept { return out_features * in_features; }
  [[nodiscard]] std::size_t bytes() const noexcept { return codes.bytes() + scales.bytes(); }
};

/// Whether shapes, types and sizes fit each other and the CPU can reach the arrays.
/// Errors: invalid_argument, naming what was found and what the shape asks for.
[[nodiscard]] Result<void> check(const QuantizedWeight& weight);

/// Row-major [out_features, in_features], each element its true value in f32, rounded to nearest for f16 and bf16.
/// Errors: those of check(); invalid_argument (another type; an E4M3 scale that is NaN); out_of_memory.
[[nodiscard]] Result<memory::Tensor> dequantize(const QuantizedWeight& weight, memory::DType as = memory::DType::f32);

/// Elements first … first + x.size() of the flattened weight, which has passed check(): whole blocks, but for the last.
/// Errors: invalid_argument (not whole blocks; an E4M3 scale that is NaN).
[[nodiscard]] Result<void> dequantize_part(const QuantizedWeight& weight, std::size_t first, std::span<float> x);

/// From row-major f32, f16 or bf16 [out_features, in_features]. `block` 0 = the format's own.
/// Errors: invalid_argument (rank, dtype, block, sizes the format does not have, an element that is not finite).
[[nodiscard]] Result<QuantizedWeight> quantize(const memory::ConstTensor& weight, Format format,
                                               std::uint32_t block = 0);

}  // namespace neuract::q4
