#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "model_neuron.hpp"
#include "neuract/snn/models/all.hpp"

// Models without recorded traces, and parameters that the recorded ones do not have, against an independent integrator:
// the published equations in absolute potentials, by the classical Runge-Kutta method with hundreds of substeps.
namespace neuract::snn {
namespace {

using testing::Neuron;
constexpr double kDt = 0.1;
constexpr int kSteps = 3000;

/// The train of input that every neuron gets: regular, with coincidences, different for the two signs.
double excitatory(int step) {
  return step % 83 == 20 || step % 191 == 5 || (step > 1500 && step % 41 == 0) ? 1.0 : 0.0;
}
double inhibitory(int step) { return step % 307 == 100 || step % 311 == 104 ? 1.0 : 0.0; }

/// One step of y' = f(t, y).
template <class F, std::size_t N>
void runge_kutta(const F& f, double t, double h, std::array<double, N>& y) {
  const auto moved = [&](double by, const std::array<double, N>& k) {
    std::array<double, N> z = y;
    for (std::size_t i = 0; i < N; ++i) z[i] += by * k[i];
    return z;
  };
  const auto k1 = f(t, y);
  const auto k2 = f(t + 0.5 * h, moved(0.5 * h, k1));
  const auto k3 = f(t + 0.5 * h, moved(0.5 * h, k2));
  const auto k4 = f(t + h, moved(h, k3));
  for (std::size_t i = 0; i < N; ++i) y[i] += h / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]);
}

struct Trace {
  std::vector<double> V;
  std::vector<int> spikes;
};

/// Two alpha-shaped or exponential synapses, amplitudes in nS or pA.
struct Synapse {
  double tau;
  bool alpha;
  double value = 0.0;
  double slope = 0.0;
  double at(double t) const { return (value + (alpha ? t * slope : 0.0)) * std::exp(-t / tau); }
  void advance(double t) {
    value = at(t);
    slope *= std::exp(-t / tau);
  }
  void receive(double w) { alpha ? slope += w * std::exp(1.0) / tau : value += w; }
};

/// Integrate-and-fire with conductances.
template <class Parameters>
Trace iaf_oracle(const Parameters& p, bool alpha, double w_ex, double w_in) {
  Synapse ex{p.tau_syn_ex, alpha};
  Synapse in{p.tau_syn_in, alpha};
  std::array<double, 1> y{p.E_L};
  Trace trace;
  int refractory = 0;
  for (int step = 0; step < kSteps; ++step) {
    const auto f = [&](double t, const std::array<double, 1>& x) -> std::array<double, 1> {
      return {(-p.g_L * (x[0] - p.E_L) - ex.at(t) * (x[0] - p.E_ex) - in.at(t) * (x[0] - p.E_in) + p.I_e) / p.C_m};
    };
    constexpr int kSubsteps = 100;
    if (refractory == 0) {
      for (int i = 0; i < kSubsteps; ++i) runge_kutta(f, i * kDt / kSubsteps, kDt / kSubsteps, y);
    } else {
      --refractory;
    }
    ex.advance(kDt);
    in.advance(kDt);
    ex.receive(w_ex * excitatory(step));
    in.receive(w_in * inhibitory(step));
    if (y[0] >= p.V_th) {
      trace.spikes.push_back(step);
      y[0] = p.V_reset;
      refractory = static_cast<int>(std::lround(p.t_ref / kDt));
    }
    trace.V.push_back(y[0]);
  }
  return trace;
}

/// Adaptive exponential neurons; `G` and `I` give the synapses' part of the membrane equation.
template <class Parameters, class Current>
Trace aeif_oracle(const Parameters& p, bool alpha, double w_ex, double w_in, Current synaptic) {
  Synapse ex{p.tau_syn_ex, alpha};
  Synapse in{p.tau_syn_in, alpha};
  std::array<double, 2> y{p.E_L, 0.0};
  Trace trace;
  int refractory = 0;
  for (int step = 0; step < kSteps; ++step) {
    const bool silent = refractory > 0;
    bool held = silent;
    const auto f = [&](double t, const std::array<double, 2>& x) -> std::array<double, 2> {
      const double V = held ? p.V_reset : std::min(x[0], p.V_peak);
      const double spike = p.Delta_T > 0.0 ? p.g_L * p.Delta_T * std::exp((V - p.V_th) / p.Delta_T) : 0.0;
      const double dV = (-p.g_L * (V - p.E_L) + spike + synaptic(V, ex.at(t), in.at(t)) - x[1] + p.I_e) / p.C_m;
      return {held ? 0.0 : dV, (p.a * (V - p.E_L) - x[1]) / p.tau_w};
    };
    // Short steps, and shorter ones in the upstroke, whose end is a pole.
    const double threshold = p.Delta_T > 0.0 ? p.V_peak : p.V_th;
    double t = 0.0;
    bool fired = false;
    while (t < kDt - 1e-12) {
      const double above = y[0] - p.V_th;
      const double wanted = above > 8.0 * p.Delta_T ? 2e-6 : above > 2.0 * p.Delta_T ? 5e-5 : 1e-3;
      const double h = std::min(wanted, kDt - t);
      runge_kutta(f, t, h, y);
      t += h;
      if (!held && y[0] >= threshold) {
        fired = true;
        y = {p.V_reset, y[1] + p.b};
        held = p.t_ref > 0.0;
      }
    }
    refractory = fired ? static_cast<int>(std::lround(p.t_ref / kDt)) : std::max(refractory - 1, 0);
    ex.advance(kDt);
    in.advance(kDt);
    ex.receive(w_ex * excitatory(step));
    in.receive(w_in * inhibitory(step));
    if (fired) trace.spikes.push_back(step);
    trace.V.push_back(y[0]);
  }
  return trace;
}

