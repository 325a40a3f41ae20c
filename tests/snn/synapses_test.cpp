#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

#include "neuract/kernels/isa.hpp"
#include "neuract/snn/synapse_model.hpp"
#include "neuract/snn/synapses/short_term.hpp"
#include "synapses_driver.hpp"
#include "synapses_oracle.hpp"

namespace neuract::snn {
namespace {

using testing::DopamineOracle;
using testing::Driver;
using testing::Synapse;
using testing::SynapseOracle;
using testing::synapses_of;
using testing::Trains;

constexpr double kDt = 0.1;

/// Populations "pre" and "post" (and "reward"), and one projection between the first two.
NetworkSpec network(SynapseSpec synapse, Precision precision, std::uint32_t pre, std::uint32_t post) {
  NetworkSpec spec;
  spec.dt = kDt;
  spec.duration = 1000.0;
  spec.precision = precision;
  for (const auto& [name, n] : {std::pair{"pre", pre}, std::pair{"post", post}, std::pair{"reward", 3u}}) {
    PopulationSpec population;
    population.name = name;
    population.n = n;
    population.model = "iaf_psc_exp";
    spec.populations.push_back(population);
  }
  ProjectionSpec projection;
  projection.name = "pre->post";
  projection.source = 0;
  projection.target = 1;
  projection.rule.kind = Rule::Kind::all_to_all;
  projection.weight = 50.0;
  projection.delay = 1.0;
  projection.synapse = std::move(synapse);
  spec.projections.push_back(projection);
  return spec;
}

PlanPtr plan_of(const NetworkSpec& spec) { return Plan::make(spec).value(); }

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

/// The numbers of a list in a JSON file of one number a line.
std::vector<double> read_list(const std::string& file, const std::string& key) {
  std::ifstream in(std::string(NEURACT_SOURCE_DIR) + "/tests/data/reference/" + file);
  std::stringstream all;
  all << in.rdbuf();
  const std::string text = all.str();
  const std::size_t begin = text.find('[', text.find("\"" + key + "\"")) + 1;
  std::string numbers = text.substr(begin, text.find(']', begin) - begin);
  std::replace(numbers.begin(), numbers.end(), ',', ' ');
  std::istringstream in_numbers(numbers);
  std::vector<double> list;
  for (double x = 0.0; in_numbers >> x;) list.push_back(x);
  return list;
}

Step step_of(double ms) { return std::llround(ms / kDt) - 1; }

void add_spikes(Trains& trains, std::size_t population, const std::vector<double>& times) {
  for (const double t : times) trains[population][step_of(t)].insert(0);
}

struct Tolerance {
  Precision precision;
  double weight;
};
const Tolerance kPrecisions[] = {{Precision::f32, 1e-5}, {Precision::f64, 1e-12}};

// ---------------------------------------------------------------------------------------------------- protocols

struct Protocol {
  const char* file;
  std::vector<SynapseSpec::Parameter> parameters;
};

TEST(PlasticSynapses, ChangeTheirWeightsAsTheReferenceDoes) {
  const Protocol protocols[] = {
      {"stdp_pair_dt+5", {}},
      {"stdp_pair_dt-5", {}},
      {"stdp_poisson_add", {{"alpha", 1.05}, {"mu_plus", 0.0}, {"mu_minus", 0.0}}},
  };
  for (const Protocol& protocol : protocols) {
    for (const Tolerance& tolerance : kPrecisions) {
      SCOPED_TRACE(protocol.file);
      const std::string json = std::string(protocol.file) + ".json";
      Trains trains(3);
      add_spikes(trains, 0, read_list(json, "pre_ms"));
      add_spikes(trains, 1, read_list(json, "post_ms"));
      const PlanPtr plan = plan_of(network({"stdp_pair", protocol.parameters}, tolerance.precision, 1, 1));
      const double quantum = plan->populations()[1].receptor_quantum[0];
      Driver driver(plan, trains, {1, 0, 1});
      const auto rows = read_csv(std::string(protocol.file) + ".csv");
      ASSERT_GT(rows.size(), 50u);
      for (const auto& row : rows) {
        const Step arrival = step_of(row[0]) + 10;
        driver.run(arrival + 1, 1);
        ASSERT_NEAR(driver.weights()[0] / row[1], 1.0, tolerance.weight) << row[0] << " ms";
        const auto delivered = static_cast<double>(driver.inputs().at({arrival, 0})) * quantum;
        ASSERT_NEAR(delivered / row[1], 1.0, 1e-5) << row[0] << " ms";
      }
    }
  }
}

TEST(ShortTermPlasticity, DeliversWhatTheReferenceDoes) {
  struct Case {
    const char* file;
    SynapseSpec synapse;
    double weight;
  };
  const Case cases[] = {
      {"tsodyks_dep", {"tsodyks", {{"tau_psc", 3.0}, {"tau_rec", 800.0}, {"tau_fac", 0.0}, {"U", 0.5}}}, 250.0},
      {"tsodyks_fac", {"tsodyks", {{"tau_psc", 3.0}, {"tau_rec", 100.0}, {"tau_fac", 1000.0}, {"U", 0.03}}}, 1500.0},
      {"tsodyks2_fac", {"tsodyks2", {{"tau_rec", 100.0}, {"tau_fac", 1000.0}, {"U", 0.03}, {"u", 0.03}}}, 1500.0},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.file);
    const auto rows = read_csv(std::string(c.file) + "_efficacy.csv");
    ASSERT_GT(rows.size(), 20u);
    NetworkSpec spec = network(c.synapse, Precision::f32, 1, 1);
    spec.projections[0].weight = c.weight;
    const PlanPtr plan = plan_of(spec);
    Trains trains(3);
    for (const auto& row : rows) add_spikes(trains, 0, {row[0]});
    Driver driver(plan, trains, {1, 0, 1});
    driver.run(step_of(2000.0), 7);
    const synapses::ShortTermRule rule(c.synapse, kDt);
    synapses::Resources resources = rule.at_start();
    double last = rows[0][0];
    for (const auto& row : rows) {
      const double share = rule.spike(resources, static_cast<double>(std::llround((row[0] - last) / kDt)));
      last = row[0];
      EXPECT_NEAR(c.weight * share / row[1], 1.0, 1e-12) << row[0] << " ms";
      const auto delivered = static_cast<double>(driver.inputs().at({step_of(row[0]) + 10, 0}));
      EXPECT_NEAR(delivered * plan->populations()[1].receptor_quantum[0] / row[1], 1.0, 1e-5) << row[0] << " ms";
    }
    EXPECT_EQ(driver.pathway().events(), rows.size());
  }
}

// ---------------------------------------------------------------------------------------------------- random trains

/// A generator that is the same everywhere.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return state_ >> 33;
  }
  bool chance(double p) { return static_cast<double>(next()) < p * 0x1p31; }

 private:
  std::uint64_t state_;
};

