#include "neuract/snn/checkpoint.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

#include "checkpoint_rig.hpp"
#include "neuract/snn/synapse_model.hpp"
#include "temporary_folder.hpp"

namespace neuract::snn {
namespace {

using ::testing::HasSubstr;
using testing::Record;
using testing::Rig;
using testing::TemporaryFolder;

struct Cut {
  std::uint32_t shards;
  std::uint32_t cohort_size;
};

/// The whole run, and the run that changes its partition at every one of `steps`, are the same.
void expect_same(const NetworkSpec& spec, const std::vector<Step>& steps, const std::vector<Cut>& cuts) {
  const TemporaryFolder folder;
  Rig whole(spec, 1, 0);
  whole.run();
  const Record expected = whole.record();
  EXPECT_GT(expected.spikes.size(), 50u) << spec.name;

  CheckpointPtr checkpoint;
  Record so_far;
  for (std::size_t i = 0; i <= steps.size(); ++i) {
    const Cut& cut = cuts[i % cuts.size()];
    Rig rig(spec, cut.shards, cut.cohort_size, checkpoint);
    rig.remember(so_far);
    if (i == steps.size()) {
      rig.run();
    } else {
      rig.run_to(steps[i]);
      checkpoint = rig.checkpoint(folder / std::to_string(i));
    }
    so_far = rig.record();
  }
  EXPECT_EQ(so_far.spike_hash, expected.spike_hash) << spec.name;
  EXPECT_EQ(so_far.spikes, expected.spikes) << spec.name;
  EXPECT_EQ(so_far.traces, expected.traces) << spec.name;
  EXPECT_EQ(so_far.events, expected.events) << spec.name;
  EXPECT_EQ(so_far.classifiers, expected.classifiers) << spec.name;
  EXPECT_TRUE(so_far.weights == expected.weights) << spec.name;
  EXPECT_TRUE(so_far == expected) << spec.name;
}

const std::vector<Cut> kCuts = {{1, 0}, {3, 64}, {2, 192}, {5, 4096}};

/// Every model, delays of all kinds, every generator, traces.
NetworkSpec busy() {
  NetworkBuilder net("busy");
  net.settings().duration = 60.0;
  net.settings().warmup = 20.0;
  net.settings().seed = 7;
  const Distribution start{Distribution::Kind::uniform, -70.0, -50.0};
  const Distribution tau{Distribution::Kind::normal_clipped, 10.0, 1.0, 5.0, 15.0};
  const auto a = net.population("a", 333, "iaf_psc_exp", {{"V_m", start}, {"tau_m", tau}});
  const auto b = net.population("b", 200, "iaf_psc_alpha", {{"V_m", start}});
  const auto c =
      net.population("c", 65, "izhikevich", {{"V_m", Distribution{Distribution::Kind::uniform, -70.0, -60.0}}});
  const auto d = net.population("d", 1, "iaf_psc_delta");
  const auto e = net.population("e", 150, "iaf_psc_delta", {{"V_m", start}});
  const Distribution weight{Distribution::Kind::normal, 20.0, 60.0};
  const Distribution delay{Distribution::Kind::normal_clipped, 1.5, 0.75, 0.1};
  net.connect(a, a, rules::fixed_indegree(40), {.weight = weight, .delay = delay});
  net.connect(a, b, rules::pairwise_bernoulli(0.2), {.weight = 90.0, .delay = delay});
  net.connect(b, a, rules::fixed_total_number(5000), {.weight = -150.0, .delay = 0.8});
  net.connect(b, e, rules::fixed_outdegree(30),
              {.weight = Distribution{Distribution::Kind::lognormal, -1.0, 0.5},
               .delay = Distribution{Distribution::Kind::uniform, 0.3, 30.0}});
  net.connect(c, c, rules::all_to_all(), {.weight = 0.05, .delay = 1.0});
  net.connect(e, c, rules::fixed_indegree(10),
              {.weight = -0.3, .delay = Distribution{Distribution::Kind::uniform, 1.0, 3.0}});
  net.connect(d, a, rules::all_to_all(), {.weight = 50.0, .delay = 0.4});
  net.connect(a, e, rules::fixed_indegree(200),
              {.weight = Distribution{Distribution::Kind::uniform, 0.0, 0.3},
               .delay = Distribution{Distribution::Kind::uniform, 0.5, 2.0}});
  net.stimulate(a, PoissonGenerator{8000.0}, {.weight = 60.0});
  net.stimulate(b, PoissonGenerator{30000.0}, {.weight = 20.0});
  net.stimulate(c, NoiseGenerator{4.0, 5.0, 1.0});
  net.stimulate(c, DcGenerator{3.0});
  net.stimulate(d, SpikeGenerator{{5.0, 25.0, 30.0}}, {.weight = 30.0, .delay = 5.0});
  net.stimulate(e, PoissonGenerator{20000.0}, {.weight = 0.8, .start = 3.0, .stop = 71.3});
  net.record(a, {"V_m", "I_syn_ex"}, 0.5);
  net.record(c, {"U_m"}, 0.3, {0, 7, 64});
  return net.spec();
}

TEST(Checkpoint, ContinuesToTheSameBitsWithAnyThreadsAndCohorts) {
  const NetworkSpec spec = busy();
  for (const Step step : {1, 137, 200, 201, 555, 799}) expect_same(spec, {step}, kCuts);
  expect_same(spec, {400}, {{5, 64}, {1, 0}});
  expect_same(spec, {400}, {{2, 128}, {2, 128}});
}

TEST(Checkpoint, ContinuesAContinuedRun) { expect_same(busy(), {3, 77, 205, 206, 431, 700}, kCuts); }

NetworkSpec recurrent(const char* model, double weight, double duration) {
  NetworkBuilder net(std::string("recurrent ") + model);
  net.settings().duration = duration;
  net.settings().seed = 5;
  const auto e = net.population("E", 400, model, {{"V_m", Distribution{.a = -65.0, .b = -55.0}}});
  const auto i = net.population("I", 100, model, {{"V_m", Distribution{.a = -65.0, .b = -55.0}}});
  for (const auto target : {e, i}) {
    net.connect(e, target, rules::fixed_indegree(40), {.weight = weight, .delay = 1.5});
    net.connect(i, target, rules::fixed_indegree(10), {.weight = -5.0 * weight, .delay = 1.5});
    net.stimulate(target, PoissonGenerator{20000.0}, {.weight = weight});
  }
  return net.spec();
}

TEST(Checkpoint, ContinuesDoublePrecision) {
  NetworkSpec spec = busy();
  spec.precision = Precision::f64;
  expect_same(spec, {137, 555}, kCuts);
}

TEST(Checkpoint, ContinuesOneDelayForAll) {
  expect_same(recurrent("iaf_psc_delta", 0.3, 60.0), {301}, kCuts);
  expect_same(recurrent("iaf_psc_exp", 60.0, 60.0), {14, 15, 16}, kCuts);
}

TEST(Checkpoint, ContinuesBitsAndSynapsesThatAreDrawnAgain) {
  for (const Representation representation : {Representation::bit_planes, Representation::procedural}) {
    NetworkSpec spec = recurrent("iaf_psc_exp", 60.0, 60.0);
    for (ProjectionSpec& projection : spec.projections) {
      projection.rule = rules::pairwise_bernoulli(0.1);
      projection.rule.by_source = true;
      projection.representation = representation;
    }
    expect_same(spec, {14, 333}, kCuts);
  }
}

/// Input that makes excitatory neurons fire, and plastic synapses among them.
NetworkSpec plastic(const char* model, std::vector<SynapseSpec::Parameter> parameters, double delay) {
  NetworkBuilder net(model);
  net.settings().duration = 120.0;
  net.settings().warmup = 10.0;
  net.settings().seed = 11;
  const auto e = net.population("E", 150, "iaf_psc_delta", {{"V_m", Distribution{.a = -65.0, .b = -55.0}}});
  const auto i = net.population("I", 70, "iaf_psc_delta", {{"V_m", Distribution{.a = -65.0, .b = -55.0}}});
  const SynapseInfo* const info = find_synapse_model(model);
  SynapseSpec synapse{model, std::move(parameters), std::nullopt};
  if (info->modulated) synapse.modulator = i.index;
  net.connect(e, e, rules::fixed_indegree(20),
              {.weight = Distribution{Distribution::Kind::uniform, 0.1, 0.9}, .delay = delay, .model = synapse});
  net.connect(e, i, rules::fixed_indegree(20), {.weight = 0.5, .delay = Distribution{.a = 0.4, .b = 3.0}});
  net.stimulate(e, PoissonGenerator{20000.0}, {.weight = 0.4});
  net.stimulate(i, PoissonGenerator{20000.0}, {.weight = 0.4});
  if (info->plastic) net.record_weights("E->E", 7.0).record_weights("E->E");
  return net.spec();
}

TEST(Checkpoint, ContinuesSynapsesThatChange) {
  for (const SynapseInfo* info : synapse_models()) {
    if (std::string_view(info->name) == "static") continue;
    std::vector<SynapseSpec::Parameter> parameters;
    for (const ParameterInfo& parameter : info->parameters) {
      if (std::string_view(parameter.name) == "Wmax") parameters.push_back({"Wmax", 1.0});
    }
    for (const Precision precision : {Precision::f32, Precision::f64}) {
      NetworkSpec spec = plastic(info->name, parameters, 2.5);
      spec.precision = precision;
      expect_same(spec, {50, 333, 700, 1001}, kCuts);
    }
  }
}

TEST(Checkpoint, KeepsCohortsOfChangingSynapsesAndDealsThemOutAnew) {
  const TemporaryFolder folder;
  const NetworkSpec spec = plastic("stdp_pair", {{"Wmax", 1.0}}, 1.5);
  Rig two(spec, 2, 64);
  two.run_to(10);
  const CheckpointPtr checkpoint = two.checkpoint(folder / "x");
  for (const std::uint32_t shards : {1u, 2u, 3u, 50u}) {
    const auto kept = kept_placement(*checkpoint, two.plan(), shards);
    ASSERT_TRUE(kept);
    EXPECT_LE(kept->size(), shards);
    EXPECT_GE(kept->size(), std::min(shards, 2u));
    std::size_t cohorts = 0;
    for (const auto& shard : *kept) cohorts += shard.size();
    EXPECT_EQ(cohorts, checkpoint->cohorts().size());
  }
}

NetworkSpec dense(std::uint32_t batch, double presentation) {
  NetworkBuilder net("dense");
  net.settings().duration = 80.0;
  net.settings().seed = 3;
  net.settings().batch = batch;
  net.settings().presentation = presentation;
  const auto input = net.population("input", 150, "iaf_psc_delta");
  const auto output = net.population("output", 70, "iaf_psc_exp");
  net.connect(
      input, output, rules::all_to_all(),
      {.weight = Distribution{Distribution::Kind::uniform, 0.0, 30.0}, .delay = 2.5, .format = DenseFormat::f32});
  net.connect(output, output, rules::all_to_all(), {.weight = 5.0, .delay = 1.0, .format = DenseFormat::nf4});
  net.connect(input, input, rules::fixed_indegree(10),
              {.weight = 1.0, .delay = Distribution{Distribution::Kind::uniform, 0.5, 7.0}});
  net.stimulate(output, PoissonGenerator{500.0}, {.weight = 100.0});
  if (presentation > 0.0) {
    ImageSet images{batch * 5, 150, {}};
    for (std::uint32_t i = 0; i < images.count * images.pixels; ++i)
      images.data.push_back(static_cast<std::uint8_t>(i * 2654435761u >> 24));
    net.stimulate(input, ImageGenerator{std::make_shared<const ImageSet>(images), 900.0});
    net.classify(output, std::vector<std::uint8_t>(images.count, 3));
    net.classify(output, std::vector<std::uint8_t>(images.count, 9), "V_m");
  } else {
    net.stimulate(input, NoiseGenerator{500.0, 200.0, 0.5});
  }
  return net.spec();
}

TEST(Checkpoint, ContinuesDenseProjections) { expect_same(dense(1, 0.0), {123, 124, 600}, kCuts); }
TEST(Checkpoint, ContinuesBatches) { expect_same(dense(5, 0.0), {123, 400}, kCuts); }
TEST(Checkpoint, ContinuesPresentations) {
  // In the middle of one, at its end, and one step later.
  expect_same(dense(1, 20.0), {117, 200, 201, 599, 600}, kCuts);
  expect_same(dense(4, 20.0), {117, 200, 201, 599, 600}, kCuts);
}

TEST(Checkpoint, RefusesAnotherNetworkAndNamesTheFirstDifference) {
  const TemporaryFolder folder;
  const NetworkSpec spec = recurrent("iaf_psc_delta", 0.3, 10.0);
  Rig rig(spec, 1, 0);
  rig.run_to(20);
  const CheckpointPtr checkpoint = rig.checkpoint(folder / "one");
  const auto complaint = [&](const auto& change) {
    NetworkSpec other = spec;
    change(other);
    const auto checked = checkpoint->check(*Plan::make(other).value());
    return checked ? std::string() : checked.error().message;
  };
  EXPECT_EQ(complaint([](NetworkSpec& s) { s.duration = 1000.0; }), "");
  EXPECT_EQ(complaint([](NetworkSpec& s) { s.stop_if = RateGuard{100.0, 10.0}; }), "");
  EXPECT_EQ(complaint([](NetworkSpec& s) { s.name = "renamed"; }), "");
  EXPECT_THAT(
      complaint([](NetworkSpec& s) { s.seed = 6; }),
      HasSubstr("one: belongs to another network, \"recurrent iaf_psc_delta\" at 2 ms: simulation, seed: 5 in the "
                "checkpoint, 6 in the network"));
  EXPECT_THAT(complaint([](NetworkSpec& s) { s.dt = 0.05; }),
              HasSubstr("dt: 0.1 in the checkpoint, 0.05 in the network"));
  EXPECT_THAT(complaint([](NetworkSpec& s) { s.populations[0].n = 401; }),
              HasSubstr("population \"E\", n: 400 in the checkpoint, 401 in the network"));
  EXPECT_THAT(complaint([](NetworkSpec& s) {
                s.populations[1].settings.push_back({"t_ref", 3.0});
              }),
              HasSubstr("population \"I\", t_ref: only in the network"));
  EXPECT_THAT(complaint([](NetworkSpec& s) { s.populations[1].settings.clear(); }),
              HasSubstr("population \"I\", V_m: only in the checkpoint"));
  EXPECT_THAT(complaint([](NetworkSpec& s) { s.projections[2].weight = 0.31; }), HasSubstr("weight: 0.3 in"));
  EXPECT_THAT(complaint([](NetworkSpec& s) { s.stimuli.pop_back(); }), HasSubstr("only in the checkpoint"));
  EXPECT_THAT(complaint([](NetworkSpec& s) { s.spike_recorders.push_back({0}); }),
              HasSubstr("recorder, spikes: only in the network"));
  EXPECT_THAT(complaint([](NetworkSpec& s) { s.stimuli[0].generator = PoissonGenerator{20000.5}; }),
              HasSubstr("poisson_generator, rate: 20000 in the checkpoint, 20000.5 in the network"));
}

TEST(Checkpoint, KeepsPlacesOfCohortsOnlyWhereItMust) {
  const TemporaryFolder folder;
  Rig rig(busy(), 2, 64);
  rig.run_to(10);
  EXPECT_FALSE(kept_placement(*rig.checkpoint(folder / "x"), rig.plan(), 2));
}

}  // namespace
}  // namespace neuract::snn
