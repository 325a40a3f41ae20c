#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "neuract/snn/model.hpp"

/// The vocabulary in which a neuron model is declared, once, in its own file under snn/models/.
///
/// A model is a struct with
///   name, summary, source, current_unit, receptors
///   Parameters         doubles with their defaults, and `parameters`, one row per member: unit, meaning, check
///   State<T>           members of type T only; the first ones are described by `states`, the others stay private to
///   the model Coefficients<T>    members of type T only: what a step needs prepare(p, dt_ms)  Coefficients<double>
///   from Parameters, once per population or per neuron step(s, c, in0, in1, current)   one step of one neuron:
///   branch-free arithmetic, the same on every processor; true = spike
/// A model whose step is long is cut into stages, so that a processor works on several neurons at once where it would
/// wait for one. Before `step`, which then adds the inputs and tests the threshold, come
///   kStages, Scratch<T>                  members of type T only: what stages tell each other
///   stage<i>(s, scratch, c, current)     for i = 0 … kStages - 1, all of them c.substeps times where there is such a
///   coefficient, which must depend on dt alone; only the last one, and the one before, may change s
///   needs_last_stage(scratch)            optional: the last stage changes nothing where this is false, and is left out
///   where it is false for all
/// `in0` and `in1` are the sums of the weights that arrive in this step at the first and the second receptor.
#if defined(__CUDACC__)
#define NEURACT_STEP __host__ __device__ inline
#else
#define NEURACT_STEP [[gnu::always_inline]] inline
#endif
/// Behind the parameters of a lambda inside a step.
#define NEURACT_STEP_LAMBDA __attribute__((always_inline))

namespace neuract::snn {

template <class Parameters>
struct ParameterRow {
  const char* name;
  double Parameters::*member;
  const char* unit;
  const char* meaning;
  Check check = Check::any;
};

/// `origin`: the parameter that the stored value is relative to (a potential kept relative to E_L has smaller rounding
/// errors).
template <class Parameters>
struct StateRow {
  const char* name;
  const char* unit;
  const char* meaning;
  double default_value = 0.0;
  double Parameters::*default_parameter = nullptr;
  double Parameters::*origin = nullptr;
};

template <template <class> class Struct>
inline constexpr std::size_t kFields = sizeof(Struct<double>) / sizeof(double);

/// A struct whose members are all T, as an array, and back.
template <template <class> class Struct, class T>
constexpr auto to_array(const Struct<T>& value) {
  return std::bit_cast<std::array<T, kFields<Struct>>>(value);
}
template <template <class> class Struct, class T>
constexpr Struct<T> from_array(const std::array<T, kFields<Struct>>& fields) {
  return std::bit_cast<Struct<T>>(fields);
}

template <class Model>
concept Staged = requires {
  Model::kStages;
};

template <class Model, class Scratch>
concept SkipsLastStage = requires(const Scratch& scratch) {
  Model::needs_last_stage(scratch);
};

/// How often the stages run in a step.
template <class Coefficients>
NEURACT_STEP int substeps_of(const Coefficients& c) {
  if constexpr (requires { c.substeps; }) {
    return static_cast<int>(c.substeps);
  } else {
    return 1;
  }
}

/// All stages of one neuron's step.
template <class Model, class State, class Coefficients, class T>
NEURACT_STEP void run_stages_of(State& s, const Coefficients& c, T current) {
  typename Model::template Scratch<T> scratch{};
  for (int n = 0; n < substeps_of(c); ++n) {
    [&]<int... kStage>(std::integer_sequence<int, kStage...>) NEURACT_STEP_LAMBDA {
      (Model::template stage<kStage>(s, scratch, c, current), ...);
    }
    (std::make_integer_sequence<int, Model::kStages>{});
  }
}

/// One whole step of one neuron.
template <class Model, class State, class Coefficients, class T>
bool whole_step(State& s, const Coefficients& c, T in0, T in1, T current) {
  if constexpr (Staged<Model>) run_stages_of<Model>(s, c, current);
  return Model::step(s, c, in0, in1, current);
}

template <class T>
NEURACT_STEP T larger(T a, T b) {
  return a < b ? b : a;
}

}  // namespace neuract::snn
