#pragma once

#include "neuract/snn/models/declaration.hpp"
#include "neuract/snn/models/leaky_steps.hpp"

namespace neuract::snn {

/// Leaky integrator that never fires: NIR's LI, the usual readout.
///   tau dv/dt = (v_leak - v) + r I
/// A spike of weight w moves v by w in its step; I is the constant current. exact_decay = false decays by 1 - dt/tau.
struct Li {
  static constexpr const char* name = "li";
  static constexpr const char* summary = "leaky integrator, never fires";
  static constexpr const char* source = "Pedersen et al. 2024, Nature Communications 15:8122 (NIR)";
  static constexpr const char* current_unit = "";
  static constexpr ReceptorInfo receptors[] = {{"input", ""}};

  struct Parameters {
    double tau = 20.0;
    double r = 1.0;
    double v_leak = 0.0;
    double exact_decay = 1.0;
    double I_e = 0.0;
  };
  static constexpr ParameterRow<Parameters> parameters[] = {
      {"tau", &Parameters::tau, "ms", "time constant", Check::positive},
      {"r", &Parameters::r, "", "resistance: v that a current of 1 leads to"},
      {"v_leak", &Parameters::v_leak, "", "v at rest"},
      {"exact_decay", &Parameters::exact_decay, "", "decay exp(-dt/tau); false: 1 - dt/tau, forward Euler",
       Check::boolean},
      {"I_e", &Parameters::I_e, "", "constant input current"},
  };
  static std::vector<std::string> check_together(const Parameters&) { return {}; }

  template <class T>
  struct State {
    T v;
  };
  static constexpr StateRow<Parameters> states[] = {
      {"v", "", "leaky sum", 0.0, &Parameters::v_leak, &Parameters::v_leak},
  };

  template <class T>
  struct Coefficients {
    T keep, drive, I_e;
  };
  static Coefficients<double> prepare(const Parameters& p, double dt) {
    const LeakyStep leak = leaky_step(dt, p.tau, p.exact_decay != 0.0);
    return {.keep = leak.keep, .drive = leak.gain * p.r, .I_e = p.I_e};
  }

  template <class T>
  NEURACT_STEP static bool step(State<T>& s, const Coefficients<T>& c, T in0, T /*in1*/, T current) {
    s.v = c.keep * s.v + c.drive * (current + c.I_e) + in0;
    return false;
  }
};

}  // namespace neuract::snn