Trains random_trains(std::uint64_t seed, Step steps, std::uint32_t pre, std::uint32_t post, double rate_pre,
                     double rate_post) {
  Dice dice(seed);
  Trains trains(3);
  for (Step step = 0; step < steps; ++step) {
    for (std::uint32_t n = 0; n < pre; ++n) {
      if (dice.chance(rate_pre)) trains[0][step].insert(n);
    }
    for (std::uint32_t n = 0; n < post; ++n) {
      // Some fire often, one not at all.
      if (n != 2 && dice.chance(n % 7 == 0 ? 5.0 * rate_post : rate_post)) trains[1][step].insert(n);
    }
    if (dice.chance(0.01)) trains[2][step].insert(static_cast<std::uint32_t>(dice.next() % 3));
  }
  return trains;
}

bool fires(const Trains& trains, std::size_t population, Step step, std::uint32_t neuron) {
  const auto at = trains[population].find(step);
  return at != trains[population].end() && at->second.count(neuron) != 0;
}

struct Expected {
  std::vector<double> weights;  // at synapse time `now - 1 - delay`
  std::map<std::pair<Step, std::uint32_t>, double> inputs;
};

/// What must come out by `now`, synapse by synapse.
Expected expected(const Plan& plan, const Trains& trains, std::uint32_t first, std::uint32_t count, Step now) {
  const ProjectionSpec& projection = plan.spec().projections[0];
  const auto [low, high] = SynapseProperties(plan, 0).weight_range();
  Expected out;
  for (const Synapse& synapse : synapses_of(plan, first, count)) {
    if (projection.synapse.modulator) {
      DopamineOracle oracle(projection.synapse, plan.dt(), synapse.weight);
      for (Step t = 0; t + synapse.delay < now; ++t) {
        const bool pre = fires(trains, 0, t, synapse.source);
        const auto rewards = trains[*projection.synapse.modulator].find(t - synapse.delay);
        const bool post = fires(trains, 1, t - synapse.delay, synapse.target);
        const bool rewarded = rewards != trains[*projection.synapse.modulator].end();
        if (pre || post || rewarded || t + 1 + synapse.delay == now)
          oracle.step(t, post, pre, rewarded ? rewards->second.size() : 0);
        if (pre) out.inputs[{t + synapse.delay, synapse.target - first}] += oracle.weight();
      }
      out.weights.push_back(oracle.weight());
      continue;
    }
    SynapseOracle oracle(projection.synapse, plan.dt(), synapse.weight, std::max(std::abs(low), std::abs(high)));
    for (Step t = 0; t + synapse.delay < now; ++t) {
      const bool pre = fires(trains, 0, t, synapse.source);
      const bool post = fires(trains, 1, t - synapse.delay, synapse.target);
      if (!pre && !post) continue;
      oracle.step(t, post, pre);
      if (pre) out.inputs[{t + synapse.delay, synapse.target - first}] += oracle.weight();
    }
    out.weights.push_back(oracle.weight());
  }
  return out;
}

