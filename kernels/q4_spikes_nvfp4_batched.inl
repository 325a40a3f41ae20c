// Spikes through NVFP4 tiles, many rows at a time; see q4_spikes.hpp for the sums and q4_spikes.cpp for what is handed
// in.
//
// A slice of a tile is as many bytes of its lines as a vector has, low or high nibbles of them; sums of subsets are
// bytes. Those of two parts of a block and of two blocks are interleaved, so that adding neighbours makes words of
// them, block beside block, and one multiplication with the scales of both blocks makes 32-bit sums.
namespace neuract::kernels::NEURACT_ISA {

typedef std::uint32_t Sums32 __attribute__((vector_size(sizeof(Bytes))));

/// Bytes, or words, of a and b alternately: of the low and the high halves of their 128-bit lanes.
struct Interleaved {
  Words low;
  Words high;
};

[[gnu::always_inline]] static inline Interleaved interleave_bytes(Bytes a, Bytes b) noexcept {
#if defined(NEURACT_ISA_AVX512)
  const __m512i x = reinterpret_cast<__m512i>(a), y = reinterpret_cast<__m512i>(b);
  return {reinterpret_cast<Words>(_mm512_unpacklo_epi8(x, y)), reinterpret_cast<Words>(_mm512_unpackhi_epi8(x, y))};
#elif defined(NEURACT_ISA_AVX2)
  const __m256i x = reinterpret_cast<__m256i>(a), y = reinterpret_cast<__m256i>(b);
  return {reinterpret_cast<Words>(_mm256_unpacklo_epi8(x, y)), reinterpret_cast<Words>(_mm256_unpackhi_epi8(x, y))};
#else
  return {
      reinterpret_cast<Words>(__builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)),
      reinterpret_cast<Words>(
          __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31))};
#endif
}

[[gnu::always_inline]] static inline Interleaved interleave_words(Words a, Words b) noexcept {
#if defined(NEURACT_ISA_AVX512)
  const __m512i x = reinterpret_cast<__m512i>(a), y = reinterpret_cast<__m512i>(b);
  return {reinterpret_cast<Words>(_mm512_unpacklo_epi16(x, y)), reinterpret_cast<Words>(_mm512_unpackhi_epi16(x, y))};
#elif defined(NEURACT_ISA_AVX2)
  const __m256i x = reinterpret_cast<__m256i>(a), y = reinterpret_cast<__m256i>(b);
  return {reinterpret_cast<Words>(_mm256_unpacklo_epi16(x, y)), reinterpret_cast<Words>(_mm256_unpackhi_epi16(x, y))};
#else
  return {__builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11),
          __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)};
#endif
}

/// Neighbouring bytes added.
[[gnu::always_inline]] static inline Words add_neighbours(Words bytes) noexcept {
#if defined(NEURACT_ISA_AVX512)
  return reinterpret_cast<Words>(_mm512_maddubs_epi16(reinterpret_cast<__m512i>(bytes), _mm512_set1_epi8(1)));
#elif defined(NEURACT_ISA_AVX2)
  return reinterpret_cast<Words>(_mm256_maddubs_epi16(reinterpret_cast<__m256i>(bytes), _mm256_set1_epi8(1)));
#else
  return (bytes & std::uint16_t{0xff}) + (bytes >> 8);
#endif
}

/// Neighbouring words, below 2^15, multiplied and the products added.
[[gnu::always_inline]] static inline Sums32 scale_neighbours(Words words, Words scales) noexcept {
#if defined(NEURACT_ISA_AVX512)
  return reinterpret_cast<Sums32>(
      _mm512_madd_epi16(reinterpret_cast<__m512i>(words), reinterpret_cast<__m512i>(scales)));
#elif defined(NEURACT_ISA_AVX2)
  return reinterpret_cast<Sums32>(
      _mm256_madd_epi16(reinterpret_cast<__m256i>(words), reinterpret_cast<__m256i>(scales)));
#elif NEURACT_X86_VARIANTS
  return reinterpret_cast<Sums32>(_mm_madd_epi16(reinterpret_cast<__m128i>(words), reinterpret_cast<__m128i>(scales)));
#else
  const Sums32 w = reinterpret_cast<Sums32>(words), s = reinterpret_cast<Sums32>(scales);
  return (w & 0xffff) * (s & 0xffff) + (w >> 16) * (s >> 16);
#endif
}

/// Adds the sums of all subsets of `inputs` inputs but the empty one to sums[0].
[[gnu::always_inline]] static inline void nvfp4_subset_sums(Bytes* sums, const std::uint8_t* bytes, unsigned inputs,
                                                            unsigned half) noexcept {
  for (unsigned i = 0; i < inputs; ++i) {
    const Bytes numbers = nvfp4_numbers(bytes + i * kTileLineBytes, half);
    for (unsigned p = 0; p < 1u << i; ++p) sums[(1u << i) + p] = sums[p] + numbers;
  }
}

