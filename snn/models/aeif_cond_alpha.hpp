#pragma once

#include "neuract/snn/models/aeif_cond_exp.hpp"

namespace neuract::snn {

/// Adaptive exponential integrate-and-fire neuron; a spike of weight w starts an alpha-shaped conductance that peaks at
/// |w| after tau_syn. Otherwise aeif_cond_exp.
///   g(t) = w (e/tau_syn) t exp(-t/tau_syn)
struct AeifCondAlpha {
  static constexpr const char* name = "aeif_cond_alpha";
  static constexpr const char* summary = "adaptive exponential integrate-and-fire neuron, alpha-shaped conductances";
  static constexpr const char* source = AeifCondExp::source;
  static constexpr const char* current_unit = AeifCondExp::current_unit;
  static constexpr auto& receptors = AeifCondExp::receptors;

  using Parameters = AeifCondExp::Parameters;
  static constexpr auto& parameters = AeifCondExp::parameters;
  static std::vector<std::string> check_together(const Parameters& p) { return check_adaptive(p); }

  template <class T>
  struct State {
    T V_m, g_ex, g_in, w;
    T slope_ex, slope_in;  ///< dg/dt + g/tau_syn, in nS/ms
    T refractory;          ///< steps left
  };
  static constexpr auto& states = AeifCondExp::states;

  template <class T>
  struct Coefficients {
    AdaptiveExponential<T> membrane;
    T E_ex, E_in, I_e, half_ex, half_in, decay_ex, decay_in, kick_ex, kick_in;
  };
  static Coefficients<double> prepare(const Parameters& p, double dt) {
    return {.membrane = prepare_adaptive(p, dt),
            .E_ex = p.E_ex - p.E_L,
            .E_in = p.E_in - p.E_L,
            .I_e = p.I_e,
            .half_ex = portable::exp(-0.5 * dt / p.tau_syn_ex),
            .half_in = portable::exp(-0.5 * dt / p.tau_syn_in),
            .decay_ex = portable::exp(-dt / p.tau_syn_ex),
            .decay_in = portable::exp(-dt / p.tau_syn_in),
            .kick_ex = portable::exp(1.0) / p.tau_syn_ex,
            .kick_in = portable::exp(1.0) / p.tau_syn_in};
  }

  template <class T>
  using Scratch = AdaptiveScratch<T>;
  static constexpr int kStages = kAdaptiveStages;
  template <class T>
  NEURACT_STEP static bool needs_last_stage(const Scratch<T>& x) {
    return x.upstroke != T(0);
  }

  template <int kStage, class T>
  NEURACT_STEP static void stage(State<T>& s, Scratch<T>& x, const Coefficients<T>& c, T current) {
    const T I = current + c.I_e;
    const T half = T(0.5) * c.membrane.h;
    const T ex_half = c.half_ex * (s.g_ex + half * s.slope_ex);
    const T in_half = c.half_in * (s.g_in + half * s.slope_in);
    const T ex_end = c.decay_ex * (s.g_ex + c.membrane.h * s.slope_ex);
    const T in_end = c.decay_in * (s.g_in + c.membrane.h * s.slope_in);
    const Drive<T> drive{I + c.E_ex * s.g_ex + c.E_in * s.g_in, I + c.E_ex * ex_half + c.E_in * in_half,
                         I + c.E_ex * ex_end + c.E_in * in_end, c.membrane.leak + s.g_ex + s.g_in,
                         c.membrane.leak + ex_half + in_half,   c.membrane.leak + ex_end + in_end};
    adaptive_stage<kStage>(s.V_m, s.w, s.refractory, x, c.membrane, drive);
  }

  template <class T>
  NEURACT_STEP static bool step(State<T>& s, const Coefficients<T>& c, T in0, T in1, T /*current*/) {
    s.g_ex = c.decay_ex * (s.g_ex + c.membrane.h * s.slope_ex);
    s.g_in = c.decay_in * (s.g_in + c.membrane.h * s.slope_in);
    s.slope_ex = c.decay_ex * s.slope_ex + c.kick_ex * in0;
    s.slope_in = c.decay_in * s.slope_in - c.kick_in * in1;
    return adaptive_fired(s.refractory, c.membrane);
  }
};

}  // namespace neuract::snn
