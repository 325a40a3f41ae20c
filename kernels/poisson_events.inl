// Events of Poisson generators, added to the inputs of a block of 64 neurons in one or many steps. Part of input.inl.
namespace neuract::kernels::NEURACT_ISA {

/// How many there are where the table says so, of 64 words.
static void count_events(std::int32_t* __restrict counts, const PoissonTable& table,
                         const std::uint32_t* __restrict words) noexcept {
  const std::uint32_t bits = table.bits();
  const std::int32_t first = table.first();
  const std::uint32_t* const entries = table.entries();
  for (std::uint32_t i = 0; i < kBlock; ++i) {
    const std::uint32_t column = words[i] >> (32 - bits);
    const std::uint32_t entry = entries[column];
    const std::uint32_t fraction = words[i] & ((1u << (32 - bits)) - 1u);
    const std::uint32_t alias = entry & ((1u << bits) - 1u);
    counts[i] = first + static_cast<std::int32_t>(fraction < (entry >> bits) ? column : alias);
  }
}

[[gnu::always_inline]] static inline void add_weighted(std::int32_t* __restrict row,
                                                       const std::int32_t* __restrict counts,
                                                       const PoissonInput& generator, std::uint32_t offset) noexcept {
  if (generator.codes != nullptr) {
    const std::int32_t* const codes = generator.codes + offset;
    for (std::uint32_t k = 0; k < kBlock; ++k) row[k] += codes[k] * counts[k];
  } else {
    for (std::uint32_t k = 0; k < kBlock; ++k) row[k] += generator.code * counts[k];
  }
}

/// Any table, one block and one step at a time.
static void add_events_by_memory(const PoissonInput& generator, const PoissonTarget& target) noexcept {
  for (std::uint32_t b = 0; b < target.n_blocks; ++b) {
    for (std::uint32_t s = 0; s < target.n_steps; ++s) {
      alignas(64) std::uint32_t words[kBlock];
      alignas(64) std::int32_t counts[kBlock];
      const std::uint64_t step = target.step + s;
      philox_fill(words, kPhiloxGroupBlocks, generator.key, static_cast<std::uint32_t>(step),
                  static_cast<std::uint32_t>(step >> 32), 0, kPhiloxGroupBlocks * (target.block + b));
      count_events(counts, *generator.table, words);
      add_weighted(target.rows[s] + std::size_t{b} * kBlock, counts, generator, target.offset + b * kBlock);
    }
  }
}

#ifdef NEURACT_ISA_AVX512

// Tables of 32 columns, which two registers hold: from counters to weighted sums without touching memory in between.
//
// A unit is 64 draws: one block in one step, that is Philox blocks 16·block … 16·block + 15 in two vectors of eight
// 64-bit lanes (see philox.inl for the lanes). In a counter (block, step, step's high half, 0) only the first word
// differs between lanes and only the others between steps, so that of the first two rounds, one half is scalar
// arithmetic and most of the other is the same for all steps. Two units at a time hide the multiplications' latency.
// Masked forms: GCC 12 warns about the plain ones.

constexpr __mmask16 kAll = 0xffff;
constexpr int kRounds = 10;
constexpr std::uint32_t kMultiplier0 = 0xD2511F53u;
constexpr std::uint32_t kMultiplier1 = 0xCD9E8D57u;

[[gnu::always_inline]] static inline __m512i multiply(__m512i a, __m512i b) noexcept {
  return _mm512_maskz_mul_epu32(0xff, a, b);
}
[[gnu::always_inline]] static inline __m512i high_half(__m512i a) noexcept {
  return _mm512_maskz_srli_epi64(0xff, a, 32);
}
[[gnu::always_inline]] static inline __m512i exclusive_or(__m512i a, __m512i b, __m512i c) noexcept {
  return _mm512_maskz_ternarylogic_epi64(0xff, a, b, c, 0x96);
}
[[gnu::always_inline]] static inline __m512i in_all_lanes(std::uint32_t x) noexcept {
  return _mm512_maskz_set1_epi64(0xff, static_cast<long long>(x));
}

struct PoissonKeys {
  std::uint32_t first[kRounds], second[kRounds];
  alignas(64) std::uint64_t wide[kRounds][2][8];  // as vectors
};

/// Half a unit as far as it does not depend on the step: words 2 and 3 after round 0, product of word 2 in round 1.
struct UnitStart {
  __m512i word3, product, product_high;
};

[[gnu::always_inline]] static inline UnitStart start_unit(const PoissonKeys& keys, std::uint32_t first_block) noexcept {
  const __m512i numbers = _mm512_add_epi64(_mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7), in_all_lanes(first_block));
  const __m512i word3 = multiply(numbers, in_all_lanes(kMultiplier0));
  const __m512i word2 = _mm512_xor_si512(high_half(word3), in_all_lanes(keys.second[0]));
  const __m512i product = multiply(word2, in_all_lanes(kMultiplier1));
  return {word3, product, high_half(product)};
}

