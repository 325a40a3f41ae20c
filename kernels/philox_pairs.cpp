#include "neuract/kernels/philox_pairs.hpp"

#include "neuract/kernels/isa_variants.hpp"
#include "neuract/kernels/philox.hpp"

#if NEURACT_X86_VARIANTS || defined(__SSE2__)
#include <immintrin.h>
#endif

#define NEURACT_KERNELS "neuract/kernels/philox_pairs.inl"
#include "neuract/kernels/for_each_isa.inl"

namespace neuract::kernels {

void philox_pairs(std::uint64_t key, const std::uint32_t* c0, const std::uint32_t* c1, const std::uint32_t* c2,
                  std::size_t n, std::uint32_t* first, std::uint32_t* second) noexcept {
  NEURACT_SELECT(active_isa(), philox_pairs)(key, c0, c1, c2, n, first, second);
}

}  // namespace neuract::kernels
