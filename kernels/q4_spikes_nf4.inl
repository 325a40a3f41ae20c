// Spikes through NF4 tiles; see q4_spikes.hpp for the sums and q4_spikes.cpp for what is handed in.
namespace neuract::kernels::NEURACT_ISA {

#ifdef NEURACT_ISA_AVX512

/// The levels of 16 outputs.
typedef std::int32_t Levels __attribute__((vector_size(64)));

/// The levels of outputs 16·j … 16·j + 15 of one input. The permutation looks at the low four bits of a word only;
/// every other shift is a rotation, which runs in another unit, beside the shifts.
template <int j>
[[gnu::always_inline]] inline Levels nf4_look_up(__m512i codes, __m512i table) noexcept {
  constexpr __mmask16 kAll = 0xffff;  // masked forms: GCC 12 warns about the plain ones
  if constexpr (j % 2 == 1) {
    codes = _mm512_maskz_ror_epi32(kAll, codes, 4 * j);
  } else if constexpr (j != 0) {
    codes = _mm512_maskz_srli_epi32(kAll, codes, 4 * j);
  }
  return reinterpret_cast<Levels>(_mm512_maskz_permutexvar_epi32(kAll, codes, table));
}

static void nf4_event(const TileChunk<float>& tile, const ActiveList& active, float* y) noexcept {
  const __m512i table = _mm512_load_si512(kNf4Multiples.levels);
  __m512 sums[8];
  for (int j = 0; j < 8; ++j) sums[j] = tile.first ? _mm512_setzero_ps() : _mm512_loadu_ps(y + 16 * j);
  const std::uint32_t* line = active.lines;
  for (std::uint32_t b = 0; b < active.n_blocks; ++b) {
    const std::uint32_t* const end = line + active.blocks[b].count;
    const auto fetch_codes = [&] {
      __builtin_prefetch(tile.codes + *line + tile.next, 0, 2);
      return _mm512_loadu_si512(tile.codes + *line++);
    };
    const __m512i first = fetch_codes();
    Levels levels[8] = {nf4_look_up<0>(first, table), nf4_look_up<1>(first, table), nf4_look_up<2>(first, table),
                        nf4_look_up<3>(first, table), nf4_look_up<4>(first, table), nf4_look_up<5>(first, table),
                        nf4_look_up<6>(first, table), nf4_look_up<7>(first, table)};
    while (line < end) {
      const __m512i codes = fetch_codes();
      levels[0] += nf4_look_up<0>(codes, table);
      levels[1] += nf4_look_up<1>(codes, table);
      levels[2] += nf4_look_up<2>(codes, table);
      levels[3] += nf4_look_up<3>(codes, table);
      levels[4] += nf4_look_up<4>(codes, table);
      levels[5] += nf4_look_up<5>(codes, table);
      levels[6] += nf4_look_up<6>(codes, table);
      levels[7] += nf4_look_up<7>(codes, table);
    }
    const float* const scales = tile.scales + std::size_t{active.blocks[b].block} * kTileOutputs;
    for (int j = 0; j < 8; ++j) {
      const __m512 sum = _mm512_maskz_cvtepi32_ps(0xffff, reinterpret_cast<__m512i>(levels[j]));
      sums[j] = _mm512_add_ps(sums[j], _mm512_mul_ps(sum, _mm512_loadu_ps(scales + 16 * j)));
    }
  }
  const __m512 unit = _mm512_set1_ps(tile.last ? 0x1p-24f : 1.0f);
  for (int j = 0; j < 8; ++j) _mm512_storeu_ps(y + 16 * j, _mm512_mul_ps(sums[j], unit));
}

#elif defined(NEURACT_ISA_AVX2)

/// Levels of the codes in the low four bits of each word: a permutation looks at three of them.
[[gnu::always_inline]] static inline __m256i nf4_look_up(__m256i codes) noexcept {
  const __m256* const table = reinterpret_cast<const __m256*>(kNf4Multiples.levels);
  const __m256 low = _mm256_permutevar8x32_ps(table[0], codes);
  const __m256 high = _mm256_permutevar8x32_ps(table[1], codes);
  return _mm256_castps_si256(_mm256_blendv_ps(low, high, _mm256_castsi256_ps(_mm256_slli_epi32(codes, 28))));
}

/// 32 outputs at a time: four nibbles of half a line.
static void nf4_event(const TileChunk<float>& tile, const ActiveList& active, float* y) noexcept {
  for (std::uint32_t part = 0; part < 4; ++part) {
    const std::uint32_t side = 8 * (part % 2);
    const std::uint32_t first = 4 * (part / 2);
    const __m128i shift = _mm_cvtsi32_si128(static_cast<int>(4 * first));
    __m256 sums[4];
    for (std::uint32_t j = 0; j < 4; ++j) {
      sums[j] = tile.first ? _mm256_setzero_ps() : _mm256_loadu_ps(y + 16 * (first + j) + side);
    }
    const std::uint32_t* line = active.lines;
    for (std::uint32_t b = 0; b < active.n_blocks; ++b) {
      __m256i levels[4];
      for (__m256i& level : levels) level = _mm256_setzero_si256();
      for (const std::uint32_t* const end = line + active.blocks[b].count; line < end; ++line) {
        const std::uint8_t* const from = tile.codes + *line + 4 * side;
        __builtin_prefetch(from + tile.next, 0, 2);
        const __m256i codes = _mm256_srl_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)), shift);
        levels[0] = _mm256_add_epi32(levels[0], nf4_look_up(codes));
        levels[1] = _mm256_add_epi32(levels[1], nf4_look_up(_mm256_srli_epi32(codes, 4)));
        levels[2] = _mm256_add_epi32(levels[2], nf4_look_up(_mm256_srli_epi32(codes, 8)));
        levels[3] = _mm256_add_epi32(levels[3], nf4_look_up(_mm256_srli_epi32(codes, 12)));
      }
      const float* const scales = tile.scales + std::size_t{active.blocks[b].block} * kTileOutputs + side;
      for (std::uint32_t j = 0; j < 4; ++j) {
        const __m256 scale = _mm256_loadu_ps(scales + 16 * (first + j));
        sums[j] = _mm256_add_ps(sums[j], _mm256_mul_ps(_mm256_cvtepi32_ps(levels[j]), scale));
      }
    }
    const __m256 unit = _mm256_set1_ps(tile.last ? 0x1p-24f : 1.0f);
    for (std::uint32_t j = 0; j < 4; ++j) {
      _mm256_storeu_ps(y + 16 * (first + j) + side, _mm256_mul_ps(sums[j], unit));
    }
  }
}

