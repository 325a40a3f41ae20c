#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "neuract/config/network_file.hpp"

/// Synapse models, representations, precision and weight recorders in network files.
namespace neuract::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

/// The specification of a file that must be right.
snn::NetworkSpec parse(const std::string& text, const std::vector<Override>& overrides = {}) {
  static const std::string populations =
      "[populations]\n"
      "E = { n = 80, model = \"iaf_psc_exp\" }\n"
      "I = { n = 20, model = \"iaf_psc_exp\" }\n"
      "DA = { n = 3, model = \"iaf_psc_exp\" }\n";
  ParsedNetwork parsed = parse_network(text + populations, "net.toml", overrides);
  EXPECT_TRUE(parsed) << parsed.report();
  return parsed ? std::move(parsed.network->spec) : snn::NetworkSpec{};
}

/// The only projection of a file, from E to I, with these further lines.
snn::ProjectionSpec projection(const std::string& lines, const std::vector<Override>& overrides = {}) {
  const auto spec =
      parse("[[projections]]\nsource = \"E\"\ntarget = \"I\"\nrule = \"all_to_all\"\nweight = 2.0\n" + lines + "\n",
            overrides);
  return spec.projections.size() == 1 ? spec.projections.front() : snn::ProjectionSpec{};
}

MATCHER_P2(Parameter, name, value, "") { return arg.name == name && arg.value == value; }

TEST(SynapseKeys, ProjectionsAreStaticAndLeaveTheRestToTheEngineUnlessTheySayOtherwise) {
  const auto p = projection("");
  EXPECT_TRUE(p.synapse.is_static());
  EXPECT_EQ(p.representation, snn::Representation::automatic);
  EXPECT_EQ(p.weight_format, snn::WeightFormat::automatic);
}

TEST(SynapseKeys, ASynapseModelIsAName) {
  const auto p = projection("synapse = \"tsodyks2\"");
  EXPECT_EQ(p.synapse.model, "tsodyks2");
  EXPECT_THAT(p.synapse.parameters, IsEmpty());
}

TEST(SynapseKeys, ParametersStandInATable) {
  const auto p = projection("synapse = { stdp_pair = { lambda = 0.02, Wmax = 3, nearest_neighbour = true } }");
  EXPECT_EQ(p.synapse.model, "stdp_pair");
  EXPECT_THAT(p.synapse.parameters,
              ElementsAre(Parameter("lambda", 0.02), Parameter("Wmax", 3.0), Parameter("nearest_neighbour", 1.0)));
}

TEST(SynapseKeys, ParametersMayBeExpressions) {
  const auto p = projection("synapse = { stdp_pair = { lambda = \"= n_source / 1000\", tau_plus = \"= 100 * dt\" } }");
  EXPECT_THAT(p.synapse.parameters, ElementsAre(Parameter("lambda", 0.08), Parameter("tau_plus", 10.0)));
}

TEST(SynapseKeys, AThirdFactorIsAPopulation) {
  const auto p = projection("synapse = { stdp_dopamine = { modulator = \"DA\", tau_c = 500.0 } }");
  EXPECT_EQ(p.synapse.modulator, 2U);
  EXPECT_THAT(p.synapse.parameters, ElementsAre(Parameter("tau_c", 500.0)));
}

TEST(SynapseKeys, RepresentationAndWeightFormatAreWords) {
  EXPECT_EQ(projection("representation = \"sparse\"").representation, snn::Representation::sparse);
  EXPECT_EQ(projection("representation = \"bit_planes\"").representation, snn::Representation::bit_planes);
  EXPECT_EQ(projection("representation = \"procedural\"").representation, snn::Representation::procedural);
  EXPECT_EQ(projection("representation = \"automatic\"").representation, snn::Representation::automatic);
  EXPECT_EQ(projection("weight_format = \"4bit\"").weight_format, snn::WeightFormat::four_bits);
  EXPECT_EQ(projection("weight_format = \"16bit\"").weight_format, snn::WeightFormat::sixteen_bits);
  EXPECT_EQ(projection("weight_format = \"32bit\"").weight_format, snn::WeightFormat::thirty_two_bits);
}

TEST(SynapseKeys, OptionsChangeThem) {
  const auto p = projection("synapse = { stdp_pair = { lambda = 0.02, alpha = 1.1 } }",
                            {"projections[0].synapse.stdp_pair.lambda=0.5", "projections[0].representation=sparse"});
  EXPECT_THAT(p.synapse.parameters, ElementsAre(Parameter("lambda", 0.5), Parameter("alpha", 1.1)));
  EXPECT_EQ(p.representation, snn::Representation::sparse);
  EXPECT_EQ(projection("synapse = \"stdp_pair\"", {"projections[0].synapse=stdp_triplet"}).synapse.model,
            "stdp_triplet");
}

TEST(SynapseKeys, OfATableHoldForAllItsProjectionsButThoseOfAnOverride) {
  const auto spec = parse(R"(
[projection_tables.all]
sources = ["E", "I"]
targets = ["E", "I"]
p = [[0.1, 0.1], [0.1, 0.1]]
rule = "pairwise_bernoulli"
weight = 2.0
synapse = { stdp_pair = { lambda = 0.1 } }
[[projection_tables.all.override]]
source = "I"
synapse = "static"
weight_format = "4bit"
[[projection_tables.all.override]]
source = "I"
target = "I"
representation = "procedural"
)");
  ASSERT_THAT(spec.projections, SizeIs(4));
  for (const auto& p : spec.projections) {
    const bool from_e = p.source == 0;
    EXPECT_EQ(p.synapse.model, from_e ? "stdp_pair" : "static") << p.name;
    EXPECT_THAT(p.synapse.parameters, SizeIs(from_e ? 1 : 0)) << p.name;
    EXPECT_EQ(p.weight_format, from_e ? snn::WeightFormat::automatic : snn::WeightFormat::four_bits) << p.name;
    EXPECT_EQ(p.representation, p.name == "I->I" ? snn::Representation::procedural : snn::Representation::automatic)
        << p.name;
  }
}

TEST(Precision, IsSingleUnlessTheFileSaysOtherwise) {
  EXPECT_EQ(parse("").precision, snn::Precision::f32);
  EXPECT_EQ(parse("[simulation]\nprecision = \"f64\"\n").precision, snn::Precision::f64);
  EXPECT_EQ(parse("", {"simulation.precision=f64"}).precision, snn::Precision::f64);
}

TEST(WeightRecorders, LookAtProjectionsByTheirNames) {
  const auto spec = parse(R"(
[[projections]]
source = ["E", "I"]
target = ["E", "I"]
rule = "all_to_all"
synapse = "stdp_pair"
[[recorders]]
weights = "E->I"
[[recorders]]
weights = ["I->E", "I->I"]
interval = "= 1000 * dt"
targets = { first = 2, count = 3 }
)");
  ASSERT_THAT(spec.weight_recorders, SizeIs(3));
  const auto& names = spec.projections;
  EXPECT_EQ(names[spec.weight_recorders[0].projection].name, "E->I");
  EXPECT_EQ(spec.weight_recorders[0].interval, 0.0);
  EXPECT_THAT(spec.weight_recorders[0].targets, IsEmpty());
  EXPECT_EQ(names[spec.weight_recorders[1].projection].name, "I->E");
  EXPECT_EQ(names[spec.weight_recorders[2].projection].name, "I->I");
  EXPECT_EQ(spec.weight_recorders[2].interval, 100.0);
  EXPECT_THAT(spec.weight_recorders[2].targets, ElementsAre(2U, 3U, 4U));
}

}  // namespace
}  // namespace neuract::config
