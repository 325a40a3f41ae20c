#pragma once

#include "neuract/snn/models/declaration.hpp"
#include "neuract/snn/models/leaky_steps.hpp"

namespace neuract::snn {

/// Integrate-and-fire neuron without a leak: NIR's IF.
///   dv/dt = r I;   v > v_threshold: spike, v = v - v_threshold, or v = v_reset
/// A spike of weight w moves v by w in its step; I is the constant current.
struct IntegrateAndFire {
  static constexpr const char* name = "integrate_and_fire";
  static constexpr const char* summary = "integrate-and-fire neuron without a leak";
  static constexpr const char* source = "Pedersen et al. 2024, Nature Communications 15:8122 (NIR)";
  static constexpr const char* current_unit = "";
  static constexpr ReceptorInfo receptors[] = {{"input", ""}};

  struct Parameters {
    double r = 1.0;
    double v_threshold = 1.0;
    double v_reset = 0.0;
    double reset_by_subtraction = 1.0;
    double I_e = 0.0;
  };
  static constexpr ParameterRow<Parameters> parameters[] = {
      {"r", &Parameters::r, "1/ms", "speed of v under a current of 1"},
      {"v_threshold", &Parameters::v_threshold, "", "spike threshold"},
      {"v_reset", &Parameters::v_reset, "", "v after a spike, without reset_by_subtraction"},
      {"reset_by_subtraction", &Parameters::reset_by_subtraction, "", "a spike subtracts v_threshold from v",
       Check::boolean},
      {"I_e", &Parameters::I_e, "", "constant input current"},
  };
  static std::vector<std::string> check_together(const Parameters& p) { return check_reset(p); }

  template <class T>
  struct State {
    T v;
  };
  static constexpr StateRow<Parameters> states[] = {{"v", "", "membrane potential"}};

  template <class T>
  struct Coefficients {
    T drive, I_e, v_threshold, reset, fall, subtract;
  };
  static Coefficients<double> prepare(const Parameters& p, double dt) {
    const bool subtract = p.reset_by_subtraction != 0.0;
    return {.drive = dt * p.r,
            .I_e = p.I_e,
            .v_threshold = p.v_threshold,
            .reset = subtract ? 0.0 : p.v_reset,
            .fall = subtract ? p.v_threshold : 0.0,
            .subtract = subtract ? 1.0 : 0.0};
  }

  template <class T>
  NEURACT_STEP static bool step(State<T>& s, const Coefficients<T>& c, T in0, T /*in1*/, T current) {
    const T v = s.v + c.drive * (current + c.I_e) + in0;
    const bool fired = v > c.v_threshold;
    const T after = c.subtract * (v - c.fall) + c.reset;
    s.v = fired ? after : v;
    return fired;
  }
};

}  // namespace neuract::snn
