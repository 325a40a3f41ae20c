#pragma once

#include <cmath>

#include "neuract/snn/portable_math.hpp"

/// Exact propagators of a leaky membrane driven by exponential and alpha-shaped currents over one step of h ms.
///   C dV/dt = -C V/tau_m + I(t),   I(u) = I_0 e^(-u/tau_s) + D_0 u e^(-u/tau_s)
/// gives V(h) = e^(-h/tau_m) V(0) + current_to_potential · I_0 + slope_to_potential · D_0.
/// Written with entire functions of z = h/tau_m - h/tau_s, so that tau_s = tau_m is not special.
/// Source: Rotter and Diesmann 1999, Biol. Cybern. 81:381 (exact integration).
namespace neuract::snn {

/// (e^z - 1) / z
inline double phi1(double z) { return z == 0.0 ? 1.0 : portable::expm1(z) / z; }

/// (e^z (z - 1) + 1) / z² = sum over k of z^k / (k! (k + 2))
inline double psi(double z) {
  if (std::abs(z) > 1.0) return (portable::exp(z) * (z - 1.0) + 1.0) / (z * z);
  double sum = 0.0;
  double power = 1.0;
  for (int k = 0; k < 24; ++k) {
    sum += power / (k + 2);
    power *= z / (k + 1);
  }
  return sum;
}

inline double current_to_potential(double h, double tau_m, double tau_s, double C_m) {
  return portable::exp(-h / tau_m) * h * phi1(h / tau_m - h / tau_s) / C_m;
}

inline double slope_to_potential(double h, double tau_m, double tau_s, double C_m) {
  return portable::exp(-h / tau_m) * h * h * psi(h / tau_m - h / tau_s) / C_m;
}

/// Potential reached after h by a constant unit current.
inline double constant_to_potential(double h, double tau_m, double C_m) {
  return -portable::expm1(-h / tau_m) * tau_m / C_m;
}

}  // namespace neuract::snn
