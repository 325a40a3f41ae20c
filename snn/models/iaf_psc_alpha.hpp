#pragma once

#include <cmath>
#include <limits>

#include "neuract/snn/models/declaration.hpp"
#include "neuract/snn/models/propagators.hpp"

namespace neuract::snn {

/// Leaky integrate-and-fire neuron; a spike of weight w starts an alpha-shaped current that peaks at w after tau_syn.
///   dV/dt = -(V - E_L)/tau_m + (I_syn_ex + I_syn_in + I)/C_m;   I_syn(t) = w (e/tau_syn) t exp(-t/tau_syn);   V >=
///   V_th: spike, V = V_reset for t_ref
struct IafPscAlpha {
  static constexpr const char* name = "iaf_psc_alpha";
  static constexpr const char* summary = "leaky integrate-and-fire neuron, alpha-shaped synaptic currents";
  static constexpr const char* source =
      "Rotter and Diesmann 1999, Biol. Cybern. 81:381; Diesmann, Gewaltig and Aertsen 1999, Nature 402:529";
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
    double V_min = -std::numeric_limits<double>::infinity();
    double I_e = 0.0;
  };
  static constexpr ParameterRow<Parameters> parameters[] = {
      {"E_L", &Parameters::E_L, "mV", "resting potential"},
      {"C_m", &Parameters::C_m, "pF", "membrane capacitance", Check::positive},
      {"tau_m", &Parameters::tau_m, "ms", "membrane time constant", Check::positive},
      {"tau_syn_ex", &Parameters::tau_syn_ex, "ms", "rise time of the excitatory current", Check::positive},
      {"tau_syn_in", &Parameters::tau_syn_in, "ms", "rise time of the inhibitory current", Check::positive},
      {"t_ref", &Parameters::t_ref, "ms", "refractory period", Check::non_negative},
      {"V_th", &Parameters::V_th, "mV", "spike threshold"},
      {"V_reset", &Parameters::V_reset, "mV", "potential after a spike"},
      {"V_min", &Parameters::V_min, "mV", "lowest potential"},
      {"I_e", &Parameters::I_e, "pA", "constant input current"},
  };
  static std::vector<std::string> check_together(const Parameters& p) {
    if (p.V_reset >= p.V_th) return {"V_reset must be below V_th"};
    return {};
  }

  template <class T>
  struct State {
    T V_m, I_syn_ex, I_syn_in;
    T slope_ex, slope_in;  ///< dI/dt + I/tau_syn, in pA/ms
    T refractory;          ///< steps left
  };
  static constexpr StateRow<Parameters> states[] = {
      {"V_m", "mV", "membrane potential", 0.0, &Parameters::E_L, &Parameters::E_L},
      {"I_syn_ex", "pA", "excitatory synaptic current"},
      {"I_syn_in", "pA", "inhibitory synaptic current"},
  };

  template <class T>
  struct Coefficients {
    T decay, drive, refractory_steps, V_th, V_reset, V_min, I_e;
    T decay_ex, grow_ex, from_ex, from_slope_ex, kick_ex;
    T decay_in, grow_in, from_in, from_slope_in, kick_in;
  };
  static Coefficients<double> prepare(const Parameters& p, double dt) {
    const double e = portable::exp(1.0);
    const double decay_ex = portable::exp(-dt / p.tau_syn_ex);
    const double decay_in = portable::exp(-dt / p.tau_syn_in);
    return {.decay = portable::exp(-dt / p.tau_m),
            .drive = constant_to_potential(dt, p.tau_m, p.C_m),
            .refractory_steps = std::round(p.t_ref / dt),
            .V_th = p.V_th - p.E_L,
            .V_reset = p.V_reset - p.E_L,
            .V_min = p.V_min - p.E_L,
            .I_e = p.I_e,
            .decay_ex = decay_ex,
            .grow_ex = dt * decay_ex,
            .from_ex = current_to_potential(dt, p.tau_m, p.tau_syn_ex, p.C_m),
            .from_slope_ex = slope_to_potential(dt, p.tau_m, p.tau_syn_ex, p.C_m),
            .kick_ex = e / p.tau_syn_ex,
            .decay_in = decay_in,
            .grow_in = dt * decay_in,
            .from_in = current_to_potential(dt, p.tau_m, p.tau_syn_in, p.C_m),
            .from_slope_in = slope_to_potential(dt, p.tau_m, p.tau_syn_in, p.C_m),
            .kick_in = e / p.tau_syn_in};
  }

  template <class T>
  NEURACT_STEP static bool step(State<T>& s, const Coefficients<T>& c, T in0, T in1, T current) {
    const bool active = s.refractory <= T(0);
    const T synaptic =
        c.from_ex * s.I_syn_ex + c.from_slope_ex * s.slope_ex + c.from_in * s.I_syn_in + c.from_slope_in * s.slope_in;
    const T moved = larger(c.decay * s.V_m + (synaptic + c.drive * (current + c.I_e)), c.V_min);
    const T V = active ? moved : s.V_m;
    s.I_syn_ex = c.grow_ex * s.slope_ex + c.decay_ex * s.I_syn_ex;
    s.I_syn_in = c.grow_in * s.slope_in + c.decay_in * s.I_syn_in;
    s.slope_ex = c.decay_ex * s.slope_ex + c.kick_ex * in0;
    s.slope_in = c.decay_in * s.slope_in + c.kick_in * in1;
    const bool fired = V >= c.V_th;
    s.V_m = fired ? c.V_reset : V;
    s.refractory = fired ? c.refractory_steps : larger(s.refractory - T(1), T(0));
    return fired;
  }
};

}  // namespace neuract::snn