struct UnitState {
  __m512i v0, v1, v2, v3;
};

/// Rounds 0 to 2.
[[gnu::always_inline]] static inline UnitState enter_step(const PoissonKeys& keys, const UnitStart& start,
                                                          std::uint64_t step) noexcept {
  const std::uint64_t product1 = (step >> 32) * kMultiplier1;
  const auto word0 = static_cast<std::uint32_t>(product1 >> 32) ^ static_cast<std::uint32_t>(step) ^ keys.first[0];
  const auto word1 = static_cast<std::uint32_t>(product1);
  const std::uint64_t product0 = std::uint64_t{word0} * kMultiplier0;
  const __m512i v0 = _mm512_xor_si512(start.product_high, in_all_lanes(word1 ^ keys.first[1]));
  const __m512i v2 =
      _mm512_xor_si512(start.word3, in_all_lanes(static_cast<std::uint32_t>(product0 >> 32) ^ keys.second[1]));
  const __m512i v3_and_key = in_all_lanes(static_cast<std::uint32_t>(product0) ^ keys.second[2]);
  const __m512i a = multiply(v0, in_all_lanes(kMultiplier0));
  const __m512i b = multiply(v2, in_all_lanes(kMultiplier1));
  return {exclusive_or(high_half(b), start.product, in_all_lanes(keys.first[2])), b,
          _mm512_xor_si512(high_half(a), v3_and_key), a};
}

/// Adds weight times count to 16 sums.
[[gnu::always_inline]] static inline void add_counts(std::int32_t* sums, __m512i words, __m512i entries_low,
                                                     __m512i entries_high, __m512i codes) noexcept {
  const __m512i low_bits = _mm512_set1_epi32(31);
  // The fraction above, the column below. A look-up uses the lowest five bits only.
  const __m512i turned = _mm512_maskz_rol_epi32(kAll, words, 5);
  const __m512i entry = _mm512_permutex2var_epi32(entries_low, turned, entries_high);
  const __mmask16 own = _mm512_cmplt_epu32_mask(_mm512_or_si512(turned, low_bits), entry);
  const __m512i count = _mm512_and_si512(_mm512_mask_mov_epi32(entry, own, turned), low_bits);
  _mm512_storeu_si512(sums, _mm512_add_epi32(_mm512_loadu_si512(sums), _mm512_maskz_mullo_epi32(kAll, count, codes)));
}

struct UnitPlace {
  const UnitStart* start;  // of its two halves
  std::uint64_t step;
  std::int32_t* sums;
  const std::int32_t* codes;  // null: the generator's one
};

