namespace neuract::snn::synapses::NEURACT_ISA {

static constexpr std::uint32_t kFetch = 32;            // synapses: one line of targets
static constexpr std::uint32_t kSynapsesAhead = 1024;  // a few times the latency of memory

/// A synapse in a list: its target and its place in the chunk.
[[gnu::always_inline]] inline std::uint32_t target_of(std::uint32_t synapse) noexcept { return synapse >> 16; }
[[gnu::always_inline]] inline std::uint32_t place_of(std::uint32_t synapse) noexcept { return synapse & 0xffffu; }

/// Lists the synapses whose step is after `lower`.
static std::uint32_t list_later(const std::uint16_t* __restrict targets, const std::int32_t* __restrict steps,
                                std::uint32_t n, std::int32_t lower, std::uint32_t* __restrict listed,
                                std::int32_t* __restrict when) noexcept {
  std::uint32_t kept = 0;
  std::uint32_t i = 0;
#ifdef NEURACT_ISA_AVX512
  const __m512i limit = _mm512_set1_epi32(lower);
  __m512i place = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  for (; i + 16 <= n; i += 16) {
    const __m512i step = _mm512_loadu_si512(steps + i);
    const __m512i target =
        _mm512_maskz_cvtepu16_epi32(0xffff, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(targets + i)));
    const __mmask16 keep = _mm512_cmpgt_epi32_mask(step, limit);
    const __m512i synapse = _mm512_or_si512(_mm512_maskz_slli_epi32(0xffff, target, 16), place);
    _mm512_storeu_si512(listed + kept, _mm512_maskz_compress_epi32(keep, synapse));
    _mm512_storeu_si512(when + kept, _mm512_maskz_compress_epi32(keep, step));
    kept += static_cast<std::uint32_t>(__builtin_popcount(keep));
    place = _mm512_add_epi32(place, _mm512_set1_epi32(16));
  }
#endif
  for (; i < n; ++i) {
    listed[kept] = (std::uint32_t{targets[i]} << 16) | i;
    when[kept] = steps[i];
    kept += steps[i] > lower ? 1u : 0u;
  }
  return kept;
}

/// Of the synapses in a list, those whose target has an older spike, number `age` from the newest, after `lower`.
static std::uint32_t list_older(const std::int32_t* __restrict spikes, std::uint32_t depth, std::uint32_t age,
                                const std::uint32_t* from, std::uint32_t n, std::int32_t lower, std::uint32_t* listed,
                                std::int32_t* when) noexcept {
  std::uint32_t kept = 0;
  std::uint32_t i = 0;
#ifdef NEURACT_ISA_AVX512
  const __m512i limit = _mm512_set1_epi32(lower);
  const __m512i width = _mm512_set1_epi32(static_cast<int>(depth));
  for (; i + 16 <= n; i += 16) {
    const __m512i synapse = _mm512_loadu_si512(from + i);
    const __m512i first = _mm512_mullo_epi32(_mm512_maskz_srli_epi32(0xffff, synapse, 16), width);
    const __m512i step = _mm512_mask_i32gather_epi32(limit, 0xffff, first, spikes + age, 4);
    const __mmask16 keep = _mm512_cmpgt_epi32_mask(step, limit);
    _mm512_storeu_si512(listed + kept, _mm512_maskz_compress_epi32(keep, synapse));
    _mm512_storeu_si512(when + kept, _mm512_maskz_compress_epi32(keep, step));
    kept += static_cast<std::uint32_t>(__builtin_popcount(keep));
  }
#endif
  for (; i < n; ++i) {
    const std::uint32_t synapse = from[i];
    const std::int32_t step = spikes[std::size_t{target_of(synapse)} * depth + age];
    listed[kept] = synapse;
    when[kept] = step;
    kept += step > lower ? 1u : 0u;
  }
  return kept;
}

