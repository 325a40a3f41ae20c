#include "neuract/snn/dense.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "neuract/kernels/isa.hpp"
#include "neuract/q4/weight.hpp"
#include "serial_run.hpp"

namespace neuract::snn {
namespace {

using testing::run_serial;

constexpr Rule kAll{Rule::Kind::all_to_all};

/// Two populations that excite and inhibit each other all to all, driven by noise.
NetworkSpec pair_network(std::uint32_t n, Value weight, std::optional<DenseFormat> format) {
  NetworkSpec spec;
  spec.duration = 50.0;
  spec.seed = 11;
  const std::vector<Setting> settings = {
      {"tau_m", 20.0}, {"V_th", 20.0}, {"V_reset", 10.0}, {"E_L", 0.0}, {"V_m", Distribution{{}, 0.0, 20.0}}};
  spec.populations = {{"a", n, "iaf_psc_delta", settings}, {"b", n / 2 + 1, "iaf_psc_delta", settings}};
  for (std::uint32_t source = 0; source < 2; ++source) {
    for (std::uint32_t target = 0; target < 2; ++target) {
      spec.projections.push_back({"p" + std::to_string(2 * source + target), source, target, kAll, weight,
                                  source == target ? 0.3 : 1.5, format});
    }
    StimulusSpec noise;
    noise.generator = PoissonGenerator{12000.0};
    noise.target = source;
    noise.weight = 0.1;
    spec.stimuli.push_back(noise);
  }
  return spec;
}

const Value kMixed = Distribution{Distribution::Kind::normal, -0.002, 0.02};

std::vector<float> random_weights(std::int64_t size, float scale) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal(0.0f, scale);
  std::vector<float> values(static_cast<std::size_t>(size));
  for (float& value : values) value = normal(random);
  return values;
}

std::shared_ptr<const ImportedWeights> imported(std::int64_t targets, std::int64_t sources,
                                                std::optional<q4::Format> format) {
  const auto values = random_weights(targets * sources, 0.02f);
  const auto tensor = memory::Tensor::from(std::span<const float>(values), {targets, sources}).value();
  if (!format) return std::make_shared<const ImportedWeights>(ImportedWeights{"w", "t", tensor});
  return std::make_shared<const ImportedWeights>(ImportedWeights{"w", "t", q4::quantize(tensor, *format).value()});
}

TEST(DenseProjection, EqualsASparseOneWhenAllWeightsAreEqual) {
  const auto sparse = run_serial(pair_network(300, -0.0078125, std::nullopt));
  ASSERT_GT(sparse.counted_spikes, 500u);
  for (const DenseFormat format : {DenseFormat::f32, DenseFormat::nf4}) {
    const auto dense = run_serial(pair_network(300, -0.0078125, format));
    EXPECT_EQ(dense.spike_hash, sparse.spike_hash);
    EXPECT_EQ(dense.events, sparse.events);
  }
}

TEST(DenseProjection, GivesTheSameSpikesForEveryPartitionAndInstructionSet) {
  const auto active = kernels::active_isa();
  std::vector<std::pair<NetworkSpec, std::string>> networks;
  for (const DenseFormat format : {DenseFormat::f32, DenseFormat::nf4, DenseFormat::nvfp4})
    networks.emplace_back(pair_network(333, kMixed, format), "generated");
  for (const auto format : {q4::Format::nf4, q4::Format::nvfp4}) {
    NetworkSpec spec = pair_network(320, kMixed, std::nullopt);
    for (ProjectionSpec& p : spec.projections) {
      if (p.source != 0) continue;
      p.format = format == q4::Format::nf4 ? DenseFormat::nf4 : DenseFormat::nvfp4;
      p.weights = imported(spec.populations[p.target].n, 320, format);
    }
    networks.emplace_back(std::move(spec), "imported");
  }
  for (const auto& [spec, name] : networks) {
    const auto one = run_serial(spec);
    ASSERT_GT(one.counted_spikes, 500u) << name;
    for (const kernels::Isa isa : kernels::supported_isas()) {
      ASSERT_TRUE(kernels::set_isa_for_testing(isa));
      for (const std::uint32_t shards : {1u, 3u, 7u}) {
        const auto other = run_serial(spec, shards, shards == 3 ? 64 : 0);
        EXPECT_EQ(other.spike_hash, one.spike_hash) << name << ", " << shards << " shards, " << name_of(isa);
        EXPECT_EQ(other.events, one.events);
      }
    }
    kernels::set_isa_for_testing(active);
  }
}

/// Relative to the sum of magnitudes: what the kernels promise.
void expect_product(const DenseWeights& weights, const std::vector<float>& w, std::uint32_t sources) {
  std::mt19937 random(5);
  std::vector<std::uint32_t> offsets = {0};
  std::vector<std::uint32_t> ids;
  for (const double activity : {0.0, 0.02, 0.3, 1.0}) {
    for (std::uint32_t s = 0; s < sources; ++s) {
      if (std::bernoulli_distribution(activity)(random)) ids.push_back(s);
    }
    offsets.push_back(static_cast<std::uint32_t>(ids.size()));
  }
  const std::size_t targets = weights.targets();
  std::vector<float> y(4 * targets, -1.0f);
  weights.forward({offsets.data(), ids.data(), 4}, y.data(), targets);
  for (std::size_t row = 0; row < 4; ++row) {
    for (std::size_t t = 0; t < targets; ++t) {
      double sum = 0.0;
      double magnitude = 0.0;
      for (std::uint32_t i = offsets[row]; i < offsets[row + 1]; ++i) {
        const double weight = w[t * sources + ids[i]];
        sum += weight;
        magnitude += std::abs(weight);
      }
      ASSERT_NEAR(y[row * targets + t], sum, 1e-6 * magnitude) << "row " << row << ", target " << t;
    }
  }
}

TEST(DenseProjection, MultipliesImportedWeightsAsADoubleWould) {
  for (const std::uint32_t sources : {64u, 784u, 1000u}) {
    for (const auto format :
         {std::optional<q4::Format>(), std::optional(q4::Format::nf4), std::optional(q4::Format::nvfp4)}) {
      if (format == q4::Format::nvfp4 && sources % 16 != 0) continue;
      NetworkSpec spec;
      spec.populations = {{"a", sources, "iaf_psc_delta", {}}, {"b", 150, "iaf_psc_delta", {}}};
      ProjectionSpec p{"p", 0, 1, kAll, 1.0, 1.0};
      p.weights = imported(150, sources, format);
      p.format = !format ? DenseFormat::f32 : *format == q4::Format::nf4 ? DenseFormat::nf4 : DenseFormat::nvfp4;
      spec.projections = {p};
      const PlanPtr plan = Plan::make(spec).value();
      const auto weights = build_dense_weights(*plan, 0, {1, 64, 86}).value();
      EXPECT_EQ(weights->fallback_reason().empty(), !(format == q4::Format::nf4 && sources == 1000));

      memory::ConstTensor values;
      if (const auto* quantized = std::get_if<q4::QuantizedWeight>(&p.weights->data)) {
        values = q4::dequantize(*quantized).value();
      } else {
        values = std::get<memory::ConstTensor>(p.weights->data);
      }
      const auto all = values.span<float>().value();
      expect_product(*weights, {all.begin() + 64 * sources, all.end()}, sources);
    }
  }
}

TEST(DenseProjection, KeepsGeneratedWeightsInLessThanSixTenthsOfAByte) {
  for (const DenseFormat format : {DenseFormat::nf4, DenseFormat::nvfp4}) {
    const PlanPtr plan = Plan::make(pair_network(1024, kMixed, format)).value();
    const auto weights = build_dense_weights(*plan, 0, {0, 0, 1024}).value();
    EXPECT_LT(static_cast<double>(weights->bytes()), 0.6 * static_cast<double>(weights->synapses()));
    EXPECT_EQ(weights->synapses(), 1024u * 1024u);
  }
}

TEST(DenseProjection, RunsManyRequestsForTheSameWeightsAsOneProduct) {
  const PlanPtr plan = Plan::make(pair_network(200, kMixed, DenseFormat::nf4)).value();
  const std::array weights = {build_dense_weights(*plan, 0, {0, 0, 200}).value(),
                              build_dense_weights(*plan, 3, {1, 0, 101}).value()};
  const auto batch = [&](std::size_t which, std::vector<std::uint32_t> offsets, std::vector<std::uint32_t> ids) {
    auto b = std::make_shared<DenseBatch>();
    b->weights = weights[which];
    b->stride = which == 0 ? 256 : 128;
    b->offsets = std::move(offsets);
    b->ids = std::move(ids);
    return b;
  };
  const auto make = [&] {
    return std::vector{batch(0, {0, 2, 3}, {1, 7, 90}), batch(1, {0, 1}, {50}), batch(0, {0}, {}),
                       batch(0, {0, 3}, {0, 7, 199})};
  };
  const auto alone = make();
  for (const auto& b : alone) b->run();
  const auto together = make();
  run_together(together);
  for (std::size_t i = 0; i < alone.size(); ++i) {
    EXPECT_TRUE(together[i]->done);
    ASSERT_EQ(together[i]->y.size(), alone[i]->y.size());
    for (std::size_t row = 0; row < alone[i]->rows(); ++row) {
      for (std::size_t t = 0; t < alone[i]->weights->targets(); ++t) {
        const std::size_t at = row * alone[i]->stride + t;
        EXPECT_EQ(together[i]->y[at], alone[i]->y[at]);
      }
    }
  }
}

TEST(Batch, GivesEverySampleItsOwnNoiseAndTheFirstTheUsualOne) {
  for (const auto format : {std::optional<DenseFormat>(), std::optional(DenseFormat::nvfp4)}) {
    NetworkSpec spec = pair_network(150, kMixed, format);
    const auto alone = run_serial(spec);
    spec.batch = 5;
    const auto five = run_serial(spec);
    const std::uint64_t neurons = 150 + 76;
    std::vector<std::vector<std::pair<Step, std::uint64_t>>> samples(5);
    for (const auto& [step, id] : five.spikes) samples[id / neurons].emplace_back(step, id % neurons);
    EXPECT_EQ(samples[0], alone.spikes);
    for (std::size_t a = 1; a < 5; ++a) {
      EXPECT_NE(samples[a], samples[a - 1]);
      EXPECT_NEAR(static_cast<double>(samples[a].size()), static_cast<double>(alone.spikes.size()),
                  0.2 * static_cast<double>(alone.spikes.size()));
    }
    for (const std::uint32_t shards : {2u, 3u, 9u})
      EXPECT_EQ(run_serial(spec, shards).spike_hash, five.spike_hash) << shards << " shards";
  }
}

TEST(Batch, CountsItsSynapsesOnce) {
  NetworkSpec spec = pair_network(150, 0.01, std::nullopt);
  spec.projections[0].format = DenseFormat::nf4;
  spec.batch = 4;
  const PlanPtr plan = Plan::make(spec).value();
  const auto placement = place(*plan, 2);
  ASSERT_EQ(placement.size(), 2u);
  std::uint64_t synapses = 0;
  for (std::uint32_t i = 0; i < 2; ++i) {
    const auto shard = Shard::build(plan, placement, i).value();
    EXPECT_TRUE(shard->sources().empty());
    const auto projections = shard->projection_statistics();
    for (const auto& p : projections) synapses += p.synapses;
  }
  EXPECT_EQ(synapses, 226u * 226u);
}

/// Pixels that spike in proportion to their brightness, and two neurons that each listen to one half of them.
NetworkSpec image_network() {
  NetworkSpec spec;
  spec.dt = 1.0;
  spec.presentation = 10.0;
  spec.duration = 20.0;
  spec.batch = 2;
  const std::vector<Setting> pixel = {{"tau_m", 1e9}, {"C_m", 1.0},     {"E_L", 0.0},
                                      {"V_th", 1.0},  {"V_reset", 0.0}, {"t_ref", 0.0}};
  const std::vector<Setting> output = {{"tau_m", 1e9}, {"C_m", 1.0},     {"E_L", 0.0},
                                       {"V_th", 1e9},  {"V_reset", 0.0}, {"t_ref", 0.0}};
  spec.populations = {{"pixels", 4, "iaf_psc_delta", pixel}, {"output", 2, "iaf_psc_delta", output}};
  ProjectionSpec p{"p", 0, 1, kAll, 1.0, 1.0, DenseFormat::f32};
  const std::vector<float> w = {1.0f, 1.0f, 0.0f, 0.0f, 0.0f, 0.0f, 1.0f, 1.0f};
  p.weights = std::make_shared<const ImportedWeights>(
      ImportedWeights{"w", "t", memory::Tensor::from(std::span<const float>(w), {2, 4}).value()});
  spec.projections = {p};
  StimulusSpec images;
  images.target = 0;
  images.generator = ImageGenerator{
      std::make_shared<const ImageSet>(ImageSet{3, 4, {255, 255, 0, 0, /**/ 0, 0, 255, 100, /**/ 255, 0, 100, 0}}),
      1.0};
  spec.stimuli = {images};
  for (const char* variable : {"V_m", ""}) {
    spec.classifiers.push_back(
        {1, variable, std::make_shared<const std::vector<std::uint8_t>>(std::vector<std::uint8_t>{0, 1, 1})});
  }
  return spec;
}

TEST(Presentation, ShowsImagesOneAfterAnotherAndComparesTheAnswers) {
  const auto outcome = run_serial(image_network());
  std::vector<CohortStatistics::Classifier> totals(2);
  for (const CohortStatistics& cohort : outcome.cohorts) {
    for (std::size_t i = 0; i < cohort.classifiers.size(); ++i) {
      totals[i].answers += cohort.classifiers[i].answers;
      totals[i].correct += cohort.classifiers[i].correct;
    }
  }
  EXPECT_EQ(totals[0].answers, 3u);  // the fourth presentation has no image
  EXPECT_EQ(totals[0].correct, 2u);  // the third image is labelled wrongly
  EXPECT_EQ(totals[1].answers, 3u);
  EXPECT_EQ(totals[1].correct, 1u);  // without spikes the answer is class 0
  for (const auto& [step, id] : outcome.spikes) EXPECT_FALSE(step >= 10 && id >= 6) << "there is no fourth image";
}

TEST(Presentation, BeginsAnewWithoutWhatWasUnderWay) {
  NetworkSpec spec = pair_network(150, kMixed, DenseFormat::nf4);
  for (StimulusSpec& stimulus : spec.stimuli) stimulus.generator = DcGenerator{700.0};
  spec.presentation = 12.5;
  const auto outcome = run_serial(spec);
  const auto spikes_of = [&](Step presentation) {
    std::vector<std::pair<Step, std::uint64_t>> spikes;
    for (const auto& [step, id] : outcome.spikes) {
      if (step / 125 == presentation) spikes.emplace_back(step % 125, id);
    }
    return spikes;
  };
  ASSERT_GT(spikes_of(0).size(), 100u);
  for (const Step presentation : {1, 2, 3}) EXPECT_EQ(spikes_of(presentation), spikes_of(0));
  for (const std::uint32_t shards : {2u, 4u}) EXPECT_EQ(run_serial(spec, shards).spike_hash, outcome.spike_hash);
}

TEST(Presentation, GoesWithSparseDelaysLongerThanAWindow) {
  NetworkSpec spec = pair_network(150, kMixed, std::nullopt);
  for (ProjectionSpec& p : spec.projections)
    p.delay = Distribution{Distribution::Kind::normal_clipped, 3.0, 2.0, 0.1, 9.0};
  for (StimulusSpec& stimulus : spec.stimuli) stimulus.generator = DcGenerator{700.0};
  spec.presentation = 12.5;
  spec.duration = 25.0;
  const auto outcome = run_serial(spec);
  std::vector<std::pair<Step, std::uint64_t>> first;
  std::vector<std::pair<Step, std::uint64_t>> second;
  for (const auto& [step, id] : outcome.spikes) (step < 125 ? first : second).emplace_back(step % 125, id);
  ASSERT_GT(first.size(), 100u);
  EXPECT_EQ(first, second);
}

TEST(DenseProjection, RefusesWeightsOfBothSignsWhereTheyWouldNeedTwoReceptors) {
  NetworkSpec spec;
  spec.populations = {{"a", 64, "iaf_psc_exp", {}}};
  ProjectionSpec p{"p", 0, 0, kAll, 1.0, 1.0, DenseFormat::nf4};
  p.weights = imported(64, 64, q4::Format::nf4);
  spec.projections = {p};
  const auto plan = Plan::make(spec);
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().message,
            "projection \"p\": t has weights of both signs, but iaf_psc_exp takes positive and negative ones by two "
            "receptors; use two projections");
}

}  // namespace
}  // namespace neuract::snn