struct Model {
  const char* title;
  SynapseSpec synapse;
  Value weight;
};

std::ostream& operator<<(std::ostream& out, const Model& model) { return out << model.title; }

const Model kPairModels[] = {
    {"pair", {"stdp_pair", {{"lambda", 0.05}, {"alpha", 1.1}}}, 50.0},
    {"pair_additive", {"stdp_pair", {{"lambda", 0.1}, {"mu_plus", 0.0}, {"mu_minus", 0.0}}}, 50.0},
    {"pair_powers", {"stdp_pair", {{"lambda", 0.05}, {"mu_plus", 0.3}, {"mu_minus", 1.7}, {"tau_minus", 34.0}}}, 50.0},
    {"pair_nearest", {"stdp_pair", {{"lambda", 0.05}, {"nearest_neighbour", 1.0}}}, 50.0},
    {"pair_negative", {"stdp_pair", {{"lambda", 0.05}, {"Wmax", -80.0}}}, -50.0},
    {"power_law", {"stdp_pl", {{"lambda", 0.1}, {"alpha", 0.0513}, {"mu", 0.4}}}, 45.0},
    {"power_law_clipped", {"stdp_pl", {{"lambda", 0.5}, {"alpha", 0.05}, {"mu", 0.7}, {"Wmax", 60.0}}}, 45.0},
    {"triplet", {"stdp_triplet", {{"Aplus", 0.01}, {"Aplus_triplet", 0.5}, {"Aminus", 0.4}, {"Wmax", 90.0}}}, 50.0},
    {"vogels", {"vogels_sprekeler", {{"eta", 0.5}, {"Wmax", -60.0}}}, -50.0},
    {"drawn_weights", {"stdp_pair", {{"lambda", 0.05}}}, Distribution{Distribution::Kind::uniform, 10.0, 90.0}},
};

/// These have one delay for all.
const Model kDopamineModels[] = {
    {"dopamine", {"stdp_dopamine", {{"tau_c", 100.0}, {"tau_n", 30.0}, {"A_minus", 1.2}}, 2}, 50.0},
    {"dopamine_at_rest", {"stdp_dopamine", {{"tau_c", 50.0}, {"b", 0.01}}, 2}, 50.0},
    {"dopamine_negative", {"stdp_dopamine", {{"tau_c", 60.0}, {"Wmin", -55.0}, {"Wmax", -45.0}}, 2}, -50.0},
};

