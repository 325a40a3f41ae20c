#include "neuract/snn/synapses/pair_model.hpp"

#include <cmath>

#include "neuract/snn/portable_math.hpp"
#include "neuract/snn/synapses/parameters.hpp"

namespace neuract::snn::synapses {
namespace {

using Shape = Rule<double>::Shape;

/// (1 - x)^mu or x^mu.
Shape room(double mu) { return mu == 0.0 ? Shape::one : mu == 1.0 ? Shape::room : Shape::room_power; }
Shape weight(double mu) { return mu == 0.0 ? Shape::one : mu == 1.0 ? Shape::weight : Shape::weight_power; }

PairModel make(const StdpPair::Parameters& p, double dt, double) {
  PairModel model;
  model.Wmax = std::abs(p.Wmax);
  model.accumulates = p.nearest_neighbour == 0.0;
  model.rule.plus_shape = room(p.mu_plus);
  model.rule.minus_shape = weight(p.mu_minus);
  model.rule.mu_plus = p.mu_plus;
  model.rule.mu_minus = p.mu_minus;
  model.rule.plus = p.lambda;
  model.rule.minus = p.alpha * p.lambda;
  model.rule.rate_plus = -dt / p.tau_plus;
  model.rule.rate_minus = -dt / p.tau_minus;
  return model;
}

PairModel make(const StdpPowerLaw::Parameters& p, double dt, double largest_at_start) {
  PairModel model;
  model.Wmax = StdpPowerLaw::largest_weight(p, largest_at_start);
  model.rule.plus_shape = weight(p.mu);
  model.rule.minus_shape = Shape::weight;
  model.rule.mu_plus = p.mu;
  // lambda w0^(1 - mu) w^mu with w = x Wmax, divided by Wmax
  model.rule.plus = p.lambda * portable::exp((1.0 - p.mu) * portable::log(std::abs(p.w0) / model.Wmax));
  model.rule.minus = p.alpha * p.lambda;
  model.rule.rate_plus = -dt / p.tau_plus;
  model.rule.rate_minus = -dt / p.tau_minus;
  return model;
}

PairModel make(const StdpTriplet::Parameters& p, double dt, double) {
  PairModel model;
  model.Wmax = std::abs(p.Wmax);
  model.triplets = true;
  model.slow_rate_plus = -dt / p.tau_plus_triplet;
  model.slow_rate_minus = -dt / p.tau_minus_triplet;
  model.rule.plus = p.Aplus / model.Wmax;
  model.rule.plus_slow = p.Aplus_triplet / model.Wmax;
  model.rule.minus = p.Aminus / model.Wmax;
  model.minus_slow = p.Aminus_triplet / model.Wmax;
  model.rule.rate_plus = -dt / p.tau_plus;
  model.rule.rate_minus = -dt / p.tau_minus;
  return model;
}

PairModel make(const VogelsSprekeler::Parameters& p, double dt, double) {
  PairModel model;
  model.Wmax = std::abs(p.Wmax);
  model.rule.plus = p.eta / model.Wmax;
  model.rule.both = p.eta / model.Wmax;
  model.rule.constant = p.alpha * p.eta / model.Wmax;
  model.rule.rate_plus = -dt / p.tau;
  model.rule.rate_minus = -dt / p.tau;
  return model;
}

}  // namespace

PairModel make_pair_model(const SynapseSpec& spec, double dt, double largest_at_start) {
  if (spec.model == StdpPowerLaw::name) return make(parameters_of<StdpPowerLaw>(spec), dt, largest_at_start);
  if (spec.model == StdpTriplet::name) return make(parameters_of<StdpTriplet>(spec), dt, largest_at_start);
  if (spec.model == VogelsSprekeler::name) return make(parameters_of<VogelsSprekeler>(spec), dt, largest_at_start);
  return make(parameters_of<StdpPair>(spec), dt, largest_at_start);
}

}  // namespace neuract::snn::synapses
