#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "neuract/snn/models/declaration.hpp"
#include "neuract/snn/portable_math.hpp"

/// The membrane of the adaptive exponential integrate-and-fire neuron over a step of h ms, V relative to E_L:
///   C dV/dt = g_L Delta_T e^x + B(t) - G(t) V - w,   x = (V - V_th)/Delta_T
///   tau_w dw/dt = a V - w;   V >= V_peak: spike, V = V_reset, w = w + b
/// The upstroke ends in a pole, which no step size resolves. In y = -ln(1 + e^-x) it is a straight line:
///   dy/dt = e^y g_L/C + (1 - e^y) (B - G V - w)/(C Delta_T),
/// while far below the threshold y is x up to rounding. y and w take one step of the classical Runge-Kutta method of order
/// 4; the instant at which y passes V_peak follows from the cubic that the step's values and slopes define, and the rest of
/// the step starts at V_reset (midpoint rule; no second spike in the same step). With u = e^x at the beginning and
/// δ = y - y(0), V = V(0) + Delta_T (δ - ln m), m = 1 - u (e^δ - 1), which loses no digits where V is far from V_th.
/// Source: Brette and Gerstner 2005, J. Neurophysiol. 94:3637.
namespace neuract::snn {

namespace detail {

/// A parabola through its values at 0, 1/2 and 1.
template <class T>
NEURACT_STEP T parabola(T y0, T y1, T y2, T x) {
  return y0 + x * ((T(4) * y1 - T(3) * y0 - y2) + x * (T(2) * (y0 + y2) - T(4) * y1));
}

/// e^x, for x that may be anything: far from V_th the exact value plays no part.
template <class T>
NEURACT_STEP T bounded_exp(T x) {
  const T above = larger(x, T(-80));
  return portable::exp_normal(above < T(40) ? above : T(40));
}

}  // namespace detail

template <class T>
struct AdaptiveExponential {
  T h, rate, per_C, scale, per_scale, exponential, V_th, V_peak, y_peak, V_reset, refractory_steps;
  T most_conductance, leak, upstroke, upstroke_at_reset, a, b, per_tau_w;
};

/// `p`: parameters named as in NEST's aeif models. Without Delta_T the neuron fires at V_th.
template <class Parameters>
AdaptiveExponential<double> prepare_adaptive(const Parameters& p, double dt) {
  const bool exponential = p.Delta_T > 0.0;
  const double scale = exponential ? p.Delta_T : 1.0;
  const double V_peak = exponential ? p.V_peak : p.V_th;
  const double upstroke = p.g_L * p.Delta_T;
  const double x_peak = (V_peak - p.V_th) / scale;
  return {.h = dt,
          .rate = exponential ? p.g_L / p.C_m : 0.0,
          .per_C = 1.0 / p.C_m,
          .scale = scale,
          .per_scale = 1.0 / scale,
          .exponential = exponential ? 1.0 : 0.0,
          .V_th = p.V_th - p.E_L,
          .V_peak = V_peak - p.E_L,
          .y_peak = exponential ? -portable::log(1.0 + portable::exp(-x_peak)) : x_peak,
          .V_reset = p.V_reset - p.E_L,
          .refractory_steps = std::round(p.t_ref / dt),
          .most_conductance = 2.5 * p.C_m / dt,
          .leak = p.g_L,
          .upstroke = upstroke,
          .upstroke_at_reset = upstroke * detail::bounded_exp((p.V_reset - p.V_th) / scale),
          .a = p.a,
          .b = p.b,
          .per_tau_w = 1.0 / p.tau_w};
}

/// What the synapses and currents do at the beginning, the middle and the end of the step: b in pA, g in nS with g_L.
template <class T>
struct Drive {
  T b0, b1, b2;
  T g0, g1, g2;
};

template <class T>
struct AdaptiveScratch {
  T V0, w0, u, share, limit, first;  ///< of the beginning of the step; `share` is 1/(1 + u), `first` dy/dt
  T delta, w;                        ///< where the next stage looks, or the end of the step
  T sum_y, sum_w, sum_ln_m;          ///< of the Runge-Kutta method
  T upstroke;                        ///< 1 where the step is near or past the pole, and the last stage has to look
};
inline constexpr int kAdaptiveStages = 6;

/// Stage number kStage of a step. The last one changes nothing where x.upstroke is 0; after it `refractory` is c.refractory_steps + 1 in a neuron that fires;
/// c.refractory_steps > 0 holds V at V_reset after a spike.
template <int kStage, class T>
NEURACT_STEP void adaptive_stage(T& V_m, T& w, T& refractory, AdaptiveScratch<T>& x, const AdaptiveExponential<T>& c,
                                 const Drive<T>& d) {
  const bool active = refractory <= T(0);
  const T rate = active ? c.rate : T(0);
  const T per_CD = active ? c.per_C * c.per_scale : T(0);
  const T half = T(0.5) * c.h;

  // V, and how fast y and w change, at y(0) + x.delta.
  T V = x.V0;
  T E = T(1);
  T m = T(1);
  T ln_m = T(0);
  const auto place = [&]() NEURACT_STEP_LAMBDA {
    E = detail::bounded_exp(x.delta);
    m = (T(1) + x.u) - x.u * E;
    ln_m = portable::log_positive(larger(m, T(1e-30)));
    const T moved = x.V0 + c.scale * (x.delta - ln_m);
    V = moved < c.V_peak ? moved : c.V_peak;
  };
  const auto slope_y = [&](T b, T g) NEURACT_STEP_LAMBDA {
    const T p = x.u * E * x.share;
    return (p < T(1) ? p : T(1)) * rate + larger(m, T(0)) * x.share * (per_CD * (x.limit * (b - g * V) - x.w));
  };
  const auto slope_w = [&]() NEURACT_STEP_LAMBDA { return (c.a * V - x.w) * c.per_tau_w; };

  if constexpr (kStage == 0) {
    // Conductances that act within a fraction of the step act as those of 0.4 steps, where the method is still stable.
    const T largest = larger(d.g0, larger(d.g1, d.g2));
    x.limit = largest > c.most_conductance ? c.most_conductance / largest : T(1);
    x.V0 = V_m < c.V_peak ? V_m : c.V_peak;
    x.u = c.exponential * detail::bounded_exp((x.V0 - c.V_th) * c.per_scale);
    x.share = T(1) / (T(1) + x.u);
    x.w = w;
    V = x.V0;
    x.first = slope_y(d.b0, d.g0);
    x.sum_y = x.first;
    x.sum_w = slope_w();
    x.delta = half * x.sum_y;
    x.w = w + half * x.sum_w;
  } else if constexpr (kStage == 1 || kStage == 2) {
    place();
    const T ahead = kStage == 1 ? half : c.h;
    const T dy = slope_y(d.b1, d.g1);
    const T dw = slope_w();
    x.sum_y = x.sum_y + T(2) * dy;
    x.sum_w = x.sum_w + T(2) * dw;
    x.sum_ln_m = (kStage == 1 ? T(0) : x.sum_ln_m) + T(2) * ln_m;
    x.delta = ahead * dy;
    x.w = w + ahead * dw;
  } else if constexpr (kStage == 3) {
    place();
    const T sixth = c.h * T(1.0 / 6.0);
    const T dy = slope_y(d.b2, d.g2);
    const T dw = slope_w();
    x.sum_ln_m = x.sum_ln_m + ln_m;
    x.delta = sixth * (x.sum_y + dy);
    x.w = w + sixth * (x.sum_w + dw);
  } else if constexpr (kStage == 4) {
    place();
    x.w0 = w;
    x.upstroke = active && (m < T(0.5) || x.u > T(1000) || V >= c.V_peak) ? T(1) : T(0);
    V_m = V;
    w = x.w;
  } else {
    place();
    const T last = slope_y(d.b2, d.g2);
    // Close to the pole the stages miss the mean of ln m in the potential that w sees; m is a straight line there.
    const T mean_ln_m = m * ln_m / (m - T(1)) - T(1);
    const T missing = c.scale * (x.sum_ln_m * T(1.0 / 6.0) - mean_ln_m);
    const T w_end = m < T(0.5) ? x.w + c.h * c.per_tau_w * c.a * missing : x.w;

    const T to_peak = c.y_peak - (x.V0 - c.V_th) * c.per_scale + portable::log_positive(T(1) + x.u);
    const bool upstroke = x.upstroke != T(0);
    const bool fired = upstroke && x.delta >= to_peak;
    // The instant of the peak, in steps: Newton's method on Hermite's cubic.
    const T start = c.h * x.first;
    const T end = c.h * last;
    const T cubic = (start + end) - T(2) * x.delta;
    const T square = T(3) * x.delta - T(2) * start - end;
    const auto inside = [](T z) NEURACT_STEP_LAMBDA { return larger(z < T(1) ? z : T(1), T(0)); };
    const auto closer = [&](T z) NEURACT_STEP_LAMBDA {
      const T value = z * (start + z * (square + z * cubic)) - to_peak;
      const T slope = start + z * (T(2) * square + T(3) * z * cubic);
      return inside(slope > T(0) ? z - value / slope : z);
    };
    const T when = closer(closer(inside(to_peak / x.delta)));
    // w at the peak: the mean potential of a path that is straight in y and ends in a pole.
    const T mean = x.V0 + c.scale * (T(0.5) * to_peak + c.exponential);
    const T w_reset = x.w0 + when * c.h * c.per_tau_w * (c.a * mean - x.w0) + c.b;
    // The rest of the step.
    const T rest = (T(1) - when) * c.h;
    const T moves = c.refractory_steps > T(0) ? T(0) : c.per_C;
    const auto slope_V = [&](T V_now, T at, T pull) NEURACT_STEP_LAMBDA {
      const T b = detail::parabola(d.b0, d.b1, d.b2, at);
      const T g = detail::parabola(d.g0, d.g1, d.g2, at);
      return moves * (x.limit * (b - g * V_now) + pull - w_reset);
    };
    const T half_way = c.V_reset + T(0.5) * rest * slope_V(c.V_reset, when, c.upstroke_at_reset);
    const T V_half = half_way < c.V_peak ? half_way : c.V_peak;
    const T exponential = c.upstroke * detail::bounded_exp((V_half - c.V_th) * c.per_scale);
    const T later = c.V_reset + rest * slope_V(V_half, T(0.5) * (T(1) + when), exponential);
    const T V_later = later < c.V_peak ? later : c.V_peak;

    V_m = fired ? V_later : V_m;
    w = fired ? w_reset + rest * c.per_tau_w * (c.a * V_half - w_reset) : (upstroke ? w_end : w);
    refractory = fired ? c.refractory_steps + T(1) : refractory;
  }
}

/// Whether the neuron has fired in this step.
template <class T>
NEURACT_STEP bool adaptive_fired(T& refractory, const AdaptiveExponential<T>& c) {
  const bool fired = refractory > c.refractory_steps;
  refractory = fired ? c.refractory_steps : larger(refractory - T(1), T(0));
  return fired;
}

/// NEST's conditions on parameters of one aeif neuron.
template <class Parameters>
std::vector<std::string> check_adaptive(const Parameters& p) {
  std::vector<std::string> faults;
  if (p.V_peak < p.V_th) faults.emplace_back("V_peak must not be below V_th");
  if (p.V_reset >= p.V_peak) faults.emplace_back("V_reset must be below V_peak");
  return faults;
}

}  // namespace neuract::snn
