#include "neuract/actors/simulation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <mutex>
#include <set>
#include <thread>

#include "../snn/serial_run.hpp"
#include "networks.hpp"

namespace neuract::actors {
namespace {

using testing::balanced;
using testing::feed_forward;
using ::testing::HasSubstr;

class Simulations : public ::testing::Test {
  testing::Watchdog watchdog_;
};

std::unique_ptr<Simulation> create(const snn::NetworkSpec& spec, Options options = {}) {
  return Simulation::create(spec, std::move(options)).value();
}

TEST_F(Simulations, GiveTheSameSpikesForAnyNumberOfThreadsAndCohorts) {
  const auto spec = balanced().spec();
  const auto serial = snn::testing::run_serial(spec);
  ASSERT_GT(serial.counted_spikes, 1000u);
  for (const std::uint32_t threads : {1u, 2u, 3u}) {
    for (const std::uint32_t cohort_size : {0u, 64u, 200u}) {
      SCOPED_TRACE(::testing::Message() << threads << " threads, cohorts of " << cohort_size);
      auto simulation = create(spec, {.threads = threads, .cohort_size = cohort_size});
      const RunReport run = simulation->run().value();
      EXPECT_EQ(run.end, 2000);
      EXPECT_EQ(run.reason, StopReason::goal);
      const RunResult result = simulation->result().value();
      EXPECT_EQ(result.threads, threads);
      EXPECT_EQ(result.spike_hash, serial.spike_hash);
      EXPECT_EQ(result.spikes, serial.counted_spikes);
      EXPECT_EQ(result.synaptic_events, serial.events);
    }
  }
}

TEST_F(Simulations, RunOnAsIfTheyHadNeverPaused) {
  const auto spec = balanced().spec();
  auto whole = create(spec, {.threads = 2});
  ASSERT_TRUE(whole->run(200.0));
  auto parts = create(spec, {.threads = 2});
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(parts->run(50.0));
  EXPECT_EQ(parts->now(), 2000);
  EXPECT_EQ(whole->result()->spike_hash, parts->result()->spike_hash);
  EXPECT_EQ(whole->result()->populations[0].cv_isi, parts->result()->populations[0].cv_isi);

  EXPECT_EQ(parts->run()->end, 2000) << "the end that the network states is reached";
  EXPECT_EQ(parts->run(10.0)->end, 2100) << "and can be passed";
  EXPECT_EQ(parts->run(-1.0).error().code, ErrorCode::invalid_argument);
}

TEST_F(Simulations, ReportWhatTheNetworkDid) {
  auto net = balanced();
  net.settings().warmup = 50.0;
  auto simulation = create(net.spec(), {.threads = 2});
  ASSERT_TRUE(simulation->run());
  const RunResult result = simulation->result().value();
  EXPECT_EQ(result.steps, 2500);
  EXPECT_DOUBLE_EQ(result.duration_ms, 200.0);
  EXPECT_EQ(result.neurons, 500u);
  EXPECT_EQ(result.synapses, 500u * 50);
  ASSERT_EQ(result.projections.size(), 4u);
  EXPECT_EQ(result.projections[0].name, "E->E");
  EXPECT_EQ(result.projections[0].synapses, 400u * 40);
  EXPECT_GT(result.projections[0].bytes, 0u);
  EXPECT_NE(result.projections[0].representation, "");
  ASSERT_EQ(result.populations.size(), 2u);
  EXPECT_NEAR(result.populations[0].rate_hz, static_cast<double>(result.populations[0].spikes) / (400 * 0.2), 1e-9);
  EXPECT_GT(result.populations[0].cv_isi, 0.0);
  EXPECT_GT(result.simulate_s, 0.0);
  EXPECT_GT(result.peak_rss_bytes, 0u);
}

TEST_F(Simulations, StopInTheMiddleAtOneStepAndGoOn) {
  const auto spec = balanced(100'000.0).spec();
  for (const std::uint32_t threads : {1u, 2u}) {
    auto simulation = create(spec, {.threads = threads});
    std::thread stopper([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      simulation->stop();
    });
    const RunReport run = simulation->run().value();
    stopper.join();
    EXPECT_EQ(run.reason, StopReason::requested);
    EXPECT_THAT(run.message, HasSubstr("on request"));
    EXPECT_LT(run.end, simulation->plan().total_steps());

    // The same steps in one go: nothing was lost or done twice.
    const double rest_ms = 20.0;
    ASSERT_TRUE(simulation->run(rest_ms));
    auto other = create(spec, {.threads = 1});
    ASSERT_TRUE(other->run(static_cast<double>(simulation->now()) * 0.1));
    EXPECT_EQ(other->now(), simulation->now());
    EXPECT_EQ(other->result()->spike_hash, simulation->result()->spike_hash);
  }
}

TEST_F(Simulations, ObeyTheStopFlagSoon) {
  std::atomic<bool> stop = false;
  auto simulation = create(balanced(1'000'000.0).spec(), {.threads = 2, .stop = &stop});
  std::thread setter([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    stop = true;
  });
  EXPECT_EQ(simulation->run()->reason, StopReason::requested);
  setter.join();
}

TEST_F(Simulations, GiveUpBuildingWhenTheStopFlagIsSet) {
  std::atomic<bool> stop = true;
  auto net = balanced();
  const auto big = net.population("big", 40000, "iaf_psc_delta");
  net.connect(big, big, snn::rules::fixed_indegree(2000), {.weight = 0.1, .delay = 1.5});
  const auto simulation = Simulation::create(net.spec(), {.threads = 2, .stop = &stop});
  ASSERT_FALSE(simulation);
  EXPECT_EQ(simulation.error().code, ErrorCode::cancelled) << simulation.error();
}

TEST_F(Simulations, TakeASnapshotOfExactlyTheAskedStep) {
  auto net = balanced(20.0);
  const snn::NetworkBuilder::Population e{0};
  net.record(e, {"V_m"}, 0.1);
  const auto serial = snn::testing::run_serial(net.spec());
  const auto recorded = [&](Step step) {
    for (const auto& block : serial.traces) {
      for (std::size_t row = 0; row < block.steps.size(); ++row) {
        if (block.steps[row] == step) {
          const auto begin = block.values.begin() + static_cast<std::ptrdiff_t>(row * block.neurons.size());
          return std::vector<float>(begin, begin + static_cast<std::ptrdiff_t>(block.neurons.size()));
        }
      }
    }
    return std::vector<float>();
  };
  for (const std::uint32_t threads : {1u, 3u}) {
    auto simulation = create(net.spec(), {.threads = threads, .cohort_size = 64});
    auto early = simulation->snapshot_at("E", "V_m", 37);
    auto late = simulation->snapshot_at("E", "V_m", 101);
    ASSERT_TRUE(simulation->run(10.0));
    const StateSnapshot at_37 = early.get().value();
    EXPECT_EQ(at_37.step, 37);
    EXPECT_NEAR(at_37.time_ms, 3.7, 1e-12);
    EXPECT_EQ(at_37.values(), recorded(36)) << "after 37 steps, the last of them is number 36";

    const StateSnapshot now = simulation->snapshot("E", "V_m").value();
    EXPECT_EQ(now.step, 100);
    EXPECT_EQ(now.values(), recorded(99));
    EXPECT_EQ(simulation->snapshot_at("E", "V_m", 50).get().error().code, ErrorCode::stale);

    ASSERT_TRUE(simulation->run(10.0));
    EXPECT_EQ(late.get()->values(), recorded(100));
    EXPECT_EQ(now.values(), recorded(99)) << "a snapshot does not change while it is held";
    EXPECT_EQ(simulation->snapshot_at("E", "V_m", 5000).wait_for(std::chrono::milliseconds(1)),
              std::future_status::timeout);
  }
}

TEST_F(Simulations, TakeSnapshotsWhileRunning) {
  const auto spec = balanced(100'000.0).spec();
  auto simulation = create(spec, {.threads = 2, .cohort_size = 64});
  std::thread reader([&] {
    Step last = -1;
    for (int i = 0; i < 50; ++i) {
      const auto seen = simulation->snapshot("E", "V_m");
      ASSERT_TRUE(seen) << seen.error();
      EXPECT_GE(seen->step, last);
      last = seen->step;
      EXPECT_EQ(seen->values().size(), 400u);
    }
    simulation->stop();
  });
  const RunReport run = simulation->run().value();
  reader.join();
  EXPECT_EQ(run.reason, StopReason::requested);
  auto other = create(spec, {.threads = 1});
  ASSERT_TRUE(other->run(static_cast<double>(run.end) * 0.1));
  EXPECT_EQ(other->result()->spike_hash, simulation->result()->spike_hash);
}

TEST_F(Simulations, CallBackForTheSpikesOfAPopulation) {
  const auto spec = balanced().spec();
  const auto serial = snn::testing::run_serial(spec);
  for (const std::uint32_t threads : {1u, 2u}) {
    auto simulation = create(spec, {.threads = threads, .cohort_size = 128});
    std::vector<std::pair<Step, std::uint64_t>> spikes;  // no lock: run() returns when all callbacks have
    for (const std::uint32_t p : {0u, 1u}) {
      ASSERT_TRUE(simulation->on_spikes(spec.populations[p].name, [&spikes, p](const snn::SpikeBatch& batch) {
        EXPECT_EQ(batch.population, p);
        for (Step step = batch.begin; step < batch.end(); ++step) {
          for (const std::uint16_t id : batch.at(step))
            spikes.emplace_back(step, (p == 1 ? 400u : 0u) + batch.first + id);
        }
      }));
    }
    ASSERT_TRUE(simulation->run(70.0));
    ASSERT_TRUE(simulation->run());
    std::sort(spikes.begin(), spikes.end());
    EXPECT_EQ(spikes, serial.spikes);
  }
}

class CountingSink final : public RecordSink {
 public:
  Result<void> begin(const snn::Plan&, std::span<const std::vector<snn::CohortRange>> placement) override {
    ends.assign(placement.size(), -1);
    return {};
  }
  Result<void> write(const snn::ShardOutput& output) override {
    if (ends[output.shard] >= 0) {
      EXPECT_EQ(output.begin, ends[output.shard]);
    }
    if (first < 0) first = output.begin;
    EXPECT_EQ(finished, 0);
    ends[output.shard] = output.end;
    for (const auto& batch : output.batches) spikes += batch.ids.size();
    return {};
  }
  Result<void> flush() override {
    ++flushes;
    return {};
  }
  Result<void> finish() override {
    ++finished;
    return {};
  }

  std::vector<Step> ends;
  Step first = -1;
  std::uint64_t spikes = 0;
  int flushes = 0;
  int finished = 0;
};

TEST_F(Simulations, RecordEverythingAfterTheWarmup) {
  auto net = balanced();
  net.settings().warmup = 33.3;
  auto sink = std::make_shared<CountingSink>();
  auto simulation = create(net.spec(), {.threads = 2, .sinks = {sink}});
  ASSERT_TRUE(simulation->run(20.0));
  EXPECT_EQ(sink->first, -1) << "still warming up";
  ASSERT_TRUE(simulation->run(100.0));
  EXPECT_EQ(sink->flushes, 1);
  EXPECT_THAT(sink->ends, ::testing::Each(1200)) << "when run() returns, the sinks have all";
  ASSERT_TRUE(simulation->run());
  EXPECT_EQ(sink->first, 333);
  EXPECT_EQ(sink->spikes, simulation->result()->spikes);
  ASSERT_TRUE(simulation->finish());
  EXPECT_EQ(sink->finished, 1);
  EXPECT_EQ(simulation->run(1.0).error().code, ErrorCode::cancelled);
  EXPECT_TRUE(simulation->finish());
  simulation.reset();
  EXPECT_EQ(sink->finished, 1);
}

TEST_F(Simulations, ReportProgressUpToTheEnd) {
  std::vector<Progress> seen;
  auto simulation =
      create(balanced(2000.0).spec(), {.threads = 2, .progress = [&](const Progress& p) { seen.push_back(p); }});
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(seen.back().phase, Progress::Phase::building);
  EXPECT_EQ(seen.back().synapses, 500u * 50);
  EXPECT_DOUBLE_EQ(seen.back().expected_synapses, 500.0 * 50);
  ASSERT_TRUE(simulation->run());
  EXPECT_EQ(seen.back().phase, Progress::Phase::running);
  EXPECT_EQ(seen.back().now, 20000);
  EXPECT_EQ(seen.back().goal, 20000);
  EXPECT_EQ(seen.back().spikes, simulation->result()->spikes);
}

TEST_F(Simulations, StopANetworkThatExplodes) {
  auto net = balanced(10'000.0);
  net.settings().stop_if = snn::RateGuard{.rate = 5.0, .window = 50.0};
  auto simulation = create(net.spec(), {.threads = 2});
  const RunReport run = simulation->run().value();
  EXPECT_EQ(run.reason, StopReason::rate);
  EXPECT_THAT(run.message, HasSubstr("population \""));
  EXPECT_THAT(run.message, HasSubstr("in the 50 ms before t = "));
  EXPECT_THAT(run.message, HasSubstr("stop_if allows 5 Hz"));
  EXPECT_LT(run.end, simulation->plan().total_steps());
}

TEST_F(Simulations, RunNetworksWithoutProjections) {
  snn::NetworkBuilder net("lonely");
  net.population("A", 300, "iaf_psc_delta", {{"I_e", 500.0}});
  net.population("B", 300, "iaf_psc_delta", {{"I_e", 500.0}});
  auto simulation = create(net.spec(), {.threads = 3, .cohort_size = 64});
  ASSERT_TRUE(simulation->run());
  const RunResult result = simulation->result().value();
  EXPECT_EQ(result.populations[0].spikes, result.populations[1].spikes);
  EXPECT_GT(result.spikes, 0u);
}

TEST_F(Simulations, NameWhatTheyDoNotKnow) {
  auto simulation = create(balanced(10.0).spec());
  EXPECT_THAT(simulation->snapshot("X", "V_m").error().message, HasSubstr("unknown population \"X\"; there are E, I"));
  EXPECT_THAT(simulation->snapshot("E", "Vm").error().message, HasSubstr("did you mean \"V_m\"?"));
  EXPECT_EQ(simulation->snapshot_at("X", "V_m", 1).get().error().code, ErrorCode::not_found);
  EXPECT_EQ(simulation->on_spikes("e2", [](const snn::SpikeBatch&) {}).error().code, ErrorCode::not_found);

  auto spec = balanced().spec();
  spec.populations[0].model = "no such model";
  EXPECT_EQ(Simulation::create(spec).error().code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace neuract::actors
