#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "networks.hpp"
#include "neuract/actors/pacing.hpp"
#include "neuract/actors/runtime.hpp"

namespace neuract::actors {
namespace {

class Credits : public ::testing::Test {
  testing::Watchdog watchdog_;
};

TEST_F(Credits, KeepAFastSourceNearItsSlowSink) {
  // 64 neurons against 20,000 with noise: the source could be a hundred times faster.
  const auto plan = snn::Plan::make(testing::feed_forward(64, 20'000, 500.0).spec()).value();
  const Placement placement = {{{0, 0, 64}}, {{1, 0, 20'000}}};
  Runtime runtime(plan, placement, {});
  ASSERT_TRUE(runtime.ask<BuildReport>(Prepare{}));

  std::atomic<Step> sink_at = 0;
  Step furthest_ahead = 0;
  ASSERT_TRUE(runtime.ask(Subscribe{}));
  runtime.listeners().add(0, [&](const snn::SpikeBatch& batch) { furthest_ahead = std::max(furthest_ahead, batch.end() - sink_at); });
  runtime.listeners().add(1, [&](const snn::SpikeBatch& batch) { sink_at = batch.end(); });
  ASSERT_TRUE(runtime.ask<RunReport>(actors::Run{0, plan->total_steps()}));
  EXPECT_EQ(sink_at, plan->total_steps());
  // Outputs reach the callbacks some milliseconds late, hence the second credit.
  EXPECT_LE(furthest_ahead, 2 * credit_steps(64));
  EXPECT_GT(furthest_ahead, 64) << "the source is ahead, or this shows nothing";
}

class SlowSink final : public RecordSink {
 public:
  Result<void> begin(const snn::Plan&, std::span<const std::vector<snn::CohortRange>>) override { return {}; }
  Result<void> write(const snn::ShardOutput& output) override {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    written = output.end;
    return {};
  }
  Result<void> finish() override { return {}; }
  std::atomic<Step> written = 0;
};

TEST_F(Credits, KeepTheNetworkNearASlowDisk) {
  snn::NetworkBuilder net("chatty");
  net.settings().duration = 600.0;
  const auto p = net.population("P", 5000, "iaf_psc_delta", {{"I_e", 100.0}});
  net.record(p, {"V_m"}, 0.1);  // 20 kB a step, 120 MB in all
  constexpr double kBytesPerStep = 5000 * 4;

  auto sink = std::make_shared<SlowSink>();
  double most_bytes = 0.0;
  const auto progress = [&](const Progress& progress) {
    most_bytes = std::max(most_bytes, static_cast<double>(progress.now - sink->written) * kBytesPerStep);
  };
  auto simulation = Simulation::create(net.spec(), {.threads = 1, .sinks = {sink}, .progress = progress}).value();
  ASSERT_TRUE(simulation->run());
  EXPECT_EQ(sink->written, 6000);
  EXPECT_LE(most_bytes, 1.3 * kRecorderCreditBytes);
  EXPECT_GT(most_bytes, 0.2 * kRecorderCreditBytes) << "the network is ahead, or this shows nothing";
}

}  // namespace
}  // namespace neuract::actors
