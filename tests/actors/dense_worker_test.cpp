#include "neuract/actors/dense_worker.hpp"

#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "../snn/serial_run.hpp"
#include "networks.hpp"
#include "neuract/actors/runtime.hpp"
#include "neuract/actors/simulation.hpp"

namespace neuract::actors {
namespace {

class DenseWorkers : public ::testing::Test {
  testing::Watchdog watchdog_;
};

/// Two populations, each onto both by dense weights, in a batch of three.
snn::NetworkSpec dense_network(snn::DenseFormat format, double duration_ms, std::uint32_t batch) {
  auto net = testing::balanced(duration_ms, 400);
  snn::NetworkSpec spec = net.spec();
  spec.batch = batch;
  for (snn::ProjectionSpec& projection : spec.projections) {
    projection.rule = {snn::Rule::Kind::all_to_all};
    projection.weight = snn::Distribution{snn::Distribution::Kind::normal, -0.005, 0.05};
    projection.format = format;
  }
  return spec;
}

RunResult run(const snn::NetworkSpec& spec, std::uint32_t threads, DenseWorker worker) {
  auto simulation = Simulation::create(spec, {.threads = threads, .dense_worker = worker}).value();
  EXPECT_TRUE(simulation->run());
  return simulation->result().value();
}

TEST_F(DenseWorkers, GiveTheSameSpikesAsActorsThatMultiplyThemselves) {
  for (const auto format : {snn::DenseFormat::nf4, snn::DenseFormat::nvfp4, snn::DenseFormat::f32}) {
    for (const std::uint32_t batch : {1u, 3u}) {
      const auto spec = dense_network(format, 30.0, batch);
      const auto serial = snn::testing::run_serial(spec);
      ASSERT_GT(serial.counted_spikes, 100u);
      for (const std::uint32_t threads : {1u, 2u, 3u}) {
        for (const auto worker : {DenseWorker::inline_cpu, DenseWorker::actor}) {
          const RunResult result = run(spec, threads, worker);
          EXPECT_EQ(result.spike_hash, serial.spike_hash) << threads << " threads, batch of " << batch;
          EXPECT_EQ(result.synaptic_events, serial.events);
        }
      }
    }
  }
}

TEST_F(DenseWorkers, LetARunStopAndGoOn) {
  const auto spec = dense_network(snn::DenseFormat::nf4, 100'000.0, 1);
  auto simulation = Simulation::create(spec, {.threads = 2, .dense_worker = DenseWorker::actor}).value();
  for (int i = 0; i < 5; ++i) {
    std::thread stopper([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      simulation->stop();
    });
    EXPECT_EQ(simulation->run()->reason, StopReason::requested);
    stopper.join();
  }
  auto other = Simulation::create(spec, {.threads = 1}).value();
  ASSERT_TRUE(other->run(static_cast<double>(simulation->now()) * 0.1));
  EXPECT_EQ(other->now(), simulation->now());
  EXPECT_EQ(other->result()->spike_hash, simulation->result()->spike_hash);
}

TEST_F(DenseWorkers, TellWhatTheyComputed) {
  const RunResult result = run(dense_network(snn::DenseFormat::nvfp4, 10.0, 2), 2, DenseWorker::automatic);
  EXPECT_EQ(result.projections[0].representation, "dense nvfp4");
  EXPECT_EQ(result.projections[0].path, "cpu_nvfp4");
  EXPECT_EQ(result.projections[0].fallback_reason, "");
  EXPECT_EQ(result.projections[0].synapses, 320u * 320u);
  EXPECT_EQ(result.batch, 2u);
}

/// Weights that cannot be multiplied with.
class Broken final : public snn::DenseWeights {
 public:
  void forward(const kernels::ActiveLists&, float*, std::size_t) const override { throw std::bad_alloc(); }
};

/// Takes the place of a population actor and keeps the answers it gets.
class Requester {
 public:
  using Handle = PopulationActor;
  static inline const char* name = "requester";

  Requester(Handle::pointer, std::shared_ptr<std::promise<std::vector<Projected>>> done) : done_(std::move(done)) {}

  Handle::behavior_type make_behavior() {
    return {[](Build) {},
            [](Connect&) {},
            [](RunTo) {},
            [](Hold) {},
            [](Record) {},
            [](TakeState) {},
            [](Collect) {},
            [](Report) {},
            [](Delivery&) {},
            [](Consumed) {},
            [](Written) {},
            [this](Projected& answer) {
              answers_.push_back(std::move(answer));
              if (answers_.size() == 2) done_->set_value(std::move(answers_));
            },
            [](Continue) {},
            [](TakeWeights) {},
            [](WriteDown) {},
            [](PutAway) {}};
  }

 private:
  std::shared_ptr<std::promise<std::vector<Projected>>> done_;
  std::vector<Projected> answers_;
};

TEST_F(DenseWorkers, AnswerEveryRequestAlsoWhenItFails) {
  const auto spec = dense_network(snn::DenseFormat::nf4, 10.0, 1);
  const snn::PlanPtr plan = snn::Plan::make(spec).value();
  Runtime runtime(plan, snn::place(*plan, 1), {});
  const auto worker = spawn_dense_worker(runtime.system(), runtime.supervisor());
  const auto batch = std::make_shared<snn::DenseBatch>();
  batch->weights = std::make_shared<Broken>();
  batch->stride = 64;
  batch->offsets = {0, 1};
  batch->ids = {0};
  const auto done = std::make_shared<std::promise<std::vector<Projected>>>();
  const auto requester = spawn<Requester>(runtime.system(), done);
  for (const std::uint64_t request : {7u, 8u}) anon_mail(Project{requester, request, {batch}}).send(worker);
  const auto answers = done->get_future().get();
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(answers[i].request, 7 + i);
    ASSERT_TRUE(answers[i].error);
    EXPECT_EQ(answers[i].error->code, ErrorCode::out_of_memory);
  }
}

}  // namespace
}  // namespace neuract::actors
