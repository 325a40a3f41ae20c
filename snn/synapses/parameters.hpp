#pragma once

#include <span>
#include <string>
#include <vector>

#include "neuract/snn/models/declaration.hpp"
#include "neuract/snn/synapse_model.hpp"

/// The synapse models, declared once: parameters with defaults, units, meanings and checks. Names, defaults and meaning
/// are NEST's. Wmax and other weights are in the unit of the projection's weight, and of its sign.
/// Equations and the order of events: docs/synapses.md.
namespace neuract::snn::synapses {

struct Static {
  static constexpr const char* name = "static";
  static constexpr const char* summary = "passes its weight on";
  static constexpr const char* source = "";
  static constexpr bool plastic = false;
  static constexpr bool modulated = false;
};

struct Tsodyks {
  static constexpr const char* name = "tsodyks";
  static constexpr const char* summary = "short-term plasticity with recovered, active and inactive resources";
  static constexpr const char* source = "Tsodyks, Uziel and Markram 2000, J. Neurosci. 20:RC50";
  static constexpr bool plastic = false;
  static constexpr bool modulated = false;
  struct Parameters {
    double U = 0.5;
    double tau_psc = 3.0;
    double tau_fac = 0.0;
    double tau_rec = 800.0;
    double x = 1.0;
    double y = 0.0;
    double u = 0.0;
  };
  static constexpr ParameterRow<Parameters> parameters[] = {
      {"U", &Parameters::U, "", "share of the resources that a spike uses at rest", Check::non_negative},
      {"tau_psc", &Parameters::tau_psc, "ms", "time constant of the synaptic current", Check::positive},
      {"tau_fac", &Parameters::tau_fac, "ms", "time constant of facilitation; 0 = none", Check::non_negative},
      {"tau_rec", &Parameters::tau_rec, "ms", "time constant of recovery from depression", Check::positive},
      {"x", &Parameters::x, "", "recovered resources that the first spike finds", Check::non_negative},
      {"y", &Parameters::y, "", "active resources then", Check::non_negative},
      {"u", &Parameters::u, "", "use of resources before the first spike", Check::non_negative},
  };
  static std::vector<std::string> check_together(const Parameters& p) {
    std::vector<std::string> faults;
    if (p.U > 1.0) faults.emplace_back("U must not exceed 1");
    if (p.u > 1.0) faults.emplace_back("u must not exceed 1");
    if (p.x + p.y > 1.0) faults.emplace_back("x + y must not exceed 1");
    if (p.tau_psc == p.tau_rec) faults.emplace_back("tau_psc and tau_rec must differ");
    return faults;
  }
  static double largest_weight(const Parameters&, double at_start) { return at_start; }
};

struct Tsodyks2 {
  static constexpr const char* name = "tsodyks2";
  static constexpr const char* summary = "short-term plasticity with available resources and their use";
  static constexpr const char* source = "Maass and Markram 2002, Neural Networks 15:155";
  static constexpr bool plastic = false;
  static constexpr bool modulated = false;
  struct Parameters {
    double U = 0.5;
    double tau_rec = 800.0;
    double tau_fac = 0.0;
    double x = 1.0;
    double u = 0.5;
  };
  static constexpr ParameterRow<Parameters> parameters[] = {
      {"U", &Parameters::U, "", "share of the resources that a spike uses at rest", Check::non_negative},
      {"tau_rec", &Parameters::tau_rec, "ms", "time constant of recovery from depression", Check::positive},
      {"tau_fac", &Parameters::tau_fac, "ms", "time constant of facilitation; 0 = none", Check::non_negative},
      {"x", &Parameters::x, "", "resources that the first spike finds", Check::non_negative},
      {"u", &Parameters::u, "", "share of them that the first spike uses", Check::non_negative},
  };
  static std::vector<std::string> check_together(const Parameters& p) {
    std::vector<std::string> faults;
    if (p.U > 1.0) faults.emplace_back("U must not exceed 1");
    if (p.u > 1.0) faults.emplace_back("u must not exceed 1");
    if (p.x > 1.0) faults.emplace_back("x must not exceed 1");
    return faults;
  }
  static double largest_weight(const Parameters&, double at_start) { return at_start; }
};

struct StdpPair {
  static constexpr const char* name = "stdp_pair";
  static constexpr const char* summary = "spike-timing dependent plasticity of pairs of spikes";
  static constexpr const char* source =
      "Guetig et al. 2003, J. Neurosci. 23:3697; nearest neighbours: Morrison, Diesmann and Gerstner 2008, Biol. "
      "Cybern. 98:459";
  static constexpr bool plastic = true;
  static constexpr bool modulated = false;
  struct Parameters {
    double tau_plus = 20.0;
    double tau_minus = 20.0;
    double lambda = 0.01;
    double alpha = 1.0;
    double mu_plus = 1.0;
    double mu_minus = 1.0;
    double Wmax = 100.0;
    double nearest_neighbour = 0.0;
  };
  static constexpr ParameterRow<Parameters> parameters[] = {
      {"tau_plus", &Parameters::tau_plus, "ms", "time constant of the presynaptic trace", Check::positive},
      {"tau_minus", &Parameters::tau_minus, "ms", "time constant of the postsynaptic trace", Check::positive},
      {"lambda", &Parameters::lambda, "", "learning rate", Check::non_negative},
      {"alpha", &Parameters::alpha, "", "depression relative to facilitation", Check::non_negative},
      {"mu_plus", &Parameters::mu_plus, "", "facilitation goes as (1 - w/Wmax)^mu_plus", Check::non_negative},
      {"mu_minus", &Parameters::mu_minus, "", "depression goes as (w/Wmax)^mu_minus", Check::non_negative},
      {"Wmax", &Parameters::Wmax, "", "largest weight"},
      {"nearest_neighbour", &Parameters::nearest_neighbour, "",
       "1: a spike forms a pair with the last one of the other side only; 0: with all", Check::boolean},
  };
  static std::vector<std::string> check_together(const Parameters& p);
  static double largest_weight(const Parameters& p, double at_start);
};

struct StdpPowerLaw {
  static constexpr const char* name = "stdp_pl";
  static constexpr const char* summary = "spike-timing dependent plasticity, potentiation by a power law";
  static constexpr const char* source = "Morrison, Aertsen and Diesmann 2007, Neural Comput. 19:1437";
  static constexpr bool plastic = true;
  static constexpr bool modulated = false;
  struct Parameters {
    double tau_plus = 20.0;
    double tau_minus = 20.0;
    double lambda = 0.1;
    double alpha = 1.0;
    double mu = 0.4;
    double w0 = 1.0;
    double Wmax = 0.0;
  };
  static constexpr ParameterRow<Parameters> parameters[] = {
      {"tau_plus", &Parameters::tau_plus, "ms", "time constant of the presynaptic trace", Check::positive},
      {"tau_minus", &Parameters::tau_minus, "ms", "time constant of the postsynaptic trace", Check::positive},
      {"lambda", &Parameters::lambda, "", "learning rate", Check::non_negative},
      {"alpha", &Parameters::alpha, "", "depression relative to facilitation", Check::non_negative},
      {"mu", &Parameters::mu, "", "facilitation goes as w0^(1 - mu) w^mu", Check::non_negative},
      {"w0", &Parameters::w0, "", "weight of reference"},
      {"Wmax", &Parameters::Wmax, "", "largest weight; 0 = 16 times the largest at t = 0"},
  };
  static std::vector<std::string> check_together(const Parameters& p);
  static double largest_weight(const Parameters& p, double at_start);
};

struct StdpTriplet {
  static constexpr const char* name = "stdp_triplet";
  static constexpr const char* summary = "spike-timing dependent plasticity of triplets of spikes";
  static constexpr const char* source = "Pfister and Gerstner 2006, J. Neurosci. 26:9673";
  static constexpr bool plastic = true;
  static constexpr bool modulated = false;
  struct Parameters {
    double tau_plus = 16.8;
    double tau_plus_triplet = 101.0;
    double tau_minus = 33.7;
    double tau_minus_triplet = 125.0;
    double Aplus = 5e-10;
    double Aminus = 7e-3;
    double Aplus_triplet = 6.2e-3;
    double Aminus_triplet = 2.3e-4;
    double Wmax = 100.0;
  };
  static constexpr ParameterRow<Parameters> parameters[] = {
      {"tau_plus", &Parameters::tau_plus, "ms", "time constant of the fast presynaptic trace", Check::positive},
      {"tau_plus_triplet", &Parameters::tau_plus_triplet, "ms", "time constant of the slow presynaptic trace",
       Check::positive},
      {"tau_minus", &Parameters::tau_minus, "ms", "time constant of the fast postsynaptic trace", Check::positive},
      {"tau_minus_triplet", &Parameters::tau_minus_triplet, "ms", "time constant of the slow postsynaptic trace",
       Check::positive},
      {"Aplus", &Parameters::Aplus, "", "facilitation by pairs", Check::non_negative},
      {"Aminus", &Parameters::Aminus, "", "depression by pairs", Check::non_negative},
      {"Aplus_triplet", &Parameters::Aplus_triplet, "", "facilitation by triplets", Check::non_negative},
      {"Aminus_triplet", &Parameters::Aminus_triplet, "", "depression by triplets", Check::non_negative},
      {"Wmax", &Parameters::Wmax, "", "largest weight"},
  };
  static std::vector<std::string> check_together(const Parameters& p);
  static double largest_weight(const Parameters& p, double at_start);
};

struct VogelsSprekeler {
  static constexpr const char* name = "vogels_sprekeler";
  static constexpr const char* summary = "symmetric plasticity that balances excitation, for inhibitory synapses";
  static constexpr const char* source = "Vogels et al. 2011, Science 334:1569";
  static constexpr bool plastic = true;
  static constexpr bool modulated = false;
  struct Parameters {
    double tau = 20.0;
    double alpha = 0.12;
    double eta = 0.001;
    double Wmax = 1.0;
  };
  static constexpr ParameterRow<Parameters> parameters[] = {
      {"tau", &Parameters::tau, "ms", "time constant of both traces", Check::positive},
      {"alpha", &Parameters::alpha, "", "constant depression; 2 times tau times the rate aimed at",
       Check::non_negative},
      {"eta", &Parameters::eta, "", "learning rate", Check::non_negative},
      {"Wmax", &Parameters::Wmax, "", "largest weight; of the sign of the weights"},
  };
  static std::vector<std::string> check_together(const Parameters& p);
  static double largest_weight(const Parameters& p, double at_start);
};

struct StdpDopamine {
  static constexpr const char* name = "stdp_dopamine";
  static constexpr const char* summary = "spike-timing dependent plasticity that a third population rewards";
  static constexpr const char* source =
      "Izhikevich 2007, Cereb. Cortex 17:2443; Potjans, Morrison and Diesmann 2010, Front. Comput. Neurosci. 4:141";
  static constexpr bool plastic = true;
  static constexpr bool modulated = true;
  struct Parameters {
    double A_plus = 1.0;
    double A_minus = 1.5;
    double tau_plus = 20.0;
    double tau_minus = 20.0;
    double tau_c = 1000.0;
    double tau_n = 200.0;
    double b = 0.0;
    double Wmin = 0.0;
    double Wmax = 200.0;
  };
  static constexpr ParameterRow<Parameters> parameters[] = {
      {"A_plus", &Parameters::A_plus, "", "facilitation of the eligibility trace"},
      {"A_minus", &Parameters::A_minus, "", "depression of the eligibility trace"},
      {"tau_plus", &Parameters::tau_plus, "ms", "time constant of the presynaptic trace", Check::positive},
      {"tau_minus", &Parameters::tau_minus, "ms", "time constant of the postsynaptic trace", Check::positive},
      {"tau_c", &Parameters::tau_c, "ms", "time constant of the eligibility trace", Check::positive},
      {"tau_n", &Parameters::tau_n, "ms", "time constant of the dopamine trace", Check::positive},
      {"b", &Parameters::b, "", "dopamine at rest"},
      {"Wmin", &Parameters::Wmin, "", "smallest weight"},
      {"Wmax", &Parameters::Wmax, "", "largest weight"},
  };
  static std::vector<std::string> check_together(const Parameters& p);
  static double largest_weight(const Parameters& p, double at_start);
};

#define NEURACT_FOR_EACH_SYNAPSE(X) \
  X(Static) X(Tsodyks) X(Tsodyks2) X(StdpPair) X(StdpPowerLaw) X(StdpTriplet) X(VogelsSprekeler) X(StdpDopamine)

/// The parameters of a projection whose synapses are of this model.
template <class Model>
typename Model::Parameters parameters_of(const SynapseSpec& spec) {
  typename Model::Parameters p;
  for (const auto& row : Model::parameters) {
    for (const SynapseSpec::Parameter& given : spec.parameters) {
      if (given.name == row.name) p.*row.member = given.value;
    }
  }
  return p;
}

}  // namespace neuract::snn::synapses