/// Sums of a slice, 64 inputs at a time. Numbers are looked up plus 12, so that no sum is negative: three parts of
/// three inputs fit a byte, 3 · 72, and so do one of three and one of four, 72 + 96. The bias is the same for every row.
static void nvfp4_batched_slice(const WholeTile<std::uint16_t>& tile, const SpikeBits& s, unsigned half,
                                std::uint32_t first_byte, Sums32 (&sums)[kBatchedRows][4]) noexcept {
  constexpr std::uint32_t kBlocks = 4;
  Bytes table[kBlocks][kGroupSums];
  for (auto& of_block : table) {
    for (Bytes& sum : of_block) sum = Bytes{};
    for (int part = 0; part < 4; ++part) of_block[8 * part] = Bytes{} + std::uint8_t{12 * 3};
    of_block[32] = Bytes{} + std::uint8_t{12 * 4};
  }
  const Words bias_of_block = Words{} + std::uint16_t{12 * kGroupInputs};
  Sums32 bias[4] = {};
  for (std::uint32_t m = 0; m < s.rows; ++m) {
    for (Sums32& sum : sums[m]) sum = Sums32{};
  }
  std::uint64_t words[8][kBatchedRows];
  for (std::uint32_t i = 0; i < tile.k; i += 64) {
    Interleaved scales[kBlocks];
    for (std::uint32_t b = 0; b < kBlocks; ++b) {
      const std::uint32_t first = i + b * kGroupInputs;
      const std::uint16_t* from = kNoScales;
      if (first < tile.k) {
        const std::uint8_t* const bytes = tile.codes + std::size_t{first} * kTileLineBytes + first_byte;
        for (std::uint32_t part = 0; part < 4; ++part) {
          nvfp4_subset_sums(table[b] + 8 * part, bytes + 3 * part * kTileLineBytes, 3, half);
        }
        nvfp4_subset_sums(table[b] + 32, bytes + 12 * kTileLineBytes, 4, half);
        from = tile.scales + std::size_t{first} / kGroupInputs * kTileOutputs;
      }
      Words even, odd;
      __builtin_memcpy(&even, from + 64 * half + first_byte / 2, sizeof even);
      __builtin_memcpy(&odd, from + 64 * half + 32 + first_byte / 2, sizeof odd);
      scales[b] = interleave_words(even, odd);
    }
    Interleaved pairs[2][2];
    for (int p = 0; p < 2; ++p) {
      pairs[p][0] = interleave_words(scales[2 * p].low, scales[2 * p + 1].low);
      pairs[p][1] = interleave_words(scales[2 * p].high, scales[2 * p + 1].high);
      for (int v = 0; v < 2; ++v) {
        bias[2 * v] += scale_neighbours(bias_of_block, pairs[p][v].low);
        bias[2 * v + 1] += scale_neighbours(bias_of_block, pairs[p][v].high);
      }
    }
    if (i % 512 == 0) copy_words(words, s, i / 64, tile.k);
    for (std::uint32_t m = 0; m < s.rows; ++m) {
      const std::uint64_t bits = words[i / 64 % 8][m];
      Sums32 sum[4] = {sums[m][0], sums[m][1], sums[m][2], sums[m][3]};
      for (int p = 0; p < 2; ++p) {
        Interleaved parts[2];
        for (int b = 0; b < 2; ++b) {
          const std::uint64_t own = bits >> (32 * p + 16 * b);
          const Bytes* const from = table[2 * p + b];
          const Bytes nine = from[own & 7] + from[8 + (own >> 3 & 7)] + from[16 + (own >> 6 & 7)];
          const Bytes seven = from[24 + (own >> 9 & 7)] + from[32 + (own >> 12 & 15)];
          parts[b] = interleave_bytes(nine, seven);
        }
        const Interleaved low = interleave_words(parts[0].low, parts[1].low);
        const Interleaved high = interleave_words(parts[0].high, parts[1].high);
        sum[0] += scale_neighbours(add_neighbours(low.low), pairs[p][0].low);
        sum[1] += scale_neighbours(add_neighbours(low.high), pairs[p][0].high);
        sum[2] += scale_neighbours(add_neighbours(high.low), pairs[p][1].low);
        sum[3] += scale_neighbours(add_neighbours(high.high), pairs[p][1].high);
      }
      for (int v = 0; v < 4; ++v) sums[m][v] = sum[v];
    }
  }
  for (std::uint32_t m = 0; m < s.rows; ++m) {
    for (int v = 0; v < 4; ++v) sums[m][v] -= bias[v];
  }
}

static void nvfp4_batched(const WholeTile<std::uint16_t>& tile, const SpikeBits& s, const float* unit, float* y,
                          std::size_t ldy) noexcept {
  Sums32 sums[kBatchedRows][4];
  for (unsigned half = 0; half < 2; ++half) {
    for (std::uint32_t first_byte = 0; first_byte < kTileLineBytes; first_byte += kVectorBytes) {
      nvfp4_batched_slice(tile, s, half, first_byte, sums);
      for (std::uint32_t m = 0; m < s.rows; ++m) {
        alignas(64) std::int32_t own[4][kVectorBytes / 4];
        __builtin_memcpy(own, sums[m], sizeof own);
        // Word d of lane q of vector v belongs to byte 16·q + 4·v + d of the slice.
        for (std::uint32_t d = 0; d < 4; ++d) {
          const std::uint32_t o = 32 * d + 16 * half + first_byte / 4;
          alignas(64) float out[kVectorBytes / 4];
          for (std::uint32_t l = 0; l < kVectorBytes / 4; ++l) {
            out[l] = static_cast<float>(own[l % 4][l / 4 * 4 + d]) * unit[o + l];
          }
          if (o < tile.outputs) {
            const std::uint32_t n = tile.outputs - o < kVectorBytes / 4 ? tile.outputs - o : kVectorBytes / 4;
            __builtin_memcpy(y + m * ldy + o, out, n * sizeof(float));
          }
        }
      }
    }
  }
}

static constexpr Nvfp4SpikeKernels kNvfp4SpikeKernels = {&nvfp4_event, &nvfp4_batched};

}  // namespace neuract::kernels::NEURACT_ISA
