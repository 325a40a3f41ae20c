#pragma once

#include <algorithm>
#include <cmath>

#include "neuract/snn/models/declaration.hpp"
#include "neuract/snn/portable_math.hpp"

namespace neuract::snn {

/// Hodgkin-Huxley neuron; a spike of weight w starts an alpha-shaped current that peaks at w after tau_syn.
///   C_m dV/dt = -g_Na m³ h (V - E_Na) - g_K n⁴ (V - E_K) - g_L (V - E_L) + I_syn_ex + I_syn_in + I
///   dx/dt = α_x(V) (1 - x) - β_x(V) x for x = m, h, n;   I_syn(t) = w (e/tau_syn) t exp(-t/tau_syn)
///   α_m = 0.1 (V + 40)/(1 - exp(-(V + 40)/10))     β_m = 4 exp(-(V + 65)/18)
///   α_h = 0.07 exp(-(V + 65)/20)                   β_h = 1/(1 + exp(-(V + 35)/10))
///   α_n = 0.01 (V + 55)/(1 - exp(-(V + 55)/10))    β_n = 0.125 exp(-(V + 65)/80)
/// A maximum of V above 0 mV is a spike, at most one in t_ref.
///
/// A step is divided into equal substeps of at most 1/30 ms, each one step of Tsitouras' Runge-Kutta method of order 5 with
/// exact synaptic currents. The rates are those of V between -150 and 300 mV, and β_m that of V above -115 mV: beyond,
/// m is 0 or 1 in any case, and the method stays stable.
struct HhPscAlpha {
  static constexpr const char* name = "hh_psc_alpha";
  static constexpr const char* summary = "Hodgkin-Huxley neuron, alpha-shaped synaptic currents";
  static constexpr const char* source =
      "Hodgkin and Huxley 1952, J. Physiol. 117:500; scheme: Tsitouras 2011, Comput. Math. Appl. 62:770";
  static constexpr const char* current_unit = "pA";
  static constexpr ReceptorInfo receptors[] = {{"excitatory", "pA"}, {"inhibitory", "pA"}};
  static constexpr double kLongestSubstep = 1.0 / 30.0;  ///< ms

  struct Parameters {
    double E_L = -54.402;
    double C_m = 100.0;
    double g_Na = 12000.0;
    double g_K = 3600.0;
    double g_L = 30.0;
    double E_Na = 50.0;
    double E_K = -77.0;
    double tau_syn_ex = 0.2;
    double tau_syn_in = 2.0;
    double t_ref = 2.0;
    double I_e = 0.0;
  };
  static constexpr ParameterRow<Parameters> parameters[] = {
      {"E_L", &Parameters::E_L, "mV", "leak reversal potential"},
      {"C_m", &Parameters::C_m, "pF", "membrane capacitance", Check::positive},
      {"g_Na", &Parameters::g_Na, "nS", "peak sodium conductance", Check::non_negative},
      {"g_K", &Parameters::g_K, "nS", "peak potassium conductance", Check::non_negative},
      {"g_L", &Parameters::g_L, "nS", "leak conductance", Check::non_negative},
      {"E_Na", &Parameters::E_Na, "mV", "sodium reversal potential"},
      {"E_K", &Parameters::E_K, "mV", "potassium reversal potential"},
      {"tau_syn_ex", &Parameters::tau_syn_ex, "ms", "rise time of the excitatory current", Check::positive},
      {"tau_syn_in", &Parameters::tau_syn_in, "ms", "rise time of the inhibitory current", Check::positive},
      {"t_ref", &Parameters::t_ref, "ms", "time without a second spike", Check::non_negative},
      {"I_e", &Parameters::I_e, "pA", "constant input current"},
  };
  static std::vector<std::string> check_together(const Parameters&) { return {}; }

  template <class T>
  struct State {
    T V_m, Act_m, Inact_h, Act_n, I_syn_ex, I_syn_in;
    T slope_ex, slope_in;  ///< dI/dt + I/tau_syn, in pA/ms
    T V_before;            ///< at the end of the previous step
    T refractory;          ///< steps left
  };
  static constexpr StateRow<Parameters> states[] = {
      {"V_m", "mV", "membrane potential", -65.0},
      {"Act_m", "", "activation m of sodium", 0.05293248525724958},
      {"Inact_h", "", "inactivation h of sodium", 0.5961207535084603},
      {"Act_n", "", "activation n of potassium", 0.3176769140606974},
      {"I_syn_ex", "pA", "excitatory synaptic current"},
      {"I_syn_in", "pA", "inhibitory synaptic current"},
  };