/// The last spikes of targets, variable by variable.
static void load_latest(const PostSpikes<float>::Latest* latest, const std::uint16_t* __restrict targets,
                        std::uint32_t n, std::int32_t* const* steps, float* __restrict traces) noexcept {
  std::int32_t* const __restrict first = steps[0];
  std::int32_t* const __restrict second = steps[1];
  std::int32_t* const __restrict third = steps[2];
  std::uint32_t i = 0;
#ifdef NEURACT_ISA_AVX512
  constexpr __mmask16 kAll = 0xffff;
  const auto row = [&](std::uint32_t k) __attribute__((always_inline)) {
    // Every fourth synapse, so that transposing within 128 bits puts them in order.
    const auto one = [&](std::uint32_t j) __attribute__((always_inline)) {
      return _mm_loadu_si128(reinterpret_cast<const __m128i*>(latest + targets[i + 4 * j + k]));
    };
    __m512i r = _mm512_castsi128_si512(one(0));
    r = _mm512_maskz_inserti32x4(kAll, r, one(1), 1);
    r = _mm512_maskz_inserti32x4(kAll, r, one(2), 2);
    return _mm512_maskz_inserti32x4(kAll, r, one(3), 3);
  };
  for (; i + 16 <= n; i += 16) {
    const __m512i a = row(0);
    const __m512i b = row(1);
    const __m512i c = row(2);
    const __m512i d = row(3);
    const __m512i ab = _mm512_maskz_unpacklo_epi32(kAll, a, b);
    const __m512i cd = _mm512_maskz_unpacklo_epi32(kAll, c, d);
    const __m512i ab_high = _mm512_maskz_unpackhi_epi32(kAll, a, b);
    const __m512i cd_high = _mm512_maskz_unpackhi_epi32(kAll, c, d);
    _mm512_storeu_si512(first + i, _mm512_maskz_unpacklo_epi64(0xff, ab, cd));
    _mm512_storeu_si512(second + i, _mm512_maskz_unpackhi_epi64(0xff, ab, cd));
    _mm512_storeu_si512(third + i, _mm512_maskz_unpacklo_epi64(0xff, ab_high, cd_high));
    _mm512_storeu_si512(traces + i, _mm512_maskz_unpackhi_epi64(0xff, ab_high, cd_high));
  }
#endif
  for (; i < n; ++i) {
    const PostSpikes<float>::Latest one = latest[targets[i]];
    first[i] = one.steps[0];
    second[i] = one.steps[1];
    third[i] = one.steps[2];
    traces[i] = one.trace;
  }
}
static void load_latest(const PostSpikes<double>::Latest* latest, const std::uint16_t* __restrict targets,
                        std::uint32_t n, std::int32_t* const* steps, double* __restrict traces) noexcept {
  for (std::uint32_t i = 0; i < n; ++i) {
    const PostSpikes<double>::Latest& one = latest[targets[i]];
    for (std::uint32_t k = 0; k < kLatest; ++k) steps[k][i] = one.steps[k];
    traces[i] = one.trace;
  }
}

/// e^y for y <= 0: what is left of a trace, nothing when it is too small for a normal number.
[[gnu::always_inline]] inline float decay(float y) noexcept {
  const float left = portable::exp_normal(y < -87.0f ? -87.0f : y);
  return y < -87.0f ? 0.0f : left;
}
[[gnu::always_inline]] inline double decay(double y) noexcept {
  const double left = portable::exp_normal(y < -700.0 ? -700.0 : y);
  return y < -700.0 ? 0.0 : left;
}

/// x^mu for 0 <= x <= 1, mu > 0; 0 for an x that is smaller than any weight that matters.
template <class Real>
[[gnu::always_inline]] inline Real power(Real x, Real mu) noexcept {
  const Real smallest = Real(1e-30);
  const Real result = decay(mu * portable::log_positive(x > smallest ? x : smallest));
  return x > smallest ? result : Real(0);
}

template <class Real>
using Shape = typename Rule<Real>::Shape;

/// Factor of a change of x.
template <class Real, Shape<Real> kShape>
[[gnu::always_inline]] inline Real shape_of(Real x, Real mu) noexcept {
  switch (kShape) {
    case Shape<Real>::one: return Real(1);
    case Shape<Real>::room: return Real(1) - x;
    case Shape<Real>::room_power: return power(Real(1) - x, mu);
    case Shape<Real>::weight: return x;
    case Shape<Real>::weight_power: return power(x, mu);
  }
}

