namespace neuract::snn::NEURACT_ISA {

template <class T, int N>
struct Fields {
  T values[N];
};

/// Bit k tells that flag k, of 64, is 1 rather than 0.
[[gnu::always_inline]] inline std::uint64_t mask_of(const std::int32_t* flags) noexcept {
  std::uint64_t mask = 0;
#if defined(NEURACT_ISA_AVX512)
  for (int k = 0; k < 64; k += 16) {
    const __m512i group = _mm512_load_si512(flags + k);
    mask |= static_cast<std::uint64_t>(_mm512_test_epi32_mask(group, group)) << k;
  }
#elif defined(NEURACT_ISA_AVX2)
  for (int k = 0; k < 64; k += 8) {
    const __m256i group = _mm256_load_si256(reinterpret_cast<const __m256i*>(flags + k));
    const int bits = _mm256_movemask_ps(_mm256_castsi256_ps(_mm256_slli_epi32(group, 31)));
    mask |= static_cast<std::uint64_t>(static_cast<std::uint32_t>(bits)) << k;
  }
#else
  std::int32_t any = 0;
  for (int k = 0; k < 64; ++k) any |= flags[k];
  if (any != 0) {
    for (int k = 0; k < 64; ++k) mask |= static_cast<std::uint64_t>(flags[k]) << k;
  }
#endif
  return mask;
}

template <class Model, bool kIndividual, int... S, int... C>
[[gnu::always_inline]] inline std::uint64_t update(const UpdateBlock& block, std::integer_sequence<int, S...>,
                                                   std::integer_sequence<int, C...>) noexcept {
  using State = typename Model::template State<float>;
  using Coefficient = typename Model::template Coefficients<float>;
  constexpr int kState = sizeof...(S);
  constexpr int kCoefficients = sizeof...(C);
  constexpr int kNeurons = 64;
  alignas(64) std::int32_t fired[kNeurons];
  float* const state[kState] = {block.state[S]...};
  Fields<float, kCoefficients> common{};
  if constexpr (!kIndividual) common = {{block.coefficients[C][0]...}};
  const float* const coefficients[kCoefficients] = {block.coefficients[C]...};
  const float* const input0 = block.input[0];
  const float* const input1 = block.input[1];
  const float* const current = block.current;
  using StateFields = Fields<float, kState>;
  if constexpr (Staged<Model>) {
    for (int k = 0; k < kNeurons; ++k) {
      State s = __builtin_bit_cast(State, (StateFields{{state[S][k]...}}));
      const Coefficient c =
          __builtin_bit_cast(Coefficient, (Fields<float, kCoefficients>{{coefficients[C][kIndividual ? k : 0]...}}));
      run_stages_of<Model>(s, c, current[k]);
      const StateFields after = __builtin_bit_cast(StateFields, s);
      ((state[S][k] = after.values[S]), ...);
    }
  }
#pragma GCC ivdep
  for (int k = 0; k < kNeurons; ++k) {
    const Fields<float, kState> before{{state[S][k]...}};
    State s = __builtin_bit_cast(State, before);
    Fields<float, kCoefficients> c = common;
    if constexpr (kIndividual) c = {{coefficients[C][k]...}};
    const bool spike = Model::step(s, __builtin_bit_cast(Coefficient, c), input0[k], input1[k], current[k]);
    const StateFields after = __builtin_bit_cast(StateFields, s);
    ((state[S][k] = after.values[S]), ...);
    fired[k] = spike ? 1 : 0;
  }
  return mask_of(fired);
}

template <class Model, bool kIndividual>
static std::uint64_t update_entry(const UpdateBlock& block) noexcept {
  return update<Model, kIndividual>(
      block, std::make_integer_sequence<int, sizeof(typename Model::template State<float>) / sizeof(float)>{},
      std::make_integer_sequence<int, sizeof(typename Model::template Coefficients<float>) / sizeof(float)>{});
}

#define NEURACT_UPDATE_ENTRY(Model) {&update_entry<Model, false>, &update_entry<Model, true>},
static constexpr UpdateKernel kUpdateKernels[][2] = {NEURACT_FOR_EACH_MODEL(NEURACT_UPDATE_ENTRY)};
#undef NEURACT_UPDATE_ENTRY

}  // namespace neuract::snn::NEURACT_ISA
