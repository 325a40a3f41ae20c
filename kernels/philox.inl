// Lanes are 64 bits wide and hold a 32-bit word in their low half; the high half is rubbish, which is what the
// multiplication that every x86 vector unit has (32 x 32 -> 64 bits of each lane's low halves) lets us get away with: a
// round is two multiplications, two shifts and four exclusive ors for as many blocks as there are lanes. A product's
// low half is the new word as it stands.
namespace neuract::kernels::NEURACT_ISA {

#if defined(NEURACT_ISA_AVX512)
#define NEURACT_LANES 8
#elif defined(NEURACT_ISA_AVX2)
#define NEURACT_LANES 4
#else
#define NEURACT_LANES 2
#endif

typedef std::uint64_t Lanes __attribute__((vector_size(8 * NEURACT_LANES)));
typedef std::uint32_t Words __attribute__((vector_size(8 * NEURACT_LANES)));

[[gnu::always_inline]] static inline Lanes multiply_low_halves(Lanes a, Lanes b) noexcept {
#if defined(NEURACT_ISA_AVX512)
  // The masked form: GCC 12 warns about its own header when it inlines the plain one.
  return reinterpret_cast<Lanes>(
      _mm512_maskz_mul_epu32(0xff, reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b)));
#elif defined(NEURACT_ISA_AVX2)
  return reinterpret_cast<Lanes>(_mm256_mul_epu32(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
#elif defined(__SSE2__)
  return reinterpret_cast<Lanes>(_mm_mul_epu32(reinterpret_cast<__m128i>(a), reinterpret_cast<__m128i>(b)));
#else
  return (a & 0xffffffffu) * (b & 0xffffffffu);
#endif
}

/// The words of two vectors of blocks side by side, in one store: a wider load that follows can be forwarded from it.
[[gnu::always_inline]] static inline void store_low_halves(std::uint32_t* out, Lanes first, Lanes second) noexcept {
  Words even;
  for (std::uint32_t i = 0; i < 2 * NEURACT_LANES; ++i) even[i] = 2 * i;
  const Words words = __builtin_shuffle(reinterpret_cast<Words>(first), reinterpret_cast<Words>(second), even);
  __builtin_memcpy(out, &words, sizeof words);
}

/// The ten rounds of two independent vectors of blocks, which hide the latency of the multiplication.
struct BlockLanes {
  Lanes a0, a1, a2, a3;
  Lanes b0, b1, b2, b3;
};
[[gnu::always_inline]] static inline void philox_rounds(BlockLanes& x, std::uint64_t key) noexcept {
  std::uint32_t key0 = static_cast<std::uint32_t>(key);
  std::uint32_t key1 = static_cast<std::uint32_t>(key >> 32);
  const Lanes multiplier0 = Lanes{} + 0xD2511F53u;
  const Lanes multiplier1 = Lanes{} + 0xCD9E8D57u;
#pragma GCC unroll 10
  for (int round = 0; round < 10; ++round) {
    const Lanes keys0 = Lanes{} + key0, keys1 = Lanes{} + key1;
    const Lanes product0a = multiply_low_halves(x.a0, multiplier0), product1a = multiply_low_halves(x.a2, multiplier1);
    const Lanes product0b = multiply_low_halves(x.b0, multiplier0), product1b = multiply_low_halves(x.b2, multiplier1);
    x.a0 = (product1a >> 32) ^ x.a1 ^ keys0;
    x.a2 = (product0a >> 32) ^ x.a3 ^ keys1;
    x.a1 = product1a;
    x.a3 = product0a;
    x.b0 = (product1b >> 32) ^ x.b1 ^ keys0;
    x.b2 = (product0b >> 32) ^ x.b3 ^ keys1;
    x.b1 = product1b;
    x.b3 = product0b;
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
}

[[maybe_unused]] static void philox_fill(std::uint32_t* out, std::size_t n_blocks, std::uint64_t key, std::uint32_t c1,
                                         std::uint32_t c2, std::uint32_t c3, std::uint32_t first_block) noexcept {
  constexpr std::size_t lanes = NEURACT_LANES;
  Lanes numbers;
  for (std::size_t i = 0; i < lanes; ++i) numbers[i] = i;

  for (std::size_t block = 0; block < n_blocks; block += 2 * lanes) {
    const Lanes first = numbers + (first_block + block);
    BlockLanes x{first,         Lanes{} + c1, Lanes{} + c2, Lanes{} + c3,
                 first + lanes, Lanes{} + c1, Lanes{} + c2, Lanes{} + c3};
    philox_rounds(x, key);
    std::uint32_t* const group = out + (block / kPhiloxGroupBlocks) * kPhiloxGroupWords + block % kPhiloxGroupBlocks;
    store_low_halves(group, x.a0, x.b0);
    store_low_halves(group + 16, x.a1, x.b1);
    store_low_halves(group + 32, x.a2, x.b2);
    store_low_halves(group + 48, x.a3, x.b3);
  }
}

#undef NEURACT_LANES

}  // namespace neuract::kernels::NEURACT_ISA
