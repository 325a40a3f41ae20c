#pragma once

#include "neuract/snn/models/declaration.hpp"
#include "neuract/snn/models/leaky_steps.hpp"

namespace neuract::snn {

/// Leaky integrate-and-fire neuron with a synaptic current, in the machine-learning form: NIR's CubaLIF, Norse's LIF.
///   tau_syn di/dt = -i;   tau_mem dv/dt = (v_leak - v) + r (i + I);   v > v_threshold: spike, v = v - v_threshold, or v =
///   v_reset
/// A spike of weight w adds w_in w to i in its step, and moves v from the next step on. exact_decay = false is forward Euler.
struct CubaLif {
  static constexpr const char* name = "cuba_lif";
  static constexpr const char* summary = "lif with an exponentially decaying synaptic current";
  static constexpr const char* source =
      "Pedersen et al. 2024, Nature Communications 15:8122 (NIR); Pehle and Pedersen 2021, Norse";
  static constexpr const char* current_unit = "";
  static constexpr ReceptorInfo receptors[] = {{"input", ""}};

  struct Parameters {
    double tau_syn = 5.0;
    double tau_mem = 10.0;
    double r = 1.0;
    double v_leak = 0.0;
    double v_threshold = 1.0;
    double v_reset = 0.0;
    double w_in = 1.0;
    double reset_by_subtraction = 0.0;
    double exact_decay = 1.0;
    double I_e = 0.0;
  };
  static constexpr ParameterRow<Parameters> parameters[] = {
      {"tau_syn", &Parameters::tau_syn, "ms", "time constant of the synaptic current", Check::positive},
      {"tau_mem", &Parameters::tau_mem, "ms", "membrane time constant", Check::positive},
      {"r", &Parameters::r, "", "resistance: v that a current of 1 leads to"},
      {"v_leak", &Parameters::v_leak, "", "v at rest"},
      {"v_threshold", &Parameters::v_threshold, "", "spike threshold"},
      {"v_reset", &Parameters::v_reset, "", "v after a spike, without reset_by_subtraction"},
      {"w_in", &Parameters::w_in, "", "factor of all weights"},
      {"reset_by_subtraction", &Parameters::reset_by_subtraction, "", "a spike subtracts v_threshold from v",
       Check::boolean},
      {"exact_decay", &Parameters::exact_decay, "", "exact integration; false: forward Euler", Check::boolean},
      {"I_e", &Parameters::I_e, "", "constant input current"},
  };
  static std::vector<std::string> check_together(const Parameters& p) { return check_reset(p); }

  template <class T>
  struct State {
    T v, i;
  };
  static constexpr StateRow<Parameters> states[] = {
      {"v", "", "membrane potential", 0.0, &Parameters::v_leak, &Parameters::v_leak},
      {"i", "", "synaptic current"},
  };

  template <class T>
  struct Coefficients {
    T keep, drive, from_i, keep_i, w_in, I_e, v_threshold, reset, fall, subtract;
  };
  static Coefficients<double> prepare(const Parameters& p, double dt) {
    const bool exact = p.exact_decay != 0.0;
    const LeakyStep leak = leaky_step(dt, p.tau_mem, exact);
    const bool subtract = p.reset_by_subtraction != 0.0;
    return {.keep = leak.keep,
            .drive = leak.gain * p.r,
            .from_i = p.r * (exact ? current_to_potential(dt, p.tau_mem, p.tau_syn, p.tau_mem) : leak.gain),
            .keep_i = leaky_step(dt, p.tau_syn, exact).keep,
            .w_in = p.w_in,
            .I_e = p.I_e,
            .v_threshold = p.v_threshold - p.v_leak,
            .reset = subtract ? 0.0 : p.v_reset - p.v_leak,
            .fall = subtract ? p.v_threshold : 0.0,
            .subtract = subtract ? 1.0 : 0.0};
  }

  template <class T>
  NEURACT_STEP static bool step(State<T>& s, const Coefficients<T>& c, T in0, T /*in1*/, T current) {
    const T v = c.keep * s.v + (c.from_i * s.i + c.drive * (current + c.I_e));
    s.i = c.keep_i * s.i + c.w_in * in0;
    const bool fired = v > c.v_threshold;
    const T after = c.subtract * (v - c.fall) + c.reset;
    s.v = fired ? after : v;
    return fired;
  }
};

}  // namespace neuract::snn
