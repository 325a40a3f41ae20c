// Spikes through NVFP4 tiles; see q4_spikes.hpp for the sums and q4_spikes.cpp for what is handed in. Sums stand in the
// order of the scales, which is what falls out of a line's bytes without a shuffle, until the end.
namespace neuract::kernels::NEURACT_ISA {

/// y = sum · unit, back in the order of outputs.
[[gnu::always_inline]] static inline void nvfp4_finish(const std::int32_t* sums, const float* unit, float* y) noexcept {
  for (std::uint32_t o = 0; o < kTileOutputs; ++o) y[o] = static_cast<float>(sums[nvfp4_scale_position(o)]) * unit[o];
}

/// Between chunks the sums themselves stand in y, in the order of outputs.
[[gnu::always_inline]] static inline void nvfp4_keep(const std::int32_t* sums, float* y) noexcept {
  for (std::uint32_t o = 0; o < kTileOutputs; ++o) __builtin_memcpy(y + o, sums + nvfp4_scale_position(o), sizeof *y);
}
[[gnu::always_inline]] static inline void nvfp4_resume(const float* y, std::int32_t* sums) noexcept {
  for (std::uint32_t o = 0; o < kTileOutputs; ++o) __builtin_memcpy(sums + nvfp4_scale_position(o), y + o, sizeof *y);
}

#ifdef NEURACT_ISA_AVX512

/// Two blocks are taken together, their 16-bit words interleaved: one multiply-and-add of pairs then does both. Vector
/// 2·q + x of the sums holds nibble q of each word, of the low (x = 0) or high halves of the 128-bit lanes.
struct Nvfp4Sums {
  __m512i of[8];
};

[[gnu::always_inline]] static inline void nvfp4_add_scaled(Nvfp4Sums& sums, const __m512i (&numbers)[8],
                                                           const std::uint16_t* scales_a, const std::uint16_t* scales_b,
                                                           std::size_t next) noexcept {
  for (int q = 0; q < 4; ++q) {
    const int v = 2 * (q % 2) + q / 2;
    __builtin_prefetch(reinterpret_cast<const char*>(scales_a + 32 * v) + next, 0, 2);
    __builtin_prefetch(reinterpret_cast<const char*>(scales_b + 32 * v) + next, 0, 2);
    const __m512i a = _mm512_loadu_si512(scales_a + 32 * v);
    const __m512i b = _mm512_loadu_si512(scales_b + 32 * v);
    const __m512i low = _mm512_madd_epi16(numbers[2 * q], _mm512_unpacklo_epi16(a, b));
    const __m512i high = _mm512_madd_epi16(numbers[2 * q + 1], _mm512_unpackhi_epi16(a, b));
    sums.of[2 * q] = _mm512_add_epi32(sums.of[2 * q], low);
    sums.of[2 * q + 1] = _mm512_add_epi32(sums.of[2 * q + 1], high);
  }
}

/// Two blocks with one active input each: a table of 16-bit numbers, looked up by nibbles where they lie.
[[gnu::always_inline]] static inline void nvfp4_single(__m512i (&numbers)[8], const std::uint8_t* line_a,
                                                       const std::uint8_t* line_b, __m512i table) noexcept {
  const __m512i a = _mm512_loadu_si512(line_a);
  const __m512i b = _mm512_loadu_si512(line_b);
  const __m512i low = _mm512_unpacklo_epi16(a, b);
  const __m512i high = _mm512_unpackhi_epi16(a, b);
  numbers[0] = _mm512_permutexvar_epi16(low, table);
  numbers[1] = _mm512_permutexvar_epi16(high, table);
  for (int q = 1; q < 4; ++q) {
    numbers[2 * q] = _mm512_permutexvar_epi16(_mm512_srli_epi16(low, static_cast<unsigned>(4 * q)), table);
    numbers[2 * q + 1] = _mm512_permutexvar_epi16(_mm512_srli_epi16(high, static_cast<unsigned>(4 * q)), table);
  }
}

/// The sums of up to kMostInByte lines, in bytes.
struct Nvfp4Bytes {
  __m512i low;
  __m512i high;
};

[[gnu::always_inline]] static inline void nvfp4_lines(Nvfp4Bytes& sum, const std::uint8_t* codes,
                                                      const std::uint32_t* line, std::uint32_t count, __m512i table,
                                                      std::size_t next) noexcept {
  const __m512i nibble = _mm512_set1_epi8(15);
  sum.low = _mm512_setzero_si512();
  sum.high = _mm512_setzero_si512();
  for (std::uint32_t i = 0; i < count; ++i) {
    const __m512i own = _mm512_loadu_si512(codes + line[i]);
    __builtin_prefetch(codes + line[i] + next, 0, 2);
    const __m512i high = _mm512_and_si512(_mm512_srli_epi16(own, 4), nibble);
    sum.low = _mm512_add_epi8(sum.low, _mm512_shuffle_epi8(table, _mm512_and_si512(own, nibble)));
    sum.high = _mm512_add_epi8(sum.high, _mm512_shuffle_epi8(table, high));
  }
}

/// Words of numbers from the bytes of two blocks: even bytes are even nibbles' halves. The multiplication is a shift to
/// the right by 8 that runs beside the shifts.
[[gnu::always_inline]] static inline void nvfp4_widen(__m512i (&numbers)[8], const Nvfp4Bytes& a,
                                                      const Nvfp4Bytes& b) noexcept {
  const __m512i shift = _mm512_set1_epi16(256);
  const __m512i words[4] = {_mm512_unpacklo_epi16(a.low, b.low), _mm512_unpackhi_epi16(a.low, b.low),
                            _mm512_unpacklo_epi16(a.high, b.high), _mm512_unpackhi_epi16(a.high, b.high)};
  for (int w = 0; w < 4; ++w) {  // nibble w / 2 and nibble w / 2 + 2
    numbers[w] = _mm512_srai_epi16(_mm512_slli_epi16(words[w], 8), 8);
    numbers[w + 4] = _mm512_mulhi_epi16(words[w], shift);
  }
}

static void nvfp4_event(const TileChunk<std::uint16_t>& tile, const ActiveList& active, const float* unit,
                        float* y) noexcept {
  constexpr __mmask16 kAll = 0xffff;  // masked forms: GCC 12 warns about the plain ones
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(kE2m1Doubles));
  const __m512i byte_table = _mm512_maskz_broadcast_i32x4(kAll, bytes);
  const __m512i word_table = _mm512_cvtepi8_epi16(_mm256_broadcastsi128_si256(bytes));
  const std::size_t next = tile.next;
  const std::size_t next_scales = next / kTileLineBytes / Nvfp4Tiles::kBlock * (kTileOutputs * sizeof(std::uint16_t));
  const std::uint32_t* line = active.lines;
  const auto scales_of = [&](std::uint32_t b) {
    return tile.scales + std::size_t{active.blocks[b].block} * kTileOutputs;
  };
  Nvfp4Sums sums;
  for (__m512i& sum : sums.of) sum = _mm512_setzero_si512();
  std::uint32_t b = 0;
  for (; b + 2 <= active.n_single; b += 2, line += 2) {
    __m512i numbers[8];
    nvfp4_single(numbers, tile.codes + line[0], tile.codes + line[1], word_table);
    __builtin_prefetch(tile.codes + line[0] + next, 0, 2);
    __builtin_prefetch(tile.codes + line[1] + next, 0, 2);
    nvfp4_add_scaled(sums, numbers, scales_of(b), scales_of(b + 1), next_scales);
  }
  for (; b < active.n_blocks; b += 2) {
    const bool alone = b + 1 == active.n_blocks;
    const std::uint32_t count_a = active.blocks[b].count;
    const std::uint32_t count_b = alone ? 0 : active.blocks[b + 1].count;
    Nvfp4Bytes bytes_a, bytes_b;
    nvfp4_lines(bytes_a, tile.codes, line, count_a, byte_table, next);
    nvfp4_lines(bytes_b, tile.codes, line + count_a, count_b, byte_table, next);
    line += count_a + count_b;
    __m512i numbers[8];
    nvfp4_widen(numbers, bytes_a, bytes_b);
    nvfp4_add_scaled(sums, numbers, scales_of(b), alone ? kNoScales : scales_of(b + 1), alone ? 0 : next_scales);
  }
  for (int q = 0; q < 4; ++q) {
    const __m512 low = _mm512_castsi512_ps(sums.of[2 * q]);
    const __m512 high = _mm512_castsi512_ps(sums.of[2 * q + 1]);
    __m512i outputs[2] = {_mm512_castps_si512(_mm512_maskz_shuffle_ps(kAll, low, high, 0x88)),
                          _mm512_castps_si512(_mm512_maskz_shuffle_ps(kAll, low, high, 0xdd))};
    for (int w = 0; w < 2; ++w) {
      const int o = 16 * (4 * w + q);
      if (!tile.first) outputs[w] = _mm512_add_epi32(outputs[w], _mm512_loadu_si512(y + o));
      if (tile.last) {
        _mm512_storeu_ps(y + o, _mm512_mul_ps(_mm512_maskz_cvtepi32_ps(kAll, outputs[w]), _mm512_loadu_ps(unit + o)));
      } else {
        _mm512_storeu_si512(y + o, outputs[w]);
      }
    }
  }
}

