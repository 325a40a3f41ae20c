#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "serial_run.hpp"

// Whole networks give the same spikes however their synapses are kept.
namespace neuract::snn {
namespace {

using testing::Outcome;
using testing::run_serial;

/// Excitatory and inhibitory neurons, driven so that they fire at tens of spikes a second.
NetworkSpec network(const Rule& from_e, const Rule& from_i, const Value& weight_e, const Value& weight_i,
                    const Value& delay) {
  NetworkSpec spec;
  spec.duration = 60.0;
  spec.warmup = 10.0;
  const std::vector<Setting> start = {{"V_th", 20.0},
                                      {"E_L", 0.0},
                                      {"V_reset", 10.0},
                                      {"tau_m", 20.0},
                                      {"V_m", Distribution{Distribution::Kind::uniform, 0.0, 20.0}}};
  spec.populations = {{"E", 800, "iaf_psc_delta", start}, {"I", 200, "iaf_psc_delta", start}};
  for (const std::uint32_t target : {0u, 1u}) {
    spec.projections.push_back({"E->" + std::to_string(target), 0, target, from_e, weight_e, delay});
    spec.projections.push_back({"I->" + std::to_string(target), 1, target, from_i, weight_i, delay});
    spec.stimuli.push_back({"drive" + std::to_string(target), PoissonGenerator{20000.0}, target, {}, 0.1});
  }
  return spec;
}

Outcome run(NetworkSpec spec, Representation representation, std::uint32_t shards = 1, std::uint32_t cohort = 0) {
  for (ProjectionSpec& projection : spec.projections) projection.representation = representation;
  return run_serial(spec, shards, cohort);
}

void expect_equal(const Outcome& a, const Outcome& b) {
  EXPECT_GT(a.counted_spikes, 100u);
  EXPECT_EQ(a.spikes, b.spikes);
  EXPECT_EQ(a.spike_hash, b.spike_hash);
  EXPECT_EQ(a.events, b.events);
}

TEST(Representations, OfUniformSynapsesGiveTheSameSpikes) {
  const NetworkSpec spec = network({Rule::Kind::fixed_indegree, 80}, {Rule::Kind::fixed_indegree, 20}, 0.3, -1.2, 1.5);
  const Outcome sparse = run(spec, Representation::sparse);
  expect_equal(run(spec, Representation::bit_planes), sparse);
  expect_equal(run(spec, Representation::bit_planes, 2, 192), sparse);
  expect_equal(run(spec, Representation::automatic), sparse);
}

TEST(Representations, OfRulesDrawnBySourceGiveTheSameSpikes) {
  Rule bernoulli{Rule::Kind::pairwise_bernoulli, 0, 0.1};
  bernoulli.by_source = true;
  bernoulli.allow_autapses = false;
  const Distribution weights{Distribution::Kind::normal, 0.3, 0.05};
  const Distribution delays{Distribution::Kind::uniform, 0.5, 3.0};
  for (const auto& [from_e, from_i] :
       {std::pair{bernoulli, bernoulli},
        {Rule{Rule::Kind::fixed_outdegree, 80}, Rule{Rule::Kind::fixed_outdegree, 80}}}) {
    const NetworkSpec uniform = network(from_e, from_i, 0.3, -1.2, 1.5);
    const Outcome lists = run(uniform, Representation::sparse);
    expect_equal(run(uniform, Representation::procedural), lists);
    expect_equal(run(uniform, Representation::procedural, 3, 128), lists);
    expect_equal(run(uniform, Representation::bit_planes), lists);
    const NetworkSpec varied = network(from_e, from_i, weights, -1.2, delays);
    const Outcome kept = run(varied, Representation::sparse);
    expect_equal(run(varied, Representation::procedural), kept);
    expect_equal(run(varied, Representation::procedural, 2, 256), kept);
  }
}

TEST(Representations, OfEveryWeightFormatGiveTheSameSpikes) {
  const Rule rule{Rule::Kind::fixed_outdegree, 80};
  const Distribution weights{Distribution::Kind::normal, 0.3, 0.05};
  for (const WeightFormat format :
       {WeightFormat::four_bits, WeightFormat::sixteen_bits, WeightFormat::thirty_two_bits}) {
    NetworkSpec spec = network(rule, rule, weights, Distribution{Distribution::Kind::uniform, -1.5, -1.0}, 1.5);
    for (ProjectionSpec& projection : spec.projections) projection.weight_format = format;
    expect_equal(run(spec, Representation::procedural), run(spec, Representation::sparse));
  }
}

}  // namespace
}  // namespace neuract::snn