/// Calls f with the shape as a constant.
template <class Real, class F>
[[gnu::always_inline]] inline void with_shape(Shape<Real> shape, F f) noexcept {
  using S = Shape<Real>;
  switch (shape) {
    case S::one: return f.template operator()<S::one>();
    case S::room: return f.template operator()<S::room>();
    case S::room_power: return f.template operator()<S::room_power>();
    case S::weight: return f.template operator()<S::weight>();
    case S::weight_power: return f.template operator()<S::weight_power>();
  }
}

/// Fetches rows that are to come, at the pace at which synapses are treated: the memory system takes a steady stream of
/// lines, but stalls on bursts.
template <class Real>
struct Ahead {
  const Row<Real>* row;
  const Row<Real>* end;
  std::uint32_t position;

  [[gnu::always_inline]] inline void fetch() noexcept {
    if (row == end) return;
    __builtin_prefetch(row->targets + position);
    for (std::size_t byte = 0; byte < kFetch * sizeof(Real); byte += 64)
      __builtin_prefetch(reinterpret_cast<const char*>(row->weights + position) + byte, 1);
    position += kFetch;
    if (position >= row->n) {
      ++row;
      position = 0;
    }
  }
};

/// From the factors of facilitations to the facilitations. Spikes that the synapse has not seen yet change nothing.
template <class Real>
[[gnu::always_inline]] inline void gains_of(const Rule<Real>& rule, const Row<Real>& row,
                                            const std::int32_t* __restrict when, std::uint32_t n,
                                            Real* __restrict gain) noexcept {
  const Real rate = rule.rate_plus;
  const Real trace = row.trace;
  const std::int32_t upper = row.upper;
  const std::int32_t origin = row.origin;
  for (std::uint32_t i = 0; i < n; ++i) {
    const Real left = trace * decay(rate * static_cast<Real>(when[i] - origin)) * gain[i];
    gain[i] = when[i] <= upper ? left : Real(0);
  }
}

/// x += shape(x) · gain for the synapses of one pass, each of which is there once.
template <class Real>
[[gnu::always_inline]] inline void facilitate(const Rule<Real>& rule, const std::uint32_t* __restrict listed,
                                              const Real* __restrict gain, std::uint32_t n, Real* __restrict weights,
                                              Real* __restrict chosen) noexcept {
  const Real mu = rule.mu_plus;
  with_shape<Real>(
      rule.plus_shape, [&]<Shape<Real> kShape>() __attribute__((always_inline)) {
        for (std::uint32_t i = 0; i < n; ++i) chosen[i] = weights[place_of(listed[i])];
        for (std::uint32_t i = 0; i < n; ++i) {
          const Real x = chosen[i] + shape_of<Real, kShape>(chosen[i], mu) * gain[i];
          chosen[i] = x < Real(1) ? x : Real(1);
        }
        for (std::uint32_t i = 0; i < n; ++i) weights[place_of(listed[i])] = chosen[i];
      });
}

/// The same for the last spikes of all targets, as far as they count.
template <class Real>
[[gnu::always_inline]] inline void facilitate_newest(const Rule<Real>& rule, const Row<Real>& row,
                                                     const std::int32_t* __restrict steps,
                                                     const Real* __restrict factors, std::uint32_t n,
                                                     Real* __restrict weights) noexcept {
  const Real mu = rule.mu_plus;
  const Real rate = rule.rate_plus;
  const Real trace = row.trace;
  const std::int32_t lower = row.lower;
  const std::int32_t upper = row.upper;
  const std::int32_t origin = row.origin;
  with_shape<Real>(
      rule.plus_shape, [&]<Shape<Real> kShape>() __attribute__((always_inline)) {
        for (std::uint32_t i = 0; i < n; ++i) {
          const Real left = trace * decay(rate * static_cast<Real>(steps[i] - origin)) * factors[i];
          const Real gain = steps[i] > lower && steps[i] <= upper ? left : Real(0);
          const Real x = weights[i] + shape_of<Real, kShape>(weights[i], mu) * gain;
          weights[i] = x < Real(1) ? x : Real(1);
        }
      });
}

