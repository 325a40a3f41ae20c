namespace neuract::kernels::NEURACT_ISA {

// One row of x. A code is not decoded and then multiplied: x times each of the sixteen levels, rounded to 16 bits, makes
// a table, and the code picks its product. The products of a chain of 8 inputs are summed in 16 bits, which the unit of
// x makes room for; chains are summed in 32 bits up to the end of the block, and blocks in f32.
//
// Sums of a chain: word 2l + h of vector v (of 32) is output 64h + 32(v % 2) + 16(v / 2) + l of the tile.

#ifdef NEURACT_ISA_AVX512

struct Chain {
  __m512i sum[4];
};

[[gnu::always_inline]] static inline Chain sum_chain(const std::uint8_t* line, const std::int16_t* q,
                                                     __m512i levels) noexcept {
  Chain chain;
  for (int v = 0; v < 4; ++v) chain.sum[v] = _mm512_setzero_si512();
#pragma GCC unroll 4
  for (std::uint32_t i = 0; i < kChain; ++i) {
    __m512i codes = _mm512_loadu_si512(line + i * kTileLineBytes);
    asm volatile("" : "+v"(codes));  // GCC would read the line again for each shift
    _mm_prefetch(reinterpret_cast<const char*>(line + i * kTileLineBytes + kAhead), _MM_HINT_T0);
    // An index has five bits; the fifth is the next nibble's, so both halves of the table are the same.
    const __m512i products = _mm512_mulhrs_epi16(levels, _mm512_set1_epi16(q[i]));
    const __m512i even_low = _mm512_permutexvar_epi16(codes, products);
    const __m512i odd_low = _mm512_permutexvar_epi16(_mm512_srli_epi16(codes, 8), products);
    const __m512i even_high = _mm512_permutexvar_epi16(_mm512_srli_epi16(codes, 4), products);
    const __m512i odd_high = _mm512_permutexvar_epi16(_mm512_srli_epi16(codes, 12), products);
    chain.sum[0] = _mm512_add_epi16(chain.sum[0], even_low);
    chain.sum[1] = _mm512_add_epi16(chain.sum[1], odd_low);
    chain.sum[2] = _mm512_add_epi16(chain.sum[2], even_high);
    chain.sum[3] = _mm512_add_epi16(chain.sum[3], odd_high);
  }
  return chain;
}

/// total + the sums of products of the pairs of 16-bit numbers in a and b.
[[gnu::always_inline]] static inline __m512i add_dot(__m512i total, __m512i a, __m512i b) noexcept {
#ifdef NEURACT_ISA_VNNI
  return _mm512_dpwssd_epi32(total, a, b);
#else
  return _mm512_add_epi32(total, _mm512_madd_epi16(a, b));
#endif
}

static void row_nf4(const Nf4Tiles& w, std::size_t tile, const std::int16_t* q, const float* unit,
                    float* __restrict sums) noexcept {
  const __m512i levels = _mm512_load_si512(kNf4RowLevels);
  const __m512i even_ones = _mm512_set1_epi32(1);
  const __m512i odd_ones = _mm512_set1_epi32(1 << 16);
  const std::uint32_t blocks = w.k / w.block;
  const std::uint8_t* line = w.codes + tile * w.k * kTileLineBytes;
  const float* scales = w.scales + tile * blocks * kTileOutputs;
  __m512 sum[8];
  for (int j = 0; j < 8; ++j) sum[j] = _mm512_setzero_ps();
  for (std::uint32_t b = 0; b < blocks; ++b) {
    __m512i total[8];
    for (int j = 0; j < 8; ++j) total[j] = _mm512_setzero_si512();
    for (std::uint32_t i = 0; i < w.block; i += kChain) {
      const Chain chain = sum_chain(line, q, levels);
      for (int v = 0; v < 4; ++v) {
        const int j = 2 * (v % 2) + v / 2;
        total[j] = add_dot(total[j], chain.sum[v], even_ones);
        total[j + 4] = add_dot(total[j + 4], chain.sum[v], odd_ones);
      }
      line += kChain * kTileLineBytes;
      q += kChain;
    }
    const __m512 x_unit = _mm512_set1_ps(unit[b]);
    for (int j = 0; j < 8; ++j) {
      const __m512 levels_sum = _mm512_maskz_cvtepi32_ps(kAllInts, total[j]);
      const __m512 scaled = _mm512_mul_ps(levels_sum, _mm512_loadu_ps(scales + 16 * j));
      sum[j] = _mm512_add_ps(sum[j], _mm512_mul_ps(scaled, x_unit));
    }
    scales += kTileOutputs;
  }
  for (int j = 0; j < 8; ++j) _mm512_storeu_ps(sums + 16 * j, sum[j]);
}

static void row_nvfp4(const Nvfp4Tiles& w, std::size_t tile, const std::int16_t* q, const float* unit,
                      float* __restrict sums) noexcept {
  const __m512i levels = _mm512_load_si512(kNvfp4RowLevels);
  const __m512i even_words = _mm512_set1_epi32(0xffff);
  const std::uint32_t blocks = w.k / 16;
  const std::uint8_t* line = w.codes + tile * w.k * kTileLineBytes;
  const std::uint16_t* scales = w.scales + tile * blocks * kTileOutputs;
  __m512 sum[8];
  for (int j = 0; j < 8; ++j) sum[j] = _mm512_setzero_ps();
  for (std::uint32_t b = 0; b < blocks; ++b) {
    const Chain first = sum_chain(line, q, levels);
    const Chain second = sum_chain(line + kChain * kTileLineBytes, q + kChain, levels);
    const __m512 x_unit = _mm512_set1_ps(unit[b]);
    for (int v = 0; v < 4; ++v) {
      const int j = 2 * (v % 2) + v / 2;
      const __m512i both = _mm512_loadu_si512(scales + 32 * v);
      const __m512i even = _mm512_and_si512(both, even_words);
      const __m512i odd = _mm512_xor_si512(both, even);
      // Two products of 15 bits each: below 2^31.
      const __m512i low = add_dot(_mm512_madd_epi16(first.sum[v], even), second.sum[v], even);
      const __m512i high = add_dot(_mm512_madd_epi16(first.sum[v], odd), second.sum[v], odd);
      sum[j] = _mm512_add_ps(sum[j], _mm512_mul_ps(_mm512_maskz_cvtepi32_ps(kAllInts, low), x_unit));
      sum[j + 4] = _mm512_add_ps(sum[j + 4], _mm512_mul_ps(_mm512_maskz_cvtepi32_ps(kAllInts, high), x_unit));
    }
    line += 16 * kTileLineBytes;
    q += 16;
    scales += kTileOutputs;
  }
  for (int j = 0; j < 8; ++j) _mm512_storeu_ps(sums + 16 * j, sum[j]);
}

#else

/// Sums of a chain in the order given above, into sum[4][32].
#ifdef NEURACT_ISA_AVX2
static inline void sum_chain(const std::uint8_t* line, const std::int16_t* q, const std::int16_t* levels,
                             std::int16_t* __restrict sum) noexcept {
  const __m256i level = _mm256_load_si256(reinterpret_cast<const __m256i*>(levels));
  const __m256i nibble = _mm256_set1_epi8(0xf);
  const __m256i low_byte = _mm256_set1_epi16(0xff);
  __m256i low_table[kChain];  // the low bytes of the sixteen products, in both halves
  __m256i high_table[kChain];
  for (std::uint32_t i = 0; i < kChain; ++i) {
    const __m256i products = _mm256_mulhrs_epi16(level, _mm256_set1_epi16(q[i]));
    const __m256i low = _mm256_and_si256(products, low_byte);
    const __m256i high = _mm256_srli_epi16(products, 8);
    low_table[i] = _mm256_permute4x64_epi64(_mm256_packus_epi16(low, low), 0x88);
    high_table[i] = _mm256_permute4x64_epi64(_mm256_packus_epi16(high, high), 0x88);
  }
  for (int half = 0; half < 2; ++half) {
    __m256i even_low = _mm256_setzero_si256();
    __m256i odd_low = even_low;
    __m256i even_high = even_low;
    __m256i odd_high = even_low;
    for (std::uint32_t i = 0; i < kChain; ++i) {
      const __m256i codes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(line + i * kTileLineBytes + 32 * half));
      const __m256i low_codes = _mm256_and_si256(codes, nibble);
      const __m256i high_codes = _mm256_and_si256(_mm256_srli_epi16(codes, 4), nibble);
      const __m256i a = _mm256_shuffle_epi8(low_table[i], low_codes);
      const __m256i b = _mm256_shuffle_epi8(high_table[i], low_codes);
      const __m256i c = _mm256_shuffle_epi8(low_table[i], high_codes);
      const __m256i d = _mm256_shuffle_epi8(high_table[i], high_codes);
      even_low = _mm256_add_epi16(even_low, _mm256_blendv_epi8(_mm256_slli_epi16(b, 8), a, low_byte));
      odd_low = _mm256_add_epi16(odd_low, _mm256_blendv_epi8(b, _mm256_srli_epi16(a, 8), low_byte));
      even_high = _mm256_add_epi16(even_high, _mm256_blendv_epi8(_mm256_slli_epi16(d, 8), c, low_byte));
      odd_high = _mm256_add_epi16(odd_high, _mm256_blendv_epi8(d, _mm256_srli_epi16(c, 8), low_byte));
    }
    _mm256_store_si256(reinterpret_cast<__m256i*>(sum + 16 * half), even_low);
    _mm256_store_si256(reinterpret_cast<__m256i*>(sum + 32 + 16 * half), odd_low);
    _mm256_store_si256(reinterpret_cast<__m256i*>(sum + 64 + 16 * half), even_high);
    _mm256_store_si256(reinterpret_cast<__m256i*>(sum + 96 + 16 * half), odd_high);
  }
}
#else
static inline void sum_chain(const std::uint8_t* line, const std::int16_t* q, const std::int16_t* levels,
                             std::int16_t* __restrict sum) noexcept {
  for (std::uint32_t o = 0; o < kTileOutputs; ++o) sum[o] = 0;
  for (std::uint32_t i = 0; i < kChain; ++i) {
    std::int16_t products[16];
    for (int c = 0; c < 16; ++c) products[c] = static_cast<std::int16_t>((levels[c] * q[i] + (1 << 14)) >> 15);
    const std::uint8_t* const codes = line + i * kTileLineBytes;
    for (std::uint32_t at = 0; at < 32; ++at) {
      const std::uint8_t even = codes[2 * at];
      const std::uint8_t odd = codes[2 * at + 1];
      sum[at] = static_cast<std::int16_t>(sum[at] + products[even & 15]);
      sum[32 + at] = static_cast<std::int16_t>(sum[32 + at] + products[odd & 15]);
      sum[64 + at] = static_cast<std::int16_t>(sum[64 + at] + products[even >> 4]);
      sum[96 + at] = static_cast<std::int16_t>(sum[96 + at] + products[odd >> 4]);
    }
  }
}
#endif

