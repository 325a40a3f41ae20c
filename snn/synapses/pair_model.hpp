#pragma once

#include "neuract/snn/spec.hpp"
#include "neuract/snn/synapses/kernel.hpp"

namespace neuract::snn::synapses {

/// A model of pairs or triplets of spikes, ready for the kernel. Everything that concerns weights is relative to Wmax.
struct PairModel {
  double Wmax = 0.0;  ///< magnitude
  bool accumulates = true;
  bool triplets = false;
  double slow_rate_plus = 0.0;   ///< -dt / tau of the slow presynaptic trace,
  double slow_rate_minus = 0.0;  ///< and of the slow postsynaptic one
  double minus_slow = 0.0;       ///< times the slow presynaptic trace: added to the rule's `minus`
  Rule<double> rule;
};

/// `spec` names stdp_pair, stdp_pl, stdp_triplet or vogels_sprekeler and has no faults; dt in ms; `largest_at_start` is
/// the largest magnitude of the weights at t = 0.
PairModel make_pair_model(const SynapseSpec& spec, double dt, double largest_at_start);

/// The rule with numbers of another type.
template <class Real>
Rule<Real> rule_as(const Rule<double>& rule) noexcept {
  using Shape = typename Rule<Real>::Shape;
  Rule<Real> out;
  out.plus_shape = static_cast<Shape>(rule.plus_shape);
  out.minus_shape = static_cast<Shape>(rule.minus_shape);
  out.plus = static_cast<Real>(rule.plus);
  out.plus_slow = static_cast<Real>(rule.plus_slow);
  out.minus = static_cast<Real>(rule.minus);
  out.both = static_cast<Real>(rule.both);
  out.constant = static_cast<Real>(rule.constant);
  out.mu_plus = static_cast<Real>(rule.mu_plus);
  out.mu_minus = static_cast<Real>(rule.mu_minus);
  out.rate_plus = static_cast<Real>(rule.rate_plus);
  out.rate_minus = static_cast<Real>(rule.rate_minus);
  return out;
}

}  // namespace neuract::snn::synapses