class RandomTrains : public ::testing::TestWithParam<std::tuple<Model, bool>> {
 protected:
  NetworkSpec spec(Precision precision, std::uint32_t pre, std::uint32_t post) const {
    const auto& [model, delays_differ] = GetParam();
    NetworkSpec spec = network(model.synapse, precision, pre, post);
    spec.projections[0].weight = model.weight;
    spec.projections[0].rule.kind = Rule::Kind::fixed_indegree;
    spec.projections[0].rule.count = 12;
    if (delays_differ) spec.projections[0].delay = Distribution{Distribution::Kind::uniform, 0.5, 3.0};
    return spec;
  }
};

TEST_P(RandomTrains, GiveWhatSingleSynapsesGive) {
  const Step end = 6000;
  const Trains trains = random_trains(3, end, 20, 70, 0.004, 0.003);
  for (const Precision precision : {Precision::f32, Precision::f64}) {
    const PlanPtr plan = plan_of(spec(precision, 20, 70));
    const bool f64 = precision == Precision::f64;
    Driver driver(plan, trains, {1, 0, 70});
    driver.run(end, 64);
    const Expected wanted = expected(*plan, trains, 0, 70, end);
    const auto list = driver.pathway().weights();
    ASSERT_EQ(list.weights.size(), wanted.weights.size());
    const auto synapses = synapses_of(*plan, 0, 70);
    double moved = 0.0;
    for (std::size_t i = 0; i < list.weights.size(); ++i) {
      ASSERT_EQ(list.sources[i], synapses[i].source);
      ASSERT_EQ(list.targets[i], synapses[i].target);
      // Hundreds of changes, each rounded relative to Wmax; powers below 1 magnify that near 0.
      ASSERT_NEAR(list.weights[i], wanted.weights[i], f64 ? 1e-10 : 2e-3) << "synapse " << i;
      moved = std::max(moved, std::abs(list.weights[i] - synapses[i].weight));
    }
    EXPECT_GT(moved, 2.0) << "nothing happened";
    const int receptor = synapses[0].weight < 0.0 ? 1 : 0;
    const double quantum = plan->populations()[1].receptor_quantum[receptor];
    for (const auto& [place, quanta] : driver.inputs()) ASSERT_EQ(wanted.inputs.count(place), 1u) << place.first;
    for (const auto& [place, weight] : wanted.inputs) {
      const auto at = driver.inputs().find(place);  // not there when all weights are 0
      const double quanta = at == driver.inputs().end() ? 0.0 : static_cast<double>(at->second);
      ASSERT_NEAR(quanta * quantum, weight, 10 * quantum + (f64 ? 1e-9 : 1e-2)) << place.first;
    }
  }
}

TEST_P(RandomTrains, GiveTheSameBitsForAllWindowsCohortsAndInstructionSets) {
  const Step end = 2000;
  const Trains trains = random_trains(4, end, 20, 200, 0.004, 0.003);
  const PlanPtr plan = plan_of(spec(Precision::f32, 20, 200));
  Driver driver(plan, trains, {1, 0, 200});
  driver.run(end, 64);
  const auto weights = driver.weights();
  for (const kernels::Isa isa : kernels::supported_isas()) {
    ASSERT_TRUE(kernels::set_isa_for_testing(isa));
    for (const Step length : {1, 5}) {
      for (const std::uint32_t size : {64u, 128u, 200u}) {
        SCOPED_TRACE(std::string(kernels::name_of(isa)) + ", windows of " + std::to_string(length) + ", cohorts of " +
                     std::to_string(size));
        std::vector<double> parts;
        std::map<std::pair<Step, std::uint32_t>, std::int64_t> inputs;
        std::uint64_t events = 0;
        for (std::uint32_t first = 0; first < 200; first += size) {
          Driver part(plan, trains, {1, first, std::min(size, 200 - first)});
          part.run(end, length);
          for (const double w : part.weights()) parts.push_back(w);
          for (const auto& [place, quanta] : part.inputs()) inputs[{place.first, place.second + first}] = quanta;
          events += part.pathway().events();
        }
        ASSERT_EQ(parts, weights);
        ASSERT_EQ(inputs, driver.inputs());
        ASSERT_EQ(events, driver.pathway().events());
      }
    }
  }
  kernels::set_isa_for_testing(kernels::supported_isas().back());
}

