#pragma once

#include <string>
#include <vector>

#include "neuract/snn/models/propagators.hpp"

/// How the machine-learning models move a leaky variable x' = (x_rest - x)/tau + drive/tau over a step of dt ms:
///   x(dt) = keep x(0) + gain (x_rest + drive),   keep + gain = 1.
namespace neuract::snn {

struct LeakyStep {
  double keep, gain;
};

/// exact: keep = exp(-dt/tau). Otherwise forward Euler, keep = 1 - dt/tau, which snnTorch and Norse use.
inline LeakyStep leaky_step(double dt, double tau, bool exact) {
  if (exact) return {portable::exp(-dt / tau), -portable::expm1(-dt / tau)};
  return {1.0 - dt / tau, dt / tau};
}

/// A reset must end below the threshold.
template <class Parameters>
std::vector<std::string> check_reset(const Parameters& p) {
  if (p.reset_by_subtraction == 0.0 && p.v_reset >= p.v_threshold) return {"v_reset must be below v_threshold"};
  if (p.reset_by_subtraction != 0.0 && p.v_threshold <= 0.0) {
    return {"reset_by_subtraction needs a v_threshold above 0"};
  }
  return {};
}

}  // namespace neuract::snn
