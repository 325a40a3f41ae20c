#pragma once

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "neuract/snn/spec.hpp"
#include "neuract/snn/spikes.hpp"

/// Plastic synapses one by one and event by event, in double, with the C library's functions: what the engine's rows,
/// tables and histories must come down to.
namespace neuract::snn::testing {

class SynapseOracle {
 public:
  SynapseOracle(const SynapseSpec& spec, double dt, double weight, double largest_at_start)
      : model_(spec.model), dt_(dt), w_(std::abs(weight)), sign_(weight < 0.0 ? -1.0 : 1.0) {
    for (const auto& [name, value] : spec.parameters) given_[name] = value;
    if (model_ == "stdp_pl" && get("Wmax", 0.0) == 0.0) given_["Wmax"] = 16.0 * largest_at_start;
    if (model_ == "vogels_sprekeler") {
      given_["tau_plus"] = get("tau", 20.0);
      given_["tau_minus"] = get("tau", 20.0);
    }
    if (model_ == "stdp_triplet") {
      given_.try_emplace("tau_plus", 16.8);
      given_.try_emplace("tau_minus", 33.7);
    }
  }

  double weight() const { return sign_ * w_; }

  /// What happens at the synapse in step `t`: the spike of the target that reaches it, and then the source's spike.
  void step(Step t, bool post, bool pre) {
    const double tau_plus = get("tau_plus", 20.0);
    const double tau_minus = get("tau_minus", 20.0);
    const double elapsed = static_cast<double>(t - last_) * dt_;
    last_ = t;
    k_plus_ *= std::exp(-elapsed / tau_plus);
    k_minus_ *= std::exp(-elapsed / tau_minus);
    slow_plus_ *= std::exp(-elapsed / get("tau_plus_triplet", 101.0));
    slow_minus_ *= std::exp(-elapsed / get("tau_minus_triplet", 125.0));
    if (post) facilitate();
    if (pre) depress();
    const bool nearest = get("nearest_neighbour", 0.0) != 0.0;
    if (pre) {
      k_plus_ = nearest ? 1.0 : k_plus_ + 1.0;
      slow_plus_ += 1.0;
    }
    if (post) {
      k_minus_ = nearest ? 1.0 : k_minus_ + 1.0;
      slow_minus_ += 1.0;
    }
  }

 private:
  double get(const char* name, double otherwise) const {
    const auto at = given_.find(name);
    return at == given_.end() ? otherwise : at->second;
  }

  void set(double w, double Wmax) { w_ = std::min(std::max(w, 0.0), Wmax); }

  void facilitate() {
    if (model_ == "stdp_pair") {
      const double Wmax = std::abs(get("Wmax", 100.0));
      const double n = w_ / Wmax;
      set(Wmax * (n + get("lambda", 0.01) * std::pow(1.0 - n, get("mu_plus", 1.0)) * k_plus_), Wmax);
    } else if (model_ == "stdp_pl") {
      const double mu = get("mu", 0.4);
      set(w_ + get("lambda", 0.1) * std::pow(get("w0", 1.0), 1.0 - mu) * std::pow(w_, mu) * k_plus_, get("Wmax", 0.0));
    } else if (model_ == "stdp_triplet") {
      set(w_ + k_plus_ * (get("Aplus", 5e-10) + get("Aplus_triplet", 6.2e-3) * slow_minus_),
          std::abs(get("Wmax", 100.0)));
    } else {
      set(w_ + get("eta", 0.001) * k_plus_, std::abs(get("Wmax", 1.0)));
    }
  }

  void depress() {
    if (model_ == "stdp_pair") {
      const double Wmax = std::abs(get("Wmax", 100.0));
      const double n = w_ / Wmax;
      set(Wmax * (n - get("alpha", 1.0) * get("lambda", 0.01) * std::pow(n, get("mu_minus", 1.0)) * k_minus_), Wmax);
    } else if (model_ == "stdp_pl") {
      set(w_ - get("lambda", 0.1) * get("alpha", 1.0) * w_ * k_minus_, get("Wmax", 0.0));
    } else if (model_ == "stdp_triplet") {
      set(w_ - k_minus_ * (get("Aminus", 7e-3) + get("Aminus_triplet", 2.3e-4) * slow_plus_),
          std::abs(get("Wmax", 100.0)));
    } else {
      const double Wmax = std::abs(get("Wmax", 1.0));
      set(w_ + get("eta", 0.001) * k_minus_, Wmax);
      set(w_ - get("alpha", 0.12) * get("eta", 0.001), Wmax);
    }
  }

  std::string model_;
  double dt_;
  double w_;
  double sign_;
  std::map<std::string, double> given_;
  Step last_ = 0;
  double k_plus_ = 0.0;
  double k_minus_ = 0.0;
  double slow_plus_ = 0.0;
  double slow_minus_ = 0.0;
};

/// stdp_dopamine: between events c decays and w moves by the closed form of the integral of c (n - b).
class DopamineOracle {
 public:
  DopamineOracle(const SynapseSpec& spec, double dt, double weight) : dt_(dt), w_(weight) {
    for (const auto& [name, value] : spec.parameters) given_[name] = value;
  }

  double weight() const { return w_; }

  void step(Step t, bool post, bool pre, std::size_t rewards) {
    const double tau_c = get("tau_c", 1000.0);
    const double tau_n = get("tau_n", 200.0);
    const double elapsed = static_cast<double>(t - last_) * dt_;
    last_ = t;
    const double rate = 1.0 / tau_c + 1.0 / tau_n;
    w_ -= c_ * (n_ / rate * std::expm1(-rate * elapsed) - get("b", 0.0) * tau_c * std::expm1(-elapsed / tau_c));
    w_ = std::min(std::max(w_, get("Wmin", 0.0)), get("Wmax", 200.0));
    c_ *= std::exp(-elapsed / tau_c);
    n_ *= std::exp(-elapsed / tau_n);
    k_plus_ *= std::exp(-elapsed / get("tau_plus", 20.0));
    k_minus_ *= std::exp(-elapsed / get("tau_minus", 20.0));
    if (post) c_ += get("A_plus", 1.0) * k_plus_;
    if (pre) c_ -= get("A_minus", 1.5) * k_minus_;
    n_ += static_cast<double>(rewards) / tau_n;
    if (pre) k_plus_ += 1.0;
    if (post) k_minus_ += 1.0;
  }

 private:
  double get(const char* name, double otherwise) const {
    const auto at = given_.find(name);
    return at == given_.end() ? otherwise : at->second;
  }

  double dt_;
  double w_;
  std::map<std::string, double> given_;
  Step last_ = 0;
  double c_ = 0.0;
  double n_ = 0.0;
  double k_plus_ = 0.0;
  double k_minus_ = 0.0;
};

}  // namespace neuract::snn::testing
