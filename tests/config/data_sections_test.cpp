#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <variant>
#include <vector>

#include "data_files.hpp"
#include "neuract/config/network_file.hpp"
#include "neuract/snn/builder.hpp"
#include "neuract/snn/plan.hpp"

/// What a network file takes from other files, and dense projections and batches in it.
namespace neuract::config {
namespace {

using snn::DenseFormat;
using snn::Distribution;
using testing::ElementsAre;
using testing::ElementsAreArray;

class DataSections : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory_ = std::make_unique<test::TemporaryDirectory>();
    test::write_weights(directory_->path() / "w.safetensors");
    test::write_images(directory_->path() / "images", directory_->path() / "labels", 16);
  }
  static void TearDownTestSuite() { directory_.reset(); }

  /// The specification of a file that must be right, in the directory of the data.
  static NetworkFile parse(const std::string& text, const std::vector<Override>& overrides = {}) {
    static const std::string populations =
        "[populations]\n"
        "in = { n = 64, model = \"iaf_psc_delta\" }\n"
        "hidden = { n = 32, model = \"iaf_psc_delta\" }\n"
        "out = { n = 10, model = \"iaf_psc_delta\" }\n";
    ParsedNetwork parsed = parse_network(populations + text, (directory_->path() / "net.toml").string(), overrides);
    EXPECT_TRUE(parsed) << parsed.report();
    return parsed ? *std::move(parsed.network) : NetworkFile{};
  }
  static snn::ProjectionSpec projection(const std::string& keys, const std::string& source = "in",
                                        const std::string& target = "hidden") {
    const NetworkFile file = parse("[[projections]]\nsource = \"" + source + "\"\ntarget = \"" + target +
                                   "\"\nrule = \"all_to_all\"\n" + keys);
    EXPECT_EQ(file.spec.projections.size(), 1U);
    return file.spec.projections.at(0);
  }
  static std::vector<float> values(const snn::ProjectionSpec& projection) {
    memory::ConstTensor tensor;
    if (const auto* quantized = std::get_if<q4::QuantizedWeight>(&projection.weights->data)) {
      tensor = q4::dequantize(*quantized).value();
    } else {
      tensor = std::get<memory::ConstTensor>(projection.weights->data);
    }
    const auto span = tensor.span<float>().value();
    return {span.begin(), span.end()};
  }

  static inline std::unique_ptr<test::TemporaryDirectory> directory_;
};

TEST_F(DataSections, ProjectionsAreSparseUnlessTheySayOtherwise) {
  EXPECT_EQ(projection("weight = 2.0").format, std::nullopt);
}

TEST_F(DataSections, FormatMakesAProjectionDense) {
  EXPECT_EQ(projection("format = \"nf4\"\nweight = { uniform = [0.0, 0.2] }").format, DenseFormat::nf4);
  EXPECT_EQ(projection("format = \"nvfp4\"").format, DenseFormat::nvfp4);
  EXPECT_EQ(projection("format = \"f32\"").format, DenseFormat::f32);
}

TEST_F(DataSections, WeightsAreFoundBesideTheNetworkFile) {
  const auto fc1 = projection("weights = { file = \"w.safetensors\", tensor = \"fc1\" }");
  EXPECT_EQ(fc1.format, DenseFormat::f32);
  EXPECT_EQ(fc1.weights->tensor, "fc1.weight");
  EXPECT_EQ(fc1.weights->file, (directory_->path() / "w.safetensors").string());
  EXPECT_THAT(values(fc1), ElementsAreArray(test::some_weights(32, 64)));
  const auto same = projection("weights = { file = \"" + fc1.weights->file + "\", tensor = \"fc1.weight\" }");
  EXPECT_EQ(values(same), values(fc1));
}

TEST_F(DataSections, HalfFloatsBecomeFloats) {
  const auto fc2 = projection("weights = { file = \"w.safetensors\", tensor = \"fc2\" }", "hidden", "out");
  EXPECT_EQ(fc2.format, DenseFormat::f32);
  EXPECT_THAT(values(fc2), ElementsAreArray(test::some_weights(10, 32, 2)));
}

TEST_F(DataSections, FourBitLayersKeepTheirFormat) {
  for (const auto& [tensor, format, q4_format] : {std::tuple{"fc1_nf4", DenseFormat::nf4, q4::Format::nf4},
                                                  std::tuple{"fc1_nvfp4", DenseFormat::nvfp4, q4::Format::nvfp4}}) {
    const auto expected = q4::dequantize(q4::quantize(test::some_tensor(32, 64), q4_format).value()).value();
    const std::string weights = std::string("weights = { file = \"w.safetensors\", tensor = \"") + tensor + "\" }\n";
    const auto loaded = projection(weights);
    EXPECT_EQ(loaded.format, format);
    EXPECT_THAT(values(loaded), ElementsAreArray(expected.span<float>().value()));
    const std::string name(q4::traits_of(q4_format).name);
    EXPECT_EQ(projection(weights + "format = \"" + name + "\"").format, format) << "it may be said twice";
    // A float layer that is quantised while it is read is the same as one that was before.
    const auto quantised =
        projection("weights = { file = \"w.safetensors\", tensor = \"fc1\" }\nformat = \"" + name + "\"");
    EXPECT_EQ(quantised.format, format);
    EXPECT_EQ(values(quantised), values(loaded));
  }
}

