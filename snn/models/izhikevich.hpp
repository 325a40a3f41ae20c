#pragma once

#include <limits>

#include "neuract/snn/models/declaration.hpp"

namespace neuract::snn {

/// Two-variable neuron that reproduces most firing patterns.
///   dV/dt = 0.04 V² + 5 V + 140 - U + I;   dU/dt = a (b V - U);   V >= V_th: spike, V = c, U = U + d
/// consistent_integration = true: forward Euler; a spike of weight w moves V by w.
/// consistent_integration = false: the published scheme, V in two half steps, then U with the new V; a spike of weight
/// w acts as a current w during its step. Meant for dt = 1 ms.
struct Izhikevich {
  static constexpr const char* name = "izhikevich";
  static constexpr const char* summary = "two-variable neuron with quadratic spike upstroke";
  static constexpr const char* source = "Izhikevich 2003, IEEE Trans. Neural Networks 14:1569";
  static constexpr const char* current_unit = "pA";
  static constexpr ReceptorInfo receptors[] = {{"delta", "mV"}};

  struct Parameters {
    double a = 0.02;
    double b = 0.2;
    double c = -65.0;
    double d = 8.0;
    double V_th = 30.0;
    double V_min = -std::numeric_limits<double>::infinity();
    double I_e = 0.0;
    double consistent_integration = 1.0;
  };
  static constexpr ParameterRow<Parameters> parameters[] = {
      {"a", &Parameters::a, "1/ms", "rate of the recovery variable"},
      {"b", &Parameters::b, "", "sensitivity of the recovery variable to V_m"},
      {"c", &Parameters::c, "mV", "potential after a spike"},
      {"d", &Parameters::d, "mV/ms", "step of the recovery variable at a spike"},
      {"V_th", &Parameters::V_th, "mV", "spike threshold"},
      {"V_min", &Parameters::V_min, "mV", "lowest potential"},
      {"I_e", &Parameters::I_e, "pA", "constant input current"},
      {"consistent_integration", &Parameters::consistent_integration, "",
       "forward Euler; false: the published two half steps", Check::boolean},
  };
  static std::vector<std::string> check_together(const Parameters& p) {
    if (p.c >= p.V_th) return {"c must be below V_th"};
    return {};
  }

  template <class T>
  struct State {
    T V_m, U_m;
  };
  static constexpr StateRow<Parameters> states[] = {
      {"V_m", "mV", "membrane potential", -65.0},
      {"U_m", "mV/ms", "recovery variable", 0.0},
  };

  template <class T>
  struct Coefficients {
    T a_h, b, c, d, V_th, V_min, I_e, h, half_h, consistent;
  };
  static Coefficients<double> prepare(const Parameters& p, double dt) {
    return {.a_h = dt * p.a,
            .b = p.b,
            .c = p.c,
            .d = p.d,
            .V_th = p.V_th,
            .V_min = p.V_min,
            .I_e = p.I_e,
            .h = dt,
            .half_h = 0.5 * dt,
            .consistent = p.consistent_integration};
  }

  template <class T>
  NEURACT_STEP static bool step(State<T>& s, const Coefficients<T>& c, T in0, T /*in1*/, T current) {
    const bool euler = c.consistent != T(0);
    const T I = current + c.I_e + (euler ? T(0) : in0);
    const auto slope = [&](T v) NEURACT_STEP_LAMBDA { return T(0.04) * v * v + T(5) * v + T(140) - s.U_m + I; };
    const T first_half = s.V_m + c.half_h * slope(s.V_m);
    const T second_half = first_half + c.half_h * slope(first_half);
    const T whole = s.V_m + c.h * slope(s.V_m) + in0;
    const T V = larger(euler ? whole : second_half, c.V_min);
    const T U = s.U_m + c.a_h * (c.b * (euler ? s.V_m : second_half) - s.U_m);
    const bool fired = V >= c.V_th;
    s.V_m = fired ? c.c : V;
    s.U_m = fired ? U + c.d : U;
    return fired;
  }
};

}  // namespace neuract::snn
