#include "neuract/snn/random.hpp"

#include "neuract/kernels/philox.hpp"

namespace neuract::snn {

static_assert(Stream::kGroup == kernels::kPhiloxGroupWords);

Stream::Stream(std::uint64_t seed, Purpose purpose, std::uint32_t entity, std::uint32_t item) noexcept {
  // The key is itself a draw, so that streams of neighbouring seeds, entities and items have nothing in common.
  const auto block = kernels::philox_block(seed, static_cast<std::uint32_t>(purpose), entity, item, 0x6b657973u);
  key_ = block[0] | (static_cast<std::uint64_t>(block[1]) << 32);
}

void Stream::fill(std::uint32_t* out, std::size_t groups, std::uint32_t first_group, std::uint32_t c1, std::uint32_t c2,
                  std::uint32_t c3) const noexcept {
  constexpr auto blocks = static_cast<std::uint32_t>(kernels::kPhiloxGroupBlocks);
  kernels::philox_fill(out, groups * blocks, key_, c1, c2, c3, first_group * blocks);
}

std::array<std::uint32_t, 4> Stream::block(std::uint32_t index, std::uint32_t c1, std::uint32_t c2,
                                           std::uint32_t c3) const noexcept {
  return kernels::philox_block(key_, index, c1, c2, c3);
}

std::uint32_t Stream::word(std::uint64_t index, std::uint32_t c1, std::uint32_t c2, std::uint32_t c3) const noexcept {
  const std::uint64_t in_group = index % kernels::kPhiloxGroupWords;
  const std::uint64_t number =
      index / kernels::kPhiloxGroupWords * kernels::kPhiloxGroupBlocks + in_group % kernels::kPhiloxGroupBlocks;
  return block(static_cast<std::uint32_t>(number), c1, c2, c3)[in_group / kernels::kPhiloxGroupBlocks];
}

}  // namespace neuract::snn