static void row_nf4(const Nf4Tiles& w, std::size_t tile, const std::int16_t* q, const float* unit,
                    float* __restrict sums) noexcept {
  const std::uint32_t blocks = w.k / w.block;
  const std::uint8_t* line = w.codes + tile * w.k * kTileLineBytes;
  const float* scales = w.scales + tile * blocks * kTileOutputs;
  for (std::uint32_t o = 0; o < kTileOutputs; ++o) sums[o] = 0.0f;
  for (std::uint32_t b = 0; b < blocks; ++b) {
    std::int32_t total[kTileOutputs] = {};
    for (std::uint32_t i = 0; i < w.block; i += kChain) {
      alignas(64) std::int16_t chain[kTileOutputs];
      sum_chain(line, q, kNf4RowLevels, chain);
      for (std::uint32_t o = 0; o < kTileOutputs; ++o) total[o] += chain[o];
      line += kChain * kTileLineBytes;
      q += kChain;
    }
    for (std::uint32_t j = 0; j < 8; ++j) {  // 16 outputs
      const std::int32_t* const from = total + 32 * (j % 4 / 2 + j % 2 * 2) + j / 4;
      for (std::uint32_t l = 0; l < 16; ++l) {
        const float scaled = static_cast<float>(from[2 * l]) * scales[16 * j + l];
        sums[16 * j + l] += scaled * unit[b];
      }
    }
    scales += kTileOutputs;
  }
}