#elif defined(NEURACT_ISA_AVX2)

/// Half of a line, 32 bytes, at a time.
static void nvfp4_event(const TileChunk<std::uint16_t>& tile, const ActiveList& active, const float* unit,
                        float* y) noexcept {
  const __m256i table = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(kE2m1Doubles)));
  const __m256i nibble = _mm256_set1_epi8(15);
  for (std::uint32_t side = 0; side < 2; ++side) {
    __m256i sums[8];
    for (__m256i& sum : sums) sum = _mm256_setzero_si256();
    const std::uint32_t* line = active.lines;
    for (std::uint32_t b = 0; b < active.n_blocks; ++b) {
      __m256i low = _mm256_setzero_si256();
      __m256i high = _mm256_setzero_si256();
      for (const std::uint32_t* const end = line + active.blocks[b].count; line < end; ++line) {
        const std::uint8_t* const from = tile.codes + *line + 32 * side;
        __builtin_prefetch(from + tile.next, 0, 2);
        const __m256i codes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
        const __m256i upper = _mm256_and_si256(_mm256_srli_epi16(codes, 4), nibble);
        low = _mm256_add_epi8(low, _mm256_shuffle_epi8(table, _mm256_and_si256(codes, nibble)));
        high = _mm256_add_epi8(high, _mm256_shuffle_epi8(table, upper));
      }
      const __m256i numbers[4] = {_mm256_srai_epi16(_mm256_slli_epi16(low, 8), 8), _mm256_srai_epi16(low, 8),
                                  _mm256_srai_epi16(_mm256_slli_epi16(high, 8), 8), _mm256_srai_epi16(high, 8)};
      const std::uint16_t* const scales = tile.scales + std::size_t{active.blocks[b].block} * kTileOutputs + 16 * side;
      for (int v = 0; v < 4; ++v) {
        const __m256i scale = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(scales + 32 * v));
        const __m256i even = _mm256_blend_epi16(scale, _mm256_setzero_si256(), 0xaa);
        const __m256i odd = _mm256_blend_epi16(scale, _mm256_setzero_si256(), 0x55);
        sums[2 * v] = _mm256_add_epi32(sums[2 * v], _mm256_madd_epi16(numbers[v], even));
        sums[2 * v + 1] = _mm256_add_epi32(sums[2 * v + 1], _mm256_madd_epi16(numbers[v], odd));
      }
    }
    for (std::uint32_t v = 0; v < 8; ++v) {  // half v / 4 of the nibbles, byte 2 · (v % 2) + v / 2 % 2 of the words
      const std::uint32_t o = 16 * (2 * (2 * (v % 2) + v / 2 % 2) + v / 4) + 8 * side;
      __m256i* const out = reinterpret_cast<__m256i*>(y + o);
      const __m256i sum = tile.first ? sums[v] : _mm256_add_epi32(sums[v], _mm256_loadu_si256(out));
      if (tile.last) {
        _mm256_storeu_ps(y + o, _mm256_mul_ps(_mm256_cvtepi32_ps(sum), _mm256_loadu_ps(unit + o)));
      } else {
        _mm256_storeu_si256(out, sum);
      }
    }
  }
}

