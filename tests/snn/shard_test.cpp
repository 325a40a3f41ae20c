#include "neuract/snn/shard.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "neuract/kernels/isa.hpp"
#include "serial_run.hpp"

namespace neuract::snn {
namespace {

using testing::Outcome;
using testing::run_serial;

Setting set(const char* name, Value value) { return {name, std::move(value)}; }

/// A neuron that stays where it is put: no leak worth speaking of within a few milliseconds.
PopulationSpec still(const char* name, std::uint32_t n, std::vector<Setting> more = {}) {
  std::vector<Setting> settings = {set("tau_m", 1e9), set("E_L", 0.0), set("V_reset", 0.0), set("V_th", 1000.0),
                                   set("C_m", 1.0)};
  for (const Setting& setting : more) {
    std::erase_if(settings, [&](const Setting& s) { return s.name == setting.name; });
    settings.push_back(setting);
  }
  return {name, n, "iaf_psc_delta", settings};
}

/// Fires once, in the step that ends at `ms`.
PopulationSpec fires_once(const char* name, std::uint32_t n) {
  return still(name, n, {set("V_th", 1.0), set("t_ref", 1e6)});
}
StimulusSpec kick(std::uint32_t target, double ms, std::vector<std::uint32_t> neurons = {}) {
  StimulusSpec stimulus;
  stimulus.generator = SpikeGenerator{{ms - 0.1}};
  stimulus.target = target;
  stimulus.weight = 2.0;
  stimulus.neurons = std::move(neurons);
  return stimulus;
}

ProjectionSpec projection(std::uint32_t source, std::uint32_t target, Rule rule, Value weight, Value delay) {
  static int number = 0;
  return {"p" + std::to_string(number++), source, target, rule, std::move(weight), std::move(delay)};
}

/// Value of a variable, by time in steps, of the only neuron that the only multimeter looks at.
std::vector<float> trace(const Outcome& outcome) {
  std::vector<float> values;
  for (const TraceBlock& block : outcome.traces) values.insert(values.end(), block.values.begin(), block.values.end());
  return values;
}

/// Everything at once: several populations of awkward sizes, all models, parameters of their own, weights of both
/// signs, spread delays.
NetworkSpec busy_network() {
  NetworkSpec spec;
  spec.duration = 60.0;
  spec.warmup = 20.0;
  spec.seed = 7;
  const Distribution start{Distribution::Kind::uniform, -70.0, -50.0};
  spec.populations = {
      {"a",
       333,
       "iaf_psc_exp",
       {set("V_m", start), set("tau_m", Distribution{Distribution::Kind::normal_clipped, 10.0, 1.0, 5.0, 15.0})}},
      {"b", 200, "iaf_psc_alpha", {set("V_m", start)}},
      {"c", 65, "izhikevich", {set("V_m", Distribution{Distribution::Kind::uniform, -70.0, -60.0})}},
      {"d", 1, "iaf_psc_delta", {}},
      {"e", 150, "iaf_psc_delta", {set("V_m", start)}},
  };
  const Distribution weight{Distribution::Kind::normal, 20.0, 60.0};
  const Distribution delay{Distribution::Kind::normal_clipped, 1.5, 0.75, 0.1};
  const Rule indegree{Rule::Kind::fixed_indegree, 40};
  spec.projections = {
      projection(0, 0, indegree, weight, delay),
      projection(0, 1, {Rule::Kind::pairwise_bernoulli, 0, 0.2}, 90.0, delay),
      projection(1, 0, {Rule::Kind::fixed_total_number, 5000}, -150.0, 0.8),
      projection(1, 4, {Rule::Kind::fixed_outdegree, 30}, Distribution{Distribution::Kind::lognormal, -1.0, 0.5},
                 Distribution{Distribution::Kind::uniform, 0.3, 40.0}),
      projection(2, 2, {Rule::Kind::all_to_all}, 0.05, 1.0),
      projection(4, 2, {Rule::Kind::fixed_indegree, 10}, -0.3, Distribution{Distribution::Kind::uniform, 1.0, 3.0}),
      projection(3, 0, {Rule::Kind::all_to_all}, 50.0, 0.4),
      projection(0, 4, {Rule::Kind::fixed_indegree, 200}, Distribution{Distribution::Kind::uniform, 0.0, 0.3},
                 Distribution{Distribution::Kind::uniform, 0.5, 2.0}),
      projection(1, 1, {Rule::Kind::fixed_indegree, 150}, -5.0, Distribution{Distribution::Kind::uniform, 0.1, 1.5}),
  };
  const auto add = [&](std::uint32_t target, auto generator, double weight_of_events) {
    StimulusSpec stimulus;
    stimulus.generator = generator;
    stimulus.target = target;
    stimulus.weight = weight_of_events;
    spec.stimuli.push_back(stimulus);
  };
  add(0, PoissonGenerator{8000.0}, 60.0);
  add(1, PoissonGenerator{30000.0}, 20.0);
  add(2, NoiseGenerator{4.0, 5.0, 1.0}, 1.0);
  add(2, DcGenerator{3.0}, 1.0);
  add(3, SpikeGenerator{{5.0, 25.0, 30.0}}, 30.0);
  add(4, PoissonGenerator{20000.0}, 0.8);
  spec.stimuli.back().start = 3.0;
  spec.stimuli.back().stop = 71.3;
  return spec;
}

class AnyPrecision : public ::testing::TestWithParam<Precision> {
 protected:
  NetworkSpec spec_ = [] {
    NetworkSpec spec = busy_network();
    spec.precision = GetParam();
    return spec;
  }();
};

TEST_P(AnyPrecision, GivesTheSameSpikesForAnyPartition) {
  const Outcome whole = run_serial(spec_);
  ASSERT_GT(whole.counted_spikes, 500u);
  for (const std::uint32_t shards : {1u, 2u, 3u, 5u, 50u}) {
    for (const std::uint32_t cohort_size : {64u, 100u, 4096u}) {
      const Outcome cut = run_serial(spec_, shards, cohort_size);
      EXPECT_EQ(cut.spikes, whole.spikes) << shards << " shards, cohorts of " << cohort_size;
      EXPECT_EQ(cut.spike_hash, whole.spike_hash);
      EXPECT_EQ(cut.events, whole.events);
    }
  }
}

TEST_P(AnyPrecision, GivesTheSameSpikesForAnyInstructionSet) {
  const Outcome best = run_serial(spec_);
  for (const kernels::Isa isa : kernels::supported_isas()) {
    ASSERT_TRUE(kernels::set_isa_for_testing(isa));
    EXPECT_EQ(run_serial(spec_).spikes, best.spikes) << kernels::name_of(isa);
  }
  kernels::set_isa_for_testing(kernels::supported_isas().back());
}

INSTANTIATE_TEST_SUITE_P(Shard, AnyPrecision, ::testing::Values(Precision::f32, Precision::f64),
                         [](const auto& test) { return test.param == Precision::f32 ? "f32" : "f64"; });

TEST(Shard, HasTablesOfEveryKindInTheBusyNetwork) {
  const PlanPtr plan = Plan::make(busy_network()).value();
  const auto placement = place(*plan, 1);
  const auto shard = Shard::build(plan, placement, 0).value();
  int grouped = 0;
  int listed = 0;
  for (const ProjectionStatistics& p : shard->projection_statistics())
    ++(std::string(p.representation) == "sparse by delay" ? grouped : listed);
  EXPECT_GE(grouped, 2);
  EXPECT_GE(listed, 2);
}

TEST(Shard, GivesOtherSpikesForAnotherSeed) {
  NetworkSpec spec = busy_network();
  const Outcome one = run_serial(spec);
  spec.seed = 8;
  EXPECT_NE(run_serial(spec).spike_hash, one.spike_hash);
}

TEST(Shard, DeliversASpikeAfterItsDelayWithItsWeight) {
  for (const double delay : {0.1, 0.2, 1.5, 6.4, 30.0}) {
    NetworkSpec spec;
    spec.duration = 60.0;
    spec.populations = {fires_once("source", 1), still("target", 1)};
    spec.projections = {projection(0, 1, {Rule::Kind::one_to_one}, 0.25, delay)};
    spec.stimuli = {kick(0, 10.0)};
    spec.multimeters = {{1, {"V_m"}, {}, 0.1}};
    const std::vector<float> V = trace(run_serial(spec));
    const auto arrival =
        static_cast<std::size_t>(std::lround((10.0 + delay) / 0.1)) - 1;  // row index of time 10 + delay
    ASSERT_EQ(V.size(), 600u);
    EXPECT_NEAR(V[arrival - 1], 0.0, 1e-6) << delay;
    EXPECT_NEAR(V[arrival], 0.25, 1e-6) << delay;
  }
}

TEST(Shard, AddsAllWeightsThatArriveTogether) {
  NetworkSpec spec;
  spec.duration = 20.0;
  spec.populations = {fires_once("source", 1000), still("target", 70)};
  spec.projections = {projection(0, 1, {Rule::Kind::all_to_all}, 0.01, 1.0),
                      projection(0, 1, {Rule::Kind::all_to_all}, -0.003, 1.0)};
  spec.stimuli = {kick(0, 5.0)};
  spec.multimeters = {{1, {"V_m"}, {69}, 20.0}};
  const std::vector<float> V = trace(run_serial(spec));
  ASSERT_EQ(V.size(), 1u);
  EXPECT_NEAR(V[0], 7.0, 1e-4);
}

TEST(SpikeGenerator, SendsAllSpikesOfOneStep) {
  NetworkSpec spec;
  spec.duration = 20.0;
  spec.populations = {still("target", 1)};
  StimulusSpec stimulus;
  stimulus.generator = SpikeGenerator{{4.0, 5.0, 5.0, 5.0, 5.0}};
  stimulus.weight = 16.0;
  spec.stimuli = {stimulus};
  spec.multimeters = {{0, {"V_m"}, {}, 20.0}};
  const std::vector<float> V = trace(run_serial(spec));
  ASSERT_EQ(V.size(), 1u);
  EXPECT_NEAR(V[0], 80.0, 1e-4);
}

TEST(Shard, SendsPositiveAndNegativeWeightsToTheirReceptors) {
  NetworkSpec spec;
  spec.duration = 6.0;
  spec.populations = {fires_once("source", 400),
                      {"target", 1, "iaf_psc_exp", {set("tau_syn_ex", 1e9), set("tau_syn_in", 1e9), set("V_th", 1e6)}}};
  spec.projections = {
      projection(0, 1, {Rule::Kind::all_to_all}, Distribution{Distribution::Kind::uniform, -1.0, 3.0}, 1.0)};
  spec.stimuli = {kick(0, 3.0)};
  spec.multimeters = {{1, {"I_syn_ex", "I_syn_in"}, {}, 6.0}};
  const std::vector<float> I = trace(run_serial(spec));
  ASSERT_EQ(I.size(), 2u);
  EXPECT_NEAR(I[0], 400 * 0.75 * 1.5, 60.0);  // three quarters of the weights are positive, mean 1.5
  EXPECT_NEAR(I[1], -400 * 0.25 * 0.5, 20.0);
}

TEST(Shard, KeepsTheMeanAndSpreadOfNormalWeights) {
  NetworkSpec spec;
  spec.duration = 5.0;
  spec.populations = {fires_once("source", 1), still("target", 20000)};
  spec.projections = {
      projection(0, 1, {Rule::Kind::all_to_all}, Distribution{Distribution::Kind::normal, 0.15, 0.015}, 1.0)};
  spec.stimuli = {kick(0, 2.0)};
  spec.multimeters = {{1, {"V_m"}, {}, 5.0}};
  const std::vector<float> V = trace(run_serial(spec));
  const double mean = std::accumulate(V.begin(), V.end(), 0.0) / 20000.0;
  double variance = 0.0;
  for (const float v : V) variance += (v - mean) * (v - mean) / 20000.0;
  EXPECT_NEAR(mean, 0.15, 5 * 0.015 / std::sqrt(20000.0));
  EXPECT_NEAR(std::sqrt(variance), 0.015, 5 * 0.015 / std::sqrt(40000.0));
}

TEST(Precision, IsThatOfTheRecordedValues) {
  NetworkSpec spec;
  spec.duration = 10.0;
  spec.populations = {{"cells", 1, "iaf_psc_exp", {set("I_e", 100.0)}}};
  spec.multimeters = {{0, {"V_m"}, {}, 10.0}};
  const auto last = [&](Precision precision) {
    spec.precision = precision;
    return run_serial(spec).traces.back().values.back();
  };
  // V = E_L + R I (1 - exp(-t / tau_m))
  const double exact = -70.0 + 100.0 * 10.0 / 250.0 * -std::expm1(-1.0);
  EXPECT_NEAR(last(Precision::f64), exact, 1e-12);
  EXPECT_NEAR(last(Precision::f32), exact, 1e-4);
  EXPECT_GT(std::abs(last(Precision::f32) - exact), 1e-9);
}

TEST(Lif, StaysAtResetDuringItsRefractoryPeriod) {
  NetworkSpec spec;
  spec.duration = 20.0;
  spec.populations = {{"cells", 1, "iaf_psc_exp", {set("I_e", 1000.0), set("t_ref", 2.0)}}};
  spec.multimeters = {{0, {"V_m"}, {}, 0.1}};
  const Outcome outcome = run_serial(spec);
  const std::vector<float> V = trace(outcome);
  ASSERT_GE(outcome.spikes.size(), 2u);
  const auto spike = static_cast<std::size_t>(outcome.spikes[0].first);
  for (std::size_t k = 0; k <= 20; ++k) EXPECT_EQ(V[spike + k], -70.0f) << k;
  EXPECT_GT(V[spike + 21], -70.0f);
}

TEST(Lif, FiresAtTheRateOfTheClosedForm) {
  NetworkSpec spec;
  spec.duration = 10000.0;
  spec.populations = {{"cells", 1, "iaf_psc_delta", {set("I_e", 500.0)}}};
  const Outcome outcome = run_serial(spec);
  // T = t_ref + tau_m ln((RI - V_reset) / (RI - V_th)), potentials relative to E_L; spikes sit on the grid of 0.1 ms.
  const double drive = 500.0 * 10.0 / 250.0;
  const double interval = 2.0 + 10.0 * std::log(drive / (drive - 15.0));
  const double on_grid = std::ceil(interval / 0.1) * 0.1;
  EXPECT_NEAR(static_cast<double>(outcome.spikes.size()), 10000.0 / on_grid, 1.0);
  EXPECT_EQ(outcome.cohorts[0].isi[0].sum,
            outcome.cohorts[0].isi[0].count * static_cast<std::uint64_t>(std::llround(on_grid / 0.1)));
}

TEST(Lif, FollowsTheClosedFormWhenTheTimeConstantsAreEqual) {
  for (const char* model : {"iaf_psc_exp", "iaf_psc_alpha"}) {
    NetworkSpec spec;
    spec.duration = 50.0;
    spec.populations = {
        {"cells",
         1,
         model,
         {set("tau_m", 10.0), set("tau_syn_ex", 10.0), set("E_L", 0.0), set("V_reset", 0.0), set("V_th", 1e6)}}};
    StimulusSpec stimulus;
    stimulus.generator = SpikeGenerator{{0.9}};
    stimulus.weight = 100.0;
    stimulus.delay = 0.1;
    spec.stimuli = {stimulus};
    spec.multimeters = {{0, {"V_m"}, {}, 0.1}};
    const std::vector<float> V = trace(run_serial(spec));
    for (std::size_t row = 10; row < 500; row += 35) {
      const double t = static_cast<double>(row + 1) * 0.1 - 1.0;  // since the spike's arrival
      const bool alpha = std::string(model) == "iaf_psc_alpha";
      const double closed = alpha ? 100.0 / 250.0 * std::exp(1.0) / 10.0 * t * t / 2.0 * std::exp(-t / 10.0)
                                  : 100.0 / 250.0 * t * std::exp(-t / 10.0);
      EXPECT_NEAR(V[row], closed, 1e-5) << model << " at " << t;
    }
  }
}

TEST(DcGenerator, ActsBetweenStartAndStopOnTheChosenNeurons) {
  NetworkSpec spec;
  spec.duration = 10.0;
  spec.populations = {still("cells", 130)};
  StimulusSpec stimulus;
  stimulus.generator = DcGenerator{2.0};
  stimulus.neurons = {1, 129};
  stimulus.start = 3.0;
  stimulus.stop = 7.0;
  spec.stimuli = {stimulus};
  spec.multimeters = {{0, {"V_m"}, {0, 1, 128, 129}, 1.0}};
  const Outcome outcome = run_serial(spec, 1, 128);
  for (const TraceBlock& block : outcome.traces) {
    for (std::size_t i = 0; i < block.steps.size(); ++i) {
      const double t = static_cast<double>(block.steps[i] + 1) * 0.1;
      for (std::size_t n = 0; n < block.neurons.size(); ++n) {
        const double expected = block.neurons[n] % 128 == 1 ? 2.0 * std::clamp(t - 3.0, 0.0, 4.0) : 0.0;
        EXPECT_NEAR(block.values[i * block.neurons.size() + n], expected, 1e-4)
            << "neuron " << block.neurons[n] << " at " << t;
      }
    }
  }
}

TEST(PoissonGenerator, HasTheMeanAndTheVarianceOfAPoissonProcess) {
  NetworkSpec spec;
  spec.duration = 100.0;
  spec.populations = {still("cells", 5000, {set("V_th", 1e6)})};
  StimulusSpec stimulus;
  stimulus.generator = PoissonGenerator{3000.0};
  stimulus.weight = 1.0;
  spec.stimuli = {stimulus};
  spec.multimeters = {{0, {"V_m"}, {}, 100.0}};
  const std::vector<float> events = trace(run_serial(spec));
  const double mean = std::accumulate(events.begin(), events.end(), 0.0) / 5000.0;
  double variance = 0.0;
  for (const float v : events) variance += (v - mean) * (v - mean) / 5000.0;
  EXPECT_NEAR(mean, 300.0, 5 * std::sqrt(300.0 / 5000.0));
  EXPECT_NEAR(variance, 300.0, 5 * 300.0 * std::sqrt(2.0 / 5000.0));
}

TEST(NoiseGenerator, DrawsANewValueEveryIntervalAndHoldsItBetween) {
  NetworkSpec spec;
  spec.duration = 200.0;
  spec.populations = {still("cells", 64, {set("V_th", 1e9)})};
  StimulusSpec stimulus;
  stimulus.generator = NoiseGenerator{1.0, 3.0, 0.5};
  spec.stimuli = {stimulus};
  spec.multimeters = {{0, {"V_m"}, {}, 0.1}};
  const std::vector<float> V = trace(run_serial(spec));
  double sum = 0.0;
  double squares = 0.0;
  for (std::size_t n = 0; n < 64; ++n) {
    double before = 0.0;
    double held = 0.0;
    for (std::size_t step = 0; step < 2000; ++step) {
      const double current = (V[step * 64 + n] - before) / 0.1;
      before = V[step * 64 + n];
      if (step % 5 == 0) held = current, sum += current, squares += (current - 1.0) * (current - 1.0);
      EXPECT_NEAR(current, held, 2e-2);
    }
  }
  const double draws = 64 * 400;
  EXPECT_NEAR(sum / draws, 1.0, 5 * 3.0 / std::sqrt(draws));
  EXPECT_NEAR(squares / draws, 9.0, 5 * 9.0 * std::sqrt(2.0 / draws));
}

TEST(IafPscDelta, KeepsSpikesForTheEndOfTheRefractoryPeriodWhenAsked) {
  for (const bool keep : {false, true}) {
    NetworkSpec spec;
    spec.duration = 10.0;
    spec.populations = {
        {"cells",
         1,
         "iaf_psc_delta",
         {set("refractory_input", keep ? 1.0 : 0.0), set("E_L", 0.0), set("V_reset", 0.0), set("V_th", 15.0)}}};
    StimulusSpec fire;
    fire.generator = SpikeGenerator{{0.9}};
    fire.weight = 20.0;
    StimulusSpec during = fire;
    during.generator = SpikeGenerator{{1.9}};
    during.weight = 5.0;
    spec.stimuli = {fire, during};
    spec.multimeters = {{0, {"V_m"}, {}, 0.1}};
    const std::vector<float> V = trace(run_serial(spec));
    // Spike at 1.0 ms, refractory until 3.0 ms; 5 mV arrive at 2.0 ms and decay from then on; V moves again in the row
    // of 3.1 ms.
    EXPECT_EQ(V[29], 0.0f);
    EXPECT_NEAR(V[30], keep ? 5.0 * std::exp(-1.1 / 10.0) : 0.0, 1e-5);
  }
}

TEST(Shard, CountsIntervalsAndSpikesAfterTheWarmUpOnly) {
  NetworkSpec spec;
  spec.warmup = 50.0;
  spec.duration = 50.0;
  spec.populations = {{"cells", 2, "iaf_psc_delta", {set("I_e", 800.0)}}};
  const Outcome outcome = run_serial(spec);
  std::uint64_t late = 0;
  for (const auto& [step, gid] : outcome.spikes) late += step >= 500 ? 1 : 0;
  EXPECT_EQ(outcome.counted_spikes, late);
  EXPECT_LT(late, outcome.spikes.size());
  EXPECT_EQ(outcome.cohorts[0].isi[0].count + 1, late / 2);
}

}  // namespace
}  // namespace neuract::snn
