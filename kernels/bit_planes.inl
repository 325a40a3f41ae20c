namespace neuract::kernels::NEURACT_ISA {

#if defined(NEURACT_ISA_AVX512)
#define NEURACT_BIT_WORDS 8
#elif defined(NEURACT_ISA_AVX2)
#define NEURACT_BIT_WORDS 4
#else
#define NEURACT_BIT_WORDS 2
#endif

/// One bit of many counts.
typedef std::uint64_t Bits __attribute__((vector_size(8 * NEURACT_BIT_WORDS)));

/// Counts below 2^planes; what is unused stays 0 and costs nothing. Named one by one, so that they live in registers.
struct BitCounts {
  Bits b0, b1, b2, b3, b4, b5, b6, b7;
};

[[gnu::always_inline]] static inline Bits load_bits(const std::uint64_t* words) noexcept {
  Bits bits;
  __builtin_memcpy(&bits, __builtin_assume_aligned(words, sizeof bits), sizeof bits);
  return bits;
}

/// a + b + sum -> the new sum and, returned, the carry of each bit.
[[gnu::always_inline]] static inline Bits add_carry(Bits& sum, Bits a, Bits b) noexcept {
#ifdef NEURACT_ISA_AVX512
  const __m512i x = reinterpret_cast<__m512i>(sum);
  const __m512i y = reinterpret_cast<__m512i>(a);
  const __m512i z = reinterpret_cast<__m512i>(b);
  sum = reinterpret_cast<Bits>(_mm512_ternarylogic_epi64(x, y, z, 0x96));
  return reinterpret_cast<Bits>(_mm512_ternarylogic_epi64(x, y, z, 0xe8));
#else
  const Bits both = a & b;
  const Bits one = a ^ b;
  const Bits carry = both | (one & sum);
  sum ^= one;
  return carry;
#endif
}

[[gnu::always_inline]] static inline Bits half_add(Bits& sum, Bits a) noexcept {
  const Bits carry = sum & a;
  sum ^= a;
  return carry;
}

/// Adds `carry`, which stands for 2^from.
[[gnu::always_inline]] static inline void ripple(BitCounts& c, Bits carry, int from, int planes) noexcept {
  if (from <= 0 && planes > 0) carry = half_add(c.b0, carry);
  if (from <= 1 && planes > 1) carry = half_add(c.b1, carry);
  if (from <= 2 && planes > 2) carry = half_add(c.b2, carry);
  if (from <= 3 && planes > 3) carry = half_add(c.b3, carry);
  if (from <= 4 && planes > 4) carry = half_add(c.b4, carry);
  if (from <= 5 && planes > 5) carry = half_add(c.b5, carry);
  if (from <= 6 && planes > 6) carry = half_add(c.b6, carry);
  if (from <= 7 && planes > 7) carry = half_add(c.b7, carry);
}

[[gnu::always_inline]] static inline Bits add_2(BitCounts& c, const std::uint64_t* const* rows,
                                                std::size_t at) noexcept {
  return add_carry(c.b0, load_bits(rows[0] + at), load_bits(rows[1] + at));
}
[[gnu::always_inline]] static inline Bits add_4(BitCounts& c, const std::uint64_t* const* rows,
                                                std::size_t at) noexcept {
  const Bits first = add_2(c, rows, at);
  return add_carry(c.b1, first, add_2(c, rows + 2, at));
}
[[gnu::always_inline]] static inline Bits add_8(BitCounts& c, const std::uint64_t* const* rows,
                                                std::size_t at) noexcept {
  const Bits first = add_4(c, rows, at);
  return add_carry(c.b2, first, add_4(c, rows + 4, at));
}
[[gnu::always_inline]] static inline Bits add_16(BitCounts& c, const std::uint64_t* const* rows,
                                                 std::size_t at) noexcept {
  const Bits first = add_8(c, rows, at);
  return add_carry(c.b3, first, add_8(c, rows + 8, at));
}

/// How many of `n` rows have each target of the vector at word `at`; n < 2^planes.
[[gnu::always_inline]] static inline BitCounts count_rows(const std::uint64_t* const* rows, std::uint32_t n,
                                                          std::size_t at, int planes) noexcept {
  BitCounts c{};
  if (planes > 4) {
    for (; n >= 16; n -= 16, rows += 16) ripple(c, add_16(c, rows, at), 4, planes);
  }
  if (planes > 3 && (n & 8u) != 0) {
    ripple(c, add_8(c, rows, at), 3, planes);
    rows += 8;
  }
  if (planes > 2 && (n & 4u) != 0) {
    ripple(c, add_4(c, rows, at), 2, planes);
    rows += 4;
  }
  if (planes > 1 && (n & 2u) != 0) {
    ripple(c, add_2(c, rows, at), 1, planes);
    rows += 2;
  }
  if ((n & 1u) != 0) ripple(c, load_bits(rows[0] + at), 0, planes);
  return c;
}

/// sums[t] += code · (count + extra), for 64 targets; bit p of their counts is the word counts[p · NEURACT_BIT_WORDS].
[[gnu::always_inline]] static inline void add_64(const std::uint64_t* counts, std::uint8_t* extra, std::int32_t code,
                                                 std::int32_t* sums, int planes) noexcept {
#ifdef NEURACT_ISA_AVX512
  __m512i bytes = _mm512_maskz_set1_epi8(counts[0], 1);
  for (int p = 1; p < planes; ++p)
    bytes =
        _mm512_mask_add_epi8(bytes, counts[p * NEURACT_BIT_WORDS], bytes, _mm512_set1_epi8(static_cast<char>(1u << p)));
  if (extra != nullptr) {
    bytes = _mm512_add_epi8(bytes, _mm512_loadu_si512(extra));
    _mm512_storeu_si512(extra, _mm512_setzero_si512());
  }
  constexpr __mmask16 kAll = 0xffff;  // masked forms: GCC 12 warns about the plain ones
  const __m512i codes = _mm512_set1_epi32(code);
  for (int j = 0; j < 4; ++j) {
    const __m512i count = _mm512_maskz_srli_epi32(kAll, bytes, static_cast<unsigned>(8 * j));
    const __m512i product = _mm512_mullo_epi32(_mm512_and_si512(count, _mm512_set1_epi32(255)), codes);
    _mm512_storeu_si512(sums + 16 * j, _mm512_add_epi32(_mm512_loadu_si512(sums + 16 * j), product));
  }
#else
  alignas(64) std::uint32_t four[16];
#ifdef NEURACT_ISA_AVX2
  const __m256i which =
      _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3);
  const __m256i bit = _mm256_set1_epi64x(static_cast<long long>(0x8040201008040201u));
  for (int half = 0; half < 2; ++half) {
    __m256i bytes = _mm256_setzero_si256();
    for (int p = 0; p < planes; ++p) {
      const auto part =
          static_cast<std::int32_t>(static_cast<std::uint32_t>(counts[p * NEURACT_BIT_WORDS] >> (32 * half)));
      const __m256i spread = _mm256_and_si256(_mm256_shuffle_epi8(_mm256_set1_epi32(part), which), bit);
      const __m256i set = _mm256_cmpeq_epi8(spread, bit);
      bytes = _mm256_or_si256(bytes, _mm256_and_si256(set, _mm256_set1_epi8(static_cast<char>(1u << p))));
    }
    if (extra != nullptr) {
      auto* const at = reinterpret_cast<__m256i*>(extra + 32 * half);
      bytes = _mm256_add_epi8(bytes, _mm256_loadu_si256(at));
      _mm256_storeu_si256(at, _mm256_setzero_si256());
    }
    _mm256_store_si256(reinterpret_cast<__m256i*>(four + 8 * half), bytes);
  }
#else
  for (std::uint32_t i = 0; i < 8; ++i) {
    std::uint64_t bytes = 0;
    for (int p = 0; p < planes; ++p) bytes |= kSpread.bytes[(counts[p * NEURACT_BIT_WORDS] >> (8 * i)) & 255u] << p;
    if (extra != nullptr) {
      for (std::uint32_t k = 0; k < 8; ++k) bytes += std::uint64_t{extra[8 * i + k]} << (8 * k);
      __builtin_memset(extra + 8 * i, 0, 8);
    }
    four[2 * i] = static_cast<std::uint32_t>(bytes);
    four[2 * i + 1] = static_cast<std::uint32_t>(bytes >> 32);
  }
#endif
  for (std::uint32_t j = 0; j < 4; ++j) {
    for (std::uint32_t d = 0; d < 16; ++d)
      sums[16 * j + d] += static_cast<std::int32_t>((four[d] >> (8 * j)) & 255u) * code;
  }
#endif
}

