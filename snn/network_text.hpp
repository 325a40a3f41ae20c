#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "neuract/snn/spec.hpp"

/// A specification as text that two runs can compare: a checkpoint belongs to a network when their texts are the same.
namespace neuract::snn {

/// Everything that determines what a network does and what is recorded of it, a fact a line, as "name = value\n":
/// numbers as the shortest text that reads back the same, long arrays by length and checksum. Left out is what a
/// continued run may change: the duration, the run guard, and how synapses are kept.
[[nodiscard]] std::string network_text(const NetworkSpec& spec);

/// The first fact that two texts do not share, as a phrase: `population "E", n: 100 in the checkpoint, 200 in the
/// network`. Nothing when the texts are the same.
[[nodiscard]] std::optional<std::string> first_difference(std::string_view checkpoint, std::string_view network);

/// CRC-32 of zlib, continued from `before`.
[[nodiscard]] std::uint32_t checksum(std::span<const std::byte> bytes, std::uint32_t before = 0) noexcept;

}  // namespace neuract::snn