TEST_P(RandomTrains, ContinueFromASavedStateToTheSameBits) {
  const Step end = 4000;
  const Trains trains = random_trains(5, end, 20, 70, 0.004, 0.003);
  for (const Precision precision : {Precision::f32, Precision::f64}) {
    const PlanPtr plan = plan_of(spec(precision, 20, 70));
    Driver whole(plan, trains, {1, 0, 70});
    whole.run(end, 64);
    Driver first(plan, trains, {1, 0, 70});
    first.run(1733, 5);
    Driver second(plan, trains, {1, 0, 70});
    second.continue_from(first);
    second.run(end, 5);
    EXPECT_EQ(second.weights(), whole.weights());
    EXPECT_EQ(second.pathway().events(), whole.pathway().events());
    for (const auto& [place, quanta] : second.inputs()) ASSERT_EQ(quanta, whole.inputs().at(place));
  }
}

TEST_P(RandomTrains, SurviveNeuronsThatFireInEveryStep) {
  const Step end = 1500;
  Trains trains = random_trains(6, end, 20, 70, 0.002, 0.002);
  for (Step step = 100; step < 600; ++step) trains[1][step].insert({5, 6});
  for (Step step = 300; step < 400; ++step) trains[0][step].insert(3);
  const PlanPtr plan = plan_of(spec(Precision::f64, 20, 70));
  Driver driver(plan, trains, {1, 0, 70});
  driver.run(end, 3);
  const Expected wanted = expected(*plan, trains, 0, 70, end);
  const auto weights = driver.weights();
  ASSERT_EQ(weights.size(), wanted.weights.size());
  for (std::size_t i = 0; i < weights.size(); ++i) ASSERT_NEAR(weights[i], wanted.weights[i], 1e-9) << i;
  Driver other(plan, trains, {1, 0, 64});
  other.run(end, 64);
  const auto part = other.weights();
  ASSERT_TRUE(std::equal(part.begin(), part.end(), weights.begin()));
}

std::string title_of(const ::testing::TestParamInfo<std::tuple<Model, bool>>& param) {
  return std::string(std::get<0>(param.param).title) + (std::get<1>(param.param) ? "_and_delays" : "");
}

INSTANTIATE_TEST_SUITE_P(OfPairs, RandomTrains, ::testing::Combine(::testing::ValuesIn(kPairModels), ::testing::Bool()),
                         title_of);
INSTANTIATE_TEST_SUITE_P(OfDopamine, RandomTrains,
                         ::testing::Combine(::testing::ValuesIn(kDopamineModels), ::testing::Values(false)), title_of);

// ---------------------------------------------------------------------------------------------------- edges

TEST(PlasticSynapses, StayBetweenZeroAndTheLargestWeight) {
  Trains trains(3);
  for (Step t = 100; t < 3000; t += 100) {
    trains[0][t].insert(0);
    trains[1][t + 5].insert(0);   // reaches the synapse 15 steps after the source's spike: up
    trains[1][t - 15].insert(1);  // and this one 5 steps before: down
  }
  const SynapseSpec additive = {"stdp_pair", {{"lambda", 0.2}, {"mu_plus", 0.0}, {"mu_minus", 0.0}, {"Wmax", 70.0}}};
  Driver driver(plan_of(network(additive, Precision::f32, 1, 2)), trains, {1, 0, 2});
  driver.run(3100, 10);
  EXPECT_EQ(driver.weights(), (std::vector<double>{70.0, 0.0}));
}

TEST(PlasticSynapses, RememberNothingAfterALongSilence) {
  // Long enough for steps to be counted anew a few times; traces are gone by then.
  NetworkSpec spec = network({"stdp_pair", {{"lambda", 0.1}}}, Precision::f64, 1, 1);
  spec.projections[0].delay = 1600.0;
  const PlanPtr plan = plan_of(spec);
  const Step late = (Step{1} << 24) + 12345;
  Trains trains(3);
  trains[0] = {{100, {0}}, {late, {0}}, {late + 300, {0}}};
  trains[1] = {{50, {0}}, {late + 100 - 16000, {0}}};
  Driver driver(plan, trains, {1, 0, 1});
  driver.run(late + 301 + 16000, 16000);
  SynapseOracle oracle(spec.projections[0].synapse, kDt, 50.0, 50.0);
  oracle.step(100, false, true);
  oracle.step(50 + 16000, true, false);
  oracle.step(late, false, true);
  oracle.step(late + 100, true, false);
  oracle.step(late + 300, false, true);
  EXPECT_NEAR(driver.weights()[0], oracle.weight(), 1e-11);
}

