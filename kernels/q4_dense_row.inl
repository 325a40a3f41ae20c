namespace neuract::kernels::NEURACT_ISA {

// One row of x. A code is not decoded and then multiplied: x times each of the sixteen levels, rounded to 16 bits, makes
// a table, and the code picks its product. The products of a chain of 8 inputs are summed in 16 bits, which the unit of
// x makes room for; chains are summed in 32 bits up to the end of the block, and blocks in f32.
//
// Sums of a chain: word 2l + h of vector v (of 32) is output 64h + 32(v % 2) + 16(v / 2) + l of the tile.

#ifdef NEURACT_ISA_AVX512

struct Chain {
  __m512i even_low;
  __m512i odd_low;
  __m512i even_high;
  __m512i odd_high;
};

/// The products of one line. Reads the byte behind it, too.
[[gnu::always_inline]] static inline Chain products_of_line(const std::uint8_t* line, const std::int16_t* q,
                                                            __m512i levels) noexcept {
  __m512i codes = _mm512_loadu_si512(line);
  asm volatile("" : "+v"(codes));  // GCC would read the line again for each use
  _mm_prefetch(reinterpret_cast<const char*>(line + kAhead), _MM_HINT_T0);
  const __m512i odd = _mm512_loadu_si512(line + 1);  // a shift by a byte that costs no shift
  // An index has five bits; the fifth is the next nibble's, so both halves of the table are the same.
  const __m512i table = _mm512_mulhrs_epi16(levels, _mm512_set1_epi16(*q));
  return {_mm512_permutexvar_epi16(codes, table), _mm512_permutexvar_epi16(odd, table),
          _mm512_permutexvar_epi16(_mm512_srli_epi16(codes, 4), table),
          _mm512_permutexvar_epi16(_mm512_srli_epi16(odd, 4), table)};
}

/// A copy of a tile's last chain, which has a byte behind it.
struct LastChain {
  const std::uint8_t* original;
  alignas(64) std::uint8_t copy[kChain * kTileLineBytes + 1];
  LastChain(const std::uint8_t* tile, std::uint32_t k) noexcept : original(tile + (k - kChain) * kTileLineBytes) {
    __builtin_memcpy(copy, original, kChain * kTileLineBytes);
    copy[kChain * kTileLineBytes] = 0;
  }
  [[gnu::always_inline]] const std::uint8_t* safe(const std::uint8_t* chain) const noexcept {
    return chain == original ? copy : chain;
  }
};

[[gnu::always_inline]] static inline Chain sum_chain(const std::uint8_t* line, const std::int16_t* q,
                                                     __m512i levels) noexcept {
  Chain sum = products_of_line(line, q, levels);
#pragma GCC unroll 1  // GCC spills registers in longer loops
  for (std::uint32_t i = 1; i < kChain; ++i) {
    const Chain products = products_of_line(line + i * kTileLineBytes, q + i, levels);
    sum.even_low = _mm512_add_epi16(sum.even_low, products.even_low);
    sum.odd_low = _mm512_add_epi16(sum.odd_low, products.odd_low);
    sum.even_high = _mm512_add_epi16(sum.even_high, products.even_high);
    sum.odd_high = _mm512_add_epi16(sum.odd_high, products.odd_high);
  }
  return sum;
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
  const LastChain last(line, w.k);
  const float* scales = w.scales + tile * blocks * kTileOutputs;
  __m512 sum[8];
  for (int j = 0; j < 8; ++j) sum[j] = _mm512_setzero_ps();
  for (std::uint32_t b = 0; b < blocks; ++b) {
    __m512i total[8];
    for (int j = 0; j < 8; ++j) total[j] = _mm512_setzero_si512();
    for (std::uint32_t i = 0; i < w.block; i += kChain) {
      const Chain chain = sum_chain(last.safe(line), q, levels);
      total[0] = add_dot(total[0], chain.even_low, even_ones);
      total[1] = add_dot(total[1], chain.even_high, even_ones);
      total[2] = add_dot(total[2], chain.odd_low, even_ones);
      total[3] = add_dot(total[3], chain.odd_high, even_ones);
      total[4] = add_dot(total[4], chain.even_low, odd_ones);
      total[5] = add_dot(total[5], chain.even_high, odd_ones);
      total[6] = add_dot(total[6], chain.odd_low, odd_ones);
      total[7] = add_dot(total[7], chain.odd_high, odd_ones);
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

/// Adds to the f32 sums of even and odd words what two chains give with their scales.
[[gnu::always_inline]] static inline void add_scaled(__m512& even_sum, __m512& odd_sum, __m512i first, __m512i second,
                                                     const std::uint16_t* scales, __m512 x_unit) noexcept {
  const __m512i even_words = _mm512_set1_epi32(0xffff);
  const __m512i both = _mm512_loadu_si512(scales);
  const __m512i even = _mm512_and_si512(both, even_words);
  const __m512i odd = _mm512_xor_si512(both, even);
  // Two products of 15 bits each: below 2^31.
  const __m512i even_total = add_dot(_mm512_madd_epi16(first, even), second, even);
  const __m512i odd_total = add_dot(_mm512_madd_epi16(first, odd), second, odd);
  even_sum = _mm512_add_ps(even_sum, _mm512_mul_ps(_mm512_maskz_cvtepi32_ps(kAllInts, even_total), x_unit));
  odd_sum = _mm512_add_ps(odd_sum, _mm512_mul_ps(_mm512_maskz_cvtepi32_ps(kAllInts, odd_total), x_unit));
}

static void row_nvfp4(const Nvfp4Tiles& w, std::size_t tile, const std::int16_t* q, const float* unit,
                      float* __restrict sums) noexcept {
  const __m512i levels = _mm512_load_si512(kNvfp4RowLevels);
  const std::uint32_t blocks = w.k / 16;
  const std::uint8_t* line = w.codes + tile * w.k * kTileLineBytes;
  const LastChain last(line, w.k);
  const std::uint16_t* scales = w.scales + tile * blocks * kTileOutputs;
  __m512 sum[8];
  for (int j = 0; j < 8; ++j) sum[j] = _mm512_setzero_ps();
  for (std::uint32_t b = 0; b < blocks; ++b) {
    const Chain first = sum_chain(line, q, levels);
    const Chain second = sum_chain(last.safe(line + kChain * kTileLineBytes), q + kChain, levels);
    const __m512 x_unit = _mm512_set1_ps(unit[b]);
    add_scaled(sum[0], sum[4], first.even_low, second.even_low, scales, x_unit);
    add_scaled(sum[2], sum[6], first.odd_low, second.odd_low, scales + 32, x_unit);
    add_scaled(sum[1], sum[5], first.even_high, second.even_high, scales + 64, x_unit);
    add_scaled(sum[3], sum[7], first.odd_high, second.odd_high, scales + 96, x_unit);
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
