#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hdf5.h>
#include <rapidcheck/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "neuract/snn/sonata_reader.hpp"
#include "neuract/snn/sonata_writer.hpp"

namespace neuract::snn {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::uint32_t kTargets = 150;
constexpr Step kSteps = 100;

struct Synapse {
  std::uint32_t source;
  std::uint32_t target;
};

/// Ordered as blocks are; every third target has none, and some pairs have two.
std::vector<Synapse> synapses() {
  std::vector<Synapse> all;
  for (std::uint32_t t = 0; t < kTargets; ++t) {
    for (std::uint32_t k = 0; k < t % 3 * 2; ++k) all.push_back({(t + k / 2) % 40, t});
  }
  std::stable_sort(all.begin(), all.end(), [](const Synapse& a, const Synapse& b) {
    return std::pair(a.target, a.source) < std::pair(b.target, b.source);
  });
  return all;
}

/// Exact in f32; of the synapse's place in the whole list.
double weight_of(std::size_t synapse, Step step) {
  return static_cast<double>(synapse) + static_cast<double>(step) / 128.0;
}

WeightBlock block_of(std::uint32_t recorder, std::uint32_t first, std::uint32_t count, Step step) {
  WeightBlock block{recorder, 0, first, step, {}, {}, {}};
  const auto all = synapses();
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].target < first || all[i].target >= first + count) continue;
    block.sources.push_back(all[i].source);
    block.targets.push_back(all[i].target);
    block.weights.push_back(weight_of(i, step));
  }
  return block;
}

std::vector<double> weights_at(Step step) {
  std::vector<double> weights(synapses().size());
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = weight_of(i, step);
  return weights;
}

using Placement = std::vector<std::vector<CohortRange>>;
const Placement kOneCohort = {{{0, 0, 40}, {1, 0, kTargets}}};

