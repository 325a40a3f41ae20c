#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "neuract/memory/dtype.hpp"
#include "neuract/memory/layout.hpp"

/// What bitsandbytes stores beside the arrays of an NF4 weight: a u8 tensor that holds JSON.
///
///   {"quant_type": "nf4", "blocksize": 64, "dtype": "bfloat16", "shape": [11008, 4096],
///    "nested_blocksize": 256, "nested_dtype": "float32", "nested_offset": 0.0443}
namespace neuract::q4 {

struct QuantState {
  memory::Dims shape;
  std::uint32_t block = 64;
  memory::DType dtype = memory::DType::f32;  ///< what the weight was before: f32, f16 or bf16

  struct Nested {
    std::uint32_t block = 256;
    float offset = 0.0f;
  };
  std::optional<Nested> nested;
};

/// One thing that is wrong, without saying where.
struct QuantStateFault {
  std::string expected;
  std::string found;
};

/// Everything that is wrong goes into `faults`; what is returned then counts for nothing.
[[nodiscard]] QuantState parse_quant_state(std::string_view json, std::vector<QuantStateFault>& faults);

/// Every text has so many bytes, filled up with spaces: the size of a file is known before its numbers are.
inline constexpr std::size_t kQuantStateBytes = 256;
[[nodiscard]] std::string quant_state_text(const QuantState& state);

}  // namespace neuract::q4
