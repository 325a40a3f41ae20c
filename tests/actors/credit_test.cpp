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
  runtime.listeners().add(
      0, [&](const snn::SpikeBatch& batch) { furthest_ahead = std::max(furthest_ahead, batch.end() - sink_at); });
  runtime.listeners().add(1, [&](const snn::SpikeBatch& batch) { sink_at = batch.end(); });
  ASSERT_TRUE(runtime.ask<RunReport>(actors::Run{0, plan->total_steps()}));
  EXPECT_EQ(sink_at, plan->total_steps());
  // Outputs reach the callbacks some milliseconds late, hence the second credit.
  EXPECT_LE(furthest_ahead, 2 * credit_steps(64));
  EXPECT_GT(furthest_ahead, 64) << "the source is ahead, or this shows nothing";
}

/// A disk that does not answer until released.
class StuckSink final : public RecordSink {
 public:
  Result<void> begin(const snn::Plan&, std::span<const std::vector<snn::CohortRange>>) override { return {}; }
  Result<void> write(const snn::ShardOutput& output) override {
    stuck_.wait(true);
    written = output.end;
    return {};
  }
  Result<void> finish() override { return {}; }

  void release() {
    stuck_ = false;
    stuck_.notify_all();
  }
  Step written = 0;

 private:
  std::atomic<bool> stuck_ = true;
};

TEST_F(Credits, KeepTheNetworkNearASlowDisk) {
  snn::NetworkBuilder net("chatty");
  net.settings().duration = 600.0;
  const auto p = net.population("P", 5000, "iaf_psc_delta", {{"I_e", 100.0}});
  net.record(p, {"V_m"}, 0.1);  // 40 kB a step, 240 MB in all
  constexpr double kBytesPerStep = 5000 * 8;

  auto sink = std::make_shared<StuckSink>();
  Step now = 0;
  int standing = 0;
  double bytes_ahead = 0.0;
  const auto watch = [&](const Progress& progress) {
    standing = progress.now == now && now > 0 ? standing + 1 : 0;
    now = progress.now;
    if (standing != 5) return;
    bytes_ahead = static_cast<double>(now) * kBytesPerStep;
    sink->release();
  };
  auto simulation = Simulation::create(net.spec(), {.threads = 1, .sinks = {sink}, .progress = watch}).value();
  ASSERT_TRUE(simulation->run());
  EXPECT_EQ(sink->written, 6000) << "after the wait, the run goes on to its end";
  EXPECT_LE(bytes_ahead, 1.3 * kRecorderCreditBytes);
  EXPECT_GT(bytes_ahead, 0.7 * kRecorderCreditBytes);
}

}  // namespace
}  // namespace neuract::actors
