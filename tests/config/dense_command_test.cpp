#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "command_fixture.hpp"
#include "neuract/config/summary.hpp"
#include "neuract/snn/sonata_reader.hpp"

/// `neuract run` and `neuract check` on networks with dense projections, batches and images.
namespace neuract::config {
namespace {

using testing::AllOf;
using testing::HasSubstr;

/// Images through two layers from a file. Nothing in it is drawn, so that an image gets the same answer wherever in a
/// batch it stands.
const std::string kClassifier = R"([simulation]
dt = 1.0
batch = 4
presentation = 20.0
duration = 80.0
[populations]
in = { n = 64, model = "iaf_psc_delta" }
hidden = { n = 32, model = "iaf_psc_delta", V_th = -65.0 }
out = { n = 10, model = "iaf_psc_delta", V_th = -69.0 }
[[stimuli]]
image_generator = { images = "images", amplitude = 2000.0 }
target = "in"
[[projections]]
source = "in"
target = "hidden"
rule = "all_to_all"
weights = { file = "w.safetensors", tensor = "fc1" }
[[projections]]
source = "hidden"
target = "out"
rule = "all_to_all"
weights = { file = "w.safetensors", tensor = "fc2" }
delay = 2.0
[[recorders]]
classifier = { population = "out", labels = "labels" }
[[recorders]]
classifier = { population = "out", labels = "labels", variable = "V_m" }
[[recorders]]
spikes = ["in", "hidden", "out"]
)";

/// Drawn weights, random input, a sparse projection beside the dense ones, several cohorts.
const std::string kDrawn = R"([simulation]
batch = 3
duration = 60.0
[populations]
E = { n = 300, model = "iaf_psc_exp", V_m = { uniform = [-70.0, -56.0] } }
I = { n = 130, model = "iaf_psc_delta", V_m = { uniform = [-70.0, -56.0] } }
[[projections]]
source = "E"
target = ["E", "I"]
rule = "all_to_all"
weight = { uniform = [0.0, 0.5] }
delay = 1.5
format = "nf4"
[[projections]]
source = "I"
target = "E"
rule = "all_to_all"
weight = { normal_clipped = { mean = -3.0, std = 1.0, high = 0.0 } }
delay = 0.8
format = "nvfp4"
[[projections]]
source = "I"
target = "I"
rule = "all_to_all"
weight = { normal = [0.0, 0.1] }
delay = 1.0
format = "f32"
[[projections]]
source = "E"
target = "I"
rule = { fixed_indegree = 20 }
weight = 0.1
delay = 1.5
[[stimuli]]
poisson_generator = { rate = 8000.0 }
target = ["E", "I"]
weight = { E = 40.0, I = 0.3 }
[[recorders]]
spikes = ["E"]
)";

/// Ways to run that must not change anything.
const std::vector<std::pair<std::string, std::string>> kWays = {
    {"--threads 2", ""},
    {"--threads 1 --set run.dense_worker=inline", ""},
    {"--threads 1 --set run.dense_worker=actor", ""},
    {"--threads 2 --set run.dense_worker=actor", ""},
    {"--threads 2 --cohort-size 64", ""},
    {"--threads 3 --cohort-size 64 --set run.dense_worker=actor", ""},
    {"--threads 2", "NEURACT_ISA=base"},
    {"--threads 2", "NEURACT_ISA=avx2"},
};

class DenseCommand : public Command {
 protected:
  DenseCommand() {
    test::write_weights(directory_ / "w.safetensors");
    test::write_images(directory_ / "images", directory_ / "labels", 16);
    write("images.toml", kClassifier);
    write("drawn.toml", kDrawn);
  }

  RunSummary run(const std::string& arguments, const std::string& environment = "") {
    const Outcome o = neuract("run --quiet --out there " + arguments, environment);
    EXPECT_EQ(o.exit, 0) << arguments << ": " << o.err;
    auto summary = read_summary(directory_ / "there");
    EXPECT_TRUE(summary) << summary.error();
    return *std::move(summary);
  }
};

TEST_F(DenseCommand, ResultsOfDrawnWeightsDoNotDependOnTheWayToRun) {
  const RunSummary one = run("drawn.toml --threads 1");
  EXPECT_GT(one.populations.at(0).spikes, 100U);
  EXPECT_GT(one.populations.at(1).spikes, 100U);
  for (const auto& [options, environment] : kWays)
    EXPECT_EQ(run("drawn.toml " + options, environment).spike_hash, one.spike_hash) << options << ' ' << environment;
  EXPECT_NE(run("drawn.toml --seed 2").spike_hash, one.spike_hash);
}

