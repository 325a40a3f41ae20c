#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "neuract/memory/dtype.hpp"
#include "neuract/memory/layout.hpp"
#include "neuract/memory/result.hpp"

/// The header of a safetensors file: 8 bytes of length (little-endian), that many bytes of JSON, then the elements of
/// all tensors.
///
///   {"fc1.weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, "__metadata__": {"format": "pt"}}
///
/// Everything that the format demands is checked here, once, so that whoever has a header may trust it: offsets count
/// from the end of the header, lie inside the file, neither overlap nor leave holes, and fit dtype and shape; no name
/// comes twice. Source: the format's description at github.com/huggingface/safetensors.

namespace neuract::q4 {

/// An element type as the format names it. Types that no Tensor holds can be listed but not read.
struct SafetensorsDType {
  std::string_view name;
  std::uint8_t bits;
  std::optional<memory::DType> dtype;
};

/// nullptr for a name that the format does not have.
[[nodiscard]] const SafetensorsDType* safetensors_dtype(std::string_view name) noexcept;
/// The format's name of an element type; nullptr for u4, which it does not have.
[[nodiscard]] const SafetensorsDType* safetensors_dtype(memory::DType dtype) noexcept;

struct SafetensorsEntry {
  std::string name;
  const SafetensorsDType* type = nullptr;
  memory::Dims shape;
  std::uint64_t begin = 0;  ///< bytes of the file
  std::uint64_t end = 0;

  [[nodiscard]] std::uint64_t bytes() const noexcept { return end - begin; }
};

using SafetensorsMetadata = std::map<std::string, std::string>;

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;  ///< by name
  SafetensorsMetadata metadata;

  /// nullptr when there is none of that name.
  [[nodiscard]] const SafetensorsEntry* find(std::string_view name) const noexcept;
};

/// As the reference implementation has it.
inline constexpr std::uint64_t kMaxSafetensorsHeader = 100'000'000;
/// More dimensions than any library has; bounds what a hostile header can make us keep.
inline constexpr std::size_t kMaxSafetensorsRank = 64;

/// Errors: parse, naming the tensor and what is wrong with it.
[[nodiscard]] Result<SafetensorsHeader> parse_safetensors_header(std::span<const std::byte> file);

/// A name from a file, fit for one line of a message: in double quotes, control characters visible, cut when long.
[[nodiscard]] std::string in_quotes(std::string_view name);

}  // namespace neuract::q4