struct BitBatch {
  const std::uint64_t* rows[kMostBitRows];
  const std::uint64_t* next[kMostRowsFetched];
  std::uint32_t n = 0;
  std::uint32_t n_next = 0;
  std::uint32_t targets = 0;
  std::uint32_t tail = 0;  // where rows go on behind their bits
  std::uint32_t tail_words = 0;
  std::uint8_t* extra = nullptr;
  std::int32_t code = 0;
  std::int32_t* sums = nullptr;
};

/// The targets of one vector, which begin at target `first`.
[[gnu::always_inline]] static inline void add_counts(const BitBatch& batch, const std::uint64_t* counts,
                                                     std::uint32_t first, int planes) noexcept {
  std::uint32_t word = 0;
  for (; word < NEURACT_BIT_WORDS && first + 64 <= batch.targets; ++word, first += 64)
    add_64(counts + word, batch.extra == nullptr ? nullptr : batch.extra + first, batch.code, batch.sums + first,
           planes);
  if (word == NEURACT_BIT_WORDS || first >= batch.targets) return;
  alignas(64) std::int32_t last[64] = {};
  add_64(counts + word, batch.extra == nullptr ? nullptr : batch.extra + first, batch.code, last, planes);
  for (std::uint32_t k = 0; k < batch.targets - first; ++k) batch.sums[first + k] += last[k];
}

