#pragma once

#include <cmath>

#include "neuract/snn/models/declaration.hpp"
#include "neuract/snn/models/leaky_steps.hpp"

namespace neuract::snn {

/// Leaky integrate-and-fire neuron whose threshold rises with every spike.
///   tau dv/dt = (v_leak - v) + r I;   theta = v_threshold + beta b;   b = rho b + (1 - rho) z in every step, rho =
///   exp(-dt/tau_adaptation)
///   v > theta outside t_ref: spike (z = 1), v = v - theta, or v = v_reset
/// A spike of weight w moves v by w in its step; theta rises from the next step on. exact_decay = false takes
/// 1 - dt/tau for both decays.
struct Alif {
  static constexpr const char* name = "alif";
  static constexpr const char* summary = "lif with an adaptive threshold";
  static constexpr const char* source = "Bellec, Salaj, Subramoney, Legenstein and Maass 2018, NeurIPS (LSNN)";
  static constexpr const char* current_unit = "";
  static constexpr ReceptorInfo receptors[] = {{"input", ""}};

  struct Parameters {
    double tau = 20.0;
    double r = 1.0;
    double v_leak = 0.0;
    double v_threshold = 1.0;
    double v_reset = 0.0;
    double tau_adaptation = 200.0;
    double beta = 1.8;
    double t_ref = 0.0;
    double reset_by_subtraction = 1.0;
    double exact_decay = 1.0;
    double I_e = 0.0;
  };
  static constexpr ParameterRow<Parameters> parameters[] = {
      {"tau", &Parameters::tau, "ms", "membrane time constant", Check::positive},
      {"r", &Parameters::r, "", "resistance: v that a current of 1 leads to"},
      {"v_leak", &Parameters::v_leak, "", "v at rest"},
      {"v_threshold", &Parameters::v_threshold, "", "threshold of a neuron that has been silent"},
      {"v_reset", &Parameters::v_reset, "", "v after a spike, without reset_by_subtraction"},
      {"tau_adaptation", &Parameters::tau_adaptation, "ms", "time constant of the threshold", Check::positive},
      {"beta", &Parameters::beta, "", "strength of the adaptation", Check::non_negative},
      {"t_ref", &Parameters::t_ref, "ms", "time without a second spike", Check::non_negative},
      {"reset_by_subtraction", &Parameters::reset_by_subtraction, "", "a spike subtracts theta from v", Check::boolean},
      {"exact_decay", &Parameters::exact_decay, "", "decays exp(-dt/tau); false: 1 - dt/tau, forward Euler",
       Check::boolean},
      {"I_e", &Parameters::I_e, "", "constant input current"},
  };
  static std::vector<std::string> check_together(const Parameters& p) { return check_reset(p); }

  template <class T>
  struct State {
    T v, theta;
    T refractory;  ///< steps left
  };
  static constexpr StateRow<Parameters> states[] = {
      {"v", "", "membrane potential", 0.0, &Parameters::v_leak, &Parameters::v_leak},
      {"theta", "", "threshold", 0.0, &Parameters::v_threshold, &Parameters::v_threshold},
  };

  template <class T>
  struct Coefficients {
    T keep, drive, I_e, threshold, v_threshold, reset, subtract, keep_theta, rise, refractory_steps;
  };
  static Coefficients<double> prepare(const Parameters& p, double dt) {
    const bool exact = p.exact_decay != 0.0;
    const LeakyStep leak = leaky_step(dt, p.tau, exact);
    const LeakyStep adaptation = leaky_step(dt, p.tau_adaptation, exact);
    const bool subtract = p.reset_by_subtraction != 0.0;
    return {.keep = leak.keep,
            .drive = leak.gain * p.r,
            .I_e = p.I_e,
            .threshold = p.v_threshold - p.v_leak,
            .v_threshold = p.v_threshold,
            .reset = subtract ? 0.0 : p.v_reset - p.v_leak,
            .subtract = subtract ? 1.0 : 0.0,
            .keep_theta = adaptation.keep,
            .rise = p.beta * adaptation.gain,
            .refractory_steps = std::round(p.t_ref / dt)};
  }

  template <class T>
  NEURACT_STEP static bool step(State<T>& s, const Coefficients<T>& c, T in0, T /*in1*/, T current) {
    const T v = c.keep * s.v + c.drive * (current + c.I_e) + in0;
    const bool fired = s.refractory <= T(0) && v > c.threshold + s.theta;
    const T after = c.subtract * (v - (c.v_threshold + s.theta)) + c.reset;
    s.v = fired ? after : v;
    s.theta = c.keep_theta * s.theta + (fired ? c.rise : T(0));
    s.refractory = fired ? c.refractory_steps : larger(s.refractory - T(1), T(0));
    return fired;
  }
};

}  // namespace neuract::snn