#else

static void nf4_event(const TileChunk<float>& tile, const ActiveList& active, float* y) noexcept {
  alignas(64) float sums[kTileOutputs] = {};
  if (!tile.first) __builtin_memcpy(sums, y, sizeof sums);
  const std::uint32_t* line = active.lines;
  for (std::uint32_t b = 0; b < active.n_blocks; ++b) {
    alignas(64) std::int32_t levels[kTileOutputs] = {};
    for (const std::uint32_t* const end = line + active.blocks[b].count; line < end; ++line) {
      const std::uint8_t* const codes = tile.codes + *line;
      for (std::uint32_t c = 0; c < 4; ++c) {
        for (std::uint32_t l = 0; l < 16; ++l) {
          levels[32 * c + l] += kNf4Multiples.levels[codes[4 * l + c] & 15];
          levels[32 * c + 16 + l] += kNf4Multiples.levels[codes[4 * l + c] >> 4];
        }
      }
    }
    const float* const scales = tile.scales + std::size_t{active.blocks[b].block} * kTileOutputs;
    for (std::uint32_t o = 0; o < kTileOutputs; ++o) sums[o] += static_cast<float>(levels[o]) * scales[o];
  }
  const float unit = tile.last ? 0x1p-24f : 1.0f;
  for (std::uint32_t o = 0; o < kTileOutputs; ++o) y[o] = sums[o] * unit;
}

#endif

// A register of outputs: a whole number of them are the 16 outputs that nibbles j of a line hold.
#if defined(NEURACT_ISA_AVX512)
#define NEURACT_LANES 16
#elif defined(NEURACT_ISA_AVX2)
#define NEURACT_LANES 8
#else
#define NEURACT_LANES 4
#endif

#ifndef NEURACT_ISA_AVX512
typedef std::int32_t Levels __attribute__((vector_size(4 * NEURACT_LANES)));
#endif
typedef float Sums __attribute__((vector_size(4 * NEURACT_LANES)));

/// The levels of outputs o … o + NEURACT_LANES - 1 of one input.
[[gnu::always_inline]] static inline Levels nf4_levels(const std::uint8_t* line, std::uint32_t o) noexcept {
  const std::uint32_t j = o / 16;
  line += o % 16 * 4;
#if defined(NEURACT_ISA_AVX512)
  const __m512i codes = _mm512_maskz_srli_epi32(0xffff, _mm512_loadu_si512(line), 4 * j);
  return reinterpret_cast<Levels>(
      _mm512_maskz_permutexvar_epi32(0xffff, codes, _mm512_load_si512(kNf4Multiples.levels)));
#elif defined(NEURACT_ISA_AVX2)
  const __m256i codes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(line));
  return reinterpret_cast<Levels>(nf4_look_up(_mm256_srl_epi32(codes, _mm_cvtsi32_si128(static_cast<int>(4 * j)))));
