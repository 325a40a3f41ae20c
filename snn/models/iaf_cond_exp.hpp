#pragma once

#include <cmath>

#include "neuract/snn/models/conductances.hpp"
#include "neuract/snn/models/declaration.hpp"

namespace neuract::snn {

/// Leaky integrate-and-fire neuron; a spike of weight w adds |w| to a synaptic conductance that decays exponentially.
///   C_m dV/dt = -g_L (V - E_L) - g_ex (V - E_ex) - g_in (V - E_in) + I;   dg/dt = -g/tau_syn;   V >= V_th: spike, V =
///   V_reset for t_ref
/// The conductances are exact, V has an error of order 6 in dt (conductances.hpp).
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
    T leak0, leak1, leak2;
    T ex0, ex1, ex2, decay_ex1, decay_ex2, decay_ex;
    T in0, in1, in2, decay_in1, decay_in2, decay_in;
    T E_ex, E_in, I_e, twelfth, refractory_steps, V_th, V_reset;
  };
  static Coefficients<double> prepare(const Parameters& p, double dt) {
    const double s1 = kLobattoNodes[0] * dt;
    const double s2 = kLobattoNodes[1] * dt;
    const auto leak = leak_to_end(dt, p.g_L, p.C_m);
    return {.leak0 = leak[0],
            .leak1 = leak[1],
            .leak2 = leak[2],
            .ex0 = decay_to_end(0.0, dt, p.tau_syn_ex, p.C_m),
            .ex1 = decay_to_end(s1, dt, p.tau_syn_ex, p.C_m),
            .ex2 = decay_to_end(s2, dt, p.tau_syn_ex, p.C_m),
            .decay_ex1 = portable::exp(-s1 / p.tau_syn_ex),
            .decay_ex2 = portable::exp(-s2 / p.tau_syn_ex),
            .decay_ex = portable::exp(-dt / p.tau_syn_ex),
            .in0 = decay_to_end(0.0, dt, p.tau_syn_in, p.C_m),
            .in1 = decay_to_end(s1, dt, p.tau_syn_in, p.C_m),
            .in2 = decay_to_end(s2, dt, p.tau_syn_in, p.C_m),
            .decay_in1 = portable::exp(-s1 / p.tau_syn_in),
            .decay_in2 = portable::exp(-s2 / p.tau_syn_in),
            .decay_in = portable::exp(-dt / p.tau_syn_in),
            .E_ex = p.E_ex - p.E_L,
            .E_in = p.E_in - p.E_L,
            .I_e = p.I_e,
            .twelfth = dt / (12.0 * p.C_m),
            .refractory_steps = std::round(p.t_ref / dt),
            .V_th = p.V_th - p.E_L,
            .V_reset = p.V_reset - p.E_L};
  }

  template <class T>
  NEURACT_STEP static bool step(State<T>& s, const Coefficients<T>& c, T in0, T in1, T current) {
    const bool active = s.refractory <= T(0);
    const T I = current + c.I_e;
    const T drive_ex = c.E_ex * s.g_ex;
    const T drive_in = c.E_in * s.g_in;
    const T moved = conduct<T>(
        s.V_m,
        {c.leak0 + c.ex0 * s.g_ex + c.in0 * s.g_in, c.leak1 + c.ex1 * s.g_ex + c.in1 * s.g_in,
         c.leak2 + c.ex2 * s.g_ex + c.in2 * s.g_in, I + drive_ex + drive_in,
         I + c.decay_ex1 * drive_ex + c.decay_in1 * drive_in, I + c.decay_ex2 * drive_ex + c.decay_in2 * drive_in,
         I + c.decay_ex * drive_ex + c.decay_in * drive_in},
        c.twelfth);
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