  template <class T>
  struct Coefficients {
    T substeps, h, g_Na, g_K, g_L, E_Na, E_K, E_L, per_C, I_e, refractory_steps;
    T ex2, ex3, ex4, ex5, ex6, kick_ex;  ///< decays to the method's nodes
    T in2, in3, in4, in5, in6, kick_in;
    T V_lowest, V_highest, V_lowest_m, near, smallest;
  };
  static Coefficients<double> prepare(const Parameters& p, double dt) {
    const double substeps = larger(1.0, std::ceil(dt / kLongestSubstep - 1e-9));
    const double h = dt / substeps;
    const auto decay = [&](double node, double tau) { return portable::exp(-node * h / tau); };
    return {.substeps = substeps,
            .h = h,
            .g_Na = p.g_Na / p.C_m,
            .g_K = p.g_K / p.C_m,
            .g_L = p.g_L / p.C_m,
            .E_Na = p.E_Na,
            .E_K = p.E_K,
            .E_L = p.E_L,
            .per_C = 1.0 / p.C_m,
            .I_e = p.I_e,
            .refractory_steps = std::round(p.t_ref / dt),
            .ex2 = decay(kNode2, p.tau_syn_ex),
            .ex3 = decay(kNode3, p.tau_syn_ex),
            .ex4 = decay(kNode4, p.tau_syn_ex),
            .ex5 = decay(kNode5, p.tau_syn_ex),
            .ex6 = decay(1.0, p.tau_syn_ex),
            .kick_ex = portable::exp(1.0) / p.tau_syn_ex,
            .in2 = decay(kNode2, p.tau_syn_in),
            .in3 = decay(kNode3, p.tau_syn_in),
            .in4 = decay(kNode4, p.tau_syn_in),
            .in5 = decay(kNode5, p.tau_syn_in),
            .in6 = decay(1.0, p.tau_syn_in),
            .kick_in = portable::exp(1.0) / p.tau_syn_in,
            .V_lowest = -150.0,
            .V_highest = 300.0,
            .V_lowest_m = -115.0,
            .near = 0.001,
            .smallest = 1e-6};
  }

  /// A point in phase space, or a velocity there.
  template <class T>
  struct Point {
    T V, m, h, n;
    NEURACT_STEP friend Point operator+(Point a, Point b) { return {a.V + b.V, a.m + b.m, a.h + b.h, a.n + b.n}; }
    NEURACT_STEP friend Point operator*(T f, Point a) { return {f * a.V, f * a.m, f * a.h, f * a.n}; }
  };

  /// x / (1 - e^-x), given the quotient where x is not close to 0.
  template <class T>
  NEURACT_STEP static T ratio(T x, T near, T quotient) {
    const T series = T(1) + x * (T(0.5) + x * T(1.0 / 12.0));  // next: x⁴/720
    return x * x < near ? series : quotient;
  }

  /// `I`: current over C_m, in mV/ms. The bounds are coefficients, though they are the same for all: with constants the
  /// compiler follows every combination of bounds by itself, three times the work of one path.
  template <class T>
  NEURACT_STEP static Point<T> velocity(const Point<T>& y, const Coefficients<T>& c, T I) {
    const T low = larger(y.V, c.V_lowest);
    const T V = low < c.V_highest ? low : c.V_highest;
    const T e80 = portable::exp_normal((V + T(65)) * T(-1.0 / 80.0));
    const T e18 = portable::exp_normal((larger(V, c.V_lowest_m) + T(65)) * T(-1.0 / 18.0));
    const T e40 = e80 * e80;
    const T e20 = e40 * e40;
    const T e10 = e20 * e20;
    const T x_n = (V + T(55)) * T(0.1);
    const T x_m = (V + T(40)) * T(0.1);
    // Three quotients with one division, x/d as x d/d² where d may vanish.
    const T below_n = T(1) - e10 * T(2.718281828459045);
    const T below_m = T(1) - e10 * T(12.182493960703473);
    const T below_h = T(1) + e10 * T(20.085536923187668);
    const T square_below_n = larger(below_n * below_n, c.smallest);
    const T square_below_m = larger(below_m * below_m, c.smallest);
    const T both = square_below_n * square_below_m;
    const T inverse = T(1) / (both * below_h);
    const T per_both = inverse * below_h;
    const T alpha_n = T(0.1) * ratio(x_n, c.near, x_n * below_n * (per_both * square_below_m));
    const T alpha_m = ratio(x_m, c.near, x_m * below_m * (per_both * square_below_n));
    const T beta_h = inverse * both;
    const T alpha_h = T(0.07) * e20;
    const T square_n = y.n * y.n;
    const T sodium = c.g_Na * (y.m * y.m) * (y.m * y.h) * (y.V - c.E_Na);
    const T potassium = c.g_K * (square_n * square_n) * (y.V - c.E_K);
    return {I - (sodium + potassium + c.g_L * (y.V - c.E_L)), alpha_m - (alpha_m + T(4) * e18) * y.m,
            alpha_h - (alpha_h + beta_h) * y.h, alpha_n - (alpha_n + T(0.125) * e80) * y.n};
  }