#else

static void nvfp4_event(const TileChunk<std::uint16_t>& tile, const ActiveList& active, const float* unit,
                        float* y) noexcept {
  alignas(64) std::int32_t sums[kTileOutputs] = {};
  if (!tile.first) nvfp4_resume(y, sums);
  const std::uint32_t* line = active.lines;
  for (std::uint32_t b = 0; b < active.n_blocks; ++b) {
    alignas(64) std::int16_t numbers[kTileOutputs] = {};
    for (const std::uint32_t* const end = line + active.blocks[b].count; line < end; ++line) {
      const std::uint8_t* const codes = tile.codes + *line;
      for (std::uint32_t x = 0; x < kTileLineBytes; ++x) {
        std::int16_t* const low = numbers + x % 2 * 32 + x / 2;
        low[0] = static_cast<std::int16_t>(low[0] + kE2m1Doubles[codes[x] & 15]);
        low[64] = static_cast<std::int16_t>(low[64] + kE2m1Doubles[codes[x] >> 4]);
      }
    }
    const std::uint16_t* const scales = tile.scales + std::size_t{active.blocks[b].block} * kTileOutputs;
    for (std::uint32_t o = 0; o < kTileOutputs; ++o) sums[o] += std::int32_t{numbers[o]} * std::int32_t{scales[o]};
  }
  if (tile.last) {
    nvfp4_finish(sums, unit, y);
  } else {
    nvfp4_keep(sums, y);
  }
}

