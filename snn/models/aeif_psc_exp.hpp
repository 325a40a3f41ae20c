#pragma once

#include "neuract/snn/models/adaptive_exponential.hpp"
#include "neuract/snn/models/declaration.hpp"

namespace neuract::snn {

/// Adaptive exponential integrate-and-fire neuron; a spike of weight w adds |w| to a synaptic current that decays
/// exponentially, positive weights to I_syn_ex, negative ones to I_syn_in, which is subtracted.
///   C_m dV/dt = -g_L (V - E_L) + g_L Delta_T exp((V - V_th)/Delta_T) + I_syn_ex - I_syn_in - w + I
///   tau_w dw/dt = a (V - E_L) - w;   dI_syn/dt = -I_syn/tau_syn;   V >= V_peak: spike, V = V_reset for t_ref, w = w + b
/// The synaptic currents are exact; V and w have an error of order 4 in dt (adaptive_exponential.hpp).
struct AeifPscExp {
  static constexpr const char* name = "aeif_psc_exp";
  static constexpr const char* summary = "adaptive exponential integrate-and-fire neuron, exponential currents";
  static constexpr const char* source = "Brette and Gerstner 2005, J. Neurophysiol. 94:3637";
  static constexpr const char* current_unit = "pA";
  static constexpr ReceptorInfo receptors[] = {{"excitatory", "pA"}, {"inhibitory", "pA"}};

  struct Parameters {
    double E_L = -70.6;
    double C_m = 281.0;
    double g_L = 30.0;
    double tau_syn_ex = 0.2;
    double tau_syn_in = 2.0;
    double t_ref = 0.0;
    double V_th = -50.4;
    double Delta_T = 2.0;
    double V_peak = 0.0;
    double V_reset = -60.0;
    double a = 4.0;
    double b = 80.5;
    double tau_w = 144.0;
    double I_e = 0.0;
  };
  static constexpr ParameterRow<Parameters> parameters[] = {
      {"E_L", &Parameters::E_L, "mV", "leak reversal potential"},
      {"C_m", &Parameters::C_m, "pF", "membrane capacitance", Check::positive},
      {"g_L", &Parameters::g_L, "nS", "leak conductance", Check::non_negative},
      {"tau_syn_ex", &Parameters::tau_syn_ex, "ms", "time constant of the excitatory current", Check::positive},
      {"tau_syn_in", &Parameters::tau_syn_in, "ms", "time constant of the inhibitory current", Check::positive},
      {"t_ref", &Parameters::t_ref, "ms", "refractory period", Check::non_negative},
      {"V_th", &Parameters::V_th, "mV", "threshold of the exponential upstroke"},
      {"Delta_T", &Parameters::Delta_T, "mV", "width of the upstroke's onset; 0: fires at V_th", Check::non_negative},
      {"V_peak", &Parameters::V_peak, "mV", "potential at which a spike is counted"},
      {"V_reset", &Parameters::V_reset, "mV", "potential after a spike"},
      {"a", &Parameters::a, "nS", "subthreshold adaptation"},
      {"b", &Parameters::b, "pA", "adaptation current added by a spike"},
      {"tau_w", &Parameters::tau_w, "ms", "time constant of the adaptation", Check::positive},
      {"I_e", &Parameters::I_e, "pA", "constant input current"},
  };
  static std::vector<std::string> check_together(const Parameters& p) { return check_adaptive(p); }

  template <class T>
  struct State {
    T V_m, I_syn_ex, I_syn_in, w;
    T refractory;  ///< steps left
  };
  static constexpr StateRow<Parameters> states[] = {
      {"V_m", "mV", "membrane potential", 0.0, &Parameters::E_L, &Parameters::E_L},
      {"I_syn_ex", "pA", "excitatory synaptic current"},
      {"I_syn_in", "pA", "inhibitory synaptic current, subtracted"},
      {"w", "pA", "adaptation current"},
  };

  template <class T>
  struct Coefficients {
    AdaptiveExponential<T> membrane;
    T I_e, half_ex, half_in, decay_ex, decay_in;
  };
  static Coefficients<double> prepare(const Parameters& p, double dt) {
    return {.membrane = prepare_adaptive(p, dt),
            .I_e = p.I_e,
            .half_ex = portable::exp(-0.5 * dt / p.tau_syn_ex),
            .half_in = portable::exp(-0.5 * dt / p.tau_syn_in),
            .decay_ex = portable::exp(-dt / p.tau_syn_ex),
            .decay_in = portable::exp(-dt / p.tau_syn_in)};
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
    const Drive<T> drive{I + (s.I_syn_ex - s.I_syn_in),
                         I + (c.half_ex * s.I_syn_ex - c.half_in * s.I_syn_in),
                         I + (c.decay_ex * s.I_syn_ex - c.decay_in * s.I_syn_in),
                         c.membrane.leak,
                         c.membrane.leak,
                         c.membrane.leak};
    adaptive_stage<kStage>(s.V_m, s.w, s.refractory, x, c.membrane, drive);
  }

  template <class T>
  NEURACT_STEP static bool step(State<T>& s, const Coefficients<T>& c, T in0, T in1, T /*current*/) {
    s.I_syn_ex = c.decay_ex * s.I_syn_ex + in0;
    s.I_syn_in = c.decay_in * s.I_syn_in - in1;
    return adaptive_fired(s.refractory, c.membrane);
  }
};

}  // namespace neuract::snn
