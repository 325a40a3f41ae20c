// Spikes through NVFP4 tiles, event by event; see q4_spikes.hpp for the sums and q4_spikes.cpp for what is handed in.
// Between chunks y holds the sums themselves, as 32-bit integers.
namespace neuract::kernels::NEURACT_ISA {

#if defined(NEURACT_ISA_AVX512)
constexpr std::uint32_t kVectorBytes = 64;
#elif defined(NEURACT_ISA_AVX2)
constexpr std::uint32_t kVectorBytes = 32;
#else
constexpr std::uint32_t kVectorBytes = 16;
#endif

typedef std::uint8_t Bytes __attribute__((vector_size(kVectorBytes)));
typedef std::int8_t SignedBytes __attribute__((vector_size(kVectorBytes)));
typedef std::uint16_t Words __attribute__((vector_size(kVectorBytes)));

/// The numbers of the low (half = 0) or high nibbles of some bytes of a line, kE2m1Doubles.
[[gnu::always_inline]] static inline Bytes nvfp4_numbers(const std::uint8_t* bytes, unsigned half) noexcept {
  Words words;
  __builtin_memcpy(&words, bytes, sizeof words);
  const Bytes codes = reinterpret_cast<Bytes>(words >> static_cast<std::uint16_t>(4 * half)) & std::uint8_t{15};
#if defined(NEURACT_ISA_AVX512)
  const __m512i table =
      _mm512_maskz_broadcast_i32x4(0xffff, _mm_loadu_si128(reinterpret_cast<const __m128i*>(kE2m1Doubles)));
  return reinterpret_cast<Bytes>(_mm512_shuffle_epi8(table, reinterpret_cast<__m512i>(codes)));
#elif defined(NEURACT_ISA_AVX2)
  const __m256i table = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(kE2m1Doubles)));
  return reinterpret_cast<Bytes>(_mm256_shuffle_epi8(table, reinterpret_cast<__m256i>(codes)));
#else
  // Computed, as not every CPU looks up bytes: 0 1 2 3 4 6 8 12 are the codes plus 0 0 0 0 0 1 2 5.
  const SignedBytes magnitude = reinterpret_cast<SignedBytes>(codes & std::uint8_t{7});
  const SignedBytes six = magnitude > 5;  // -1 where true
  const SignedBytes seven = magnitude > 6;
  const SignedBytes number = magnitude - (magnitude > 4) - six - seven - seven - seven;
  const SignedBytes negative = reinterpret_cast<SignedBytes>(codes) > 7;
  return reinterpret_cast<Bytes>((number ^ negative) - negative);
#endif
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
  alignas(64) std::int32_t sums[kTileOutputs] = {};  // in the order of the scales
  const std::uint32_t* line = active.lines;
  for (std::uint32_t b = 0; b < active.n_blocks; ++b) {
    constexpr std::uint32_t kVectors = kTileLineBytes / kVectorBytes;
    Bytes bytes[2 * kVectors] = {};
    for (const std::uint32_t* const end = line + active.blocks[b].count; line < end; ++line) {
      for (std::uint32_t v = 0; v < kVectors; ++v) {
        bytes[v] += nvfp4_numbers(tile.codes + *line + v * kVectorBytes, 0);
        bytes[kVectors + v] += nvfp4_numbers(tile.codes + *line + v * kVectorBytes, 1);
      }
    }
    std::int8_t numbers[2][kTileLineBytes];
    __builtin_memcpy(numbers, bytes, sizeof numbers);
    const std::uint16_t* const scales = tile.scales + std::size_t{active.blocks[b].block} * kTileOutputs;
    for (std::uint32_t v = 0; v < 4; ++v) {
      for (std::uint32_t w = 0; w < 32; ++w) {
        sums[32 * v + w] += std::int32_t{numbers[v / 2][2 * w + v % 2]} * std::int32_t{scales[32 * v + w]};
      }
    }
  }
  for (std::uint32_t o = 0; o < kTileOutputs; ++o) {
    std::int32_t sum = 0;
    if (!tile.first) __builtin_memcpy(&sum, y + o, sizeof sum);
    sum += sums[nvfp4_scale_position(o)];
    const float scaled = static_cast<float>(sum) * unit[o];
    __builtin_memcpy(y + o, tile.last ? static_cast<const void*>(&scaled) : &sum, sizeof sum);
  }
}

#endif

}  // namespace neuract::kernels::NEURACT_ISA
