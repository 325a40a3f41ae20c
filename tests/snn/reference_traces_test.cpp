#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

#include "model_neuron.hpp"
#include "neuract/snn/models/all.hpp"
#include "serial_run.hpp"

// tests/data/reference holds traces of the published models, recorded with NEST 3.10 in double precision on a grid of
// 0.1 ms; those named _hp with an independent integrator (Runge-Kutta of order 8, tolerance 1e-12), for models without
// a closed form. Rows in the upstroke of a spike, where the potential rises by more than 1 mV in a step, are compared by
// what follows from them: the step of the spike and the state after it. Row t is the state after the update (t - 0.1, t]. A spike sent at s over a delay d acts on row s + d.
namespace neuract::snn {
namespace {

const std::vector<double> kExcitatoryTimes = {5.0,   12.3,  20.0,  20.5,  21.0,  35.7,  50.0,  50.1,  50.2,  80.0, 95.4,
                                              100.0, 100.0, 120.0, 121.0, 122.0, 123.0, 124.0, 125.0, 150.0, 170.0};
const std::vector<double> kInhibitoryTimes = {30.0, 60.6, 90.0, 110.0, 140.3, 160.0};

struct Case {
  const char* file;
  const char* model;
  std::vector<Setting> settings;
  double excitatory_weight;
  double inhibitory_weight;
  std::vector<std::string> recorded;
  double
      f64_tolerance;  // closed forms are exact up to rounding; the Euler steps of izhikevich are compared step by step
  double f32_tolerance;
  bool skips_upstroke = false;
};

std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.file; }

std::vector<std::vector<double>> read_csv(const std::string& name) {
  std::ifstream in(std::string(NEURACT_SOURCE_DIR) + "/tests/data/reference/" + name);
  std::vector<std::vector<double>> rows;
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    std::istringstream cells(line);
    std::vector<double>& row = rows.emplace_back();
    for (std::string cell; std::getline(cells, cell, ',');) row.push_back(std::stod(cell));
  }
  return rows;
}

/// Whether row `step` is in the upstroke of a spike.
bool rising(const std::vector<std::vector<double>>& rows, std::size_t step) {
  return step > 0 && rows[step][1] - rows[step - 1][1] > 1.0;
}

std::vector<Step> reference_spikes(const Case& c) {
  std::vector<Step> steps;
  for (const auto& row : read_csv(std::string(c.file) + "_spikes.csv")) steps.push_back(std::llround(row[0] / 0.1) - 1);
  return steps;
}

/// The model's own step in double precision.
template <class Model>
void compare_in_double(const Case& c) {
  typename Model::Parameters p;
  std::vector<std::pair<std::string, double>> initial;
  for (const Setting& setting : c.settings) {
    bool parameter = false;
    for (const auto& row : Model::parameters) {
      if (setting.name == row.name) p.*row.member = std::get<double>(setting.value), parameter = true;
    }
    if (!parameter) initial.emplace_back(setting.name, std::get<double>(setting.value));
  }
  testing::Neuron<Model, double> neuron(p);
  for (const auto& [name, value] : initial) neuron.set(name, value);

  const auto rows = read_csv(std::string(c.file) + ".csv");
  ASSERT_EQ(rows.size(), 2000u);
  std::vector<Step> spikes;
  for (Step step = 0; step < 2000; ++step) {
    double input[2] = {0.0, 0.0};
    for (const double t : kExcitatoryTimes)
      input[0] += std::llround((t + 1.0) / 0.1) - 1 == step ? c.excitatory_weight : 0.0;
    for (const double t : kInhibitoryTimes) {
      input[std::size(Model::receptors) - 1] += std::llround((t + 2.0) / 0.1) - 1 == step ? c.inhibitory_weight : 0.0;
    }
    if (neuron.step(input[0], input[1])) spikes.push_back(step);
    if (c.skips_upstroke && rising(rows, static_cast<std::size_t>(step))) continue;
    for (std::size_t v = 0; v < c.recorded.size(); ++v) {
      ASSERT_NEAR(neuron.get(c.recorded[v]), rows[static_cast<std::size_t>(step)][v + 1], c.f64_tolerance)
          << c.recorded[v] << " at step " << step;
    }
  }
  EXPECT_EQ(spikes, reference_spikes(c));
}

class ReferenceTraces : public ::testing::TestWithParam<Case> {};

TEST_P(ReferenceTraces, AreMetByTheModelInDoublePrecision) {
  const Case& c = GetParam();
  bool known = false;
#define NEURACT_COMPARE(Model)               \
  if (std::string(c.model) == Model::name) { \
    known = true;                            \
    compare_in_double<Model>(c);             \
  }
  NEURACT_FOR_EACH_MODEL(NEURACT_COMPARE)
#undef NEURACT_COMPARE
  EXPECT_TRUE(known);
}

