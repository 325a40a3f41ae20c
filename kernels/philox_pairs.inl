#include "neuract/kernels/philox.inl"

namespace neuract::kernels::NEURACT_ISA {

constexpr std::size_t kPairLanes = sizeof(Lanes) / sizeof(std::uint64_t);

typedef std::uint32_t HalfLanes __attribute__((vector_size(sizeof(Lanes) / 2)));

[[gnu::always_inline]] static inline Lanes widen(const std::uint32_t* words) noexcept {
  HalfLanes half;
  __builtin_memcpy(&half, words, sizeof half);
  return __builtin_convertvector(half, Lanes);
}

[[gnu::always_inline]] static inline void narrow(Lanes lanes, std::uint32_t* words) noexcept {
  const HalfLanes half = __builtin_convertvector(lanes, HalfLanes);
  __builtin_memcpy(words, &half, sizeof half);
}

/// 2 · kPairLanes blocks.
[[gnu::always_inline]] static inline void pair_blocks(std::uint64_t key, const std::uint32_t* c0,
                                                      const std::uint32_t* c1, const std::uint32_t* c2,
                                                      std::uint32_t* first, std::uint32_t* second) noexcept {
  BlockLanes x{
      widen(c0), widen(c1), widen(c2), Lanes{}, widen(c0 + kPairLanes), widen(c1 + kPairLanes), widen(c2 + kPairLanes),
      Lanes{}};
  philox_rounds(x, key);
  narrow(x.a0, first);
  narrow(x.b0, first + kPairLanes);
  narrow(x.a1, second);
  narrow(x.b1, second + kPairLanes);
}

static void philox_pairs(std::uint64_t key, const std::uint32_t* c0, const std::uint32_t* c1, const std::uint32_t* c2,
                         std::size_t n, std::uint32_t* first, std::uint32_t* second) noexcept {
  constexpr std::size_t kBlocks = 2 * kPairLanes;
  std::size_t i = 0;
  for (; i + kBlocks <= n; i += kBlocks) pair_blocks(key, c0 + i, c1 + i, c2 + i, first + i, second + i);
  if (i == n) return;
  std::uint32_t counters[3][kBlocks] = {};
  std::uint32_t words[2][kBlocks];
  for (std::size_t k = 0; k < n - i; ++k) {
    counters[0][k] = c0[i + k];
    counters[1][k] = c1[i + k];
    counters[2][k] = c2[i + k];
  }
  pair_blocks(key, counters[0], counters[1], counters[2], words[0], words[1]);
  for (std::size_t k = 0; k < n - i; ++k) {
    first[i + k] = words[0][k];
    second[i + k] = words[1][k];
  }
}

}  // namespace neuract::kernels::NEURACT_ISA
