#pragma once

#include <array>

#include "neuract/snn/models/declaration.hpp"
#include "neuract/snn/models/propagators.hpp"

/// A membrane with synaptic conductances over one step of h ms:
///   C dV/dt = b(s) - g(s) V,   g = g_L + g_ex(s) + g_in(s),   b = I + g_ex(s) E_ex + g_in(s) E_in   (V relative to E_L)
/// has the solution V(h) = e^(-D(0)) V(0) + 1/C ∫ e^(-D(s)) b(s) ds with D(s) = 1/C ∫_s^h g. The conductances and D are
/// known in closed form; the integral is taken by Lobatto's rule with four nodes, which is of order 6 and keeps V between
/// the smallest and the largest of the potentials that drive it, however large the conductances are.
namespace neuract::snn {

/// Nodes inside the step, in steps; the others are 0 and 1.
inline constexpr double kLobattoNodes[] = {0.27639320225002103036, 0.72360679774997896964};

/// h/C (1 - s/h) g_L at the nodes 0, 1, 2.
inline std::array<double, 3> leak_to_end(double h, double g_L, double C_m) {
  const double whole = h * g_L / C_m;
  return {whole, whole * kLobattoNodes[1], whole * kLobattoNodes[0]};  // the nodes are symmetric
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

/// D and b at the nodes; D is 0 at the end of the step.
template <class T>
struct Conducting {
  T D0, D1, D2;
  T b0, b1, b2, b3;
};

/// V at the end of the step; `twelfth` is h / (12 C).
template <class T>
NEURACT_STEP T conduct(T V, const Conducting<T>& m, T twelfth) {
  const T e0 = portable::exp_normal(larger(-m.D0, T(-87)));
  const T e1 = portable::exp_normal(larger(-m.D1, T(-87)));
  const T e2 = portable::exp_normal(larger(-m.D2, T(-87)));
  return e0 * V + twelfth * ((e0 * m.b0 + m.b3) + T(5) * (e1 * m.b1 + e2 * m.b2));
}

}  // namespace neuract::snn