/// The presynaptic spike: traces at `upper` from what they were at `steps`, depression, quanta to deliver.
template <class Real>
[[gnu::always_inline]] inline void depress(const Rule<Real>& rule, const Row<Real>& row,
                                           const std::int32_t* __restrict steps, const Real* __restrict traces,
                                           std::uint32_t n, Real* __restrict weights,
                                           std::int32_t* __restrict quanta) noexcept {
  const Real rate = rule.rate_minus;
  const Real minus = row.minus;
  const Real both = rule.both;
  const Real constant = rule.constant;
  const Real mu = rule.mu_minus;
  const Real scale = row.scale;
  const std::int32_t upper = row.upper;
  const std::int32_t flip = row.negative ? -1 : 0;
  with_shape<Real>(
      rule.minus_shape, [&]<Shape<Real> kShape>() __attribute__((always_inline)) {
        for (std::uint32_t i = 0; i < n; ++i) {
          const Real trace = traces[i] * decay(rate * static_cast<Real>(upper - steps[i]));
          const Real raised = weights[i] + both * trace;
          const Real w = raised < Real(1) ? raised : Real(1);
          const Real less = w - (shape_of<Real, kShape>(w, mu) * (minus * trace) + constant);
          const Real x = less > Real(0) ? less : Real(0);
          weights[i] = x;
          quanta[i] = (static_cast<std::int32_t>(x * scale + Real(0.5)) ^ flip) - flip;
        }
      });
}

template <class Real>
[[gnu::always_inline]] inline void chunk(const Rule<Real>& rule, const PostSpikes<Real>& post, const Row<Real>& row,
                                         const std::uint16_t* __restrict targets, Real* __restrict weights,
                                         std::uint32_t n, const Buffers<Real>& buffers, Ahead<Real>& ahead) noexcept {
  std::int32_t* const steps[kLatest] = {buffers.steps, buffers.second, buffers.third};
  Real* const __restrict traces = buffers.traces;
  Real* const __restrict factors = buffers.factors;
  std::uint32_t* const listed = buffers.listed;
  std::int32_t* const when = buffers.when;
  Real* const gain = buffers.gain;
  std::uint32_t* const passes = buffers.passes;
  for (std::uint32_t i = 0; i < n; i += kFetch) {
    ahead.fetch();
    std::int32_t* const places[kLatest] = {steps[0] + i, steps[1] + i, steps[2] + i};
    load_latest(post.latest, targets + i, n - i < kFetch ? n - i : kFetch, places, traces + i);
  }

  const std::int32_t lower = row.lower;
  const std::int32_t upper = row.upper;
  if (lower < upper) {
    // Pass k of a synapse is its target's spike number k from the newest, number 0.
    std::uint32_t all = 0;
    std::uint32_t count = 0;
    std::uint32_t pass = 1;
    passes[1] = 0;
    for (; pass < post.depth; ++pass) {
      count = pass < kLatest ? list_later(targets, steps[pass], n, lower, listed + all, when + all)
                             : list_older(post.steps, post.depth, pass, listed + passes[pass - 1], count, lower,
                                          listed + all, when + all);
      if (count == 0) break;
      all += count;
      passes[pass + 1] = all;
    }
    for (std::uint32_t i = 0; i < all; ++i) gain[i] = rule.plus;
    for (std::uint32_t i = 0; i < n; ++i) factors[i] = rule.plus;
    if (post.slow != nullptr) {
      for (std::uint32_t i = 0; i < n; ++i)
        factors[i] += rule.plus_slow * post.slow[std::size_t{targets[i]} * post.depth];
      for (std::uint32_t p = 1; p < pass; ++p) {
        for (std::uint32_t i = passes[p]; i < passes[p + 1]; ++i)
          gain[i] += rule.plus_slow * post.slow[std::size_t{target_of(listed[i])} * post.depth + p];
      }
    }
    gains_of(rule, row, when, all, gain);
    for (std::uint32_t p = pass; p-- > 1;)
      facilitate(rule, listed + passes[p], gain + passes[p], passes[p + 1] - passes[p], weights, buffers.chosen);
    facilitate_newest(rule, row, steps[0], factors, n, weights);
  }
  if (!row.arrives) return;

  // The trace that the spike meets is that of the last one before it.
  const std::uint32_t unseen = list_later(targets, steps[0], n, upper - 1, listed, when);
  for (std::uint32_t k = 0; k < unseen; ++k) {
    const std::size_t first = std::size_t{target_of(listed[k])} * post.depth;
    std::uint32_t age = 1;
    while (post.steps[first + age] >= upper) ++age;
    steps[0][place_of(listed[k])] = post.steps[first + age];
    traces[place_of(listed[k])] = post.traces[first + age];
  }
  std::int32_t* const __restrict quanta = buffers.quanta;
  depress(rule, row, steps[0], traces, n, weights, quanta);
  std::int32_t* const inputs = row.inputs;
  for (std::uint32_t i = 0; i < n; ++i) inputs[targets[i]] += quanta[i];
}

