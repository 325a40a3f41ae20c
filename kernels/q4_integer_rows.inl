namespace neuract::kernels::NEURACT_ISA {

#if defined(NEURACT_ISA_AVX512) || defined(NEURACT_ISA_AVX2)

#if defined(NEURACT_ISA_AVX512)
// One vector is a line. Masked forms: GCC 12 warns about some plain ones.
using Vector = __m512i;
constexpr int kParts = 1;
#define NEURACT_V(operation) _mm512_##operation
#define NEURACT_LOAD(p) _mm512_loadu_si512(p)
#define NEURACT_AND(a, b) _mm512_and_si512(a, b)
#define NEURACT_SHIFT_RIGHT_16(a, i) _mm512_maskz_srli_epi16(0xffffffff, a, i)
#define NEURACT_SHIFT_LEFT_32(a, i) _mm512_maskz_slli_epi32(0xffff, a, i)
#define NEURACT_SHIFT_SIGN_32(a, i) _mm512_maskz_srai_epi32(0xffff, a, i)
#define NEURACT_BROADCAST_64(x) _mm512_maskz_broadcastq_epi64(0xff, x)
#define NEURACT_ZERO() _mm512_setzero_si512()
#else
using Vector = __m256i;
constexpr int kParts = 2;
#define NEURACT_V(operation) _mm256_##operation
#define NEURACT_LOAD(p) _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))
#define NEURACT_AND(a, b) _mm256_and_si256(a, b)
#define NEURACT_SHIFT_RIGHT_16(a, i) _mm256_srli_epi16(a, i)
#define NEURACT_SHIFT_LEFT_32(a, i) _mm256_slli_epi32(a, i)
#define NEURACT_SHIFT_SIGN_32(a, i) _mm256_srai_epi32(a, i)
#define NEURACT_BROADCAST_64(x) _mm256_broadcastq_epi64(x)
#define NEURACT_ZERO() _mm256_setzero_si256()
#endif

constexpr int kPartBytes = 64 / kParts;
constexpr int kPartLanes = 16 / kParts;

/// Sums of a tile's part, of 16-bit words as unpacking leaves them: low and
/// high halves of bytes, first and second half of every 16 bytes.
struct Words {
  Vector of[4];
};

/// The words of 32-bit lanes apart: [4 vectors][even, odd].
struct Sums {
  Vector of[4][2];
};

/// Adds two lines, whose scales are interleaved in `scales`: pairs of the low
/// halves, then of the high halves. At most 2 · 255 · 12 a pair, so that five
/// pairs fit a word.
[[gnu::always_inline]] static inline void add_pair(Words& words, const std::uint8_t* first, const std::uint8_t* second,
                                                   Vector low_scales, Vector high_scales, Vector doubles) noexcept {
  const Vector halves = NEURACT_V(set1_epi8)(0x0f);
  const Vector a = NEURACT_LOAD(first);
  const Vector b = NEURACT_LOAD(second);
  const Vector a_low = NEURACT_V(shuffle_epi8)(doubles, NEURACT_AND(a, halves));
  const Vector b_low = NEURACT_V(shuffle_epi8)(doubles, NEURACT_AND(b, halves));
  const Vector a_high = NEURACT_V(shuffle_epi8)(doubles, NEURACT_AND(NEURACT_SHIFT_RIGHT_16(a, 4), halves));
  const Vector b_high = NEURACT_V(shuffle_epi8)(doubles, NEURACT_AND(NEURACT_SHIFT_RIGHT_16(b, 4), halves));
  const Vector pairs[4] = {NEURACT_V(unpacklo_epi8)(a_low, b_low), NEURACT_V(unpackhi_epi8)(a_low, b_low),
                           NEURACT_V(unpacklo_epi8)(a_high, b_high), NEURACT_V(unpackhi_epi8)(a_high, b_high)};
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const Vector products = NEURACT_V(maddubs_epi16)(i < 2 ? low_scales : high_scales, pairs[i]);
    words.of[i] = NEURACT_V(add_epi16)(words.of[i], products);
  }
}

[[gnu::always_inline]] static inline void widen(Sums& sums, Words& words) noexcept {
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const Vector even = NEURACT_SHIFT_SIGN_32(NEURACT_SHIFT_LEFT_32(words.of[i], 16), 16);
    sums.of[i][0] = NEURACT_V(add_epi32)(sums.of[i][0], even);
    sums.of[i][1] = NEURACT_V(add_epi32)(sums.of[i][1], NEURACT_SHIFT_SIGN_32(words.of[i], 16));
    words.of[i] = NEURACT_ZERO();
  }
}