[[gnu::always_inline]] static inline void add_batch(const BitBatch& batch, int planes) noexcept {
  constexpr std::uint32_t kTargets = 64 * NEURACT_BIT_WORDS;
  alignas(64) std::uint64_t counts[8 * NEURACT_BIT_WORDS];
  for (std::uint32_t first = 0; first < batch.targets; first += kTargets) {
    const std::size_t at = first / 64;
    if (at % 8 == 0) {
      for (std::uint32_t i = 0; i < batch.n_next; ++i) __builtin_prefetch(batch.next[i] + at, 0, 2);
      if (at < batch.tail_words) {
        for (std::uint32_t i = 0; i < batch.n_next; ++i) __builtin_prefetch(batch.next[i] + batch.tail + at, 0, 2);
      }
    }
    const BitCounts c = count_rows(batch.rows, batch.n, at, planes);
    const Bits bits[8] = {c.b0, c.b1, c.b2, c.b3, c.b4, c.b5, c.b6, c.b7};
    for (int p = 0; p < planes; ++p) __builtin_memcpy(counts + p * NEURACT_BIT_WORDS, &bits[p], sizeof bits[p]);
    bool small = true;  // counts rarely come near the number of rows
    if (planes > 4) {
      const Bits upper = c.b4 | c.b5 | c.b6 | c.b7;
      std::uint64_t any = 0;
      for (int w = 0; w < NEURACT_BIT_WORDS; ++w) any |= upper[w];
      small = any == 0;
    }
    if (small) {
      add_counts(batch, counts, first, planes < 4 ? planes : 4);
    } else {
      add_counts(batch, counts, first, planes);
    }
  }
}

static void add_rows(const BitRows& rows, ActiveRows active, ActiveRows next, std::uint8_t* extra, std::int32_t code,
                     std::int32_t* sums) noexcept {
  BitBatch batch;
  batch.n = static_cast<std::uint32_t>(active.count);
  batch.targets = rows.targets;
  batch.tail = (rows.targets + kBitRowAlignment - 1) / kBitRowAlignment * (kBitRowAlignment / 64);
  batch.tail_words = rows.words - batch.tail;
  batch.extra = extra;
  batch.code = code;
  batch.sums = sums;
  for (std::uint32_t i = 0; i < batch.n; ++i) batch.rows[i] = rows.bits + std::size_t{active.rows[i]} * rows.words;
  batch.n_next = static_cast<std::uint32_t>(next.count < kMostRowsFetched ? next.count : kMostRowsFetched);
  for (std::uint32_t i = 0; i < batch.n_next; ++i) batch.next[i] = rows.bits + std::size_t{next.rows[i]} * rows.words;
  if (batch.n == 0) return;
  switch (32 - __builtin_clz(batch.n)) {
    case 1: return add_batch(batch, 1);
    case 2: return add_batch(batch, 2);
    case 3: return add_batch(batch, 3);
    case 4: return add_batch(batch, 4);
    case 5: return add_batch(batch, 5);
    case 6: return add_batch(batch, 6);
    default: return add_batch(batch, 8);
  }
}

static constexpr BitPlaneKernels kBitPlaneKernels = {&add_rows};

#undef NEURACT_BIT_WORDS

}  // namespace neuract::kernels::NEURACT_ISA
