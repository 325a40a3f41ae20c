namespace neuract::kernels::NEURACT_ISA {

// Many rows of x. A piece of 64 inputs of a tile is decoded once into a panel of 16-bit levels that stays in the L1
// cache, and all rows are multiplied with it: two inputs at a time into 32-bit sums over 16 inputs, which are then
// converted and summed in f32.
//
// Panel: word 2l + i % 2 of [i / 2][j][32 words] is the level of input i for output 16j + l.

#if defined(NEURACT_ISA_AVX512)
constexpr std::uint32_t kVectorBytes = 64;
#elif defined(NEURACT_ISA_AVX2)
constexpr std::uint32_t kVectorBytes = 32;
#else
constexpr std::uint32_t kVectorBytes = 16;
#endif
constexpr std::uint32_t kLanes = kVectorBytes / 4;
using Floats = float __attribute__((vector_size(kVectorBytes)));
using Ints = std::int32_t __attribute__((vector_size(kVectorBytes)));

template <class T>
[[gnu::always_inline]] static inline T load(const void* from) noexcept {
  T vector;
  __builtin_memcpy(&vector, from, sizeof vector);
  return vector;
}

/// Sums of products of the pairs of 16-bit numbers in a and b, added to total.
[[gnu::always_inline]] static inline Ints add_pairs(Ints total, Ints a, Ints b) noexcept {
#if defined(NEURACT_ISA_VNNI)
  return reinterpret_cast<Ints>(_mm512_dpwssd_epi32(reinterpret_cast<__m512i>(total), reinterpret_cast<__m512i>(a),
                                                    reinterpret_cast<__m512i>(b)));
#elif defined(NEURACT_ISA_AVX512)
  return total + reinterpret_cast<Ints>(_mm512_madd_epi16(reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b)));
#elif defined(NEURACT_ISA_AVX2)
  return total + reinterpret_cast<Ints>(_mm256_madd_epi16(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
#else
  return total + (a << 16 >> 16) * (b << 16 >> 16) + (a >> 16) * (b >> 16);
#endif
}

/// One pair of lines, of inputs 2p and 2p + 1, as [8][32] words of the panel.
#if defined(NEURACT_ISA_AVX512)
[[gnu::always_inline]] static inline void decode_pair(const std::uint8_t* line, const std::int16_t* levels,
                                                      std::int16_t* pairs) noexcept {
  const __m512i table = _mm512_load_si512(levels);
  const __m512i a = _mm512_loadu_si512(line);
  const __m512i b = _mm512_loadu_si512(line + kTileLineBytes);
  const __m512i low = _mm512_mask_blend_epi16(0xaaaa'aaaa, a, _mm512_maskz_slli_epi32(kAllInts, b, 16));
  const __m512i high = _mm512_mask_blend_epi16(0xaaaa'aaaa, _mm512_maskz_srli_epi32(kAllInts, a, 16), b);
  for (unsigned j = 0; j < 4; ++j) {
    _mm512_store_si512(pairs + 32 * j, _mm512_permutexvar_epi16(_mm512_srli_epi16(low, 4 * j), table));
    _mm512_store_si512(pairs + 32 * (j + 4), _mm512_permutexvar_epi16(_mm512_srli_epi16(high, 4 * j), table));
  }
}
#elif defined(NEURACT_ISA_AVX2)
[[gnu::always_inline]] static inline void decode_pair(const std::uint8_t* line, const std::int16_t* levels,
                                                      std::int16_t* pairs) noexcept {
  const __m256i low_byte = _mm256_set1_epi16(0xff);
  const __m256i words = _mm256_load_si256(reinterpret_cast<const __m256i*>(levels));
  const __m256i low_words = _mm256_and_si256(words, low_byte);
  const __m256i high_words = _mm256_srli_epi16(words, 8);
  const __m256i low_table = _mm256_permute4x64_epi64(_mm256_packus_epi16(low_words, low_words), 0x88);
  const __m256i high_table = _mm256_permute4x64_epi64(_mm256_packus_epi16(high_words, high_words), 0x88);
  const __m256i nibble = _mm256_set1_epi16(0xf);
  const __m256i skip_high = _mm256_set1_epi16(static_cast<std::int16_t>(0x8000));  // gives a byte of zero
  const __m256i skip_low = _mm256_set1_epi16(0x80);
  for (unsigned half = 0; half < 2; ++half) {
    const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(line + 32 * half));
    const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(line + kTileLineBytes + 32 * half));
    const __m256i of[2] = {_mm256_blend_epi16(a, _mm256_slli_epi32(b, 16), 0xaa),
                           _mm256_blend_epi16(_mm256_srli_epi32(a, 16), b, 0xaa)};
    for (unsigned j = 0; j < 8; ++j) {
      const __m256i code = _mm256_and_si256(_mm256_srli_epi16(of[j / 4], static_cast<int>(4 * (j % 4))), nibble);
      const __m256i low = _mm256_shuffle_epi8(low_table, _mm256_or_si256(code, skip_high));
      const __m256i high = _mm256_shuffle_epi8(high_table, _mm256_or_si256(_mm256_slli_epi16(code, 8), skip_low));
      _mm256_store_si256(reinterpret_cast<__m256i*>(pairs + 32 * j + 16 * half), _mm256_or_si256(low, high));
    }
  }
}
#else
static inline void decode_pair(const std::uint8_t* line, const std::int16_t* levels,
                               std::int16_t* __restrict pairs) noexcept {
  for (std::uint32_t o = 0; o < kTileOutputs; ++o) {
    pairs[2 * o] = levels[tile_code(line, o)];
    pairs[2 * o + 1] = levels[tile_code(line + kTileLineBytes, o)];
  }
}
#endif

/// Fetches the lines that stand where these two do in the next piece, into the L2 cache: the L1 cache holds the panel.
[[gnu::always_inline]] static inline void fetch_next_piece(const std::uint8_t* line) noexcept {
  __builtin_prefetch(line + kPiece * kTileLineBytes, 0, 2);
  __builtin_prefetch(line + (kPiece + 1) * kTileLineBytes, 0, 2);
}

/// The scales of a tile and block of NVFP4, in the order of outputs.
[[gnu::always_inline]] static inline void scales_to_floats(const std::uint16_t* scales, float* ordered) noexcept {
  for (std::uint32_t v = 0; v < 4; ++v) {
    float* const to = ordered + 32 * (v % 2) + 16 * (v / 2);
    for (std::uint32_t l = 0; l < 16; l += kLanes) {
      const Ints both = load<Ints>(scales + 32 * v + 2 * l);
      const Floats low = __builtin_convertvector(both & 0xffff, Floats);
      const Floats high = __builtin_convertvector(both >> 16, Floats);  // they are below 2^15
      __builtin_memcpy(to + l, &low, sizeof low);
      __builtin_memcpy(to + 64 + l, &high, sizeof high);
    }
  }
}

/// What a piece of inputs adds to the sums of a tile.
struct Piece {
  const std::int16_t* panel;
  const float* scales;   ///< [blocks][128], or [128] for the whole piece
  std::uint32_t blocks;  ///< of 16 inputs
};

/// sums[r][128] for kRows rows; kVectors registers of outputs at a time.
template <std::uint32_t kRows, std::uint32_t kVectors, bool kScaleBlocks>
[[gnu::always_inline]] static inline void add_piece(const Piece& piece, const std::int16_t* q, const float* unit,
                                                    float* sums) noexcept {
  for (std::uint32_t o = 0; o < kTileOutputs; o += kVectors * kLanes) {
    Floats part[kRows][kVectors] = {};
    for (std::uint32_t b = 0; b < piece.blocks; ++b) {
      Ints sum[kRows][kVectors] = {};
#pragma GCC unroll 4
      for (std::uint32_t p = 0; p < 8; ++p) {
        Ints weights[kVectors];
#pragma GCC unroll 8
        for (std::uint32_t v = 0; v < kVectors; ++v)
          weights[v] = load<Ints>(piece.panel + (b * 8 + p) * 2 * kTileOutputs + 2 * (o + v * kLanes));
#pragma GCC unroll 8
        for (std::uint32_t r = 0; r < kRows; ++r) {
          const Ints x = load<std::int32_t>(q + r * kPiece + b * 16 + 2 * p) - Ints{};
#pragma GCC unroll 8
          for (std::uint32_t v = 0; v < kVectors; ++v) sum[r][v] = add_pairs(sum[r][v], weights[v], x);
        }
      }
#pragma GCC unroll 8
      for (std::uint32_t v = 0; v < kVectors; ++v) {
#pragma GCC unroll 8
        for (std::uint32_t r = 0; r < kRows; ++r) {
          Floats of_block = __builtin_convertvector(sum[r][v], Floats);
          if constexpr (kScaleBlocks) of_block *= load<Floats>(piece.scales + b * kTileOutputs + o + v * kLanes);
          part[r][v] += of_block;
        }
      }
    }
#pragma GCC unroll 8
    for (std::uint32_t v = 0; v < kVectors; ++v) {
#pragma GCC unroll 8
      for (std::uint32_t r = 0; r < kRows; ++r) {
        float* const to = sums + r * kTileOutputs + o + v * kLanes;
        if constexpr (!kScaleBlocks) part[r][v] *= load<Floats>(piece.scales + o + v * kLanes);
        const Floats result = load<Floats>(to) + part[r][v] * unit[r];
        __builtin_memcpy(to, &result, sizeof result);
      }
    }
  }
}

template <bool kScaleBlocks>
[[gnu::always_inline]] static inline void add_piece_to_rows(const Piece& piece, const std::int16_t* q,
                                                            const float* unit, std::uint32_t rows,
                                                            float* sums) noexcept {
#if defined(NEURACT_ISA_AVX512)
  constexpr std::uint32_t kRows = 4;
  constexpr std::uint32_t kVectors = 2;
#else
  constexpr std::uint32_t kRows = 4;
  constexpr std::uint32_t kVectors = 1;
#endif
  std::uint32_t m = 0;
  for (; m + kRows <= rows; m += kRows)
    add_piece<kRows, kVectors, kScaleBlocks>(piece, q + m * kPiece, unit + m, sums + m * kTileOutputs);
  for (; m < rows; ++m)
    add_piece<1, 2 * kVectors, kScaleBlocks>(piece, q + m * kPiece, unit + m, sums + m * kTileOutputs);
}

static void batch_nf4(const Nf4Tiles& w, std::size_t tile, const BatchX& x, std::int16_t* panel, float* sums) noexcept {
  for (std::size_t i = 0; i < std::size_t{x.rows} * kTileOutputs; ++i) sums[i] = 0.0f;
  const std::uint8_t* line = w.codes + tile * w.k * kTileLineBytes;
  const float* const scales = w.scales + tile * (w.k / w.block) * kTileOutputs;
  alignas(64) float of_blocks[kPiece / 16 * kTileOutputs];
  for (std::uint32_t i = 0; i < w.k; i += kPiece) {
    const std::uint32_t blocks = (w.k - i < kPiece ? w.k - i : kPiece) / 16;
    for (std::uint32_t p = 0; p < 8 * blocks; ++p) {
      fetch_next_piece(line);
      decode_pair(line, kNf4BatchLevels, panel + p * 2 * kTileOutputs);
      line += 2 * kTileLineBytes;
    }
    const std::int16_t* const q = x.q + std::size_t{i} * x.rows;
    const float* const unit = x.unit + std::size_t{i} / kPiece * x.rows;
    if (w.block == kPiece) {
      add_piece_to_rows<false>({panel, scales + i / kPiece * kTileOutputs, blocks}, q, unit, x.rows, sums);
    } else {
      for (std::uint32_t b = 0; b < blocks; ++b)
        __builtin_memcpy(of_blocks + b * kTileOutputs, scales + (i + 16 * b) / w.block * kTileOutputs,
                         kTileOutputs * sizeof(float));
      add_piece_to_rows<true>({panel, of_blocks, blocks}, q, unit, x.rows, sums);
    }
  }
}

static void batch_nvfp4(const Nvfp4Tiles& w, std::size_t tile, const BatchX& x, std::int16_t* panel,
                        float* sums) noexcept {
  for (std::size_t i = 0; i < std::size_t{x.rows} * kTileOutputs; ++i) sums[i] = 0.0f;
  const std::uint8_t* line = w.codes + tile * w.k * kTileLineBytes;
  const std::uint16_t* scales = w.scales + tile * (w.k / 16) * kTileOutputs;
  alignas(64) float of_blocks[kPiece / 16 * kTileOutputs];
  for (std::uint32_t i = 0; i < w.k; i += kPiece) {
    const std::uint32_t blocks = (w.k - i < kPiece ? w.k - i : kPiece) / 16;
    for (std::uint32_t p = 0; p < 8 * blocks; ++p) {
      fetch_next_piece(line);
      decode_pair(line, kNvfp4BatchLevels, panel + p * 2 * kTileOutputs);
      line += 2 * kTileLineBytes;
    }
    for (std::uint32_t b = 0; b < blocks; ++b) {
      for (std::uint32_t l = 0; l < kTileOutputs; l += 32)
        __builtin_prefetch(scales + kPiece / 16 * kTileOutputs + l, 0, 2);
      scales_to_floats(scales, of_blocks + b * kTileOutputs);
      scales += kTileOutputs;
    }
    add_piece_to_rows<true>({panel, of_blocks, blocks}, x.q + std::size_t{i} * x.rows,
                            x.unit + std::size_t{i} / kPiece * x.rows, x.rows, sums);
  }
}

}  // namespace neuract::kernels::NEURACT_ISA
