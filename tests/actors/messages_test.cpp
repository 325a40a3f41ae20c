#include <gtest/gtest.h>

#include "neuract/actors/caf.hpp"
#include "neuract/actors/inspect.hpp"

namespace neuract::actors {
namespace {

class Messages : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    caf::init_global_meta_objects<caf::id_block::neuract>();
    caf::core::init_global_meta_objects();
  }

  template <class T>
  T through_bytes(T message) {
    caf::byte_buffer bytes;
    caf::binary_serializer sink{system_, bytes};
    EXPECT_TRUE(sink.apply(message));
    T copy{};
    caf::binary_deserializer source{system_, bytes};
    EXPECT_TRUE(source.apply(copy));
    EXPECT_EQ(source.remaining(), 0u);
    return copy;
  }

 private:
  caf::actor_system_config config_;
  caf::actor_system system_{config_};  // serializers want one, for actor handles
};

snn::ShardOutputPtr some_output() {
  snn::ShardOutput output{3, 100, 102, {}, {}, {}};
  output.batches.push_back({1, 64, 100, {0, 2, 3}, {5, 9, 7}});
  output.batches.push_back({2, 0, 100, {0, 0, 0}, {}});
  output.traces.push_back({0, {1, 2}, {100, 101}, {-70.0f, -69.5f, -69.25f, -1e-30f}});
  output.weights.push_back({1, 4, 64, 101, {7, 8}, {64, 70}, {0.1, -1e-300}});
  return std::make_shared<const snn::ShardOutput>(output);
}

void expect_equal(const snn::ShardOutput& a, const snn::ShardOutput& b) {
  EXPECT_EQ(a.shard, b.shard);
  EXPECT_EQ(a.begin, b.begin);
  EXPECT_EQ(a.end, b.end);
  ASSERT_EQ(a.batches.size(), b.batches.size());
  for (std::size_t i = 0; i < a.batches.size(); ++i) {
    EXPECT_EQ(a.batches[i].population, b.batches[i].population);
    EXPECT_EQ(a.batches[i].first, b.batches[i].first);
    EXPECT_EQ(a.batches[i].begin, b.batches[i].begin);
    EXPECT_EQ(a.batches[i].offsets, b.batches[i].offsets);
    EXPECT_EQ(a.batches[i].ids, b.batches[i].ids);
  }
  ASSERT_EQ(a.traces.size(), b.traces.size());
  for (std::size_t i = 0; i < a.traces.size(); ++i) {
    EXPECT_EQ(a.traces[i].multimeter, b.traces[i].multimeter);
    EXPECT_EQ(a.traces[i].neurons, b.traces[i].neurons);
    EXPECT_EQ(a.traces[i].steps, b.traces[i].steps);
    EXPECT_EQ(a.traces[i].values, b.traces[i].values);
  }
  ASSERT_EQ(a.weights.size(), b.weights.size());
  for (std::size_t i = 0; i < a.weights.size(); ++i) {
    EXPECT_EQ(a.weights[i].recorder, b.weights[i].recorder);
    EXPECT_EQ(a.weights[i].projection, b.weights[i].projection);
    EXPECT_EQ(a.weights[i].first, b.weights[i].first);
    EXPECT_EQ(a.weights[i].step, b.weights[i].step);
    EXPECT_EQ(a.weights[i].sources, b.weights[i].sources);
    EXPECT_EQ(a.weights[i].targets, b.weights[i].targets);
    EXPECT_EQ(a.weights[i].weights, b.weights[i].weights);
  }
}

TEST_F(Messages, CarryAWindowsOutputAsBytes) {
  const auto output = some_output();
  expect_equal(*through_bytes(Delivery{output}).output, *output);

  const Recorded recorded = through_bytes(Recorded{3, 77, {output, output}});
  EXPECT_EQ(recorded.bytes, 77u);
  ASSERT_EQ(recorded.outputs.size(), 2u);
  expect_equal(*recorded.outputs[1], *output);
}

TEST_F(Messages, CarryStateErrorsAndStatisticsAsBytes) {
  auto data = std::make_shared<std::vector<float>>(std::vector<float>{1.0f, -2.5f, 3.25f});
  StateTaken taken{9, 500, Error{ErrorCode::stale, "too late", {"here", "there"}}, {}};
  taken.parts.push_back({64, 3, 7, std::shared_ptr<const float>(data, data->data())});
  const StateTaken copy = through_bytes(taken);
  EXPECT_EQ(copy.error, taken.error);
  ASSERT_EQ(copy.parts.size(), 1u);
  EXPECT_EQ(copy.parts[0].version, 7u);
  EXPECT_EQ(std::vector<float>(copy.parts[0].values().begin(), copy.parts[0].values().end()), *data);

  snn::CohortStatistics cohort;
  cohort.range = {1, 64, 2, 5};
  cohort.classifiers = {{100, 87}};
  cohort.spike_hash = ~0ull;
  cohort.isi = {{5, 25, 1}, {9, 41, 2}};
  Collected collected{
      4, 1, {{cohort}, {{10, 60, 1000, "dense nf4", "dequantised", "too wide"}}, {{2, 77, 3, 4.5, 0.25, -1.0, 3.0}}}};
  const Collected back = through_bytes(collected);
  EXPECT_EQ(back.statistics.cohorts[0].range.first, 64u);
  EXPECT_EQ(back.statistics.cohorts[0].spike_hash, ~0ull);
  EXPECT_EQ(back.statistics.cohorts[0].isi[1].sum_of_squares, 41u);
  EXPECT_EQ(back.statistics.cohorts[0].range.sample, 5u);
  EXPECT_EQ(back.statistics.cohorts[0].classifiers[0].correct, 87u);
  EXPECT_EQ(back.statistics.projections[0].representation, "dense nf4");
  EXPECT_EQ(back.statistics.projections[0].path, "dequantised");
  EXPECT_EQ(back.statistics.projections[0].fallback_reason, "too wide");
  EXPECT_EQ(back.statistics.weights[0].target, 77u);
  EXPECT_EQ(back.statistics.weights[0].largest, 3.0);

  const TakeSnapshot question = through_bytes(TakeSnapshot{1, 2, 3, Step{44}});
  EXPECT_EQ(question.step, Step{44});
  EXPECT_FALSE(through_bytes(Finished{}).error.has_value());
}

TEST_F(Messages, CarryPartsOfCheckpointsAsBytes) {
  WrittenDown part{3, 1, 500, true, Error{ErrorCode::stale, "too late", {}}, {}};
  part.sections.push_back({{snn::SectionKind::neurons, 2, 1, 64, 128}, {std::byte{1}, std::byte{255}, std::byte{0}}});
  part.sections.push_back({{snn::SectionKind::events, 1}, {}});
  const WrittenDown copy = through_bytes(part);
  EXPECT_EQ(copy.request, 3u);
  EXPECT_EQ(copy.step, 500);
  EXPECT_TRUE(copy.skipped);
  EXPECT_EQ(copy.error, part.error);
  ASSERT_EQ(copy.sections.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(copy.sections[i].key, part.sections[i].key);
    EXPECT_EQ(copy.sections[i].bytes, part.sections[i].bytes);
  }
}

}  // namespace
}  // namespace neuract::actors