#endif

#ifdef NEURACT_ISA_AVX512

/// Adds the sums of all subsets of `inputs` inputs but the empty one to sums[0].
[[gnu::always_inline]] static inline void nvfp4_subset_sums(__m512i* sums, const std::uint8_t* lines, int inputs,
                                                            unsigned half, __m512i table) noexcept {
  const __m512i nibble = _mm512_set1_epi8(15);
  for (int i = 0; i < inputs; ++i) {
    const __m512i codes = _mm512_srli_epi16(_mm512_loadu_si512(lines + i * kTileLineBytes), 4 * half);
    const __m512i numbers = _mm512_shuffle_epi8(table, _mm512_and_si512(codes, nibble));
    for (int p = 0; p < 1 << i; ++p) sums[(1 << i) + p] = _mm512_add_epi8(sums[p], numbers);
  }
}

/// Half of a tile, the low or the high nibbles, 64 inputs at a time. The table holds bytes; those of two partial sums
/// of two blocks are interleaved, so that one multiplication by ones makes words of them, block beside block, and the
/// next one scales both.
static void nvfp4_batched_half(const WholeTile<std::uint16_t>& tile, const SpikeBits& s, unsigned half,
                               __m512i (&sums)[kBatchedRows][4]) noexcept {
  constexpr int kBlocks = 4;
  const __m512i numbers =
      _mm512_maskz_broadcast_i32x4(0xffff, _mm_loadu_si128(reinterpret_cast<const __m128i*>(kE2m1Doubles)));
  const __m512i ones = _mm512_set1_epi8(1);
  const __m512i bias_of_block = _mm512_set1_epi16(12 * kGroupInputs);
  alignas(64) __m512i table[kBlocks][kGroupSums];
  for (auto& sums_of_block : table) {
    for (__m512i& sum : sums_of_block) sum = _mm512_setzero_si512();
    for (int part = 0; part < 4; ++part) sums_of_block[8 * part] = _mm512_set1_epi8(12 * 3);
    sums_of_block[32] = _mm512_set1_epi8(12 * 4);
  }
  __m512i bias[4];
  for (__m512i& b : bias) b = _mm512_setzero_si512();
  for (std::uint32_t m = 0; m < s.rows; ++m) {
    for (__m512i& sum : sums[m]) sum = _mm512_setzero_si512();
  }
  std::uint64_t words[8][kBatchedRows];
  for (std::uint32_t i = 0; i < tile.k; i += 64) {
    __m512i scales[kBlocks][2];
    for (std::uint32_t b = 0; b < kBlocks; ++b) {
      const std::uint32_t first = i + b * kGroupInputs;
      const std::uint16_t* from = kNoScales;
      if (first < tile.k) {
        const std::uint8_t* const lines = tile.codes + std::size_t{first} * kTileLineBytes;
        for (std::uint32_t part = 0; part < 4; ++part) {
          nvfp4_subset_sums(table[b] + 8 * part, lines + 3 * part * kTileLineBytes, 3, half, numbers);
        }
        nvfp4_subset_sums(table[b] + 32, lines + 12 * kTileLineBytes, 4, half, numbers);
        from = tile.scales + std::size_t{first} / kGroupInputs * kTileOutputs + 64 * half;
      }
      const __m512i even = _mm512_loadu_si512(from);
      const __m512i odd = _mm512_loadu_si512(from + 32);
      scales[b][0] = _mm512_unpacklo_epi16(even, odd);
      scales[b][1] = _mm512_unpackhi_epi16(even, odd);
    }
    __m512i pairs[2][4];
    for (int p = 0; p < 2; ++p) {
      for (int v = 0; v < 2; ++v) {
        pairs[p][2 * v] = _mm512_unpacklo_epi16(scales[2 * p][v], scales[2 * p + 1][v]);
        pairs[p][2 * v + 1] = _mm512_unpackhi_epi16(scales[2 * p][v], scales[2 * p + 1][v]);
      }
      for (int v = 0; v < 4; ++v) {
        bias[v] = _mm512_add_epi32(bias[v], _mm512_madd_epi16(pairs[p][v], bias_of_block));
      }
    }
    if (i % 512 == 0) copy_words(words, s, i / 64, tile.k);
    for (std::uint32_t m = 0; m < s.rows; ++m) {
      const std::uint64_t bits = words[i / 64 % 8][m];
      __m512i sum[4] = {sums[m][0], sums[m][1], sums[m][2], sums[m][3]};
      for (int p = 0; p < 2; ++p) {
        __m512i interleaved[2][2];
        for (int b = 0; b < 2; ++b) {
          const std::uint64_t own = bits >> (32 * p + 16 * b);
          const __m512i* const from = table[2 * p + b];
          const __m512i nine =
              _mm512_add_epi8(_mm512_add_epi8(from[own & 7], from[8 + (own >> 3 & 7)]), from[16 + (own >> 6 & 7)]);
          const __m512i seven = _mm512_add_epi8(from[24 + (own >> 9 & 7)], from[32 + (own >> 12 & 15)]);
          interleaved[b][0] = _mm512_unpacklo_epi8(nine, seven);
          interleaved[b][1] = _mm512_unpackhi_epi8(nine, seven);
        }
        for (int v = 0; v < 2; ++v) {
          const __m512i low = _mm512_unpacklo_epi16(interleaved[0][v], interleaved[1][v]);
          const __m512i high = _mm512_unpackhi_epi16(interleaved[0][v], interleaved[1][v]);
          const __m512i low_scaled = _mm512_madd_epi16(_mm512_maddubs_epi16(low, ones), pairs[p][2 * v]);
          const __m512i high_scaled = _mm512_madd_epi16(_mm512_maddubs_epi16(high, ones), pairs[p][2 * v + 1]);
          sum[2 * v] = _mm512_add_epi32(sum[2 * v], low_scaled);
          sum[2 * v + 1] = _mm512_add_epi32(sum[2 * v + 1], high_scaled);
        }
      }
      for (int v = 0; v < 4; ++v) sums[m][v] = sum[v];
    }
  }
  for (std::uint32_t m = 0; m < s.rows; ++m) {
    for (int v = 0; v < 4; ++v) sums[m][v] = _mm512_sub_epi32(sums[m][v], bias[v]);
  }
}