static void row_nvfp4(const Nvfp4Tiles& w, std::size_t tile, const std::int16_t* q, const float* unit,
                      float* __restrict sums) noexcept {
  const std::uint32_t blocks = w.k / 16;
  const std::uint8_t* line = w.codes + tile * w.k * kTileLineBytes;
  const std::uint16_t* scales = w.scales + tile * blocks * kTileOutputs;
  float sum[kTileOutputs] = {};
  for (std::uint32_t b = 0; b < blocks; ++b) {
    alignas(64) std::int16_t first[kTileOutputs];
    alignas(64) std::int16_t second[kTileOutputs];
    sum_chain(line, q, kNvfp4RowLevels, first);
    sum_chain(line + kChain * kTileLineBytes, q + kChain, kNvfp4RowLevels, second);
    for (std::uint32_t o = 0; o < kTileOutputs; ++o) {
      const std::int32_t total = (first[o] + second[o]) * scales[o];
      sum[o] += static_cast<float>(total) * unit[b];
    }
    line += 16 * kTileLineBytes;
    q += 16;
    scales += kTileOutputs;
  }
  for (std::uint32_t o = 0; o < kTileOutputs; ++o) sums[o] = sum[nvfp4_scale_position(o)];
}

#endif

}  // namespace neuract::kernels::NEURACT_ISA
