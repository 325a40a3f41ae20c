#pragma once

#include <cmath>

#include "neuract/snn/models/conductances.hpp"
#include "neuract/snn/models/declaration.hpp"

namespace neuract::snn {

/// Leaky integrate-and-fire neuron; a spike of weight w adds |w| to a synaptic conductance that decays exponentially.
///   C_m dV/dt = -g_L (V - E_L) - g_ex (V - E_ex) - g_in (V - E_in) + I;   dg/dt = -g/tau_syn;   V >= V_th: spike, V =
///   V_reset for t_ref
/// The conductances are exact, V has an error of order 4 in dt (conductances.hpp).
struct IafCondExp {
  static constexpr const char* name = "iaf_cond_exp";
  static constexpr const char* summary = "leaky integrate-and-fire neuron, exponential synaptic conductances";
  static constexpr const char* source =
      "Meffin, Burkitt and Grayden 2004, J. Comput. Neurosci. 16:159; Vogels and Abbott 2005, J. Neurosci. 25:10786";
  static constexpr const char* current_unit = "pA";
  static constexpr ReceptorInfo receptors[] = {{"excitatory", "nS"}, {"inhibitory", "nS"}};

  struct Parameters {
    double E_L = -70.0;
    double C_m = 250.0;
    double g_L = 16.6667;
    double E_ex = 0.0;
    double E_in = -85.0;
    double tau_syn_ex = 0.2;
    double tau_syn_in = 2.0;
    double t_ref = 2.0;
    double V_th = -55.0;
    double V_reset = -60.0;
    double I_e = 0.0;
  };
  static constexpr ParameterRow<Parameters> parameters[] = {
      {"E_L", &Parameters::E_L, "mV", "resting potential"},
      {"C_m", &Parameters::C_m, "pF", "membrane capacitance", Check::positive},
      {"g_L", &Parameters::g_L, "nS", "leak conductance", Check::non_negative},
      {"E_ex", &Parameters::E_ex, "mV", "excitatory reversal potential"},
      {"E_in", &Parameters::E_in, "mV", "inhibitory reversal potential"},
      {"tau_syn_ex", &Parameters::tau_syn_ex, "ms", "time constant of the excitatory conductance", Check::positive},
      {"tau_syn_in", &Parameters::tau_syn_in, "ms", "time constant of the inhibitory conductance", Check::positive},
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
    T V_m, g_ex, g_in;
    T refractory;  ///< steps left
  };
  static constexpr StateRow<Parameters> states[] = {
      {"V_m", "mV", "membrane potential", 0.0, &Parameters::E_L, &Parameters::E_L},
      {"g_ex", "nS", "excitatory conductance"},
      {"g_in", "nS", "inhibitory conductance"},
  };

  template <class T>
  struct Coefficients {
    T leak, half_leak, constant, constant_middle;
    T ex_D0, ex_D1, ex_B0, ex_B1, ex_B2, decay_ex;
    T in_D0, in_D1, in_B0, in_B1, in_B2, decay_in;
    T I_e, refractory_steps, V_th, V_reset;
  };
  static Coefficients<double> prepare(const Parameters& p, double dt) {
    const double per_C = 1.0 / p.C_m;
    const auto ex = parabola_weights(0, dt, p.tau_syn_ex);
    const auto in = parabola_weights(0, dt, p.tau_syn_in);
    const double E_ex = (p.E_ex - p.E_L) * per_C;
    const double E_in = (p.E_in - p.E_L) * per_C;
    return {.leak = dt * p.g_L * per_C,
            .half_leak = 0.5 * dt * p.g_L * per_C,
            .constant = dt * per_C / 6.0,
            .constant_middle = dt * per_C * 2.0 / 3.0,
            .ex_D0 = decay_to_end(0.0, dt, p.tau_syn_ex, p.C_m),
            .ex_D1 = decay_to_end(0.5 * dt, dt, p.tau_syn_ex, p.C_m),
            .ex_B0 = E_ex * ex[0],
            .ex_B1 = E_ex * ex[1],
            .ex_B2 = E_ex * ex[2],
            .decay_ex = portable::exp(-dt / p.tau_syn_ex),
            .in_D0 = decay_to_end(0.0, dt, p.tau_syn_in, p.C_m),
            .in_D1 = decay_to_end(0.5 * dt, dt, p.tau_syn_in, p.C_m),
            .in_B0 = E_in * in[0],
            .in_B1 = E_in * in[1],
            .in_B2 = E_in * in[2],
            .decay_in = portable::exp(-dt / p.tau_syn_in),
            .I_e = p.I_e,
            .refractory_steps = std::round(p.t_ref / dt),
            .V_th = p.V_th - p.E_L,
            .V_reset = p.V_reset - p.E_L};
  }

  template <class T>
  NEURACT_STEP static bool step(State<T>& s, const Coefficients<T>& c, T in0, T in1, T current) {
    const bool active = s.refractory <= T(0);
    const T I = current + c.I_e;
    const T moved = conduct(s.V_m, c.leak + (c.ex_D0 * s.g_ex + c.in_D0 * s.g_in),
                            c.half_leak + (c.ex_D1 * s.g_ex + c.in_D1 * s.g_in),
                            c.constant * I + (c.ex_B0 * s.g_ex + c.in_B0 * s.g_in),
                            c.constant_middle * I + (c.ex_B1 * s.g_ex + c.in_B1 * s.g_in),
                            c.constant * I + (c.ex_B2 * s.g_ex + c.in_B2 * s.g_in));
    const T V = active ? moved : s.V_m;
    s.g_ex = c.decay_ex * s.g_ex + in0;
    s.g_in = c.decay_in * s.g_in - in1;
    const bool fired = V >= c.V_th;
    s.V_m = fired ? c.V_reset : V;
    s.refractory = fired ? c.refractory_steps : (active ? T(0) : s.refractory - T(1));
    return fired;
  }
};

}  // namespace neuract::snn
