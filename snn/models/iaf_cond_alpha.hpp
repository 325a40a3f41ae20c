#pragma once

#include <cmath>

#include "neuract/snn/models/iaf_cond_exp.hpp"

namespace neuract::snn {

/// Leaky integrate-and-fire neuron; a spike of weight w starts an alpha-shaped conductance that peaks at |w| after
/// tau_syn.
///   C_m dV/dt = -g_L (V - E_L) - g_ex (V - E_ex) - g_in (V - E_in) + I;   g(t) = w (e/tau_syn) t exp(-t/tau_syn)
///   V >= V_th: spike, V = V_reset for t_ref
/// The conductances are exact, V has an error of order 6 in dt (conductances.hpp).
struct IafCondAlpha {
  static constexpr const char* name = "iaf_cond_alpha";
  static constexpr const char* summary = "leaky integrate-and-fire neuron, alpha-shaped synaptic conductances";
  static constexpr const char* source =
      "Meffin, Burkitt and Grayden 2004, J. Comput. Neurosci. 16:159; Kuhn, Aertsen and Rotter 2004, J. Neurosci. "
      "24:2345";
  static constexpr const char* current_unit = IafCondExp::current_unit;
  static constexpr auto& receptors = IafCondExp::receptors;

  using Parameters = IafCondExp::Parameters;
  static constexpr auto& parameters = IafCondExp::parameters;
  static std::vector<std::string> check_together(const Parameters& p) { return IafCondExp::check_together(p); }

  template <class T>
  struct State {
    T V_m, g_ex, g_in;
    T slope_ex, slope_in;  ///< dg/dt + g/tau_syn, in nS/ms
    T refractory;          ///< steps left
  };
  static constexpr auto& states = IafCondExp::states;

  template <class T>
  struct Coefficients {
    T leak0, leak1, leak2, time1, time2, time;
    T ex0, ex1, ex2, rise_ex0, rise_ex1, rise_ex2, decay_ex1, decay_ex2, decay_ex, kick_ex;
    T in0, in1, in2, rise_in0, rise_in1, rise_in2, decay_in1, decay_in2, decay_in, kick_in;
    T E_ex, E_in, I_e, twelfth, refractory_steps, V_th, V_reset;
  };
  static Coefficients<double> prepare(const Parameters& p, double dt) {
    const double s1 = kLobattoNodes[0] * dt;
    const double s2 = kLobattoNodes[1] * dt;
    const auto leak = leak_to_end(dt, p.g_L, p.C_m);
    return {.leak0 = leak[0],
            .leak1 = leak[1],
            .leak2 = leak[2],
            .time1 = s1,
            .time2 = s2,
            .time = dt,
            .ex0 = decay_to_end(0.0, dt, p.tau_syn_ex, p.C_m),
            .ex1 = decay_to_end(s1, dt, p.tau_syn_ex, p.C_m),
            .ex2 = decay_to_end(s2, dt, p.tau_syn_ex, p.C_m),
            .rise_ex0 = rise_to_end(0.0, dt, p.tau_syn_ex, p.C_m),
            .rise_ex1 = rise_to_end(s1, dt, p.tau_syn_ex, p.C_m),
            .rise_ex2 = rise_to_end(s2, dt, p.tau_syn_ex, p.C_m),
            .decay_ex1 = portable::exp(-s1 / p.tau_syn_ex),
            .decay_ex2 = portable::exp(-s2 / p.tau_syn_ex),
            .decay_ex = portable::exp(-dt / p.tau_syn_ex),
            .kick_ex = portable::exp(1.0) / p.tau_syn_ex,
            .in0 = decay_to_end(0.0, dt, p.tau_syn_in, p.C_m),
            .in1 = decay_to_end(s1, dt, p.tau_syn_in, p.C_m),
            .in2 = decay_to_end(s2, dt, p.tau_syn_in, p.C_m),
            .rise_in0 = rise_to_end(0.0, dt, p.tau_syn_in, p.C_m),
            .rise_in1 = rise_to_end(s1, dt, p.tau_syn_in, p.C_m),
            .rise_in2 = rise_to_end(s2, dt, p.tau_syn_in, p.C_m),
            .decay_in1 = portable::exp(-s1 / p.tau_syn_in),
            .decay_in2 = portable::exp(-s2 / p.tau_syn_in),
            .decay_in = portable::exp(-dt / p.tau_syn_in),
            .kick_in = portable::exp(1.0) / p.tau_syn_in,
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
    const T ex1 = c.decay_ex1 * (s.g_ex + c.time1 * s.slope_ex);
    const T ex2 = c.decay_ex2 * (s.g_ex + c.time2 * s.slope_ex);
    const T ex3 = c.decay_ex * (s.g_ex + c.time * s.slope_ex);
    const T inh1 = c.decay_in1 * (s.g_in + c.time1 * s.slope_in);
    const T inh2 = c.decay_in2 * (s.g_in + c.time2 * s.slope_in);
    const T inh3 = c.decay_in * (s.g_in + c.time * s.slope_in);
    const T moved =
        conduct<T>(s.V_m,
                   {c.leak0 + (c.ex0 * s.g_ex + c.rise_ex0 * s.slope_ex) + (c.in0 * s.g_in + c.rise_in0 * s.slope_in),
                    c.leak1 + (c.ex1 * s.g_ex + c.rise_ex1 * s.slope_ex) + (c.in1 * s.g_in + c.rise_in1 * s.slope_in),
                    c.leak2 + (c.ex2 * s.g_ex + c.rise_ex2 * s.slope_ex) + (c.in2 * s.g_in + c.rise_in2 * s.slope_in),
                    I + c.E_ex * s.g_ex + c.E_in * s.g_in, I + c.E_ex * ex1 + c.E_in * inh1,
                    I + c.E_ex * ex2 + c.E_in * inh2, I + c.E_ex * ex3 + c.E_in * inh3},
                   c.twelfth);
    const T V = active ? moved : s.V_m;
    s.g_ex = ex3;
    s.g_in = inh3;
    s.slope_ex = c.decay_ex * s.slope_ex + c.kick_ex * in0;
    s.slope_in = c.decay_in * s.slope_in - c.kick_in * in1;
    const bool fired = V >= c.V_th;
    s.V_m = fired ? c.V_reset : V;
    s.refractory = fired ? c.refractory_steps : (active ? T(0) : s.refractory - T(1));
    return fired;
  }
};

}  // namespace neuract::snn
