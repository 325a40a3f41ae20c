// The update loops of all models for neurons in NEURACT_NUMBER, float or double.
//
// Blocks outside, steps inside: the state of a block stays in the first-level cache while its steps are done. One step
// of a block is one loop over 64 neurons, which the compiler turns into vectors.
namespace neuract::snn::NEURACT_ISA {

template <class T, int N>
struct Fields {
  T values[N];
};

constexpr int kNeurons = 64;

/// Bit k tells that flag k, of 64, is 1 rather than 0.
[[gnu::always_inline]] inline std::uint64_t mask_of(const std::int32_t* flags) noexcept {
  std::uint64_t mask = 0;
#if defined(NEURACT_ISA_AVX512)
  for (int k = 0; k < kNeurons; k += 16) {
    const __m512i group = _mm512_load_si512(flags + k);
    mask |= static_cast<std::uint64_t>(_mm512_test_epi32_mask(group, group)) << k;
  }
#elif defined(NEURACT_ISA_AVX2)
  for (int k = 0; k < kNeurons; k += 8) {
    const __m256i group = _mm256_load_si256(reinterpret_cast<const __m256i*>(flags + k));
    const int bits = _mm256_movemask_ps(_mm256_castsi256_ps(_mm256_slli_epi32(group, 31)));
    mask |= static_cast<std::uint64_t>(static_cast<std::uint32_t>(bits)) << k;
  }
#else
  std::int32_t any = 0;
  for (int k = 0; k < kNeurons; ++k) any |= flags[k];
  if (any != 0) {
    for (int k = 0; k < kNeurons; ++k) mask |= static_cast<std::uint64_t>(flags[k]) << k;
  }
#endif
  return mask;
}

/// One stage of a block. `scratch` holds what the stages tell each other.
template <class Model, class T, bool kIndividual, int kStage, int... S, int... X, int... C>
[[gnu::always_inline]] inline void run_stage(T* const* state, T (*scratch)[kNeurons], const T* const* coefficients,
                                             const T* current, const Fields<T, sizeof...(C)>& common,
                                             std::integer_sequence<int, S...>, std::integer_sequence<int, X...>,
                                             std::integer_sequence<int, C...>) noexcept {
  using State = typename Model::template State<T>;
  using Scratch = typename Model::template Scratch<T>;
  using Coefficient = typename Model::template Coefficients<T>;
  constexpr bool kLast = kStage + 1 == Model::kStages;
  if constexpr (kLast && SkipsLastStage<Model, Scratch>) {
    std::int32_t any = 0;
    for (int k = 0; k < kNeurons; ++k) {
      const Scratch x = __builtin_bit_cast(Scratch, (Fields<T, sizeof...(X)>{{scratch[X][k]...}}));
      any |= Model::needs_last_stage(x) ? 1 : 0;
    }
    if (any == 0) return;
  }
#pragma GCC ivdep
  for (int k = 0; k < kNeurons; ++k) {
    State s = __builtin_bit_cast(State, (Fields<T, sizeof...(S)>{{state[S][k]...}}));
    Scratch x{};
    if constexpr (kStage > 0) x = __builtin_bit_cast(Scratch, (Fields<T, sizeof...(X)>{{scratch[X][k]...}}));
    Fields<T, sizeof...(C)> c = common;
    if constexpr (kIndividual) c = {{coefficients[C][k]...}};
    Model::template stage<kStage>(s, x, __builtin_bit_cast(Coefficient, c), current[k]);
    using ScratchFields = Fields<T, sizeof...(X)>;
    const ScratchFields kept = __builtin_bit_cast(ScratchFields, x);
    ((scratch[X][k] = kept.values[X]), ...);
    if constexpr (kStage + 2 >= Model::kStages) {
      using StateFields = Fields<T, sizeof...(S)>;
      const StateFields after = __builtin_bit_cast(StateFields, s);
      ((state[S][k] = after.values[S]), ...);
    }
  }
}

template <class Model, class T, bool kIndividual, int... kStage, int... S, int... C>
[[gnu::always_inline]] inline void run_stages(T* const* state, const T* const* coefficients, const T* current,
                                              const Fields<T, sizeof...(C)>& common,
                                              std::integer_sequence<int, kStage...>,
                                              std::integer_sequence<int, S...> states,
                                              std::integer_sequence<int, C...> all) noexcept {
  constexpr int kScratch = sizeof(typename Model::template Scratch<T>) / sizeof(T);
  alignas(64) T scratch[kScratch][kNeurons];
  (run_stage<Model, T, kIndividual, kStage>(state, scratch, coefficients, current, common, states,
                                            std::make_integer_sequence<int, kScratch>{}, all),
   ...);
}

template <class Model, class T, bool kIndividual, int... S, int... C>
[[gnu::always_inline]] inline void update(const UpdateRun<T>& run, std::integer_sequence<int, S...>,
                                          std::integer_sequence<int, C...>) noexcept {
  using State = typename Model::template State<T>;
  using Coefficient = typename Model::template Coefficients<T>;
  constexpr int kCoefficients = sizeof...(C);
  using StateFields = Fields<T, sizeof...(S)>;
  using CoefficientFields = Fields<T, kCoefficients>;
  constexpr bool kTwo = std::size(Model::receptors) > 1;

  alignas(64) static constexpr T still[kNeurons] = {};
  alignas(64) std::int32_t nothing[kNeurons];  // for receptors without input
  if (run.inputs[0].sums == nullptr || run.inputs[1].sums == nullptr) {
    for (std::int32_t& sum : nothing) sum = 0;
  }
  const CoefficientFields common{{run.coefficients[C * (kIndividual ? kNeurons : 1)]...}};
  const T quantum0 = run.inputs[0].quantum;
  const T quantum1 = run.inputs[1].quantum;
  for (std::uint32_t b = 0; b < run.n_blocks; ++b) {
    const std::size_t first = std::size_t{b} * kNeurons;
    T* const state[sizeof...(S)] = {(run.state + first * sizeof...(S) + S * kNeurons)...};
    const T* const coefficients[kCoefficients] = {
        (kIndividual ? run.coefficients + first * kCoefficients + C * kNeurons : run.coefficients + C)...};
    const T* const current = run.current != nullptr ? run.current + first : still;
    for (std::uint32_t step = 0; step < run.n_steps; ++step) {
      if constexpr (Staged<Model>) {
        for (int n = substeps_of(__builtin_bit_cast(Coefficient, common)); n > 0; --n) {
          run_stages<Model, T, kIndividual>(
              state, coefficients, current, common, std::make_integer_sequence<int, Model::kStages>{},
              std::make_integer_sequence<int, sizeof...(S)>{}, std::make_integer_sequence<int, kCoefficients>{});
        }
      }
      std::int32_t* const input0 = run.inputs[0].sums != nullptr ? run.inputs[0].sums[step] + first : nothing;
      std::int32_t* const input1 = kTwo && run.inputs[1].sums != nullptr ? run.inputs[1].sums[step] + first : nothing;
      alignas(64) std::int32_t fired[kNeurons];
#pragma GCC ivdep
      for (int k = 0; k < kNeurons; ++k) {
        State s = __builtin_bit_cast(State, (StateFields{{state[S][k]...}}));
        CoefficientFields c = common;
        if constexpr (kIndividual) c = {{coefficients[C][k]...}};
        const T in0 = quantum0 * static_cast<T>(input0[k]);
        T in1 = T(0);
        if constexpr (kTwo) in1 = quantum1 * static_cast<T>(input1[k]);
        const bool spike = Model::step(s, __builtin_bit_cast(Coefficient, c), in0, in1, current[k]);
        const StateFields after = __builtin_bit_cast(StateFields, s);
        ((state[S][k] = after.values[S]), ...);
        input0[k] = 0;
        if constexpr (kTwo) input1[k] = 0;
        fired[k] = spike ? 1 : 0;
      }
      run.fired[step * run.fired_stride + b] = mask_of(fired);
    }
  }
}

template <class Model, class T, bool kIndividual>
static void update_entry(const UpdateRun<T>& run) noexcept {
  update<Model, T, kIndividual>(
      run, std::make_integer_sequence<int, sizeof(typename Model::template State<T>) / sizeof(T)>{},
      std::make_integer_sequence<int, sizeof(typename Model::template Coefficients<T>) / sizeof(T)>{});
}

#define NEURACT_UPDATE_ENTRY(Model) \
  {&update_entry<Model, NEURACT_NUMBER, false>, &update_entry<Model, NEURACT_NUMBER, true>},
static constexpr UpdateKernel<NEURACT_NUMBER> kUpdateKernels[][2] = {NEURACT_FOR_EACH_MODEL(NEURACT_UPDATE_ENTRY)};
#undef NEURACT_UPDATE_ENTRY

}  // namespace neuract::snn::NEURACT_ISA