#else
  Levels levels;
  for (std::uint32_t l = 0; l < 4; ++l) levels[l] = kNf4Multiples.levels[line[4 * l + j / 2] >> (4 * (j % 2)) & 15];
  return levels;
#endif
}

/// All sums of the subsets of `inputs` inputs.
[[gnu::always_inline]] static inline void nf4_subset_sums(Levels* sums, const std::uint8_t* lines, std::uint32_t inputs,
                                                          std::uint32_t o) noexcept {
  sums[0] = Levels{};
  for (std::uint32_t i = 0; i < inputs; ++i) {
    const Levels levels = nf4_levels(lines + i * kTileLineBytes, o);
    for (std::uint32_t p = 0; p < 1u << i; ++p) sums[(1u << i) + p] = sums[p] + levels;
  }
}

/// `groups` times kGroupInputs inputs make a block.
[[gnu::always_inline]] static inline void nf4_batched_by(std::uint32_t groups, const WholeTile<float>& tile,
                                                         const SpikeBits& s, float* y, std::size_t ldy) noexcept {
  Levels table[4 * kGroupSums];
  constexpr std::uint32_t kVectors = kTileOutputs / NEURACT_LANES;
  Sums sums[kVectors][kBatchedRows];
  std::uint64_t words[8][kBatchedRows];
  for (std::uint32_t v = 0; v < kVectors; ++v) {
    for (std::uint32_t m = 0; m < s.rows; ++m) sums[v][m] = Sums{};
  }
  for (std::uint32_t i = 0; i < tile.k; i += groups * kGroupInputs) {
    if (i % 512 == 0) copy_words(words, s, i / 64, tile.k);
    for (std::uint32_t v = 0; v < kVectors; ++v) {
      const std::uint32_t o = v * NEURACT_LANES;
      for (std::uint32_t g = 0; g < groups; ++g) {
        const std::uint8_t* const lines = tile.codes + (std::size_t{i} + g * kGroupInputs) * kTileLineBytes;
        for (std::uint32_t part = 0; part < 4; ++part) {
          nf4_subset_sums(table + g * kGroupSums + 8 * part, lines + 3 * part * kTileLineBytes, 3, o);
        }
        nf4_subset_sums(table + g * kGroupSums + 32, lines + 12 * kTileLineBytes, 4, o);
      }
      Sums scale;
      __builtin_memcpy(&scale, tile.scales + std::size_t{i} / kGroupInputs / groups * kTileOutputs + o, sizeof scale);
      for (std::uint32_t m = 0; m < s.rows; ++m) {
        std::uint64_t rest = words[i / 64 % 8][m] >> i % 64;
        Levels levels{};
        for (std::uint32_t g = 0; g < groups; ++g, rest >>= 16) {
          const Levels* const from = table + g * kGroupSums;
          levels += (from[rest & 7] + from[8 + (rest >> 3 & 7)]) +
                    (from[16 + (rest >> 6 & 7)] + from[24 + (rest >> 9 & 7)]) + from[32 + (rest >> 12 & 15)];
        }
        sums[v][m] += __builtin_convertvector(levels, Sums) * scale;
      }
    }
  }
  for (std::uint32_t m = 0; m < s.rows; ++m) {
    alignas(64) float out[kTileOutputs];
    for (std::uint32_t v = 0; v < kVectors; ++v) {
      const Sums scaled = sums[v][m] * 0x1p-24f;
      __builtin_memcpy(out + v * NEURACT_LANES, &scaled, sizeof scaled);
    }
    __builtin_memcpy(y + m * ldy, out, tile.outputs * sizeof(float));
  }
}

static void nf4_batched(const WholeTile<float>& tile, const SpikeBits& s, float* y, std::size_t ldy) noexcept {
  switch (tile.block / kGroupInputs) {
    case 1: return nf4_batched_by(1, tile, s, y, ldy);
    case 2: return nf4_batched_by(2, tile, s, y, ldy);
    default: return nf4_batched_by(4, tile, s, y, ldy);
  }
}

static constexpr Nf4SpikeKernels kNf4SpikeKernels = {&nf4_event, &nf4_batched};

#undef NEURACT_LANES

}  // namespace neuract::kernels::NEURACT_ISA