/// out(t, vector of f32): the sums of targets t … in their order. Of every 16
/// bytes, 32-bit lanes hold bytes 0, 1 | 2, 3 of the first or third word of
/// codes, then of the second or fourth: what belongs to the same byte is
/// brought together.
template <class Out>
[[gnu::always_inline]] static inline void in_order(const Sums& sums, Out out) noexcept {
#pragma GCC unroll 2
  for (int high = 0; high < 2; ++high) {
#pragma GCC unroll 2
    for (int odd = 0; odd < 2; ++odd) {
      const Vector a = sums.of[2 * high][odd];
      const Vector b = sums.of[2 * high + 1][odd];
#if defined(NEURACT_ISA_AVX512)
      const __m512 x = _mm512_maskz_cvtepi32_ps(0xffff, a);
      const __m512 y = _mm512_maskz_cvtepi32_ps(0xffff, b);
      out(32 * odd + 16 * high, _mm512_maskz_shuffle_ps(0xffff, x, y, 0x88));
      out(32 * (odd + 2) + 16 * high, _mm512_maskz_shuffle_ps(0xffff, x, y, 0xdd));
#else
      const __m256 x = _mm256_cvtepi32_ps(a);
      const __m256 y = _mm256_cvtepi32_ps(b);
      out(32 * odd + 16 * high, _mm256_shuffle_ps(x, y, 0x88));
      out(32 * (odd + 2) + 16 * high, _mm256_shuffle_ps(x, y, 0xdd));
#endif
    }
  }
}

#if defined(NEURACT_ISA_AVX512)
[[gnu::always_inline]] static inline __mmask16 lanes_left(std::size_t at, std::size_t n) noexcept {
  return static_cast<__mmask16>(at + 16 <= n ? 0xffffu : at >= n ? 0u : (1u << (n - at)) - 1u);
}
#endif

struct StoreRow {
  float factor;
  float* y;
  std::size_t n;

#if defined(NEURACT_ISA_AVX512)
  [[gnu::always_inline]] void operator()(std::size_t t, __m512 sum) const noexcept {
    _mm512_mask_storeu_ps(y + t, lanes_left(t, n), _mm512_mul_ps(sum, _mm512_set1_ps(factor)));
  }
#else
  [[gnu::always_inline]] void operator()(std::size_t t, __m256 sum) const noexcept {
    const __m256 product = _mm256_mul_ps(sum, _mm256_set1_ps(factor));
    if (t + 8 <= n) return _mm256_storeu_ps(y + t, product);
    alignas(32) float left[8];
    _mm256_store_ps(left, product);
    for (std::size_t i = 0; t + i < n; ++i) y[t + i] = left[i];
  }
#endif
};

struct AddRow {
  float factor;
  std::int32_t* sums;
  std::size_t n;

#if defined(NEURACT_ISA_AVX512)
  [[gnu::always_inline]] void operator()(std::size_t t, __m512 sum) const noexcept {
    const __mmask16 lanes = lanes_left(t, n);
    const __m512i whole = _mm512_maskz_cvtps_epi32(lanes, _mm512_mul_ps(sum, _mm512_set1_ps(factor)));
    _mm512_mask_storeu_epi32(sums + t, lanes, _mm512_add_epi32(_mm512_maskz_loadu_epi32(lanes, sums + t), whole));
  }
#else
  [[gnu::always_inline]] void operator()(std::size_t t, __m256 sum) const noexcept {
    const __m256i whole = _mm256_cvtps_epi32(_mm256_mul_ps(sum, _mm256_set1_ps(factor)));
    if (t + 8 <= n) {
      __m256i* const at = reinterpret_cast<__m256i*>(sums + t);
      return _mm256_storeu_si256(at, _mm256_add_epi32(_mm256_loadu_si256(at), whole));
    }
    alignas(32) std::int32_t left[8];
    _mm256_store_si256(reinterpret_cast<__m256i*>(left), whole);
    for (std::size_t i = 0; t + i < n; ++i) sums[t + i] += left[i];
  }
#endif
};

/// The table of kE2m1Doubles, for every 16 bytes.
[[gnu::always_inline]] static inline Vector load_doubles() noexcept {
  const __m128i table = _mm_loadu_si128(reinterpret_cast<const __m128i*>(kE2m1Doubles));
#if defined(NEURACT_ISA_AVX512)
  return _mm512_maskz_broadcast_i32x4(0xffff, table);
#else
  return _mm256_broadcastsi128_si256(table);
#endif
}

