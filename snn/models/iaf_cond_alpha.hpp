#pragma once

#include <cmath>

#include "neuract/snn/models/iaf_cond_exp.hpp"

namespace neuract::snn {

/// Leaky integrate-and-fire neuron; a spike of weight w starts an alpha-shaped conductance that peaks at |w| after
/// tau_syn.
///   C_m dV/dt = -g_L (V - E_L) - g_ex (V - E_ex) - g_in (V - E_in) + I;   g(t) = w (e/tau_syn) t exp(-t/tau_syn)
///   V >= V_th: spike, V = V_reset for t_ref
/// The conductances are exact, V has an error of order 4 in dt (conductances.hpp).
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
    T leak, half_leak, constant, constant_middle, time;
    T ex_D0, ex_D1, ex_B0, ex_B1, ex_B2, ex_rise_D0, ex_rise_D1, ex_rise_B0, ex_rise_B1, ex_rise_B2, decay_ex, kick_ex;
    T in_D0, in_D1, in_B0, in_B1, in_B2, in_rise_D0, in_rise_D1, in_rise_B0, in_rise_B1, in_rise_B2, decay_in, kick_in;
    T I_e, refractory_steps, V_th, V_reset;
  };
  static Coefficients<double> prepare(const Parameters& p, double dt) {
    const double per_C = 1.0 / p.C_m;
    const auto ex = parabola_weights(0, dt, p.tau_syn_ex);
    const auto in = parabola_weights(0, dt, p.tau_syn_in);
    const auto ex_rise = parabola_weights(1, dt, p.tau_syn_ex);
    const auto in_rise = parabola_weights(1, dt, p.tau_syn_in);
    const double E_ex = (p.E_ex - p.E_L) * per_C;
    const double E_in = (p.E_in - p.E_L) * per_C;
    return {.leak = dt * p.g_L * per_C,
            .half_leak = 0.5 * dt * p.g_L * per_C,
            .constant = dt * per_C / 6.0,
            .constant_middle = dt * per_C * 2.0 / 3.0,
            .time = dt,
            .ex_D0 = decay_to_end(0.0, dt, p.tau_syn_ex, p.C_m),
            .ex_D1 = decay_to_end(0.5 * dt, dt, p.tau_syn_ex, p.C_m),
            .ex_B0 = E_ex * ex[0],
            .ex_B1 = E_ex * ex[1],
            .ex_B2 = E_ex * ex[2],
            .ex_rise_D0 = rise_to_end(0.0, dt, p.tau_syn_ex, p.C_m),
            .ex_rise_D1 = rise_to_end(0.5 * dt, dt, p.tau_syn_ex, p.C_m),
            .ex_rise_B0 = E_ex * ex_rise[0],
            .ex_rise_B1 = E_ex * ex_rise[1],
            .ex_rise_B2 = E_ex * ex_rise[2],
            .decay_ex = portable::exp(-dt / p.tau_syn_ex),
            .kick_ex = portable::exp(1.0) / p.tau_syn_ex,
            .in_D0 = decay_to_end(0.0, dt, p.tau_syn_in, p.C_m),
            .in_D1 = decay_to_end(0.5 * dt, dt, p.tau_syn_in, p.C_m),
            .in_B0 = E_in * in[0],
            .in_B1 = E_in * in[1],
            .in_B2 = E_in * in[2],
            .in_rise_D0 = rise_to_end(0.0, dt, p.tau_syn_in, p.C_m),
            .in_rise_D1 = rise_to_end(0.5 * dt, dt, p.tau_syn_in, p.C_m),
            .in_rise_B0 = E_in * in_rise[0],
            .in_rise_B1 = E_in * in_rise[1],
            .in_rise_B2 = E_in * in_rise[2],
            .decay_in = portable::exp(-dt / p.tau_syn_in),
            .kick_in = portable::exp(1.0) / p.tau_syn_in,
            .I_e = p.I_e,
            .refractory_steps = std::round(p.t_ref / dt),
            .V_th = p.V_th - p.E_L,
            .V_reset = p.V_reset - p.E_L};
  }

  template <class T>
  NEURACT_STEP static bool step(State<T>& s, const Coefficients<T>& c, T in0, T in1, T current) {
    const bool active = s.refractory <= T(0);
    const T I = current + c.I_e;
    const auto sum = [&](T ex, T ex_rise, T in, T in_rise) NEURACT_STEP_LAMBDA {
      return (ex * s.g_ex + ex_rise * s.slope_ex) + (in * s.g_in + in_rise * s.slope_in);
    };
    const T moved = conduct(s.V_m, c.leak + sum(c.ex_D0, c.ex_rise_D0, c.in_D0, c.in_rise_D0),
                            c.half_leak + sum(c.ex_D1, c.ex_rise_D1, c.in_D1, c.in_rise_D1),
                            c.constant * I + sum(c.ex_B0, c.ex_rise_B0, c.in_B0, c.in_rise_B0),
                            c.constant_middle * I + sum(c.ex_B1, c.ex_rise_B1, c.in_B1, c.in_rise_B1),
                            c.constant * I + sum(c.ex_B2, c.ex_rise_B2, c.in_B2, c.in_rise_B2));
    const T V = active ? moved : s.V_m;
    s.g_ex = c.decay_ex * (s.g_ex + c.time * s.slope_ex);
    s.g_in = c.decay_in * (s.g_in + c.time * s.slope_in);
    s.slope_ex = c.decay_ex * s.slope_ex + c.kick_ex * in0;
    s.slope_in = c.decay_in * s.slope_in - c.kick_in * in1;
    const bool fired = V >= c.V_th;
    s.V_m = fired ? c.V_reset : V;
    s.refractory = fired ? c.refractory_steps : (active ? T(0) : s.refractory - T(1));
    return fired;
  }
};

}  // namespace neuract::snn