template <int kUnits>
[[gnu::always_inline]] static inline void add_units(const PoissonInput& generator, const PoissonKeys& keys,
                                                    const UnitPlace (&places)[kUnits]) noexcept {
  UnitState x[2 * kUnits];
  const __m512i multiplier0 = in_all_lanes(kMultiplier0);
  const __m512i multiplier1 = in_all_lanes(kMultiplier1);
#pragma GCC unroll 4
  for (int i = 0; i < 2 * kUnits; ++i) x[i] = enter_step(keys, places[i / 2].start[i % 2], places[i / 2].step);
#pragma GCC unroll 10
  for (int round = 3; round < kRounds - 1; ++round) {
#pragma GCC unroll 4
    for (int i = 0; i < 2 * kUnits; ++i) {
      const __m512i a = multiply(x[i].v0, multiplier0);
      const __m512i b = multiply(x[i].v2, multiplier1);
      x[i] = {exclusive_or(high_half(b), x[i].v1, _mm512_load_si512(keys.wide[round][0])), b,
              exclusive_or(high_half(a), x[i].v3, _mm512_load_si512(keys.wide[round][1])), a};
    }
  }
  // The last round gathers the halves that it wants of both vectors, rather than shift each.
  const __m512i evens = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i odds = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
  const __m512i key0 = _mm512_set1_epi32(static_cast<int>(keys.first[kRounds - 1]));
  const __m512i key1 = _mm512_set1_epi32(static_cast<int>(keys.second[kRounds - 1]));
  const __m512i entries_low = _mm512_loadu_si512(generator.table->entries());
  const __m512i entries_high = _mm512_loadu_si512(generator.table->entries() + 16);
#pragma GCC unroll 2
  for (int u = 0; u < kUnits; ++u) {
    const UnitState& x0 = x[2 * u];
    const UnitState& x1 = x[2 * u + 1];
    const __m512i a0 = multiply(x0.v0, multiplier0), b0 = multiply(x0.v2, multiplier1);
    const __m512i a1 = multiply(x1.v0, multiplier0), b1 = multiply(x1.v2, multiplier1);
    const __m512i words[4] = {
        exclusive_or(_mm512_permutex2var_epi32(b0, odds, b1), _mm512_permutex2var_epi32(x0.v1, evens, x1.v1), key0),
        _mm512_permutex2var_epi32(b0, evens, b1),
        exclusive_or(_mm512_permutex2var_epi32(a0, odds, a1), _mm512_permutex2var_epi32(x0.v3, evens, x1.v3), key1),
        _mm512_permutex2var_epi32(a0, evens, a1)};
    const UnitPlace& place = places[u];
#pragma GCC unroll 4
    for (int w = 0; w < 4; ++w) {
      const __m512i codes =
          place.codes != nullptr ? _mm512_loadu_si512(place.codes + 16 * w) : _mm512_set1_epi32(generator.code);
      add_counts(place.sums + 16 * w, words[w], entries_low, entries_high, codes);
    }
  }
}

static void add_events_in_registers(const PoissonInput& generator, const PoissonTarget& target) noexcept {
  PoissonKeys keys;
  for (int round = 0; round < kRounds; ++round) {
    keys.first[round] = static_cast<std::uint32_t>(generator.key) + static_cast<std::uint32_t>(round) * 0x9E3779B9u;
    keys.second[round] =
        static_cast<std::uint32_t>(generator.key >> 32) + static_cast<std::uint32_t>(round) * 0xBB67AE85u;
    for (int i = 0; i < 8; ++i) {
      keys.wide[round][0][i] = keys.first[round];
      keys.wide[round][1][i] = keys.second[round];
    }
  }
  // Units in pairs: of consecutive steps, or, where there is one step, of consecutive blocks.
  UnitStart starts[2][2];
  UnitPlace pair[2];
  int waiting = 0;
  for (std::uint32_t b = 0; b < target.n_blocks; ++b) {
    UnitStart(&start)[2] = starts[b % 2];
    for (std::uint32_t half = 0; half < 2; ++half) start[half] = start_unit(keys, 16 * (target.block + b) + 8 * half);
    const std::size_t first = std::size_t{b} * kBlock;
    const std::int32_t* const codes = generator.codes != nullptr ? generator.codes + target.offset + first : nullptr;
    for (std::uint32_t s = 0; s < target.n_steps; ++s) {
      pair[waiting] = {start, target.step + s, target.rows[s] + first, codes};
      if (++waiting < 2) continue;
      add_units<2>(generator, keys, pair);
      waiting = 0;
    }
  }
  if (waiting == 1) add_units<1>(generator, keys, {pair[0]});
}

#endif

static void add_poisson(const PoissonInput* generators, std::uint32_t n_generators,
                        const PoissonTarget& target) noexcept {
  for (std::uint32_t g = 0; g < n_generators; ++g) {
#ifdef NEURACT_ISA_AVX512
    if (generators[g].table->bits() == 5 && generators[g].table->first() == 0) {
      add_events_in_registers(generators[g], target);
      continue;
    }
#endif
    add_events_by_memory(generators[g], target);
  }
}

}  // namespace neuract::kernels::NEURACT_ISA