/// Adds one or two lines of a tile.
[[gnu::always_inline]] static inline void add_lines(Words& words, const Nvfp4IntegerRows& w, std::size_t a,
                                                    std::size_t b, bool alone, int part, Vector doubles) noexcept {
  const __m128i a_scales = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(w.multiples + a * 8));
  const __m128i b_scales =
      alone ? _mm_setzero_si128() : _mm_loadl_epi64(reinterpret_cast<const __m128i*>(w.multiples + b * 8));
  const __m128i scales = _mm_unpacklo_epi8(a_scales, b_scales);
  add_pair(words, w.codes + a * 64 + part * kPartBytes, w.codes + b * 64 + part * kPartBytes,
           NEURACT_BROADCAST_64(scales), NEURACT_BROADCAST_64(_mm_unpackhi_epi64(scales, scales)), doubles);
}

/// The sums of one tile for the sources ids[0 … count).
template <class Row>
[[gnu::always_inline]] static inline void sum_tile(const Nvfp4IntegerRows& w, std::size_t tiles, std::size_t tile,
                                                   const std::uint32_t* ids, std::size_t count,
                                                   const Row& row) noexcept {
  constexpr std::size_t kInWords = 10;
  const Vector doubles = load_doubles();
  for (int part = 0; part < kParts; ++part) {
    Sums sums;
    Words words;
    for (int i = 0; i < 4; ++i) sums.of[i][0] = sums.of[i][1] = words.of[i] = NEURACT_ZERO();
    for (std::size_t i = 0; i < count;) {
      const std::size_t end = count - i > kInWords ? i + kInWords : count;
      for (; i < end; i += 2) {
        const bool alone = i + 1 == end;
        add_lines(words, w, ids[i] * tiles + tile, ids[alone ? i : i + 1] * tiles + tile, alone, part, doubles);
      }
      widen(sums, words);
    }
    in_order(
        sums, [&](std::size_t t, auto sum) __attribute__((always_inline)) { row(t + part * kPartLanes, sum); });
  }
}

constexpr std::size_t kTilesTogether = 32;
constexpr std::size_t kSourcesTogether = 8;

/// The sums of all tiles of one row. Some sources at a time are read from end
/// to end, while the lines of the next ones, of this row or the next, are asked
/// for: memory has the time of a whole pass to bring them.
template <class Row>
[[gnu::always_inline]] static inline void sum_row(const Nvfp4IntegerRows& w, const std::uint32_t* ids,
                                                  std::size_t count, const std::uint32_t* next_ids,
                                                  std::size_t next_count, const Row& row_at) noexcept {
  const std::size_t tiles = tiles_of(w.n);
  const Vector doubles = load_doubles();
  Sums sums[kTilesTogether * kParts];  // between two passes
  for (std::size_t first = 0; first < tiles; first += kTilesTogether) {
    const std::size_t end = first + kTilesTogether < tiles ? first + kTilesTogether : tiles;
    for (std::size_t i = 0; i == 0 || i < count; i += kSourcesTogether) {
      const std::size_t here = count - i < kSourcesTogether ? count - i : kSourcesTogether;
      const bool last = i + here == count;
      const std::uint32_t* const ahead = last ? next_ids : ids + i + here;
      const std::size_t left = last ? next_count : count - i - here;
      const std::size_t fetched = left < kSourcesTogether ? left : kSourcesTogether;
      for (std::size_t tile = first; tile < end; ++tile) {
        for (std::size_t f = 0; f < fetched; ++f) {
          const std::size_t line = ahead[f] * tiles + tile;
          __builtin_prefetch(w.codes + line * 64);
          if (tile % 8 == 0) __builtin_prefetch(w.multiples + line * 8);
        }
        for (int part = 0; part < kParts; ++part) {
          Words words;
          for (Vector& v : words.of) v = NEURACT_ZERO();
          for (std::size_t s = 0; s < here; s += 2) {
            const bool alone = s + 1 == here;
            add_lines(words, w, ids[i + s] * tiles + tile, ids[i + s + (alone ? 0 : 1)] * tiles + tile, alone, part,
                      doubles);
          }
          Sums& kept = sums[(tile - first) * kParts + static_cast<std::size_t>(part)];
          Sums all;
          if (i == 0) {
            for (auto& pair : all.of) pair[0] = pair[1] = NEURACT_ZERO();
          } else {
            all = kept;
          }
          widen(all, words);
          if (!last) {
            kept = all;
            continue;
          }
          const auto row = row_at(tile * kTileOutputs);
          in_order(
              all, [&](std::size_t t, auto sum) __attribute__((always_inline)) { row(t + part * kPartLanes, sum); });
        }
      }
    }
  }
}