class WeightFiles : public ::testing::Test {
 protected:
  WeightFiles() {
    std::string name = (fs::temp_directory_path() / "neuract-weights-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
  }
  ~WeightFiles() override { fs::remove_all(directory_); }

  static NetworkSpec network(double interval = 2.0) {
    NetworkSpec spec;
    spec.dt = 0.1;
    spec.duration = 10.0;
    spec.populations = {{"pre", 40, "iaf_psc_exp", {}}, {"post", kTargets, "iaf_psc_exp", {}}};
    ProjectionSpec projection;
    projection.name = "pre->post";
    projection.source = 0;
    projection.target = 1;
    projection.rule.kind = Rule::Kind::fixed_indegree;
    projection.rule.count = 2;
    projection.delay = 1.5;
    projection.synapse.model = "stdp_pair";
    spec.projections = {projection};
    spec.weight_recorders = {{0, interval, {}}};
    return spec;
  }

  std::unique_ptr<SonataWriter> create(const NetworkSpec& spec, const Placement& placement = kOneCohort,
                                       const std::string& folder = "") {
    return std::move(SonataWriter::create(spec, directory_ / folder, placement)).value();
  }
  std::vector<RecordedWeights> read() const { return read_weights(directory_ / "weights.h5").value(); }

  fs::path directory_;
};

TEST_F(WeightFiles, HoldWhatWasRecordedAndTheWeightsAtTheEnd) {
  auto writer = create(network());
  EXPECT_THAT(writer->files(), ElementsAre(directory_ / "weights.h5"));
  for (const Step step : {19, 39, 59}) ASSERT_TRUE(writer->write(block_of(0, 0, kTargets, step)));
  ASSERT_TRUE(writer->write(block_of(0, 0, kTargets, 65)));  // stopped there
  ASSERT_TRUE(writer->finish());

  const auto recorded = read();
  ASSERT_THAT(recorded, SizeIs(1));
  const RecordedWeights& r = recorded.front();
  EXPECT_EQ(r.projection, "pre->post");
  EXPECT_EQ(r.source_population, "pre");
  EXPECT_EQ(r.target_population, "post");
  const auto all = synapses();
  ASSERT_THAT(r.sources, SizeIs(all.size()));
  ASSERT_THAT(r.targets, SizeIs(all.size()));
  for (std::size_t i = 0; i < all.size(); ++i) {
    ASSERT_EQ(r.sources[i], all[i].source);
    ASSERT_EQ(r.targets[i], all[i].target);
  }
  EXPECT_THAT(r.times_ms, ElementsAre(2.0, 4.0, 6.0));
  std::vector<double> history;
  for (const Step step : {19, 39, 59}) {
    const auto row = weights_at(step);
    history.insert(history.end(), row.begin(), row.end());
  }
  EXPECT_EQ(r.history, history);
  EXPECT_EQ(r.weights, weights_at(65));
}

TEST_F(WeightFiles, WithoutAnIntervalHoldOnlyTheWeightsAtTheEnd) {
  auto writer = create(network(0.0));
  ASSERT_TRUE(writer->write(block_of(0, 0, kTargets, 99)));
  ASSERT_TRUE(writer->finish());
  const auto recorded = read();
  EXPECT_EQ(recorded.at(0).weights, weights_at(99));
  EXPECT_THAT(recorded.at(0).times_ms, IsEmpty());
  EXPECT_THAT(recorded.at(0).history, IsEmpty());
}

TEST_F(WeightFiles, TakeTheEndOfARunOnceWhenItIsAlsoARecordedStep) {
  auto writer = create(network());
  ASSERT_TRUE(writer->write(block_of(0, 0, kTargets, 19)));
  ASSERT_TRUE(writer->write(block_of(0, 0, kTargets, 19)));
  ASSERT_TRUE(writer->finish());
  EXPECT_THAT(read().at(0).times_ms, ElementsAre(2.0));
  EXPECT_EQ(read().at(0).weights, weights_at(19));
}

TEST_F(WeightFiles, CountTheIntervalFromTheEndOfTheWarmUp) {
  NetworkSpec spec = network();
  spec.warmup = 1.5;
  auto writer = create(spec);
  for (const Step step : {14, 34, 54}) ASSERT_TRUE(writer->write(block_of(0, 0, kTargets, step)));
  ASSERT_TRUE(writer->finish());
  EXPECT_THAT(read().at(0).times_ms, ElementsAre(3.5, 5.5)) << "the end of the warm-up itself is not recorded";
}

TEST_F(WeightFiles, KeepEveryBitInDoublePrecision) {
  NetworkSpec spec = network(0.0);
  spec.precision = Precision::f64;
  auto writer = create(spec);
  WeightBlock block = block_of(0, 0, kTargets, 99);
  for (double& w : block.weights) w += 0.1;
  ASSERT_TRUE(writer->write(block));
  ASSERT_TRUE(writer->finish());
  EXPECT_EQ(read().at(0).weights, block.weights);
}

TEST_F(WeightFiles, HaveTheColumnsOfTheStandard) {
  auto writer = create(network());
  ASSERT_TRUE(writer->write(block_of(0, 0, kTargets, 19)));
  ASSERT_TRUE(writer->finish());
  const hid_t file = H5Fopen((directory_ / "weights.h5").c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  ASSERT_GE(file, 0);
  const std::size_t n = synapses().size();
  const auto column = [&](const std::string& name) {
    const hid_t dataset = H5Dopen2(file, ("/edges/pre->post/" + name).c_str(), H5P_DEFAULT);
    EXPECT_GE(dataset, 0) << name;
    const hid_t space = H5Dget_space(dataset);
    std::vector<double> values(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space)));
    EXPECT_GE(H5Dread(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0);
    H5Sclose(space);
    H5Dclose(dataset);
    return values;
  };
  EXPECT_EQ(column("edge_type_id"), std::vector<double>(n, 0.0));
  EXPECT_EQ(column("edge_group_id"), std::vector<double>(n, 0.0));
  std::vector<double> indices(n);
  std::iota(indices.begin(), indices.end(), 0.0);
  EXPECT_EQ(column("edge_group_index"), indices);
  EXPECT_EQ(column("0/delay"), std::vector<double>(n, 1.5));
  EXPECT_EQ(column("0/syn_weight"), weights_at(19));
  H5Fclose(file);
}

TEST_F(WeightFiles, OfSeveralRecordersOfAProjectionHaveSeveralGroups) {
  NetworkSpec spec = network(0.0);
  spec.weight_recorders = {{0, 0.0, {}}, {0, 1.0, {4, 5}}};
  auto writer = create(spec);
  ASSERT_TRUE(writer->write(block_of(0, 0, kTargets, 99)));
  ASSERT_TRUE(writer->write(block_of(1, 4, 2, 99)));
  ASSERT_TRUE(writer->finish());
  const auto recorded = read();
  ASSERT_THAT(recorded, SizeIs(2));
  EXPECT_EQ(recorded[0].projection, "pre->post");
  EXPECT_THAT(recorded[0].weights, SizeIs(synapses().size()));
  EXPECT_EQ(recorded[1].projection, "pre->post_2");
  EXPECT_THAT(recorded[1].targets, ElementsAre(4, 4, 5, 5, 5, 5));
}

TEST_F(WeightFiles, OfNoSynapsesAreEmpty) {
  auto writer = create(network());
  ASSERT_TRUE(writer->write(WeightBlock{0, 0, 0, 19, {}, {}, {}}));
  ASSERT_TRUE(writer->finish());
  EXPECT_THAT(read().at(0).sources, IsEmpty());
  EXPECT_THAT(read().at(0).weights, IsEmpty());
}

TEST_F(WeightFiles, LeaveOutListsThatNotAllCohortsHaveDelivered) {
  auto writer = create(network(), {{{1, 0, 64}}, {{1, 64, kTargets - 64}}});
  ASSERT_TRUE(writer->write(block_of(0, 64, kTargets - 64, 19)));
  ASSERT_TRUE(writer->write(block_of(0, 64, kTargets - 64, 39)));
  ASSERT_TRUE(writer->write(block_of(0, 0, 64, 19)));
  ASSERT_TRUE(writer->finish());
  EXPECT_THAT(read().at(0).times_ms, ElementsAre(2.0));
  EXPECT_EQ(read().at(0).weights, weights_at(19));
}

TEST_F(WeightFiles, CanBeReadWhileTheRunGoesOn) {
  auto writer = create(network());
  ASSERT_TRUE(writer->write(block_of(0, 0, kTargets, 19)));
  ASSERT_TRUE(writer->flush());
  const auto recorded = read_weights(directory_ / "weights.h5.partial");
  ASSERT_TRUE(recorded) << recorded.error().to_string();
  EXPECT_THAT(recorded->at(0).times_ms, ElementsAre(2.0));
  EXPECT_EQ(recorded->at(0).history, weights_at(19));
  EXPECT_THAT(recorded->at(0).weights, IsEmpty()) << "they are those of the end";
}

TEST_F(WeightFiles, OfAnEarlierRunGoAway) {
  std::ofstream(directory_ / "weights.h5") << "old";
  NetworkSpec spec = network();
  spec.weight_recorders.clear();
  auto writer = create(spec);
  EXPECT_FALSE(fs::exists(directory_ / "weights.h5"));
}

TEST_F(WeightFiles, ThatAreSomethingElseAreRefusedByName) {
  std::ofstream(directory_ / "text.h5") << "text";
  EXPECT_THAT(read_weights(directory_ / "text.h5").error().message, HasSubstr("text.h5 is not an HDF5 file"));
  NetworkSpec spec = network();
  spec.weight_recorders.clear();
  spec.spike_recorders = {{0}};
  ASSERT_TRUE(create(spec)->finish());
  EXPECT_THAT(read_weights(directory_ / "spikes.h5").error().message,
              HasSubstr("spikes.h5: there is no group /edges; is this a SONATA edges file?"));
}

RC_GTEST_FIXTURE_PROP(WeightFiles, AreTheSameForAnyCohortsAndAnyInterleaving, ()) {
  NetworkSpec spec = network();
  std::vector<std::uint32_t> cuts = {0, kTargets};
  for (const auto cut : *rc::gen::container<std::vector<std::uint32_t>>(3, rc::gen::inRange(1u, kTargets)))
    cuts.push_back(cut);
  std::sort(cuts.begin(), cuts.end());
  cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
  Placement placement;
  for (std::size_t c = 0; c + 1 < cuts.size(); ++c) placement.push_back({{1, cuts[c], cuts[c + 1] - cuts[c]}});

  auto whole = create(spec, kOneCohort, "whole");
  for (Step step = 19; step < kSteps; step += 20) RC_ASSERT(whole->write(block_of(0, 0, kTargets, step)).has_value());
  RC_ASSERT(whole->finish().has_value());

  auto parts = create(spec, placement, "parts");
  std::vector<Step> next(placement.size(), 19);
  while (true) {  // each cohort in its own time
    std::vector<std::size_t> left;
    for (std::size_t c = 0; c < next.size(); ++c) {
      if (next[c] < kSteps) left.push_back(c);
    }
    if (left.empty()) break;
    const std::size_t c = *rc::gen::elementOf(left);
    const CohortRange range = placement[c].front();
    RC_ASSERT(parts->write(block_of(0, range.first, range.count, next[c])).has_value());
    next[c] += 20;
  }
  RC_ASSERT(parts->finish().has_value());
  const auto one = read_weights(directory_ / "whole/weights.h5").value();
  const auto other = read_weights(directory_ / "parts/weights.h5").value();
  RC_ASSERT(one.at(0).sources == other.at(0).sources);
  RC_ASSERT(one.at(0).targets == other.at(0).targets);
  RC_ASSERT(one.at(0).times_ms == other.at(0).times_ms);
  RC_ASSERT(one.at(0).history == other.at(0).history);
  RC_ASSERT(one.at(0).weights == other.at(0).weights);
}

}  // namespace
}  // namespace neuract::snn