void compare_in_engine(const Case& c, Precision precision, double tolerance) {
  NetworkSpec spec;
  spec.precision = precision;
  spec.duration = 200.0;
  spec.populations = {{"cells", 3, c.model, c.settings}};
  const auto generator = [&](const std::vector<double>& times, double weight, double delay) {
    StimulusSpec stimulus;
    stimulus.generator = SpikeGenerator{times};
    stimulus.weight = weight;
    stimulus.delay = delay;
    spec.stimuli.push_back(stimulus);
  };
  generator(kExcitatoryTimes, c.excitatory_weight, 1.0);
  generator(kInhibitoryTimes, c.inhibitory_weight, 2.0);
  spec.multimeters = {{0, c.recorded, {1}, 0.1}};

  const testing::Outcome outcome = testing::run_serial(spec);
  const auto rows = read_csv(std::string(c.file) + ".csv");
  std::size_t row = 0;
  for (const TraceBlock& block : outcome.traces) {
    for (std::size_t i = 0; i < block.steps.size(); ++i, ++row) {
      ASSERT_EQ(block.steps[i], static_cast<Step>(row));
      if (c.skips_upstroke && rising(rows, row)) continue;
      for (std::size_t v = 0; v < c.recorded.size(); ++v) {
        ASSERT_NEAR(block.values[i * c.recorded.size() + v], rows[row][v + 1], tolerance)
            << c.recorded[v] << " at step " << row;
      }
    }
  }
  EXPECT_EQ(row, 2000u);
  for (std::uint64_t gid = 0; gid < 3; ++gid) {
    std::vector<Step> spikes;
    for (const auto& [step, id] : outcome.spikes) {
      if (id == gid) spikes.push_back(step);
    }
    EXPECT_EQ(spikes, reference_spikes(c));
  }
}

TEST_P(ReferenceTraces, AreMetByTheEngineInSinglePrecision) {
  compare_in_engine(GetParam(), Precision::f32, GetParam().f32_tolerance);
}

/// All weights are whole quanta, so that nothing is lost on the way into the neurons.
TEST_P(ReferenceTraces, AreMetByTheEngineInDoublePrecision) {
  compare_in_engine(GetParam(), Precision::f64, GetParam().f64_tolerance);
}

INSTANTIATE_TEST_SUITE_P(
    Nest, ReferenceTraces,
    ::testing::Values(
        Case{"iaf_psc_delta_spk", "iaf_psc_delta", {{"I_e", 350.0}}, 2.5, -3.0, {"V_m"}, 1e-10, 2e-3},
        Case{"iaf_psc_delta_sub", "iaf_psc_delta", {{"I_e", 100.0}}, 1.0, -1.5, {"V_m"}, 1e-10, 2e-3},
        Case{"iaf_psc_exp_spk",
             "iaf_psc_exp",
             {{"I_e", 370.0}, {"tau_syn_in", 5.0}},
             400.0,
             -300.0,
             {"V_m", "I_syn_ex", "I_syn_in"},
             1e-10,
             2e-3},
        Case{"iaf_psc_exp_sub",
             "iaf_psc_exp",
             {{"I_e", 100.0}, {"tau_syn_in", 5.0}},
             100.0,
             -150.0,
             {"V_m", "I_syn_ex", "I_syn_in"},
             1e-10,
             2e-3},
        Case{"iaf_psc_alpha_spk",
             "iaf_psc_alpha",
             {{"I_e", 370.0}, {"tau_syn_in", 5.0}},
             250.0,
             -150.0,
             {"V_m", "I_syn_ex", "I_syn_in"},
             1e-10,
             2e-3},
        Case{"iaf_psc_alpha_sub",
             "iaf_psc_alpha",
             {{"I_e", 100.0}, {"tau_syn_in", 5.0}},
             100.0,
             -150.0,
             {"V_m", "I_syn_ex", "I_syn_in"},
             1e-10,
             2e-3},
        Case{"iaf_cond_exp_spk_hp",
             "iaf_cond_exp",
             {{"I_e", 240.0}, {"tau_syn_ex", 2.0}, {"tau_syn_in", 8.0}},
             8.0,
             -5.0,
             {"V_m", "g_ex", "g_in"},
             1e-8,
             2e-3},
        Case{"aeif_cond_exp_spk_hp",
             "aeif_cond_exp",
             {{"I_e", 700.0}, {"tau_syn_ex", 2.0}, {"tau_syn_in", 8.0}},
             10.0,
             -8.0,
             {"V_m", "g_ex", "g_in", "w"},
             1e-3,
             5e-3,
             true},
        Case{"hh_psc_alpha_spk_hp",
             "hh_psc_alpha",
             {{"I_e", 650.0}},
             500.0,
             -500.0,
             {"V_m", "I_syn_ex", "I_syn_in", "Act_m", "Inact_h", "Act_n"},
             1e-3,
             5e-2},
        Case{"izhikevich_RS_spk",
             "izhikevich",
             {{"I_e", 8.0}, {"V_m", -70.0}, {"U_m", -14.0}},
             3.0,
             -3.0,
             {"V_m", "U_m"},
             1e-9,
             5e-2},
        Case{"izhikevich_sub", "izhikevich", {{"V_m", -70.0}, {"U_m", -14.0}}, 1.0, -1.0, {"V_m", "U_m"}, 1e-9, 5e-2}),
    [](const auto& test) { return std::string(test.param.file); });

}  // namespace
}  // namespace neuract::snn