TEST(PlasticSynapses, KeepTheirWeightsAndNothingElseFromOnePresentationToTheNext) {
  const SynapseSpec pair = {"stdp_pair", {{"lambda", 0.1}}};
  Trains trains(3);
  trains[0] = {{20, {0}}, {95, {0}}, {120, {0}}};  // the second has not arrived when the presentation ends
  trains[1] = {{30, {0}}, {80, {0}}, {105, {0}}};
  const PlanPtr plan = plan_of(network(pair, Precision::f64, 1, 1));
  Driver driver(plan, trains, {1, 0, 1});
  driver.run(100, 10);
  driver.start_presentation();
  driver.run(200, 10);
  SynapseOracle before(pair, kDt, 50.0, 50.0);
  before.step(20, false, true);
  before.step(40, true, false);
  SynapseOracle after(pair, kDt, before.weight(), 50.0);
  after.step(115, true, false);
  after.step(120, false, true);
  EXPECT_NEAR(driver.weights()[0], after.weight(), 1e-12);
  EXPECT_EQ(driver.pathway().events(), 2u);
}

TEST(ShortTermPlasticity, ScalesWeightsOfTheirOwnAndDelays) {
  const SynapseSpec synapse = {"tsodyks2", {{"U", 0.2}, {"u", 0.2}, {"tau_rec", 100.0}, {"tau_fac", 500.0}}};
  NetworkSpec spec = network(synapse, Precision::f32, 30, 200);
  spec.projections[0].rule.kind = Rule::Kind::pairwise_bernoulli;
  spec.projections[0].rule.p = 0.3;
  spec.projections[0].weight = Distribution{Distribution::Kind::uniform, 10.0, 90.0};
  spec.projections[0].delay = Distribution{Distribution::Kind::uniform, 0.5, 3.0};
  const PlanPtr plan = plan_of(spec);
  const Step end = 2000;
  const Trains trains = random_trains(8, end, 30, 0, 0.01, 0.0);
  std::map<std::pair<Step, std::uint32_t>, double> wanted;
  const synapses::ShortTermRule rule(synapse, kDt);
  std::vector<synapses::Resources> resources(30, rule.at_start());
  std::vector<Step> last(30, -1);
  std::map<std::pair<Step, std::uint32_t>, double> shares;
  for (const auto& [step, sources] : trains[0]) {
    for (const std::uint32_t s : sources) {
      shares[{step, s}] = rule.spike(resources[s], last[s] < 0 ? 0.0 : static_cast<double>(step - last[s]));
      last[s] = step;
    }
  }
  for (const Synapse& one : synapses_of(*plan, 0, 200)) {
    for (const auto& [sent, share] : shares) {
      if (sent.second == one.source && sent.first + one.delay < end)
        wanted[{sent.first + one.delay, one.target}] += one.weight * share;
    }
  }
  Driver driver(plan, trains, {1, 0, 200});
  driver.run(end, 5);
  const double quantum = plan->populations()[1].receptor_quantum[0];
  ASSERT_EQ(driver.inputs().size(), wanted.size());
  for (const auto& [place, weight] : wanted)
    ASSERT_NEAR(static_cast<double>(driver.inputs().at(place)) * quantum, weight,
                20 * plan->projections()[0].weight_quantum);

  Driver first(plan, trains, {1, 64, 100});
  first.run(999, 2);
  Driver second(plan, trains, {1, 64, 100});
  second.continue_from(first);
  second.run(end, 3);
  for (const auto& [place, quanta] : second.inputs())
    ASSERT_EQ(quanta, driver.inputs().at({place.first, place.second + 64}));
}