static void nvfp4_batched(const WholeTile<std::uint16_t>& tile, const SpikeBits& s, const float* unit, float* y,
                          std::size_t ldy) noexcept {
  constexpr __mmask16 kAll = 0xffff;  // masked forms: GCC 12 warns about the plain ones
  alignas(64) __m512i sums[kBatchedRows][4];
  for (unsigned half = 0; half < 2; ++half) {
    nvfp4_batched_half(tile, s, half, sums);
    for (std::uint32_t m = 0; m < s.rows; ++m) {
      // Lane d of the four of vector i, in 128-bit lane q, is output 32·d + 16·half + 4·q + i: a transposition.
      const __m512i low_01 = _mm512_maskz_unpacklo_epi32(kAll, sums[m][0], sums[m][1]);
      const __m512i low_23 = _mm512_maskz_unpacklo_epi32(kAll, sums[m][2], sums[m][3]);
      const __m512i high_01 = _mm512_maskz_unpackhi_epi32(kAll, sums[m][0], sums[m][1]);
      const __m512i high_23 = _mm512_maskz_unpackhi_epi32(kAll, sums[m][2], sums[m][3]);
      const __m512i outputs[4] = {
          _mm512_maskz_unpacklo_epi64(0xff, low_01, low_23), _mm512_maskz_unpackhi_epi64(0xff, low_01, low_23),
          _mm512_maskz_unpacklo_epi64(0xff, high_01, high_23), _mm512_maskz_unpackhi_epi64(0xff, high_01, high_23)};
      for (std::uint32_t d = 0; d < 4; ++d) {
        const std::uint32_t o = 32 * d + 16 * half;
        const __m512 scaled = _mm512_mul_ps(_mm512_maskz_cvtepi32_ps(kAll, outputs[d]), _mm512_loadu_ps(unit + o));
        if (o < tile.outputs) {
          const std::uint32_t n = tile.outputs - o < 16 ? tile.outputs - o : 16;
          _mm512_mask_storeu_ps(y + m * ldy + o, static_cast<__mmask16>(0xffff >> (16 - n)), scaled);
        }
      }
    }
  }
}