#undef NEURACT_V
#undef NEURACT_LOAD
#undef NEURACT_AND
#undef NEURACT_SHIFT_RIGHT_16
#undef NEURACT_SHIFT_LEFT_32
#undef NEURACT_SHIFT_SIGN_32
#undef NEURACT_BROADCAST_64
#undef NEURACT_ZERO

#else

struct StoreRow {
  float factor;
  float* y;
  std::size_t n;
  void operator()(std::size_t t, float sum) const noexcept {
    if (t < n) y[t] = sum * factor;
  }
};

struct AddRow {
  float factor;
  std::int32_t* sums;
  std::size_t n;
  void operator()(std::size_t t, float sum) const noexcept {
    if (t < n) sums[t] += static_cast<std::int32_t>(std::lrint(sum * factor));
  }
};

template <class Row>
static inline void sum_tile(const Nvfp4IntegerRows& w, std::size_t tiles, std::size_t tile, const std::uint32_t* ids,
                            std::size_t count, const Row& row) noexcept {
  std::int32_t sums[kTileOutputs] = {};
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t line = ids[i] * tiles + tile;
    for (std::uint32_t j = 0; j < 8; ++j) {
      std::int32_t products[16];
      const std::int32_t scale = w.multiples[line * 8 + integer_scale_position(j)];
      for (int code = 0; code < 16; ++code) products[code] = kE2m1Doubles[code] * scale;
      for (std::uint32_t l = 0; l < 16; ++l)
        sums[16 * j + l] += products[w.codes[line * 64 + 4 * l + j / 2] >> (j % 2 * 4) & 0xf];
    }
  }
  for (std::size_t t = 0; t < kTileOutputs; ++t) row(t, static_cast<float>(sums[t]));
}

template <class Row>
static inline void sum_row(const Nvfp4IntegerRows& w, const std::uint32_t* ids, std::size_t count, const std::uint32_t*,
                           std::size_t, const Row& row_at) noexcept {
  const std::size_t tiles = tiles_of(w.n);
  for (std::size_t tile = 0; tile < tiles; ++tile) sum_tile(w, tiles, tile, ids, count, row_at(tile * kTileOutputs));
}

#endif

/// Where rows share sources, tiles go outermost, so that they find each other's
/// lines in the cache. Where they do not, rows do: lines of one tile are often
/// a power of two apart, so that those of many rows would drive each other out.
template <class Row>
[[gnu::always_inline]] static inline void sum_rows(const Nvfp4IntegerRows& w, const ActiveLists& active,
                                                   const Row& row_of) noexcept {
  if (active.rows == 0) return;
  const auto ids_of = [&](std::size_t m) { return active.ids + active.offsets[m]; };
  const auto count_of = [&](std::size_t m) { return std::size_t{active.offsets[m + 1]} - active.offsets[m]; };
  if (active.offsets[active.rows] - active.offsets[0] <= w.k / 2) {
    for (std::uint32_t m = 0; m < active.rows; ++m) {
      const bool last = m + 1 == active.rows;
      sum_row(
          w, ids_of(m), count_of(m), ids_of(m + 1),
          last ? 0 : count_of(m + 1), [&](std::size_t first) __attribute__((always_inline)) {
            return row_of(m, first);
          });
    }
    return;
  }
  const std::size_t tiles = tiles_of(w.n);
  for (std::size_t tile = 0; tile < tiles; ++tile) {
    for (std::uint32_t m = 0; m < active.rows; ++m)
      sum_tile(w, tiles, tile, ids_of(m), count_of(m), row_of(m, tile * kTileOutputs));
  }
}

static void store_rows(const Nvfp4IntegerRows& w, const ActiveLists& active, float factor, float* y,
                       std::size_t ldy) noexcept {
  sum_rows(
      w, active, [&](std::size_t m, std::size_t first) __attribute__((always_inline)) {
        return StoreRow{factor, y + m * ldy + first, w.n - first};
      });
}

static void add_rows(const Nvfp4IntegerRows& w, const ActiveLists& active, float factor,
                     std::int32_t* const* sums) noexcept {
  sum_rows(
      w, active, [&](std::size_t m, std::size_t first) __attribute__((always_inline)) {
        return AddRow{factor, sums[m] + first, w.n - first};
      });
}

static constexpr IntegerRowKernels kIntegerRowKernels = {&store_rows, &add_rows};

}  // namespace neuract::kernels::NEURACT_ISA
