#pragma once

#include "neuract/snn/models/declaration.hpp"
#include "neuract/snn/models/leaky_steps.hpp"

namespace neuract::snn {

/// Leaky integrate-and-fire neuron as machine learning writes it: NIR's LIF, snnTorch's Leaky.
///   tau dv/dt = (v_leak - v) + r I;   v > v_threshold: spike, v = v - v_threshold, or v = v_reset
/// A spike of weight w moves v by w in its step; I is the constant current. exact_decay = false decays by 1 - dt/tau.
struct Lif {
  static constexpr const char* name = "lif";
  static constexpr const char* summary = "leaky integrate-and-fire neuron in the machine-learning form";
  static constexpr const char* source =
      "Pedersen et al. 2024, Nature Communications 15:8122 (NIR); Eshraghian et al. 2023, Proc. IEEE 111:1016";
  static constexpr const char* current_unit = "";
  static constexpr ReceptorInfo receptors[] = {{"input", ""}};

  struct Parameters {
    double tau = 20.0;
    double r = 1.0;
    double v_leak = 0.0;
    double v_threshold = 1.0;
    double v_reset = 0.0;
    double reset_by_subtraction = 1.0;
    double exact_decay = 1.0;
    double I_e = 0.0;
  };
  static constexpr ParameterRow<Parameters> parameters[] = {
      {"tau", &Parameters::tau, "ms", "membrane time constant", Check::positive},
      {"r", &Parameters::r, "", "resistance: v that a current of 1 leads to"},
      {"v_leak", &Parameters::v_leak, "", "v at rest"},
      {"v_threshold", &Parameters::v_threshold, "", "spike threshold"},
      {"v_reset", &Parameters::v_reset, "", "v after a spike, without reset_by_subtraction"},
      {"reset_by_subtraction", &Parameters::reset_by_subtraction, "", "a spike subtracts v_threshold from v",
       Check::boolean},
      {"exact_decay", &Parameters::exact_decay, "", "decay exp(-dt/tau); false: 1 - dt/tau, forward Euler",
       Check::boolean},
      {"I_e", &Parameters::I_e, "", "constant input current"},
  };
  static std::vector<std::string> check_together(const Parameters& p) { return check_reset(p); }

  template <class T>
  struct State {
    T v;
  };
  static constexpr StateRow<Parameters> states[] = {
      {"v", "", "membrane potential", 0.0, &Parameters::v_leak, &Parameters::v_leak},
  };

  template <class T>
  struct Coefficients {
    T keep, drive, I_e, v_threshold, reset, fall, subtract;
  };
  static Coefficients<double> prepare(const Parameters& p, double dt) {
    const LeakyStep leak = leaky_step(dt, p.tau, p.exact_decay != 0.0);
    const bool subtract = p.reset_by_subtraction != 0.0;
    return {.keep = leak.keep,
            .drive = leak.gain * p.r,
            .I_e = p.I_e,
            .v_threshold = p.v_threshold - p.v_leak,
            .reset = subtract ? 0.0 : p.v_reset - p.v_leak,
            .fall = subtract ? p.v_threshold : 0.0,
            .subtract = subtract ? 1.0 : 0.0};
  }

  template <class T>
  NEURACT_STEP static bool step(State<T>& s, const Coefficients<T>& c, T in0, T /*in1*/, T current) {
    const T v = c.keep * s.v + c.drive * (current + c.I_e) + in0;
    const bool fired = v > c.v_threshold;
    const T after = c.subtract * (v - c.fall) + c.reset;
    s.v = fired ? after : v;
    return fired;
  }
};

}  // namespace neuract::snn