#else

/// Bytes of one half (low or high nibbles) of a line, and as 16-bit words.
typedef std::uint8_t Bytes __attribute__((vector_size(64)));
typedef std::uint16_t Words __attribute__((vector_size(64)));

[[gnu::always_inline]] static inline void nvfp4_numbers(Bytes& numbers, const std::uint8_t* line,
                                                        std::uint32_t half) noexcept {
#ifdef NEURACT_ISA_AVX2
  const __m256i table = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(kE2m1Doubles)));
  __m256i sides[2];
  for (int side = 0; side < 2; ++side) {
    const __m256i codes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(line) + side);
    const __m256i own = _mm256_srl_epi16(codes, _mm_cvtsi32_si128(static_cast<int>(4 * half)));
    sides[side] = _mm256_shuffle_epi8(table, _mm256_and_si256(own, _mm256_set1_epi8(15)));
  }
  __builtin_memcpy(&numbers, sides, sizeof numbers);
#else
  for (std::uint32_t x = 0; x < kTileLineBytes; ++x) {
    numbers[x] = static_cast<std::uint8_t>(kE2m1Doubles[line[x] >> (4 * half) & 15]);
  }
#endif
}

/// All sums of the subsets of `inputs` inputs, each plus 12 · inputs, so that none is negative.
[[gnu::always_inline]] static inline void nvfp4_subset_sums(Bytes* sums, const std::uint8_t* lines,
                                                            std::uint32_t inputs, std::uint32_t half) noexcept {
  sums[0] = Bytes{} + static_cast<std::uint8_t>(12 * inputs);
  for (std::uint32_t i = 0; i < inputs; ++i) {
    Bytes numbers;
    nvfp4_numbers(numbers, lines + i * kTileLineBytes, half);
    for (std::uint32_t p = 0; p < 1u << i; ++p) sums[(1u << i) + p] = sums[p] + numbers;
  }
}

