#pragma once

#include <cstddef>
#include <cstdint>
#include <variant>

#include "neuract/kernels/q4_tiles.hpp"
#include "neuract/memory/host_array.hpp"
#include "neuract/memory/result.hpp"
#include "neuract/q4/format.hpp"
#include "neuract/q4/weight.hpp"

/// From the order of checkpoints, output by output, to that of the kernels (kernels/q4_tiles.hpp), input by input. No
/// weight is rounded on the way.

namespace neuract::q4 {

/// A weight as the CPU kernels read it, with its memory: 0.5625 bytes a weight (NF4) or 0.625 (NVFP4) and a little for
/// the last tile. Move-only; views stay good when it moves.
class PackedTiles {
 public:
  using View = std::variant<kernels::Nf4Tiles, kernels::Nvfp4Tiles>;

  [[nodiscard]] Format format() const noexcept {
    return std::holds_alternative<kernels::Nf4Tiles>(view_) ? Format::nf4 : Format::nvfp4;
  }
  [[nodiscard]] const View& view() const noexcept { return view_; }
  [[nodiscard]] std::size_t bytes() const noexcept {
    return codes_.bytes() + absmax_.bytes() + multiples_.bytes() + units_.bytes();
  }

 private:
  friend Result<PackedTiles> pack_tiles(const QuantizedWeight& weight, std::int64_t first, std::int64_t count);

  memory::HostArray<std::uint8_t> codes_;
  memory::HostArray<float> absmax_;             ///< NF4
  memory::HostArray<std::uint16_t> multiples_;  ///< NVFP4: the scales in units
  memory::HostArray<float> units_;              ///< NVFP4
  View view_;
};

/// All outputs of `weight`, or the outputs first … first + count - 1, which then are the tiles' outputs 0 … count - 1.
///
/// NF4 blocks run over the flattened tensor. In tiles a block is the largest power of two, at most 64, that divides
/// both the weight's block and its number of inputs, with scales repeated where it is the shorter one. NVFP4 scales
/// become multiples of the largest power of two that divides all of their output.
///
/// Errors: those of check(); invalid_argument (outputs that do not exist; a scale that is not a number); out_of_memory;
/// unsupported, with the reason, for weights that tiles cannot hold: NF4 blocks below 16 (inputs that are no multiple of
/// 16) or scales from 2^90, NVFP4 scales that are negative or of one output too far apart for exact sums.
[[nodiscard]] Result<PackedTiles> pack_tiles(const QuantizedWeight& weight, std::int64_t first, std::int64_t count);
[[nodiscard]] Result<PackedTiles> pack_tiles(const QuantizedWeight& weight);

}  // namespace neuract::q4