// ---------------------------------------------------------------------------------------------------- catalogue

TEST(SynapseModels, AreListedWithDefaultsThatPass) {
  ASSERT_FALSE(synapse_models().empty());
  EXPECT_STREQ(synapse_models().front()->name, "static");
  for (const SynapseInfo* info : synapse_models()) {
    SCOPED_TRACE(info->name);
    EXPECT_EQ(find_synapse_model(info->name), info);
    const SynapseSpec spec = {info->name, {}, info->modulated ? std::optional<std::uint32_t>(2) : std::nullopt};
    const auto values = parameter_values(*info, spec);
    EXPECT_EQ(values.size(), info->parameters.size());
    EXPECT_TRUE(info->check_together(values).empty());
    EXPECT_GE(info->largest_weight(values, 0.5), 0.5);
    NetworkSpec network_spec = network(spec, Precision::f32, 2, 2);
    network_spec.projections[0].weight = 0.5;
    EXPECT_TRUE(validate_synapse(network_spec, 0, true).empty());
  }
  EXPECT_EQ(find_synapse_model("stdp"), nullptr);
}

TEST(SynapseModels, NameWhatIsWrong) {
  const auto message = [](SynapseSpec synapse, Value weight, Value delay = 1.0) {
    NetworkSpec spec = network(std::move(synapse), Precision::f32, 2, 2);
    spec.projections[0].weight = std::move(weight);
    spec.projections[0].delay = std::move(delay);
    std::string text;
    for (const Fault& fault : validate_synapse(spec, 0, true)) text += fault.path + " | " + fault.message + "\n";
    return text;
  };
  const std::string p = "projection \"pre->post\": ";
  EXPECT_EQ(message({"stdp_par"}, 1.0),
            "projections[0].synapse | " + p +
                "unknown synapse model \"stdp_par\"; there are static, tsodyks, tsodyks2, stdp_pair, stdp_pl, "
                "stdp_triplet, vogels_sprekeler, stdp_dopamine (did you mean \"stdp_pair\"?)\n");
  EXPECT_EQ(message({"stdp_pair", {{"tau_pls", 1.0}}}, 1.0),
            "projections[0].synapse.tau_pls | " + p +
                "unknown parameter \"tau_pls\"; stdp_pair has tau_plus, tau_minus, lambda, alpha, mu_plus, mu_minus, "
                "Wmax, nearest_neighbour (did you mean \"tau_plus\"?)\n");
  EXPECT_EQ(message({"stdp_pair", {{"tau_plus", -1.0}}}, 1.0),
            "projections[0].synapse.tau_plus | " + p + "tau_plus is -1 ms, must be positive\n");
  EXPECT_EQ(message({"stdp_pair"}, Distribution{Distribution::Kind::uniform, -1.0, 1.0}),
            "projections[0].weight | " + p +
                "weights between -1 and 1; those of synapse model \"stdp_pair\" must have one sign\n");
  EXPECT_EQ(message({"stdp_pair"}, 101.0), "projections[0].weight | " + p + "weight is up to 101, but Wmax is 100\n");
  EXPECT_EQ(message({"vogels_sprekeler"}, -0.5),
            "projections[0].synapse.Wmax | " + p + "Wmax is 1, but weights have the other sign\n");
  EXPECT_EQ(message({"stdp_pair", {}, 2u}, 1.0),
            "projections[0].synapse.modulator | " + p + "synapse model \"stdp_pair\" takes no modulator\n");
  EXPECT_EQ(message({"stdp_dopamine"}, 1.0),
            "projections[0].synapse | " + p +
                "synapse model \"stdp_dopamine\" needs a modulator, the population whose spikes reward\n");
  EXPECT_EQ(message({"stdp_dopamine", {}, 2u}, 1.0, Distribution{Distribution::Kind::uniform, 1.0, 2.0}),
            "projections[0].delay | " + p + "synapse model \"stdp_dopamine\" needs one delay for all\n");
  EXPECT_EQ(message({"tsodyks", {{"U", 1.5}}}, 1.0), "projections[0].synapse | " + p + "U must not exceed 1\n");
}

}  // namespace
}  // namespace neuract::snn
