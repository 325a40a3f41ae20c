namespace neuract::kernels::NEURACT_ISA {

// Tiles outside, rows of `active` inside them, so that rows share what is in the cache; innermost the sources of a row,
// over which the sums of a tile (or a half of one) stay in registers. The lines of the same sources in a later tile are
// fetched meanwhile.

/// The lines of codes and scales of all sources; a source is `stride` bytes from the next in each.
struct Lines {
  const char* codes;
  std::size_t codes_stride;
  const char* scales;
  std::size_t scales_stride;
  std::size_t scales_of_tile;  ///< bytes
  std::size_t tiles;
};

[[gnu::always_inline]] static inline void fetch_line(const Lines& lines, std::size_t source,
                                                     std::size_t tile) noexcept {
  __builtin_prefetch(lines.codes + source * lines.codes_stride + tile * kTileLineBytes);
  __builtin_prefetch(lines.scales + source * lines.scales_stride + tile * lines.scales_of_tile);
}

/// How many tiles ahead to fetch for kLinesAhead lines ahead.
static inline std::size_t tiles_ahead(const ActiveLists& active) noexcept {
  if (active.rows == 0) return 0;
  const std::size_t lines = active.offsets[active.rows] - active.offsets[0];
  return lines == 0 ? 0 : (kLinesAhead + lines - 1) / lines;
}

static inline void fetch_first_tiles(const Lines& lines, const ActiveLists& active, std::size_t ahead) noexcept {
  for (std::size_t tile = 0; tile < ahead && tile < lines.tiles; ++tile) {
    for (std::uint32_t a = active.offsets[0]; a < active.offsets[active.rows]; ++a)
      fetch_line(lines, active.ids[a], tile);
  }
}

#if defined(NEURACT_ISA_AVX512)

constexpr __mmask16 kAll = 0xffff;  // masked forms: GCC 12 warns about some plain ones

struct Sums {
  __m512 of[8];
};

[[gnu::always_inline]] static inline __m512 pick(__m512 table, __m512i codes, unsigned j) noexcept {
  return _mm512_maskz_permutexvar_ps(kAll, _mm512_maskz_srli_epi32(kAll, codes, 4 * j), table);  // looks at four bits
}

[[gnu::always_inline]] static inline void write_sums(const Sums& sums, float* y, std::size_t first,
                                                     std::size_t n) noexcept {
  float* const to = y + first;
  if (n - first >= kTileOutputs) {
#pragma GCC unroll 8
    for (unsigned j = 0; j < 8; ++j) _mm512_storeu_ps(to + 16 * j, sums.of[j]);
    return;
  }
  alignas(64) float part[kTileOutputs];
  for (unsigned j = 0; j < 8; ++j) _mm512_store_ps(part + 16 * j, sums.of[j]);
  for (std::size_t t = 0; t < n - first; ++t) to[t] = part[t];
}

/// Adds a line of NF4 codes; one scale, or one for each half of the tile.
[[gnu::always_inline]] static inline void add_nf4(Sums& sums, const std::uint8_t* line, const float* scales,
                                                  std::uint32_t scales_of_tile) noexcept {
  const __m512i codes = _mm512_loadu_si512(line);
  const __m512 levels = _mm512_loadu_ps(kNf4Levels);
  const __m512 low = _mm512_mul_ps(levels, _mm512_set1_ps(scales[0]));
  const __m512 high = _mm512_mul_ps(levels, _mm512_set1_ps(scales[scales_of_tile - 1]));
#pragma GCC unroll 8
  for (unsigned j = 0; j < 8; ++j) sums.of[j] = _mm512_add_ps(sums.of[j], pick(j < 4 ? low : high, codes, j));
}

#else

struct Sums {
  float of[kTileOutputs];
};

static inline void write_sums(const Sums& sums, float* y, std::size_t first, std::size_t n) noexcept {
  for (std::size_t t = 0; t < kTileOutputs && first + t < n; ++t) y[first + t] = sums.of[t];
}

#if defined(NEURACT_ISA_AVX2)
/// The numbers that nibble j of eight codes stands for; the table comes in two halves.
[[gnu::always_inline]] static inline __m256 pick(__m256 low, __m256 high, __m256i codes, int j) noexcept {
  const __m256i index = _mm256_srli_epi32(codes, 4 * j);  // the permutation looks at three bits
  return _mm256_blendv_ps(_mm256_permutevar8x32_ps(low, index), _mm256_permutevar8x32_ps(high, index),
                          _mm256_castsi256_ps(_mm256_slli_epi32(codes, 28 - 4 * j)));
}

static inline void add_nf4(Sums& sums, const std::uint8_t* line, const float* scales,
                           std::uint32_t scales_of_tile) noexcept {
  for (int half = 0; half < 2; ++half) {
    const __m256i codes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(line + 32 * half));
#pragma GCC unroll 8
    for (int j = 0; j < 8; ++j) {
      const __m256 scale = _mm256_set1_ps(scales[j < 4 ? 0 : scales_of_tile - 1]);
      const __m256 low = _mm256_mul_ps(_mm256_loadu_ps(kNf4Levels), scale);
      const __m256 high = _mm256_mul_ps(_mm256_loadu_ps(kNf4Levels + 8), scale);
      float* const sum = sums.of + 16 * j + 8 * half;
      _mm256_storeu_ps(sum, _mm256_add_ps(_mm256_loadu_ps(sum), pick(low, high, codes, j)));
    }
  }
}
#else
static inline void add_nf4(Sums& sums, const std::uint8_t* line, const float* scales,
                           std::uint32_t scales_of_tile) noexcept {
  for (std::uint32_t j = 0; j < 8; ++j) {
    const float scale = scales[j < 4 ? 0 : scales_of_tile - 1];
    for (std::uint32_t l = 0; l < 16; ++l) sums.of[16 * j + l] += kNf4Levels[tile_code(line, 16 * j + l)] * scale;
  }
}
#endif
#endif

