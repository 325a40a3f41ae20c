#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "networks.hpp"
#include "neuract/actors/runtime.hpp"

namespace neuract::actors {
namespace {

using testing::balanced;
using ::testing::HasSubstr;

class Failures : public ::testing::Test {
  testing::Watchdog watchdog_;
};

/// Fails at its n-th write, in the way that is asked for.
class FailingSink final : public RecordSink {
 public:
  enum class How { error, exception, at_finish, at_begin };
  explicit FailingSink(How how) : how_(how) {}

  Result<void> begin(const snn::Plan&, std::span<const std::vector<snn::CohortRange>>) override {
    if (how_ == How::at_begin) return fail(ErrorCode::io, "cannot create spikes.h5: Permission denied");
    return {};
  }
  Result<void> write(const snn::ShardOutput&) override {
    if (failed) ++writes_after_failure;
    if (++writes < 5) return {};
    failed = how_ != How::at_finish;
    if (how_ == How::error) return fail(ErrorCode::io, "spikes.h5: No space left on device");
    if (how_ == How::exception) throw std::runtime_error("the sink is broken");
    return {};
  }
  Result<void> finish() override {
    ++finished;
    if (how_ == How::at_finish) return fail(ErrorCode::io, "spikes.h5: Input/output error");
    return {};
  }

  int writes = 0;
  bool failed = false;
  int writes_after_failure = 0;
  int finished = 0;

 private:
  How how_;
};

class GoodSink final : public RecordSink {
 public:
  Result<void> begin(const snn::Plan&, std::span<const std::vector<snn::CohortRange>>) override { return {}; }
  Result<void> write(const snn::ShardOutput&) override { return {}; }
  Result<void> finish() override {
    ++finished;
    return {};
  }
  int finished = 0;
};

TEST_F(Failures, OfASinkEndTheRunWithItsError) {
  for (const auto how : {FailingSink::How::error, FailingSink::How::exception}) {
    auto bad = std::make_shared<FailingSink>(how);
    auto good = std::make_shared<GoodSink>();
    auto simulation = Simulation::create(balanced(100'000.0).spec(), {.threads = 2, .sinks = {bad, good}}).value();
    const auto run = simulation->run();
    ASSERT_FALSE(run);
    EXPECT_THAT(run.error().to_string(),
                HasSubstr(how == FailingSink::How::error ? "No space left" : "the sink is broken"));
    EXPECT_EQ(bad->writes_after_failure, 0);
    EXPECT_EQ(bad->finished, 1);
    EXPECT_EQ(good->finished, 1) << "what was recorded elsewhere is complete when run() returns";
    EXPECT_EQ(simulation->run(1.0).error(), run.error()) << "the first error stays";
    EXPECT_EQ(simulation->snapshot("E", "V_m").error(), run.error());
    EXPECT_TRUE(simulation->finish());
  }
}

TEST_F(Failures, OfASinkAtTheEndReachFinish) {
  auto bad = std::make_shared<FailingSink>(FailingSink::How::at_finish);
  auto simulation = Simulation::create(balanced().spec(), {.sinks = {bad}}).value();
  ASSERT_TRUE(simulation->run());
  EXPECT_EQ(simulation->finish().error().code, ErrorCode::io);
}

TEST_F(Failures, OfASinkAtTheBeginningPreventBuilding) {
  auto good = std::make_shared<GoodSink>();
  auto bad = std::make_shared<FailingSink>(FailingSink::How::at_begin);
  const auto simulation = Simulation::create(balanced().spec(), {.sinks = {good, bad}});
  ASSERT_FALSE(simulation);
  EXPECT_THAT(simulation.error().message, HasSubstr("Permission denied"));
  EXPECT_EQ(good->finished, 1);
  EXPECT_EQ(bad->finished, 0);
}

TEST_F(Failures, OfASpikeCallbackEndTheRunWithItsMessage) {
  auto simulation = Simulation::create(balanced(100'000.0).spec(), {.threads = 2}).value();
  ASSERT_TRUE(simulation->on_spikes("I", [](const snn::SpikeBatch& batch) {
    if (batch.begin > 500) throw std::runtime_error("enough");
  }));
  const auto run = simulation->run();
  ASSERT_FALSE(run);
  EXPECT_EQ(run.error().to_string(), "spike callback of population \"I\": enough");
}

TEST_F(Failures, OfTheProgressCallbackEndTheRunWithItsMessage) {
  bool armed = false;
  const auto progress = [&](const Progress&) {
    if (armed) throw std::runtime_error("no more");
  };
  auto simulation = Simulation::create(balanced(100'000.0).spec(), {.threads = 2, .progress = progress}).value();
  armed = true;
  EXPECT_EQ(simulation->run().error().to_string(), "progress callback: no more");
}

/// A running simulation, one actor of which somebody kills.
Error error_after_killing(const std::function<void(Runtime&)>& kill) {
  const auto plan = snn::Plan::make(balanced(1'000'000.0).spec()).value();
  auto sink = std::make_shared<GoodSink>();
  Runtime runtime(plan, snn::place(*plan, 2), {.sinks = {sink}});
  EXPECT_TRUE(runtime.ask<BuildReport>(Prepare{}));
  auto run = runtime.ask_later<RunReport>(Run{0, plan->total_steps()});
  auto never = runtime.ask_later<StateSnapshot>(TakeSnapshot{0, 0, 0, plan->total_steps()});
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  kill(runtime);
  const auto answer = run.get();
  EXPECT_FALSE(answer);
  EXPECT_EQ(never.get().error(), answer.error());
  EXPECT_EQ(runtime.ask<std::vector<ShardStatistics>>(Summarise{}).error(), answer.error());
  return answer ? Error{} : answer.error();
}

TEST_F(Failures, OfAPopulationActorEndTheRun) {
  const Error error =
      error_after_killing([](Runtime& r) { caf::anon_send_exit(r.populations()[1], caf::exit_reason::kill); });
  EXPECT_THAT(error.to_string(), HasSubstr("shard 1: it has ended unexpectedly"));
}

TEST_F(Failures, OfTheRecorderEndTheRun) {
  const Error error =
      error_after_killing([](Runtime& r) { caf::anon_send_exit(r.recorder(), caf::exit_reason::kill); });
  EXPECT_THAT(error.to_string(), HasSubstr("recorder: it has ended unexpectedly"));
}

TEST_F(Failures, OfTheSupervisorEndTheRun) {
  const Error error =
      error_after_killing([](Runtime& r) { caf::anon_send_exit(r.supervisor(), caf::exit_reason::kill); });
  EXPECT_THAT(error.to_string(), HasSubstr("supervisor: it has ended unexpectedly"));
}

TEST_F(Failures, LeaveNothingBehindWhenASimulationIsDroppedEarly) {
  for (int i = 0; i < 5; ++i) {
    auto simulation = Simulation::create(balanced().spec(), {.threads = 3}).value();
    if (i % 2 == 0) {
      ASSERT_TRUE(simulation->run(10.0));
    }
  }
}

}  // namespace
}  // namespace neuract::actors