template <class Real>
[[gnu::always_inline]] inline void all_rows(const Rule<Real>& rule, const PostSpikes<Real>& post, const Row<Real>* rows,
                                            std::size_t n_rows, const Buffers<Real>& buffers) noexcept {
  Ahead<Real> ahead = {rows, rows + n_rows, 0};
  for (std::uint32_t synapses = 0; synapses < kSynapsesAhead; synapses += kFetch) ahead.fetch();
  for (const Row<Real>* row = rows; row != rows + n_rows; ++row) {
    for (std::uint32_t begin = 0; begin < row->n; begin += kChunk) {
      const std::uint32_t left = row->n - begin;
      chunk(rule, post, *row, row->targets + begin, row->weights + begin, left < kChunk ? left : kChunk, buffers,
            ahead);
    }
  }
}

static void scale(const ScaledRow* rows, std::size_t n_rows) noexcept {
  constexpr std::uint32_t kPiece = 256;
  std::int32_t quanta[kPiece];
  for (const ScaledRow* row = rows; row != rows + n_rows; ++row) {
    // A row is read from end to end; its first lines are fetched while the one before is added.
    const ScaledRow* const next = row + 1 != rows + n_rows ? row + 1 : row;
    for (std::uint32_t i = 0; i < next->n && i < 8 * kFetch; i += kFetch) {
      __builtin_prefetch(next->targets + i);
      if (next->codes != nullptr) __builtin_prefetch(next->codes + i);
    }
    std::int32_t* const inputs = row->inputs;
    if (row->codes == nullptr) {
      for (std::uint32_t i = 0; i < row->n; ++i) inputs[row->targets[i]] += row->quanta;
      continue;
    }
    const float factor = row->factor;
    for (std::uint32_t begin = 0; begin < row->n; begin += kPiece) {
      const std::uint32_t n = row->n - begin < kPiece ? row->n - begin : kPiece;
      const std::int16_t* const __restrict codes = row->codes + begin;
      const std::uint16_t* const targets = row->targets + begin;
      for (std::uint32_t i = 0; i < n; ++i) {
        const float weight = static_cast<float>(codes[i]) * factor;
        quanta[i] = static_cast<std::int32_t>(weight + (weight < 0.0f ? -0.5f : 0.5f));
      }
      for (std::uint32_t i = 0; i < n; ++i) inputs[targets[i]] += quanta[i];
    }
  }
}

static void update_f32(const Rule<float>& rule, const PostSpikes<float>& post, const Row<float>* rows, std::size_t n,
                       const Buffers<float>& buffers) noexcept {
  all_rows(rule, post, rows, n, buffers);
}
static void update_f64(const Rule<double>& rule, const PostSpikes<double>& post, const Row<double>* rows, std::size_t n,
                       const Buffers<double>& buffers) noexcept {
  all_rows(rule, post, rows, n, buffers);
}

static constexpr Kernels kKernels = {&scale, &update_f32, &update_f64};

}  // namespace neuract::snn::synapses::NEURACT_ISA
