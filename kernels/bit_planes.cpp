#include "neuract/kernels/bit_planes.hpp"

#include "neuract/kernels/isa_variants.hpp"
#if NEURACT_X86_VARIANTS
#include <immintrin.h>
#endif

namespace neuract::kernels {
namespace {

constexpr std::size_t kMostRowsFetched = 192;  // they wait in the second-level cache

/// Byte i of an entry is bit i of its index.
struct SpreadTable {
  std::uint64_t bytes[256];
};
constexpr SpreadTable make_spread_table() {
  SpreadTable table{};
  for (std::uint64_t index = 0; index < 256; ++index) {
    for (std::uint32_t i = 0; i < 8; ++i) table.bytes[index] |= ((index >> i) & 1u) << (8 * i);
  }
  return table;
}
[[maybe_unused]] constexpr SpreadTable kSpread = make_spread_table();

}  // namespace
}  // namespace neuract::kernels

#define NEURACT_KERNELS "neuract/kernels/bit_planes.inl"
#include "neuract/kernels/for_each_isa.inl"

namespace neuract::kernels {

const BitPlaneKernels& bit_plane_kernels() noexcept { return NEURACT_SELECT(active_isa(), kBitPlaneKernels); }

}  // namespace neuract::kernels
