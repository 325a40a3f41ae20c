#pragma once

#include <cmath>

#include "neuract/snn/models/declaration.hpp"
#include "neuract/snn/models/propagators.hpp"

namespace neuract::snn {

/// Leaky integrate-and-fire neuron; a spike of weight w adds w to a synaptic current that decays exponentially.
///   dV/dt = -(V - E_L)/tau_m + (I_syn_ex + I_syn_in + I)/C_m;   dI_syn/dt = -I_syn/tau_syn;   V >= V_th: spike, V =
///   V_reset for t_ref
/// A current that jumps at t moves V from the next step on.
struct IafPscExp {
  static constexpr const char* name = "iaf_psc_exp";
  static constexpr const char* summary = "leaky integrate-and-fire neuron, exponential synaptic currents";
  static constexpr const char* source =
      "Tsodyks, Uziel and Markram 2000, J. Neurosci. 20:RC50; exact integration: Rotter and Diesmann 1999, Biol. "
      "Cybern. 81:381";
  static constexpr const char* current_unit = "pA";
  static constexpr ReceptorInfo receptors[] = {{"excitatory", "pA"}, {"inhibitory", "pA"}};

  struct Parameters {
    double E_L = -70.0;
    double C_m = 250.0;
    double tau_m = 10.0;
    double tau_syn_ex = 2.0;
    double tau_syn_in = 2.0;
    double t_ref = 2.0;
    double V_th = -55.0;
    double V_reset = -70.0;
    double I_e = 0.0;
  };
  static constexpr ParameterRow<Parameters> parameters[] = {
      {"E_L", &Parameters::E_L, "mV", "resting potential"},
      {"C_m", &Parameters::C_m, "pF", "membrane capacitance", Check::positive},
      {"tau_m", &Parameters::tau_m, "ms", "membrane time constant", Check::positive},
      {"tau_syn_ex", &Parameters::tau_syn_ex, "ms", "time constant of the excitatory current", Check::positive},
      {"tau_syn_in", &Parameters::tau_syn_in, "ms", "time constant of the inhibitory current", Check::positive},
      {"t_ref", &Parameters::t_ref, "ms", "refractory period", Check::non_negative},
      {"V_th", &Parameters::V_th, "mV", "spike threshold"},
      {"V_reset", &Parameters::V_reset, "mV", "potential after a spike"},
      {"I_e", &Parameters::I_e, "pA", "constant input current"},
  };
  static std::vector<std::string> check_together(const Parameters& p) {
    if (p.V_reset >= p.V_th) return {"V_reset must be below V_th"};
    return {};
  }

  template <class T>
  struct State {
    T V_m, I_syn_ex, I_syn_in;
    T refractory;  ///< steps left
  };
  static constexpr StateRow<Parameters> states[] = {
      {"V_m", "mV", "membrane potential", 0.0, &Parameters::E_L, &Parameters::E_L},
      {"I_syn_ex", "pA", "excitatory synaptic current"},
      {"I_syn_in", "pA", "inhibitory synaptic current"},
  };

  template <class T>
  struct Coefficients {
    T decay, decay_ex, decay_in, from_ex, from_in, drive, refractory_steps, V_th, V_reset, I_e;
  };
  static Coefficients<double> prepare(const Parameters& p, double dt) {
    return {.decay = portable::exp(-dt / p.tau_m),
            .decay_ex = portable::exp(-dt / p.tau_syn_ex),
            .decay_in = portable::exp(-dt / p.tau_syn_in),
            .from_ex = current_to_potential(dt, p.tau_m, p.tau_syn_ex, p.C_m),
            .from_in = current_to_potential(dt, p.tau_m, p.tau_syn_in, p.C_m),
            .drive = constant_to_potential(dt, p.tau_m, p.C_m),
            .refractory_steps = std::round(p.t_ref / dt),
            .V_th = p.V_th - p.E_L,
            .V_reset = p.V_reset - p.E_L,
            .I_e = p.I_e};
  }

  template <class T>
  NEURACT_STEP static bool step(State<T>& s, const Coefficients<T>& c, T in0, T in1, T current) {
    const bool active = s.refractory <= T(0);
    const T moved = c.decay * s.V_m + (c.from_ex * s.I_syn_ex + c.from_in * s.I_syn_in + c.drive * (current + c.I_e));
    const T V = active ? moved : s.V_m;
    s.I_syn_ex = c.decay_ex * s.I_syn_ex + in0;
    s.I_syn_in = c.decay_in * s.I_syn_in + in1;
    const bool fired = V >= c.V_th;
    s.V_m = fired ? c.V_reset : V;
    s.refractory = fired ? c.refractory_steps : larger(s.refractory - T(1), T(0));
    return fired;
  }
};

}  // namespace neuract::snn
