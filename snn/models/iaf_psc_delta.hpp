#pragma once

#include <cmath>
#include <limits>

#include "neuract/snn/models/declaration.hpp"
#include "neuract/snn/models/propagators.hpp"

namespace neuract::snn {

/// Leaky integrate-and-fire neuron; a spike of weight w moves the potential by w.
///   dV/dt = -(V - E_L)/tau_m + I/C_m + w δ(t - t_spike);   V >= V_th: spike, V = V_reset for t_ref
/// Spikes that arrive while the neuron is refractory are lost, or, with refractory_input, act decayed at its end.
struct IafPscDelta {
  static constexpr const char* name = "iaf_psc_delta";
  static constexpr const char* summary = "leaky integrate-and-fire neuron, delta-shaped synaptic potentials";
  static constexpr const char* source =
      "Brunel 2000, J. Comput. Neurosci. 8:183; exact integration: Rotter and Diesmann 1999, Biol. Cybern. 81:381";
  static constexpr const char* current_unit = "pA";
  static constexpr ReceptorInfo receptors[] = {{"delta", "mV"}};

  struct Parameters {
    double E_L = -70.0;
    double C_m = 250.0;
    double tau_m = 10.0;
    double t_ref = 2.0;
    double V_th = -55.0;
    double V_reset = -70.0;
    double V_min = -std::numeric_limits<double>::infinity();
    double I_e = 0.0;
    double refractory_input = 0.0;
  };
  static constexpr ParameterRow<Parameters> parameters[] = {
      {"E_L", &Parameters::E_L, "mV", "resting potential"},
      {"C_m", &Parameters::C_m, "pF", "membrane capacitance", Check::positive},
      {"tau_m", &Parameters::tau_m, "ms", "membrane time constant", Check::positive},
      {"t_ref", &Parameters::t_ref, "ms", "refractory period", Check::non_negative},
      {"V_th", &Parameters::V_th, "mV", "spike threshold"},
      {"V_reset", &Parameters::V_reset, "mV", "potential after a spike"},
      {"V_min", &Parameters::V_min, "mV", "lowest potential"},
      {"I_e", &Parameters::I_e, "pA", "constant input current"},
      {"refractory_input", &Parameters::refractory_input, "", "keep spikes that arrive while refractory",
       Check::boolean},
  };
  static std::vector<std::string> check_together(const Parameters& p) {
    if (p.V_reset >= p.V_th) return {"V_reset must be below V_th"};
    return {};
  }

  template <class T>
  struct State {
    T V_m;
    T refractory;  ///< steps left
    T held;        ///< spikes kept for the end of the refractory period
  };
  static constexpr StateRow<Parameters> states[] = {
      {"V_m", "mV", "membrane potential", 0.0, &Parameters::E_L, &Parameters::E_L},
  };

  template <class T>
  struct Coefficients {
    T decay, drive, refractory_steps, V_th, V_reset, V_min, I_e, keep;
  };
  static Coefficients<double> prepare(const Parameters& p, double dt) {
    return {.decay = portable::exp(-dt / p.tau_m),
            .drive = constant_to_potential(dt, p.tau_m, p.C_m),
            .refractory_steps = std::round(p.t_ref / dt),
            .V_th = p.V_th - p.E_L,
            .V_reset = p.V_reset - p.E_L,
            .V_min = p.V_min - p.E_L,
            .I_e = p.I_e,
            .keep = p.refractory_input};
  }

  template <class T>
  NEURACT_STEP static bool step(State<T>& s, const Coefficients<T>& c, T in0, T /*in1*/, T current) {
    const bool active = s.refractory <= T(0);
    const T held = s.held * c.decay;
    const T moved = larger(c.drive * (current + c.I_e) + c.decay * s.V_m + in0 + held, c.V_min);
    const T V = active ? moved : s.V_m;
    const T kept = active ? T(0) : held + c.keep * in0;
    const bool fired = V >= c.V_th;
    s.V_m = fired ? c.V_reset : V;
    s.held = kept;
    s.refractory = fired ? c.refractory_steps : larger(s.refractory - T(1), T(0));
    return fired;
  }
};

}  // namespace neuract::snn
