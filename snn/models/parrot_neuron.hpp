#pragma once

#include "neuract/snn/models/declaration.hpp"

namespace neuract::snn {

/// Repeats what it hears: a spike that arrives in a step leaves in the same step. Weights play no part, unless they are
/// 0 or of both signs and cancel; several spikes that arrive in one step leave as one.
struct ParrotNeuron {
  static constexpr const char* name = "parrot_neuron";
  static constexpr const char* summary = "repeats the spikes that it receives";
  static constexpr const char* source = "NEST's parrot_neuron";
  static constexpr const char* current_unit = "";
  static constexpr ReceptorInfo receptors[] = {{"spikes", ""}};

  struct Parameters {};
  static constexpr std::array<ParameterRow<Parameters>, 0> parameters{};
  static std::vector<std::string> check_together(const Parameters&) { return {}; }

  template <class T>
  struct State {
    T heard;
  };
  static constexpr StateRow<Parameters> states[] = {{"heard", "", "sum of the weights that arrived in this step"}};

  template <class T>
  struct Coefficients {
    T silence;
  };
  static Coefficients<double> prepare(const Parameters&, double) { return {.silence = 0.0}; }

  template <class T>
  NEURACT_STEP static bool step(State<T>& s, const Coefficients<T>& c, T in0, T /*in1*/, T /*current*/) {
    s.heard = in0;
    return in0 != c.silence;
  }
};

}  // namespace neuract::snn