/// Three groups of three inputs fit a byte, 3 · 72, and so do one of three and one of four, 72 + 96.
static void nvfp4_batched(const WholeTile<std::uint16_t>& tile, const SpikeBits& s, const float* unit, float* y,
                          std::size_t ldy) noexcept {
  Bytes table[kGroupSums];
  alignas(64) std::uint32_t sums[kBatchedRows][kTileOutputs];  // modulo 2^32 until the bias is off
  alignas(64) std::uint32_t bias[kTileOutputs] = {};
  for (std::uint32_t m = 0; m < s.rows; ++m) __builtin_memset(sums[m], 0, sizeof sums[m]);
  for (std::uint32_t i = 0; i < tile.k; i += kGroupInputs) {
    const std::uint8_t* const lines = tile.codes + std::size_t{i} * kTileLineBytes;
    const std::uint16_t* const scales = tile.scales + std::size_t{i} / kGroupInputs * kTileOutputs;
    for (std::uint32_t o = 0; o < kTileOutputs; ++o) bias[o] += 12 * kGroupInputs * scales[o];
    for (std::uint32_t half = 0; half < 2; ++half) {
      for (std::uint32_t part = 0; part < 4; ++part) {
        nvfp4_subset_sums(table + 8 * part, lines + 3 * part * kTileLineBytes, 3, half);
      }
      nvfp4_subset_sums(table + 32, lines + 12 * kTileLineBytes, 4, half);
      for (std::uint32_t m = 0; m < s.rows; ++m) {
        const std::uint64_t bits = s.words[std::size_t{m} * s.stride + i / 64] >> i % 64;
        const Bytes nine = table[bits & 7] + table[8 + (bits >> 3 & 7)] + table[16 + (bits >> 6 & 7)];
        const Bytes seven = table[24 + (bits >> 9 & 7)] + table[32 + (bits >> 12 & 15)];
        const Words even = (reinterpret_cast<Words>(nine) & 0xff) + (reinterpret_cast<Words>(seven) & 0xff);
        const Words odd = (reinterpret_cast<Words>(nine) >> 8) + (reinterpret_cast<Words>(seven) >> 8);
        alignas(64) std::uint16_t words[64];
        __builtin_memcpy(words, &even, sizeof even);
        __builtin_memcpy(words + 32, &odd, sizeof odd);
        for (std::uint32_t o = 0; o < 64; ++o) {
          sums[m][64 * half + o] += std::uint32_t{words[o]} * std::uint32_t{scales[64 * half + o]};
        }
      }
    }
  }
  for (std::uint32_t m = 0; m < s.rows; ++m) {
    alignas(64) float out[kTileOutputs];
    alignas(64) std::int32_t exact[kTileOutputs];
    for (std::uint32_t o = 0; o < kTileOutputs; ++o) exact[o] = static_cast<std::int32_t>(sums[m][o] - bias[o]);
    nvfp4_finish(exact, unit, out);
    __builtin_memcpy(y + m * ldy, out, tile.outputs * sizeof(float));
  }
}

#endif

static constexpr Nvfp4SpikeKernels kNvfp4SpikeKernels = {&nvfp4_event, &nvfp4_batched};

}  // namespace neuract::kernels::NEURACT_ISA
