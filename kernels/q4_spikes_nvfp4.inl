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

/// Bytes of one half (low or high nibbles) of a line, and as 16-bit words.
typedef std::uint8_t Bytes __attribute__((vector_size(64)));
typedef std::uint16_t Words __attribute__((vector_size(64)));

[[gnu::always_inline]] static inline void nvfp4_numbers(Bytes& numbers, const std::uint8_t* line,
                                                        std::uint32_t half) noexcept {
  for (std::uint32_t x = 0; x < kTileLineBytes; ++x) {
    numbers[x] = static_cast<std::uint8_t>(kE2m1Doubles[line[x] >> (4 * half) & 15]);
  }
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

static constexpr Nvfp4SpikeKernels kNvfp4SpikeKernels = {&nvfp4_event, &nvfp4_batched};

}  // namespace neuract::kernels::NEURACT_ISA