TEST_F(DenseCommand, ResultsOfImportedWeightsDoNotDependOnTheWayToRun) {
  for (const char* tensor : {"fc1", "fc1_nf4", "fc1_nvfp4"}) {
    const std::string file = std::string("images.toml --set projections[0].weights.tensor=") + tensor + " ";
    const RunSummary one = run(file + "--threads 1");
    for (std::size_t p = 0; p < 3; ++p) EXPECT_GT(one.populations.at(p).spikes, 50U) << tensor << ' ' << p;
    for (const auto& [options, environment] : kWays)
      EXPECT_EQ(run(file + options, environment).spike_hash, one.spike_hash) << file << options << ' ' << environment;
  }
}

TEST_F(DenseCommand, AnImageGetsTheSameAnswerInABatchOfAnySize) {
  const RunSummary four = run("images.toml");
  ASSERT_EQ(four.classifiers.size(), 2U);
  EXPECT_EQ(four.classifiers[0].name, "out");
  EXPECT_EQ(four.classifiers[1].name, "out#2");
  EXPECT_EQ(four.classifiers[0].answers, 16U);
  EXPECT_GT(four.classifiers[0].images_per_second, 0.0);
  for (const char* options : {"--set simulation.batch=1 --duration 320", "--set simulation.batch=16 --duration 20",
                              "--set simulation.batch=5 --duration 80"}) {
    const RunSummary other = run(std::string("images.toml ") + options);
    for (std::size_t c = 0; c < 2; ++c) {
      EXPECT_EQ(other.classifiers.at(c).answers, 16U) << options;
      EXPECT_EQ(other.classifiers.at(c).correct, four.classifiers[c].correct) << options;
    }
    EXPECT_EQ(other.spikes, four.spikes) << options;
  }
}

TEST_F(DenseCommand, SummaryTellsFormatAndPathOfEachProjection) {
  const RunSummary drawn = run("drawn.toml");
  EXPECT_EQ(drawn.batch, 3U);
  ASSERT_EQ(drawn.projections.size(), 5U);
  const std::vector<std::string> formats = {"nf4", "nf4", "nvfp4", "f32", ""};
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(drawn.projections[i].format, formats[i]);
    EXPECT_EQ(drawn.projections[i].representation, formats[i].empty() ? "sparse" : "dense " + formats[i]);
    EXPECT_FALSE(drawn.projections[i].path.empty());
    EXPECT_EQ(drawn.projections[i].fallback_reason, "");
  }
  EXPECT_EQ(drawn.projections[0].synapses, 300U * 300U);
  const RunSummary images = run("images.toml --set projections[0].weights.tensor=fc1_nvfp4");
  EXPECT_EQ(images.projections.at(0).format, "nvfp4");
  EXPECT_EQ(images.projections.at(0).representation, "dense nvfp4");
}

TEST_F(DenseCommand, RatesAreOfOneSample) {
  const RunSummary one = run("images.toml --set simulation.batch=1 --duration 320");
  const RunSummary four = run("images.toml");
  EXPECT_EQ(four.populations.at(0).n, 64U);
  for (std::size_t p = 0; p < 3; ++p) {
    EXPECT_EQ(four.populations.at(p).spikes, one.populations.at(p).spikes);
    EXPECT_DOUBLE_EQ(four.populations.at(p).rate_hz, one.populations.at(p).rate_hz);
  }
}

TEST_F(DenseCommand, SpikeFilesNumberTheNeuronsOfLaterSamplesOn) {
  const RunSummary summary = run("images.toml");
  const auto spikes = snn::read_spikes(directory_ / "there/spikes.h5").value();
  const auto in = std::find_if(spikes.begin(), spikes.end(), [](const auto& p) { return p.population == "in"; });
  ASSERT_NE(in, spikes.end());
  EXPECT_EQ(in->times_ms.size(), summary.populations.at(0).spikes);
  const std::uint64_t largest = *std::max_element(in->node_ids.begin(), in->node_ids.end());
  EXPECT_GE(largest, 3U * 64U);
  EXPECT_LT(largest, 4U * 64U);
}

TEST_F(DenseCommand, RunPrintsHowManyImagesWereRight) {
  const Outcome o = neuract("run images.toml");
  ASSERT_EQ(o.exit, 0) << o.err;
  EXPECT_THAT(o.out, AllOf(HasSubstr("neurons (x 4 samples)"), HasSubstr(" of 16 images right ("),
                           HasSubstr(" images/s\n"), HasSubstr("\nout#2: ")));
}

TEST_F(DenseCommand, CheckShowsDenseProjectionsAndSamples) {
  const Outcome o = neuract("check images.toml --set projections[0].weights.tensor=fc1_nf4");
  ASSERT_EQ(o.exit, 0) << o.err;
  EXPECT_THAT(o.out, AllOf(HasSubstr("dense projection"), HasSubstr("in->hidden"), HasSubstr("nf4"),
                           HasSubstr("fc1_nf4.weight of w.safetensors"), HasSubstr("4, each with neurons of its own"),
                           HasSubstr("every 20 ms the state begins anew")));
  EXPECT_THAT(neuract("check drawn.toml").out, HasSubstr("generated"));
}

}  // namespace
}  // namespace neuract::config
