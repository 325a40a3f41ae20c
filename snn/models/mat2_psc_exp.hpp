#pragma once

#include <cmath>

#include "neuract/snn/models/declaration.hpp"
#include "neuract/snn/models/propagators.hpp"

namespace neuract::snn {

/// Leaky integrator with a threshold that every spike raises on two time scales; V is not reset.
///   dV/dt = -(V - E_L)/tau_m + (I_syn_ex + I_syn_in + I)/C_m;   dI_syn/dt = -I_syn/tau_syn
///   V >= omega + V_th_alpha_1 + V_th_alpha_2 outside t_ref: spike, V_th_alpha_k = V_th_alpha_k + alpha_k
///   dV_th_alpha_k/dt = -V_th_alpha_k/tau_k
struct Mat2PscExp {
  static constexpr const char* name = "mat2_psc_exp";
  static constexpr const char* summary = "multi-timescale adaptive threshold neuron, exponential synaptic currents";
  static constexpr const char* source = "Kobayashi, Tsubo and Shinomoto 2009, Front. Comput. Neurosci. 3:9";
  static constexpr const char* current_unit = "pA";
  static constexpr ReceptorInfo receptors[] = {{"excitatory", "pA"}, {"inhibitory", "pA"}};

  struct Parameters {
    double E_L = -70.0;
    double C_m = 100.0;
    double tau_m = 5.0;
    double tau_syn_ex = 1.0;
    double tau_syn_in = 3.0;
    double t_ref = 2.0;
    double tau_1 = 10.0;
    double tau_2 = 200.0;
    double alpha_1 = 37.0;
    double alpha_2 = 2.0;
    double omega = -51.0;
    double I_e = 0.0;
  };
  static constexpr ParameterRow<Parameters> parameters[] = {
      {"E_L", &Parameters::E_L, "mV", "resting potential"},
      {"C_m", &Parameters::C_m, "pF", "membrane capacitance", Check::positive},
      {"tau_m", &Parameters::tau_m, "ms", "membrane time constant", Check::positive},
      {"tau_syn_ex", &Parameters::tau_syn_ex, "ms", "time constant of the excitatory current", Check::positive},
      {"tau_syn_in", &Parameters::tau_syn_in, "ms", "time constant of the inhibitory current", Check::positive},
      {"t_ref", &Parameters::t_ref, "ms", "time without a second spike", Check::positive},
      {"tau_1", &Parameters::tau_1, "ms", "short time constant of the threshold", Check::positive},
      {"tau_2", &Parameters::tau_2, "ms", "long time constant of the threshold", Check::positive},
      {"alpha_1", &Parameters::alpha_1, "mV", "short-lived rise of the threshold by a spike"},
      {"alpha_2", &Parameters::alpha_2, "mV", "long-lived rise of the threshold by a spike"},
      {"omega", &Parameters::omega, "mV", "threshold of a neuron that has been silent"},
      {"I_e", &Parameters::I_e, "pA", "constant input current"},
  };
  static std::vector<std::string> check_together(const Parameters&) { return {}; }

  template <class T>
  struct State {
    T V_m, I_syn_ex, I_syn_in, V_th_alpha_1, V_th_alpha_2;
    T refractory;  ///< steps left
  };
  static constexpr StateRow<Parameters> states[] = {
      {"V_m", "mV", "membrane potential", 0.0, &Parameters::E_L, &Parameters::E_L},
      {"I_syn_ex", "pA", "excitatory synaptic current"},
      {"I_syn_in", "pA", "inhibitory synaptic current"},
      {"V_th_alpha_1", "mV", "short-lived part of the threshold"},
      {"V_th_alpha_2", "mV", "long-lived part of the threshold"},
  };

  template <class T>
  struct Coefficients {
    T decay, decay_ex, decay_in, from_ex, from_in, drive, refractory_steps, omega, I_e;
    T decay_1, decay_2, alpha_1, alpha_2;
  };
  static Coefficients<double> prepare(const Parameters& p, double dt) {
    return {.decay = portable::exp(-dt / p.tau_m),
            .decay_ex = portable::exp(-dt / p.tau_syn_ex),
            .decay_in = portable::exp(-dt / p.tau_syn_in),
            .from_ex = current_to_potential(dt, p.tau_m, p.tau_syn_ex, p.C_m),
            .from_in = current_to_potential(dt, p.tau_m, p.tau_syn_in, p.C_m),
            .drive = constant_to_potential(dt, p.tau_m, p.C_m),
            .refractory_steps = std::round(p.t_ref / dt),
            .omega = p.omega - p.E_L,
            .I_e = p.I_e,
            .decay_1 = portable::exp(-dt / p.tau_1),
            .decay_2 = portable::exp(-dt / p.tau_2),
            .alpha_1 = p.alpha_1,
            .alpha_2 = p.alpha_2};
  }

  template <class T>
  NEURACT_STEP static bool step(State<T>& s, const Coefficients<T>& c, T in0, T in1, T current) {
    s.V_m = c.decay * s.V_m + (c.from_ex * s.I_syn_ex + c.from_in * s.I_syn_in + c.drive * (current + c.I_e));
    s.I_syn_ex = c.decay_ex * s.I_syn_ex + in0;
    s.I_syn_in = c.decay_in * s.I_syn_in + in1;
    const T threshold_1 = c.decay_1 * s.V_th_alpha_1;
    const T threshold_2 = c.decay_2 * s.V_th_alpha_2;
    const bool fired = s.refractory <= T(0) && s.V_m >= c.omega + (threshold_1 + threshold_2);
    s.V_th_alpha_1 = threshold_1 + (fired ? c.alpha_1 : T(0));
    s.V_th_alpha_2 = threshold_2 + (fired ? c.alpha_2 : T(0));
    s.refractory = fired ? c.refractory_steps : larger(s.refractory - T(1), T(0));
    return fired;
  }
};

}  // namespace neuract::snn
