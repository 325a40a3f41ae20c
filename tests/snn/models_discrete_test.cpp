#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "model_neuron.hpp"
#include "neuract/snn/models/all.hpp"

// Models whose steps have closed forms: the machine-learning ones, mat2, the published scheme of izhikevich, parrots.
namespace neuract::snn {
namespace {

using testing::Neuron;

TEST(Lif, DecaysByTheExponentialAndAddsWeights) {
  Lif::Parameters p;
  p.tau = 10.0;
  p.v_leak = -0.5;
  p.v_threshold = 5.0;
  Neuron<Lif, double> neuron(p, 1.0);
  EXPECT_EQ(neuron.get("v"), -0.5) << "starts at v_leak";
  EXPECT_FALSE(neuron.step(2.0));
  EXPECT_DOUBLE_EQ(neuron.get("v"), 1.5) << "a weight moves v in its step";
  for (int i = 1; i <= 7; ++i) {
    neuron.step(0.0);
    EXPECT_NEAR(neuron.get("v"), -0.5 + 2.0 * std::exp(-i / 10.0), 1e-14);
  }
}

TEST(Lif, ApproachesTheLeakPlusResistanceTimesCurrent) {
  Lif::Parameters p;
  p.tau = 10.0;
  p.r = 3.0;
  p.I_e = 0.2;
  p.v_leak = 0.1;
  Neuron<Lif, double> neuron(p, 0.5);
  for (int i = 1; i <= 2000; ++i) {
    neuron.step(0.0, 0.0, 0.05);
    EXPECT_NEAR(neuron.get("v"), 0.1 + 0.75 * -std::expm1(-i * 0.05), 1e-12);
  }
}

TEST(Lif, IsSnnTorchsLeakyWithEulerDecay) {
  // beta = 1 - dt/tau; mem = beta mem + x; spike = mem > threshold; mem -= threshold.
  Lif::Parameters p;
  p.tau = 5.0;
  p.exact_decay = 0.0;
  Neuron<Lif, double> neuron(p, 1.0);
  double mem = 0.0;
  int spikes = 0;
  for (int i = 0; i < 100; ++i) {
    const double x = i % 3 == 0 ? 0.55 : (i % 7 == 0 ? -0.2 : 0.3);
    mem = 0.8 * mem + x;
    const bool spike = mem > 1.0;
    if (spike) mem -= 1.0;
    spikes += spike ? 1 : 0;
    EXPECT_EQ(neuron.step(x), spike) << i;
    EXPECT_NEAR(neuron.get("v"), mem, 1e-13);
  }
  EXPECT_GT(spikes, 10);
}

TEST(Lif, ResetsToAValueOrBySubtraction) {
  Lif::Parameters p;
  p.v_reset = -0.25;
  p.v_leak = 0.125;
  Neuron<Lif, double> subtracting(p);
  EXPECT_TRUE(subtracting.step(2.0));
  EXPECT_DOUBLE_EQ(subtracting.get("v"), 1.125);
  EXPECT_TRUE(subtracting.step(0.0)) << "what is left is above the threshold again";
  p.reset_by_subtraction = 0.0;
  Neuron<Lif, double> resetting(p);
  EXPECT_TRUE(resetting.step(2.0));
  EXPECT_DOUBLE_EQ(resetting.get("v"), -0.25);
}

TEST(Lif, DoesNotFireAtExactlyTheThreshold) {
  Neuron<Lif, double> neuron({});
  EXPECT_FALSE(neuron.step(1.0));
  Neuron<Lif, double> other({});
  EXPECT_TRUE(other.step(1.0000001));
}

TEST(CubaLif, SolvesTheEquationsExactly) {
  CubaLif::Parameters p;
  p.tau_syn = 4.0;
  p.tau_mem = 12.0;
  p.r = 2.0;
  p.w_in = 0.5;
  p.v_threshold = 100.0;
  Neuron<CubaLif, double> neuron(p, 0.5);
  neuron.step(3.0);
  EXPECT_EQ(neuron.get("v"), 0.0) << "a current moves v from the next step on";
  EXPECT_DOUBLE_EQ(neuron.get("i"), 1.5);
  for (int i = 1; i <= 100; ++i) {
    neuron.step(0.0);
    const double t = 0.5 * i;
    EXPECT_NEAR(neuron.get("i"), 1.5 * std::exp(-t / 4.0), 1e-13);
    // v' = (-v + 2 i)/12
    EXPECT_NEAR(neuron.get("v"), 2.0 * 1.5 * 4.0 / (12.0 - 4.0) * (std::exp(-t / 12.0) - std::exp(-t / 4.0)), 1e-13);
  }
}

TEST(CubaLif, IsNorsesLifWithEulerSteps) {
  CubaLif::Parameters p;
  p.exact_decay = 0.0;
  p.v_leak = 0.1;
  Neuron<CubaLif, double> neuron(p, 1.0);
  double v = 0.1;
  double i = 0.0;
  int spikes = 0;
  for (int step = 0; step < 200; ++step) {
    const double x = step % 4 == 0 ? 1.2 : 0.0;
    v += 1.0 / 10.0 * ((0.1 - v) + i);
    i += -1.0 / 5.0 * i + x;
    const bool spike = v > 1.0;
    if (spike) v = 0.0;
    spikes += spike ? 1 : 0;
    EXPECT_EQ(neuron.step(x), spike) << step;
    EXPECT_NEAR(neuron.get("v"), v, 1e-13);
    EXPECT_NEAR(neuron.get("i"), i, 1e-13);
  }
  EXPECT_GT(spikes, 3);
}

TEST(Integrators, SumWhatTheyGetAndNeverFire) {
  Integrator::Parameters p;
  p.r = 2.0;
  Neuron<Integrator, double> sum(p, 0.1);
  for (int i = 0; i < 50; ++i) EXPECT_FALSE(sum.step(0.5, 0.0, 0.25));
  EXPECT_NEAR(sum.get("v"), 50 * (0.5 + 0.1 * 2.0 * 0.25), 1e-12);

  Neuron<Li, double> leaky({}, 1.0);
  EXPECT_FALSE(leaky.step(100.0));
  EXPECT_FALSE(leaky.step(0.0));
  EXPECT_NEAR(leaky.get("v"), 100.0 * std::exp(-1.0 / 20.0), 1e-12);
}

TEST(IntegrateAndFire, FiresWhenTheSumPassesTheThreshold) {
  IntegrateAndFire::Parameters p;
  p.v_threshold = 1.0;
  Neuron<IntegrateAndFire, double> neuron(p, 1.0);
  std::vector<int> spikes;
  for (int i = 0; i < 20; ++i) {
    if (neuron.step(0.375)) spikes.push_back(i);
  }
  // 0.375 (i + 1) passes 1, 2, 3 … for the first time at
  EXPECT_EQ(spikes, (std::vector<int>{2, 5, 8, 10, 13, 16, 18}));
}

TEST(Alif, RaisesItsThresholdWithEverySpike) {
  Alif::Parameters p;
  p.tau = 20.0;
  p.tau_adaptation = 100.0;
  p.beta = 2.0;
  p.t_ref = 3.0;
  p.I_e = 2.5;
  Neuron<Alif, double> neuron(p, 1.0);
  const double alpha = std::exp(-1.0 / 20.0);
  const double rho = std::exp(-1.0 / 100.0);
  double v = 0.0;
  double b = 0.0;
  int wait = 0;
  std::vector<int> spikes;
  for (int i = 0; i < 600; ++i) {
    const double theta = 1.0 + 2.0 * b;
    v = alpha * v + (1.0 - alpha) * 2.5;
    const bool spike = wait == 0 && v > theta;
    if (spike) v -= theta;
    wait = spike ? 3 : std::max(wait - 1, 0);
    b = rho * b + (1.0 - rho) * (spike ? 1.0 : 0.0);
    EXPECT_EQ(neuron.step(0.0), spike) << i;
    EXPECT_NEAR(neuron.get("v"), v, 1e-11);
    EXPECT_NEAR(neuron.get("theta"), 1.0 + 2.0 * b, 1e-11);
    if (spike) spikes.push_back(i);
  }
  ASSERT_GT(spikes.size(), 8u);
  EXPECT_LT(spikes[1] - spikes[0], spikes.back() - spikes[spikes.size() - 2]) << "intervals grow";
}

TEST(Mat2PscExp, FollowsItsClosedForm) {
  Mat2PscExp::Parameters p;
  p.I_e = 500.0;
  Neuron<Mat2PscExp, double> neuron(p);
  std::vector<int> spikes;
  for (int step = 0; step < 3000; ++step) {
    const bool fired = neuron.step(0.0);
    const double t = 0.1 * (step + 1);
    const double V = -70.0 + 500.0 * 5.0 / 100.0 * -std::expm1(-t / 5.0);
    EXPECT_NEAR(neuron.get("V_m"), V, 1e-10);
    double threshold = -51.0;
    for (const int spike : spikes) {
      threshold += 37.0 * std::exp(-(step - spike) * 0.1 / 10.0) + 2.0 * std::exp(-(step - spike) * 0.1 / 200.0);
    }
    const bool free = spikes.empty() || step - spikes.back() > 20;
    ASSERT_EQ(fired, free && V >= threshold) << step;
    if (fired) spikes.push_back(step);
  }
  EXPECT_GE(spikes.size(), 5u);
}

TEST(Izhikevich, TakesThePublishedHalfStepsWhenAsked) {
  Izhikevich::Parameters p;
  p.consistent_integration = 0.0;
  Neuron<Izhikevich, double> neuron(p, 1.0);
  double v = -65.0;
  double u = -13.0;
  neuron.set("U_m", u);
  int spikes = 0;
  for (int ms = 0; ms < 1000; ++ms) {
    // The script in the paper: the test of the previous step comes first there, which shifts spikes by one step.
    const double I = ms % 50 < 40 ? 12.0 : -3.0;
    v += 0.5 * (0.04 * v * v + 5.0 * v + 140.0 - u + I);
    v += 0.5 * (0.04 * v * v + 5.0 * v + 140.0 - u + I);
    u += 0.02 * (0.2 * v - u);
    const bool spike = v >= 30.0;
    if (spike) v = -65.0, u += 8.0;
    ASSERT_EQ(neuron.step(I), spike) << ms;
    ASSERT_NEAR(neuron.get("V_m"), v, 1e-9);
    ASSERT_NEAR(neuron.get("U_m"), u, 1e-9);
    spikes += spike ? 1 : 0;
  }
  EXPECT_GT(spikes, 10);
}

TEST(ParrotNeuron, RepeatsASpikeInTheStepInWhichItArrives) {
  Neuron<ParrotNeuron, float> parrot({});
  EXPECT_FALSE(parrot.step(0.0));
  EXPECT_TRUE(parrot.step(0.25));
  EXPECT_TRUE(parrot.step(-3.0)) << "weights play no part";
  EXPECT_TRUE(parrot.step(5.0)) << "several spikes leave as one";
  EXPECT_EQ(parrot.get("heard"), 5.0);
  EXPECT_FALSE(parrot.step(0.0, 0.0, 100.0)) << "currents are not spikes";
}

}  // namespace
}  // namespace neuract::snn