template <class Model, class T>
void expect_equal(const Trace& oracle, const typename Model::Parameters& p, double w_ex, double w_in,
                  double tolerance) {
  Neuron<Model, T> neuron(p);
  std::vector<int> spikes;
  for (int step = 0; step < kSteps; ++step) {
    if (neuron.step(w_ex * excitatory(step), -w_in * inhibitory(step))) spikes.push_back(step);
    const auto at = static_cast<std::size_t>(step);
    if (at > 0 && oracle.V[at] - oracle.V[at - 1] > 1.0) continue;  // the upstroke
    ASSERT_NEAR(neuron.get("V_m"), oracle.V[at], tolerance) << Model::name << ", step " << step;
  }
  EXPECT_EQ(spikes, oracle.spikes) << Model::name;
  EXPECT_GE(oracle.spikes.size(), 3u) << "the test wants spikes";
}

template <class Model>
void expect_both(const Trace& oracle, const typename Model::Parameters& p, double w_ex, double w_in, double f64,
                 double f32) {
  expect_equal<Model, double>(oracle, p, w_ex, w_in, f64);
  expect_equal<Model, float>(oracle, p, w_ex, w_in, f32);
}

TEST(IafCond, ExponentialConductancesFollowTheEquations) {
  IafCondExp::Parameters p;  // the fast synapses of the defaults
  p.I_e = 230.0;
  expect_both<IafCondExp>(iaf_oracle(p, false, 30.0, 20.0), p, 30.0, 20.0, 2e-5, 2e-3);
}

TEST(IafCond, AlphaConductancesFollowTheEquations) {
  IafCondAlpha::Parameters p;
  p.I_e = 200.0;  // and the defaults, where a step is half a time constant
  expect_both<IafCondAlpha>(iaf_oracle(p, true, 30.0, 20.0), p, 30.0, 20.0, 3e-5, 2e-3);
  p.tau_syn_ex = 1.5;
  p.tau_syn_in = 6.0;
  p.t_ref = 0.0;
  expect_both<IafCondAlpha>(iaf_oracle(p, true, 6.0, 9.0), p, 6.0, 9.0, 1e-6, 2e-3);
}

TEST(Aeif, CurrentsFollowTheEquations) {
  AeifPscExp::Parameters p;
  p.I_e = 600.0;
  p.tau_syn_ex = 2.0;
  const auto synaptic = [](double, double ex, double in) { return ex - in; };
  expect_both<AeifPscExp>(aeif_oracle(p, false, 300.0, 200.0, synaptic), p, 300.0, 200.0, 5e-3, 5e-2);
  p.t_ref = 2.0;  // held at V_reset
  expect_both<AeifPscExp>(aeif_oracle(p, false, 400.0, 200.0, synaptic), p, 400.0, 200.0, 5e-3, 5e-2);
}

TEST(Aeif, FiresAtTheThresholdWhenTheUpstrokeHasNoWidth) {
  AeifPscExp::Parameters p;
  p.Delta_T = 0.0;
  p.I_e = 600.0;
  p.tau_syn_ex = 2.0;
  const auto synaptic = [](double, double ex, double in) { return ex - in; };
  expect_both<AeifPscExp>(aeif_oracle(p, false, 300.0, 200.0, synaptic), p, 300.0, 200.0, 5e-3, 5e-2);
}

TEST(Aeif, AlphaConductancesFollowTheEquations) {
  AeifCondAlpha::Parameters p;
  p.I_e = 600.0;
  p.tau_syn_ex = 1.0;
  const auto synaptic = [&](double V, double ex, double in) { return -ex * (V - p.E_ex) - in * (V - p.E_in); };
  expect_both<AeifCondAlpha>(aeif_oracle(p, true, 10.0, 10.0, synaptic), p, 10.0, 10.0, 5e-3, 5e-2);
}

TEST(Aeif, BurstsFollowTheEquations) {
  AeifCondExp::Parameters p;  // Naud et al. 2008: reset above the threshold's foot
  p.V_reset = -48.5;
  p.a = 2.0;
  p.b = 100.0;
  p.tau_w = 120.0;
  p.I_e = 650.0;
  p.tau_syn_ex = 2.0;
  const auto synaptic = [&](double V, double ex, double in) { return -ex * (V - p.E_ex) - in * (V - p.E_in); };
  expect_both<AeifCondExp>(aeif_oracle(p, false, 6.0, 6.0, synaptic), p, 6.0, 6.0, 1e-2, 5e-2);
}

