#pragma once

#include "neuract/snn/models/declaration.hpp"

namespace neuract::snn {

/// Integrator that never fires: NIR's I.
///   dv/dt = r I
/// A spike of weight w moves v by w in its step; I is the constant current.
struct Integrator {
  static constexpr const char* name = "integrator";
  static constexpr const char* summary = "integrator without a leak, never fires";
  static constexpr const char* source = "Pedersen et al. 2024, Nature Communications 15:8122 (NIR)";
  static constexpr const char* current_unit = "";
  static constexpr ReceptorInfo receptors[] = {{"input", ""}};

  struct Parameters {
    double r = 1.0;
    double I_e = 0.0;
  };
  static constexpr ParameterRow<Parameters> parameters[] = {
      {"r", &Parameters::r, "1/ms", "speed of v under a current of 1"},
      {"I_e", &Parameters::I_e, "", "constant input current"},
  };
  static std::vector<std::string> check_together(const Parameters&) { return {}; }

  template <class T>
  struct State {
    T v;
  };
  static constexpr StateRow<Parameters> states[] = {{"v", "", "sum"}};

  template <class T>
  struct Coefficients {
    T drive, I_e;
  };
  static Coefficients<double> prepare(const Parameters& p, double dt) { return {.drive = dt * p.r, .I_e = p.I_e}; }

  template <class T>
  NEURACT_STEP static bool step(State<T>& s, const Coefficients<T>& c, T in0, T /*in1*/, T current) {
    s.v = s.v + c.drive * (current + c.I_e) + in0;
    return false;
  }
};

}  // namespace neuract::snn
