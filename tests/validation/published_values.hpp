#pragma once

#include <string>
#include <vector>

/// What the example networks should do, with the sources of the numbers.
namespace neuract::validation {

/// A value as published, or the ends of what was found, and how far outside a run may be: that covers the spread between
/// seeds over the simulated time.
struct Published {
  double low = 0.0;
  double high = 0.0;
  double allowance = 0.0;

  [[nodiscard]] bool is_known() const { return high > 0.0 || allowance > 0.0; }
  [[nodiscard]] bool agrees(double value) const { return value >= low - allowance && value <= high + allowance; }
};

struct PopulationValues {
  const char* population;
  Published rate_hz;
  Published cv_isi;
};

struct PublishedNetwork {
  const char* key;
  const char* title;
  const char* source;
  const char* file;
  std::vector<std::string> overrides;
  std::vector<PopulationValues> populations;
};

inline std::vector<PublishedNetwork> published_networks() {
  const auto about = [](double value, double allowance) { return Published{value, value, allowance}; };
  constexpr Published kNothing{};
  // Rates of runs of NEST over minutes; those of L5E and L6E drift over seconds. CVs of 60 s. With few intervals a CV comes
  // out small: with n of them by about 1.5/n, and in 10 s a neuron has about ten times its rate.
  const auto layer = [&](const char* name, double rate, double drift, double cv) {
    return PopulationValues{name, about(rate, drift * rate), about(cv, 0.04 + 1.5 * cv / (10.0 * rate))};
  };
  return {
      {"brunel_sr",
       "Brunel, synchronous regular",
       "Brunel 2000, J. Comput. Neurosci. 8:183",
       "brunel.toml",
       {"g=3", "eta=2"},
       {{"E", about(333, 3), {0.0, 0.0, 0.02}}}},
      {"brunel_fast",
       "Brunel, fast oscillation",
       "Brunel 2000",
       "brunel.toml",
       {"g=6", "eta=4"},
       {{"E", about(58.8, 1.2), about(0.81, 0.04)}}},
      {"brunel_ai",
       "Brunel, asynchronous irregular",
       "Brunel 2000",
       "brunel.toml",
       {"g=5", "eta=2"},
       {{"E", about(37.8, 0.8), about(0.42, 0.03)}}},
      {"brunel_slow",
       "Brunel, slow oscillation",
       "Brunel 2000",
       "brunel.toml",
       {"g=4.5", "eta=0.9", "simulation.duration=5000"},
       {{"E", about(5.9, 0.4), about(0.62, 0.1)}}},
      {"brunel_nest",
       "Brunel, as in NEST",
       "NEST's example brunel_delta_nest.py",
       "brunel.toml",
       {"models.lif.V_reset=0", "V_start=0", "simulation.warmup=0"},
       {{"E", about(32.1, 0.15), about(0.178, 0.02)}}},
      {"cuba",
       "CUBA",
       "Vogels and Abbott 2005; Brette et al. 2007",
       "vogels_abbott.toml",
       {},
       {{"E", {5.3, 5.9, 0.1}, {0.71, 0.73, 0.03}}, {"I", {5.3, 5.9, 0.1}, {0.71, 0.73, 0.03}}}},
      {"coba",
       "COBA",
       "Vogels and Abbott 2005; Brette et al. 2007",
       "coba.toml",
       {},
       {{"E", {18, 19, 0.5}, about(1.74, 0.1)}, {"I", {18, 19, 0.5}, about(1.74, 0.1)}}},
      {"izhikevich",
       "Izhikevich",
       "Izhikevich 2003, IEEE Trans. Neural Networks 14:1569",
       "izhikevich.toml",
       {},
       {{"E", {7.2, 7.4, 0.1}, kNothing}, {"I", {6.4, 6.8, 0.25}, kNothing}}},
      {"microcircuit",
       "Microcircuit",
       "Potjans and Diesmann 2014, Cereb. Cortex 24:785",
       "microcircuit.toml",
       {"simulation.warmup=500", "simulation.duration=10000"},
       {layer("L23E", 0.90, 0.05, 0.94), layer("L23I", 2.97, 0.05, 0.92), layer("L4E", 4.41, 0.05, 0.89),
        layer("L4I", 5.88, 0.05, 0.87), layer("L5E", 7.57, 0.12, 0.85), layer("L5I", 8.63, 0.05, 0.81),
        layer("L6E", 1.11, 0.12, 0.92), layer("L6I", 7.83, 0.05, 0.82)}},
  };
}

}  // namespace neuract::validation