static void nf4_together(const Nf4Rows& w, const ActiveLists& active, float* y, std::size_t ldy) noexcept {
  const std::size_t tiles = tiles_of(w.n);
  const std::uint32_t scales = kTileOutputs / w.block;
  const Lines lines{
      reinterpret_cast<const char*>(w.codes), tiles * kTileLineBytes, reinterpret_cast<const char*>(w.scales),
      tiles * scales * sizeof(float),         scales * sizeof(float), tiles};
  const std::size_t ahead = tiles_ahead(active);
  fetch_first_tiles(lines, active, ahead);
  for (std::size_t tile = 0; tile < tiles; ++tile) {
    const bool fetch = tile + ahead < tiles;
    for (std::uint32_t m = 0; m < active.rows; ++m) {
      Sums sums = {};
      for (std::uint32_t a = active.offsets[m]; a < active.offsets[m + 1]; ++a) {
        const std::size_t source = active.ids[a];
        if (fetch) fetch_line(lines, source, tile + ahead);
        const std::size_t line = source * tiles + tile;
        add_nf4(sums, w.codes + line * kTileLineBytes, w.scales + line * scales, scales);
      }
      write_sums(sums, y + m * ldy, tile * kTileOutputs, w.n);
    }
  }
}

/// Rows that share few sources would only drive each other's lines out of the cache.
static void rows_nf4(const Nf4Rows& w, const ActiveLists& active, float* y, std::size_t ldy) noexcept {
  if (active.rows == 0) return;
  if (active.offsets[active.rows] - active.offsets[0] > w.k / 2) return nf4_together(w, active, y, ldy);
  for (std::uint32_t m = 0; m < active.rows; ++m)
    nf4_together(w, {active.offsets + m, active.ids, 1}, y + m * ldy, ldy);
}

static void rows_f32(const F32Rows& w, const ActiveLists& active, float* y, std::size_t ldy) noexcept {
  constexpr std::size_t kTargets = 64;  // sums in 4 AVX-512 registers, 8 AVX2 ones
  using Floats = float __attribute__((vector_size(64)));
  for (std::size_t first = 0; first < w.n; first += kTargets) {
    const std::size_t n = w.n - first < kTargets ? w.n - first : kTargets;
    for (std::uint32_t m = 0; m < active.rows; ++m) {
      float* const to = y + m * ldy + first;
      if (n == kTargets) {
        Floats sum[4] = {};
        for (std::uint32_t a = active.offsets[m]; a < active.offsets[m + 1]; ++a) {
          const float* const row = w.weights + active.ids[a] * w.stride + first;
          __builtin_prefetch(row + kF32Ahead);
          __builtin_prefetch(row + kF32Ahead + 16);
          __builtin_prefetch(row + kF32Ahead + 32);
          __builtin_prefetch(row + kF32Ahead + 48);
#pragma GCC unroll 4
          for (int v = 0; v < 4; ++v) {
            Floats weights;
            __builtin_memcpy(&weights, row + 16 * v, sizeof weights);
            sum[v] += weights;
          }
        }
        __builtin_memcpy(to, sum, sizeof sum);
        continue;
      }
      for (std::size_t t = 0; t < n; ++t) to[t] = 0.0f;
      for (std::uint32_t a = active.offsets[m]; a < active.offsets[m + 1]; ++a) {
        const float* const row = w.weights + active.ids[a] * w.stride + first;
        for (std::size_t t = 0; t < n; ++t) to[t] += row[t];
      }
    }
  }
}

static constexpr RowKernels kRowKernels = {&rows_nf4, &rows_f32};

}  // namespace neuract::kernels::NEURACT_ISA
