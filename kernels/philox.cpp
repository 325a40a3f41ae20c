#include "neuract/kernels/philox.hpp"

#include <Random123/philox.h>

#include "neuract/kernels/isa_variants.hpp"

#if NEURACT_X86_VARIANTS || defined(__SSE2__)
#include <immintrin.h>
#endif

#define NEURACT_KERNELS "neuract/kernels/philox.inl"
#include "neuract/kernels/for_each_isa.inl"

namespace neuract::kernels {

std::array<std::uint32_t, 4> philox_block(std::uint64_t key, std::uint32_t c0, std::uint32_t c1, std::uint32_t c2,
                                          std::uint32_t c3) noexcept {
  const philox4x32_ctr_t counter = {{c0, c1, c2, c3}};
  const philox4x32_key_t words = {{static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32)}};
  const philox4x32_ctr_t block = philox4x32(counter, words);
  return {block.v[0], block.v[1], block.v[2], block.v[3]};
}

void philox_fill(std::uint32_t* out, std::size_t n_blocks, std::uint64_t key, std::uint32_t c1, std::uint32_t c2,
                 std::uint32_t c3, std::uint32_t first_block) noexcept {
  NEURACT_SELECT(active_isa(), philox_fill)(out, n_blocks, key, c1, c2, c3, first_block);
}

}  // namespace neuract::kernels
