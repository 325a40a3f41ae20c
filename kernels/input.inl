#include "neuract/kernels/philox.inl"
#include "neuract/kernels/poisson_events.inl"

namespace neuract::kernels::NEURACT_ISA {

static void draw_counts(std::int32_t* __restrict counts, const PoissonTable& table,
                        const std::uint32_t* __restrict words) noexcept {
  const std::uint32_t bits = table.bits();
  const std::int32_t first = table.first();
  const std::uint32_t* const entries = table.entries();
#ifdef NEURACT_ISA_AVX512
  if (bits == 5) {  // the table lives in two registers
    const __m512i low = _mm512_loadu_si512(entries);
    const __m512i high = _mm512_loadu_si512(entries + 16);
    const __m512i smallest = _mm512_set1_epi32(first);
    for (int i = 0; i < 64; i += 16) {
      const __m512i word = _mm512_loadu_si512(words + i);
      const __m512i column = _mm512_maskz_srli_epi32(kAll, word, 27);
      const __m512i entry = _mm512_permutex2var_epi32(low, column, high);
      const __m512i fraction = _mm512_and_si512(word, _mm512_set1_epi32(0x07ffffff));
      const __mmask16 own = _mm512_cmplt_epu32_mask(fraction, _mm512_maskz_srli_epi32(kAll, entry, 5));
      const __m512i alias = _mm512_and_si512(entry, _mm512_set1_epi32(31));
      _mm512_storeu_si512(counts + i, _mm512_add_epi32(smallest, _mm512_mask_mov_epi32(alias, own, column)));
    }
    return;
  }
#endif
  for (int i = 0; i < 64; ++i) {
    const std::uint32_t column = words[i] >> (32 - bits);
    const std::uint32_t entry = entries[column];
    const std::uint32_t fraction = words[i] & ((1u << (32 - bits)) - 1u);
    const std::uint32_t alias = entry & ((1u << bits) - 1u);
    counts[i] = first + static_cast<std::int32_t>(fraction < (entry >> bits) ? column : alias);
  }
}

static void collect(std::int32_t* ring, const PoissonInput* generators, std::uint32_t n_generators, std::uint32_t block,
                    std::uint32_t offset, std::uint64_t step, float quantum, float* __restrict out) noexcept {
  alignas(64) std::int32_t sum[kBlock];
  if (ring != nullptr) {
    for (std::uint32_t k = 0; k < kBlock; ++k) sum[k] = ring[k];
    for (std::uint32_t k = 0; k < kBlock; ++k) ring[k] = 0;
  } else {
    for (std::uint32_t k = 0; k < kBlock; ++k) sum[k] = 0;
  }
  for (std::uint32_t g = 0; g < n_generators; ++g) {
    alignas(64) std::uint32_t words[kBlock];
    alignas(64) std::int32_t counts[kBlock];
    philox_fill(words, kPhiloxGroupBlocks, generators[g].key, static_cast<std::uint32_t>(step),
                static_cast<std::uint32_t>(step >> 32), 0, kPhiloxGroupBlocks * block);
    draw_counts(counts, *generators[g].table, words);
    const std::int32_t code = generators[g].code;
    const std::int32_t* const codes = generators[g].codes;
    if (codes != nullptr) {
      for (std::uint32_t k = 0; k < kBlock; ++k) sum[k] += codes[offset + k] * counts[k];
    } else {
      for (std::uint32_t k = 0; k < kBlock; ++k) sum[k] += code * counts[k];
    }
  }
  for (std::uint32_t k = 0; k < kBlock; ++k) out[k] = quantum * static_cast<float>(sum[k]);
}

static void add_rounded(const float* __restrict y, float scale, std::uint32_t n,
                        std::int32_t* __restrict sum) noexcept {
  std::uint32_t k = 0;
#if defined(NEURACT_ISA_AVX512)
  for (; k + 16 <= n; k += 16) {
    const __m512i whole =
        _mm512_maskz_cvtps_epi32(0xffff, _mm512_mul_ps(_mm512_loadu_ps(y + k), _mm512_set1_ps(scale)));
    _mm512_storeu_si512(sum + k, _mm512_add_epi32(_mm512_loadu_si512(sum + k), whole));
  }
#elif defined(__SSE2__)
  for (; k + 4 <= n; k += 4) {
    const __m128i whole = _mm_cvtps_epi32(_mm_mul_ps(_mm_loadu_ps(y + k), _mm_set1_ps(scale)));
    __m128i* const at = reinterpret_cast<__m128i*>(sum + k);
    _mm_storeu_si128(at, _mm_add_epi32(_mm_loadu_si128(at), whole));
  }
#endif
  for (; k < n; ++k) sum[k] += static_cast<std::int32_t>(std::lrint(y[k] * scale));
}

static constexpr InputKernels kInputKernels = {&add_rounded, &collect, &add_poisson};

}  // namespace neuract::kernels::NEURACT_ISA
