#pragma once

#include <array>
#include <cmath>

#include "neuract/snn/models/declaration.hpp"
#include "neuract/snn/models/propagators.hpp"

/// A membrane with synaptic conductances over one step of h ms:
///   C dV/dt = b(s) - g(s) V,   g = g_L + g_ex(s) + g_in(s),   b = I + g_ex(s) E_ex + g_in(s) E_in   (V relative to E_L)
/// has the solution V(h) = e^(-D(0)) V(0) + 1/C ∫ e^(-D(s)) b(s) ds with D(s) = 1/C ∫_s^h g. The conductances and D are
/// known in closed form. e^(-D) is interpolated by a parabola through its values at 0, h/2 and h and integrated exactly
/// against the conductances: an error of order 4, without a trace of the synapses' time constants as long as the
/// membrane's is longer than a step; and V stays between the potentials that drive it, however large the conductances.
namespace neuract::snn {

/// ∫_0^1 x^k e^(-z x) dx.
inline double moment(int k, double z) {
  if (z > 2.0) {
    double m = -portable::expm1(-z) / z;
    for (int i = 1; i <= k; ++i) m = (i * m - portable::exp(-z)) / z;
    return m;
  }
  double sum = 0.0;
  double power = 1.0;
  for (int n = 0; n < 32; ++n) {
    sum += power / (n + k + 1);
    power *= -z / (n + 1);
  }
  return sum;
}

/// The integrals over [0, h] of s^k e^(-s/tau), times the parabolas that are 1 at 0, h/2, h and 0 at the other two.
inline std::array<double, 3> parabola_weights(int k, double h, double tau) {
  const double z = h / tau;
  const double scale = k == 0 ? h : h * h;
  const double m0 = moment(k, z);
  const double m1 = moment(k + 1, z);
  const double m2 = moment(k + 2, z);
  return {scale * (m0 - 3.0 * m1 + 2.0 * m2), scale * 4.0 * (m1 - m2), scale * (2.0 * m2 - m1)};
}

/// 1/C ∫_s^h e^(-u/tau) du.
inline double decay_to_end(double s, double h, double tau, double C_m) {
  return portable::exp(-s / tau) * -portable::expm1((s - h) / tau) * tau / C_m;
}

/// 1/C ∫_s^h u e^(-u/tau) du.
inline double rise_to_end(double s, double h, double tau, double C_m) {
  const double left = h - s;
  return portable::exp(-s / tau) * left * (s * phi1(-left / tau) + left * psi(-left / tau)) / C_m;
}

/// V at the end of the step. D0, D1: D at 0 and h/2; B0, B1, B2: 1/C times what the three parabolas get of b.
template <class T>
NEURACT_STEP T conduct(T V, T D0, T D1, T B0, T B1, T B2) {
  const T e0 = portable::exp_normal(larger(-D0, T(-87)));
  const T e1 = portable::exp_normal(larger(-D1, T(-87)));
  return e0 * (V + B0) + (e1 * B1 + B2);
}

}  // namespace neuract::snn