TEST_F(DataSections, ALayerIsLoadedOnceForAllItsProjections) {
  const NetworkFile file = parse(
      "[[projections]]\nsource = \"in\"\ntarget = \"hidden\"\nrule = \"all_to_all\"\n"
      "weights = { file = \"w.safetensors\", tensor = \"fc1\" }\n"
      "[[projections]]\nsource = \"in\"\ntarget = \"hidden\"\nrule = \"all_to_all\"\ndelay = 2.0\n"
      "weights = { file = \"w.safetensors\", tensor = \"fc1\" }\n");
  EXPECT_EQ(file.spec.projections.at(0).weights, file.spec.projections.at(1).weights);
}

TEST_F(DataSections, WeightsCanBeChangedByAnOption) {
  const NetworkFile file = parse(
      "[[projections]]\nsource = \"in\"\ntarget = \"hidden\"\nrule = \"all_to_all\"\n"
      "weights = { file = \"nowhere\", tensor = \"fc1\" }\n",
      {"projections[0].weights.file=w.safetensors", "projections[0].weights.tensor=fc1_nf4"});
  EXPECT_EQ(file.spec.projections.at(0).format, DenseFormat::nf4);
}

TEST_F(DataSections, BatchAndPresentationAreRead) {
  const NetworkFile file = parse("[simulation]\nbatch = \"= 2 * b\"\npresentation = 20.0\n[constants]\nb = 32\n");
  EXPECT_EQ(file.spec.batch, 64U);
  EXPECT_EQ(file.spec.presentation, 20.0);
  EXPECT_EQ(parse("").spec.batch, 1U);
  EXPECT_EQ(parse("").spec.presentation, 0.0);
}

TEST_F(DataSections, ImagesDriveAPopulation) {
  const NetworkFile file =
      parse("[[stimuli]]\nimage_generator = { images = \"images\", amplitude = 100.0 }\ntarget = \"in\"\n");
  const auto& generator = std::get<snn::ImageGenerator>(file.spec.stimuli.at(0).generator);
  EXPECT_EQ(generator.amplitude, 100.0);
  EXPECT_EQ(generator.images->count, 16U);
  EXPECT_EQ(generator.images->pixels, 64U);
  EXPECT_EQ(generator.images->data.at(0), 255);
  EXPECT_EQ(generator.images->data.at(64), 0);
  EXPECT_EQ(generator.images->data.at(64 + 4), 255);
}

TEST_F(DataSections, PartsOfImagesAndLabelsFitEachOther) {
  const NetworkFile file = parse(
      "[simulation]\npresentation = 20.0\n"
      "[[stimuli]]\nimage_generator = { images = \"images\", amplitude = 1.0, first = 2, count = 3 }\ntarget = \"in\"\n"
      "[[recorders]]\nclassifier = { population = \"out\", labels = \"labels\", first = 2, count = 3 }\n"
      "[[recorders]]\nclassifier = { population = \"out\", labels = \"labels\", first = 12, variable = \"V_m\" }\n");
  const auto& images = *std::get<snn::ImageGenerator>(file.spec.stimuli.at(0).generator).images;
  EXPECT_EQ(images.count, 3U);
  EXPECT_EQ(images.data.size(), 3U * 64U);
  EXPECT_EQ(images.data.at(8), 255) << "image 2 begins with its pixel 8";
  ASSERT_EQ(file.spec.classifiers.size(), 2U);
  EXPECT_EQ(file.spec.classifiers[0].population, 2U);
  EXPECT_EQ(file.spec.classifiers[0].variable, "") << "spikes are counted";
  EXPECT_THAT(*file.spec.classifiers[0].labels, ElementsAre(2, 3, 4));
  EXPECT_EQ(file.spec.classifiers[1].variable, "V_m");
  EXPECT_THAT(*file.spec.classifiers[1].labels, ElementsAre(2, 3, 4, 5));
}

TEST_F(DataSections, DenseWorkerIsAChoiceOfTheRun) {
  using actors::DenseWorker;
  EXPECT_EQ(parse("").run.dense_worker, DenseWorker::automatic);
  EXPECT_EQ(parse("[run]\ndense_worker = \"auto\"\n").run.dense_worker, DenseWorker::automatic);
  EXPECT_EQ(parse("[run]\ndense_worker = \"inline\"\n").run.dense_worker, DenseWorker::inline_cpu);
  EXPECT_EQ(parse("", {"run.dense_worker=actor"}).run.dense_worker, DenseWorker::actor);
}

TEST_F(DataSections, ABuilderSaysTheSameInCpp) {
  snn::NetworkBuilder net;
  net.settings().batch = 4;
  net.settings().presentation = 20.0;
  const auto in = net.population("in", 64, "iaf_psc_delta");
  const auto hidden = net.population("hidden", 32, "iaf_psc_delta");
  const auto weight = q4::quantize(test::some_tensor(32, 64), q4::Format::nf4).value();
  net.connect_dense(in, hidden, weight, {.delay = 1.0});
  net.connect_dense(in, hidden, test::some_tensor(32, 64), {.delay = 1.0});
  net.connect(hidden, hidden, snn::rules::all_to_all(), {.weight = 0.1, .format = DenseFormat::nvfp4});
  const auto images = std::make_shared<const snn::ImageSet>(snn::ImageSet{1, 64, std::vector<std::uint8_t>(64, 255)});
  net.stimulate(in, snn::ImageGenerator{images, 100.0});
  net.classify(hidden, {3}, "V_m");
  const auto plan = snn::Plan::make(net.spec());
  ASSERT_TRUE(plan) << plan.error();
  EXPECT_EQ(net.spec().projections[0].format, DenseFormat::nf4);
  EXPECT_EQ(net.spec().projections[1].format, DenseFormat::f32);
  EXPECT_EQ(net.spec().projections[1].name, "in->hidden#2");
  EXPECT_EQ(net.spec().projections[2].format, DenseFormat::nvfp4);
}

}  // namespace
}  // namespace neuract::config