/// Largest difference of V_m, at the multiples of 0.4 ms, between steps of `dt` and of dt/64, without spikes.
template <class Model>
double error_of(const typename Model::Parameters& p, double dt, double w_ex, double w_in, double duration) {
  Neuron<Model, double> coarse(p, dt);
  Neuron<Model, double> fine(p, 0.4 / 256.0);
  const int per_coarse = static_cast<int>(std::lround(0.4 / dt));
  double worst = 0.0;
  for (int frame = 0; frame < static_cast<int>(duration / 0.4); ++frame) {
    const double in0 = frame % 7 == 2 ? w_ex : 0.0;
    const double in1 = frame % 11 == 5 ? -w_in : 0.0;
    for (int i = 1; i <= per_coarse; ++i) coarse.step(i == per_coarse ? in0 : 0.0, i == per_coarse ? in1 : 0.0);
    for (int i = 1; i <= 256; ++i) fine.step(i == 256 ? in0 : 0.0, i == 256 ? in1 : 0.0);
    worst = std::max(worst, std::abs(coarse.get("V_m") - fine.get("V_m")));
  }
  return worst;
}

template <class Model>
void expect_order(const typename Model::Parameters& p, double order, double w_ex, double w_in) {
  const double at_04 = error_of<Model>(p, 0.4, w_ex, w_in, 60.0);
  const double at_02 = error_of<Model>(p, 0.2, w_ex, w_in, 60.0);
  const double at_01 = error_of<Model>(p, 0.1, w_ex, w_in, 60.0);
  ::testing::Test::RecordProperty("error_at_0.1", std::to_string(at_01));
  EXPECT_GT(std::log2(at_04 / at_02), order - 0.5) << Model::name << ": " << at_04 << ", " << at_02 << ", " << at_01;
  EXPECT_GT(std::log2(at_02 / at_01), order - 0.5) << Model::name << ": " << at_04 << ", " << at_02 << ", " << at_01;
}

TEST(ModelsConverge, ConductancesWithOrderFour) {
  IafCondExp::Parameters p;
  p.tau_syn_ex = 1.0;
  expect_order<IafCondExp>(p, 4.0, 10.0, 10.0);
  expect_order<IafCondAlpha>(p, 4.0, 5.0, 5.0);
}

TEST(ModelsConverge, AdaptiveExponentialsWithOrderFour) {
  AeifCondExp::Parameters p;
  p.I_e = 300.0;
  p.tau_syn_ex = 1.0;
  expect_order<AeifCondExp>(p, 4.0, 5.0, 5.0);
  expect_order<AeifCondAlpha>(p, 4.0, 5.0, 5.0);
  AeifPscExp::Parameters q;
  q.I_e = 300.0;
  q.tau_syn_ex = 1.0;
  expect_order<AeifPscExp>(q, 4.0, 100.0, 100.0);
}

TEST(ModelsConverge, HodgkinHuxleyWithOrderFiveThroughSpikes) {
  // One substep a step, so that dt is the method's step.
  HhPscAlpha::Parameters p;
  p.I_e = 650.0;
  Neuron<HhPscAlpha, double> exact(p, 1.0 / 960.0);
  std::array<double, 3> worst{};
  const std::array<int, 3> per_ms = {60, 120, 240};
  std::vector<Neuron<HhPscAlpha, double>> coarse;
  for (const int n : per_ms) coarse.emplace_back(p, 1.0 / n);
  int spikes = 0;
  for (int sixtieth = 0; sixtieth < 60 * 40; ++sixtieth) {
    for (int i = 0; i < 16; ++i) spikes += exact.step(0.0) ? 1 : 0;
    for (std::size_t c = 0; c < 3; ++c) {
      for (int i = 0; i < per_ms[c] / 60; ++i) coarse[c].step(0.0);
      worst[c] = std::max(worst[c], std::abs(coarse[c].get("V_m") - exact.get("V_m")));
    }
  }
  EXPECT_GE(spikes, 2);
  EXPECT_GT(std::log2(worst[0] / worst[1]), 4.3) << worst[0] << ", " << worst[1] << ", " << worst[2];
  EXPECT_GT(std::log2(worst[1] / worst[2]), 4.3) << worst[0] << ", " << worst[1] << ", " << worst[2];
}

TEST(HhPscAlpha, TakesStepsOfAMillisecondAsWellAsShortOnes) {
  HhPscAlpha::Parameters p;
  p.I_e = 700.0;
  Neuron<HhPscAlpha, double> fine(p, 0.01);
  Neuron<HhPscAlpha, double> coarse(p, 1.0);
  for (int ms = 0; ms < 100; ++ms) {
    for (int i = 0; i < 100; ++i) fine.step(0.0);
    coarse.step(0.0);
    EXPECT_NEAR(coarse.get("V_m"), fine.get("V_m"), 2e-2) << ms;
  }
}

}  // namespace
}  // namespace neuract::snn