  template <class T>
  struct Scratch {
    Point<T> k1, k2, k3, k4, k5;  ///< velocities at the nodes
  };
  static constexpr int kStages = 6;

  template <int kStage, class T>
  NEURACT_STEP static void stage(State<T>& s, Scratch<T>& x, const Coefficients<T>& c, T current) {
    const T constant = current + c.I_e;
    const auto current_at = [&](T node, T decay_ex, T decay_in) NEURACT_STEP_LAMBDA {
      const T t = node * c.h;
      return c.per_C * (constant + decay_ex * (s.I_syn_ex + t * s.slope_ex) + decay_in * (s.I_syn_in + t * s.slope_in));
    };
    const Point<T> y{s.V_m, s.Act_m, s.Inact_h, s.Act_n};
    if constexpr (kStage == 0) {
      x.k1 = velocity(y, c, c.per_C * (constant + s.I_syn_ex + s.I_syn_in));
    } else if constexpr (kStage == 1) {
      x.k2 = velocity(y + (c.h * T(kNode2)) * x.k1, c, current_at(T(kNode2), c.ex2, c.in2));
    } else if constexpr (kStage == 2) {
      x.k3 = velocity(y + c.h * (T(-0.008480655492356989) * x.k1 + T(0.335480655492357) * x.k2), c,
                      current_at(T(kNode3), c.ex3, c.in3));
    } else if constexpr (kStage == 3) {
      x.k4 = velocity(
          y + c.h * (T(2.8971530571054935) * x.k1 + T(-6.359448489975075) * x.k2 + T(4.3622954328695815) * x.k3), c,
          current_at(T(kNode4), c.ex4, c.in4));
    } else if constexpr (kStage == 4) {
      x.k5 = velocity(y + c.h * (T(5.325864828439257) * x.k1 + T(-11.748883564062828) * x.k2 +
                                 T(7.4955393428898365) * x.k3 + T(-0.09249506636175525) * x.k4),
                      c, current_at(T(kNode5), c.ex5, c.in5));
    } else {
      const Point<T> k6 =
          velocity(y + c.h * (T(5.86145544294642) * x.k1 + T(-12.92096931784711) * x.k2 + T(8.159367898576159) * x.k3 +
                              T(-0.071584973281401) * x.k4 + T(-0.028269050394068383) * x.k5),
                   c, current_at(T(1), c.ex6, c.in6));
      const Point<T> end =
          y + c.h * (T(0.09646076681806523) * x.k1 + T(0.01) * x.k2 + T(0.4798896504144996) * x.k3 +
                     T(1.379008574103742) * x.k4 + T(-3.290069515436081) * x.k5 + T(2.324710524099774) * k6);
      const auto within = [](T v, T low, T high) NEURACT_STEP_LAMBDA { return larger(v < high ? v : high, low); };
      s.V_m = within(end.V, T(-1000), T(1000));
      s.Act_m = within(end.m, T(0), T(1));
      s.Inact_h = within(end.h, T(0), T(1));
      s.Act_n = within(end.n, T(0), T(1));
      s.I_syn_ex = c.ex6 * (s.I_syn_ex + c.h * s.slope_ex);
      s.I_syn_in = c.in6 * (s.I_syn_in + c.h * s.slope_in);
      s.slope_ex = c.ex6 * s.slope_ex;
      s.slope_in = c.in6 * s.slope_in;
    }
  }

  template <class T>
  NEURACT_STEP static bool step(State<T>& s, const Coefficients<T>& c, T in0, T in1, T /*current*/) {
    s.slope_ex = s.slope_ex + c.kick_ex * in0;
    s.slope_in = s.slope_in + c.kick_in * in1;
    const bool fired = s.refractory <= T(0) && s.V_m >= T(0) && s.V_before > s.V_m;
    s.V_before = s.V_m;
    s.refractory = fired ? c.refractory_steps : larger(s.refractory - T(1), T(0));
    return fired;
  }

 private:
  static constexpr double kNode2 = 0.161;
  static constexpr double kNode3 = 0.327;
  static constexpr double kNode4 = 0.9;
  static constexpr double kNode5 = 0.9800255409045097;
};

}  // namespace neuract::snn
