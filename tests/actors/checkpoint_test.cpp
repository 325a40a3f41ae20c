#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "../snn/temporary_folder.hpp"
#include "networks.hpp"
#include "neuract/actors/simulation.hpp"
#include "neuract/snn/checkpoint_folder.hpp"
#include "neuract/snn/sonata_reader.hpp"

namespace neuract::actors {
namespace {

namespace fs = std::filesystem;
using snn::testing::TemporaryFolder;
using testing::balanced;
using testing::feed_forward;
using ::testing::HasSubstr;
using testing::Watchdog;

snn::NetworkBuilder recorded(double duration_ms) {
  snn::NetworkBuilder net = balanced(duration_ms, 300);
  net.settings().warmup = 10.0;
  net.record({0}, {"V_m"}, 0.5);
  net.record({1}, {"V_m"}, 1.3, {2, 3, 17});
  return net;
}

/// Everything in a result that does not depend on the machine.
void expect_equal(const RunResult& a, const RunResult& b) {
  EXPECT_EQ(a.spike_hash, b.spike_hash);
  EXPECT_EQ(a.spikes, b.spikes);
  EXPECT_EQ(a.steps, b.steps);
  EXPECT_EQ(a.synapses, b.synapses);
  EXPECT_EQ(a.synaptic_events, b.synaptic_events);
  EXPECT_EQ(a.duration_ms, b.duration_ms);
  ASSERT_EQ(a.populations.size(), b.populations.size());
  for (std::size_t p = 0; p < a.populations.size(); ++p) {
    EXPECT_EQ(a.populations[p].spikes, b.populations[p].spikes);
    EXPECT_EQ(a.populations[p].rate_hz, b.populations[p].rate_hz);
    EXPECT_EQ(a.populations[p].cv_isi, b.populations[p].cv_isi);
  }
  for (std::size_t p = 0; p < a.projections.size(); ++p) EXPECT_EQ(a.projections[p].events, b.projections[p].events);
}

void expect_equal_files(const fs::path& a, const fs::path& b) {
  const auto spikes_a = snn::read_spikes(a / "spikes.h5").value();
  const auto spikes_b = snn::read_spikes(b / "spikes.h5").value();
  ASSERT_EQ(spikes_a.size(), spikes_b.size());
  for (std::size_t i = 0; i < spikes_a.size(); ++i) {
    EXPECT_GT(spikes_a[i].times_ms.size(), 100u);
    EXPECT_EQ(spikes_a[i].times_ms, spikes_b[i].times_ms);
    EXPECT_EQ(spikes_a[i].node_ids, spikes_b[i].node_ids);
  }
  const auto traces_a = snn::read_reports(a / "traces.h5").value();
  const auto traces_b = snn::read_reports(b / "traces.h5").value();
  ASSERT_EQ(traces_a.size(), traces_b.size());
  for (std::size_t i = 0; i < traces_a.size(); ++i) {
    EXPECT_GT(traces_a[i].rows, 10u);
    EXPECT_EQ(traces_a[i].values, traces_b[i].values);
    EXPECT_EQ(traces_a[i].start_ms, traces_b[i].start_ms);
    EXPECT_EQ(traces_a[i].stop_ms, traces_b[i].stop_ms);
  }
}

void run(Simulation& simulation) { EXPECT_TRUE(simulation.run()); }
void run(Simulation& simulation, double ms) { EXPECT_TRUE(simulation.run(ms)); }

class Checkpoints : public ::testing::Test {
 protected:
  Options options(const std::string& out, std::uint32_t threads, std::uint32_t cohort_size,
                  const fs::path& resume = {}) const {
    Options options;
    options.threads = threads;
    options.cohort_size = cohort_size;
    if (!resume.empty()) options.resume = snn::Checkpoint::open(resume).value();
    options.sinks = {make_sonata_sink(folder_ / out, options.resume)};
    options.checkpoints.folder = folder_ / out / snn::kCheckpointFolder;
    options.checkpoints.recordings = folder_ / out;
    return options;
  }

  static RunResult finish(Simulation& simulation) {
    const RunResult result = simulation.result().value();
    simulation.finish().value();
    return result;
  }
  RunResult whole(const snn::NetworkSpec& spec) const {
    auto simulation = Simulation::create(spec, options("whole", 1, 0)).value();
    run(*simulation);
    return finish(*simulation);
  }
  static std::unique_ptr<Simulation> create(const snn::NetworkSpec& spec, Options options) {
    return Simulation::create(spec, std::move(options)).value();
  }

  const Watchdog watchdog_;
  const TemporaryFolder folder_;
};

TEST_F(Checkpoints, ContinueARunWithOtherThreadsAndCohortsToTheSameBits) {
  const snn::NetworkSpec spec = recorded(100.0).spec();
  const RunResult expected = whole(spec);
  struct Way {
    std::uint32_t threads, cohort_size;
  };
  for (const auto& [first, second] : {std::pair<Way, Way>{{1, 0}, {2, 64}}, {{2, 64}, {1, 0}}, {{3, 128}, {2, 4096}}}) {
    auto before = create(spec, options("out", first.threads, first.cohort_size));
    run(*before, 43.7);
    const fs::path path = before->checkpoint().value();
    EXPECT_EQ(path.filename(), "balanced-000000000437.checkpoint");
    finish(*before);

    auto after = create(spec, options("out", second.threads, second.cohort_size, path));
    EXPECT_EQ(after->now(), 437);
    run(*after);
    expect_equal(finish(*after), expected);
    expect_equal_files(folder_ / "out", folder_ / "whole");
  }
}

TEST_F(Checkpoints, MayBeTakenInTheWarmUpAndAtItsEnd) {
  const snn::NetworkSpec spec = recorded(60.0).spec();
  const RunResult expected = whole(spec);
  for (const double ms : {0.0, 4.0, 10.0, 10.1}) {
    auto before = create(spec, options("out", 2, 64));
    run(*before, ms);
    const fs::path path = before->checkpoint().value();
    before.reset();
    auto after = create(spec, options("out", 1, 0, path));
    run(*after);
    expect_equal(finish(*after), expected);
    expect_equal_files(folder_ / "out", folder_ / "whole");
  }
}

TEST_F(Checkpoints, ContinueAContinuedRunInAnotherFolder) {
  const snn::NetworkSpec spec = recorded(90.0).spec();
  const RunResult expected = whole(spec);
  fs::path path;
  std::string out;
  for (int part = 0; part < 4; ++part) {
    out = "part" + std::to_string(part);
    auto simulation = create(spec, options(out, 1 + part % 2, 64, path));
    if (part == 3) {
      run(*simulation);
      expect_equal(finish(*simulation), expected);
    } else {
      run(*simulation, 21.3);
      path = simulation->checkpoint().value();
      // What comes after the checkpoint is in the files, too, and is left out.
      run(*simulation, 5.0);
      finish(*simulation);
    }
  }
  expect_equal_files(folder_ / out, folder_ / "whole");
}

TEST_F(Checkpoints, AreWrittenWhileTheRunGoesOn) {
  const snn::NetworkSpec spec = recorded(300.0).spec();
  const RunResult expected = whole(spec);
  Options running = options("out", 2, 64);
  running.checkpoints.every_ms = 50.0;
  auto simulation = create(spec, running);
  run(*simulation);
  const fs::path last = simulation->checkpoint().value();
  expect_equal(finish(*simulation), expected);
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(last.parent_path())) names.insert(entry.path().filename().string());
  EXPECT_EQ(names.size(), 2u);  // the others have gone
  EXPECT_EQ(*names.rbegin(), "balanced-000000003100.checkpoint");

  auto after = create(spec, options("out", 1, 0, last.parent_path() / *names.begin()));
  EXPECT_LT(after->now(), 3100);
  EXPECT_EQ(after->now() % 500, 0);
  run(*after);
  expect_equal(finish(*after), expected);
  expect_equal_files(folder_ / "out", folder_ / "whole");
}

TEST_F(Checkpoints, MayBeAskedForDuringARun) {
  const snn::NetworkSpec spec = recorded(400.0).spec();
  const RunResult expected = whole(spec);
  auto simulation = create(spec, options("out", 2, 64));
  std::vector<fs::path> paths;
  std::thread asker([&] {
    for (int i = 0; i < 3; ++i) paths.push_back(simulation->checkpoint(folder_ / std::to_string(i)).value());
  });
  run(*simulation);
  asker.join();
  expect_equal(finish(*simulation), expected);
  for (const fs::path& path : paths) {
    auto after = create(spec, options("after", 1, 0, path));
    run(*after);
    expect_equal(finish(*after), expected);
    expect_equal_files(folder_ / "after", folder_ / "whole");
  }
}

TEST_F(Checkpoints, OfAFinishedRunLetItRunOn) {
  const RunResult expected = whole(recorded(120.0).spec());
  const snn::NetworkSpec half = recorded(60.0).spec();
  auto before = create(half, options("out", 2, 64));
  run(*before);
  const fs::path path = before->checkpoint().value();
  finish(*before);
  auto again = create(half, options("again", 2, 64, path));
  EXPECT_EQ(again->run().value().end, again->run().value().begin);
  finish(*again);
  auto after = create(recorded(120.0).spec(), options("out", 1, 0, path));
  run(*after);
  expect_equal(finish(*after), expected);
  expect_equal_files(folder_ / "out", folder_ / "whole");
}

TEST_F(Checkpoints, ContinueNetworksWithoutFeedback) {
  snn::NetworkBuilder net = feed_forward(200, 300, 100.0);
  net.record_spikes({0}).record_spikes({1});
  auto uninterrupted = create(net.spec(), {.threads = 3, .cohort_size = 64});
  run(*uninterrupted);
  auto before = create(net.spec(), {.threads = 2, .cohort_size = 64});
  run(*before, 50.0);
  const fs::path path = before->checkpoint(folder_ / "x").value();
  auto after = create(net.spec(), {.threads = 3, .cohort_size = 64, .resume = snn::Checkpoint::open(path).value()});
  run(*after);
  expect_equal(after->result().value(), uninterrupted->result().value());
}

TEST_F(Checkpoints, ContinueTheRunGuard) {
  snn::NetworkBuilder net = balanced(200.0, 300);
  auto free = create(net.spec(), {.threads = 1});
  run(*free);
  const RunResult rates = free->result().value();
  // A guard that sees more than its window would stop at once.
  net.settings().stop_if =
      snn::RateGuard{1.6 * std::max(rates.populations[0].rate_hz, rates.populations[1].rate_hz), 30.0};
  for (const double ms : {60.0, 74.0, 5.0}) {
    auto before = create(net.spec(), {.threads = 2, .cohort_size = 64});
    run(*before, ms);
    const fs::path path = before->checkpoint(folder_ / "x").value();
    auto after = create(net.spec(), {.threads = 1, .resume = snn::Checkpoint::open(path).value()});
    const RunReport report = after->run().value();
    EXPECT_EQ(report.reason, StopReason::goal) << report.message;
    EXPECT_EQ(after->result().value().spike_hash, rates.spike_hash);
  }
}

TEST_F(Checkpoints, OfAnotherNetworkAreRefusedBeforeAnythingIsTouched) {
  const snn::NetworkSpec spec = recorded(50.0).spec();
  auto before = create(spec, options("out", 1, 0));
  run(*before);
  const fs::path path = before->checkpoint().value();
  finish(*before);
  snn::NetworkSpec other = spec;
  other.seed = 9;
  const auto refused = Simulation::create(other, options("out", 1, 0, path));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("belongs to another network"));
  EXPECT_TRUE(fs::exists(folder_ / "out" / "spikes.h5"));
}

TEST_F(Checkpoints, WithoutTheFilesOfTheirRunAreRefusedByName) {
  const snn::NetworkSpec spec = recorded(50.0).spec();
  auto before = create(spec, options("out", 1, 0));
  run(*before);
  const fs::path path = before->checkpoint().value();
  finish(*before);
  const auto complaint = [&] {
    const auto refused = Simulation::create(spec, options("out", 1, 0, path));
    return refused ? std::string() : refused.error().to_string();
  };
  fs::rename(folder_ / "out" / "traces.h5", folder_ / "kept");
  EXPECT_THAT(complaint(), HasSubstr("out/traces.h5: does not exist"));
  fs::rename(folder_ / "kept", folder_ / "out" / "traces.h5");
  {
    auto shorter = create(spec, options("shorter", 1, 0));
    run(*shorter, 20.0);
    finish(*shorter);
  }
  fs::copy_file(folder_ / "shorter" / "spikes.h5", folder_ / "out" / "spikes.h5", fs::copy_options::overwrite_existing);
  EXPECT_THAT(complaint(), HasSubstr("it is not of the run that is to be continued"));
}

TEST_F(Checkpoints, FindWhatWasSetAsideWhenTheContinuedRunWasKilled) {
  const snn::NetworkSpec spec = recorded(50.0).spec();
  const RunResult expected = whole(spec);
  auto before = create(spec, options("out", 1, 0));
  run(*before, 30.0);
  const fs::path path = before->checkpoint().value();
  finish(*before);
  fs::rename(folder_ / "out" / "spikes.h5", folder_ / "out" / "spikes.h5.earlier");
  std::ofstream(folder_ / "out" / "spikes.h5.partial") << "not yet";
  auto after = create(spec, options("out", 1, 0, path));
  run(*after);
  expect_equal(finish(*after), expected);
  expect_equal_files(folder_ / "out", folder_ / "whole");
  EXPECT_FALSE(fs::exists(folder_ / "out" / "spikes.h5.earlier"));
}

TEST_F(Checkpoints, ThatCannotBeWrittenAreAnErrorOfWhoAsked) {
  auto simulation = create(recorded(20.0).spec(), {.threads = 1});
  EXPECT_EQ(simulation->checkpoint().error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(simulation->checkpoint(folder_ / "no" / "folder").error().code, ErrorCode::io);
  EXPECT_TRUE(simulation->run());
}

TEST_F(Checkpoints, OfTheScheduleThatCannotBeWrittenEndTheRunWithOneError) {
  Options options;
  options.threads = 2;
  options.checkpoints.every_ms = 5.0;
  options.checkpoints.folder = folder_ / "folder";
  auto simulation = create(balanced(100000.0, 300).spec(), options);
  fs::remove_all(folder_ / "folder");
  std::ofstream(folder_ / "folder") << "a file";
  const auto report = simulation->run();
  ASSERT_FALSE(report);
  EXPECT_THAT(report.error().to_string(), HasSubstr("checkpoint: "));
  EXPECT_EQ(report.error().code, ErrorCode::io);
}

}  // namespace
}  // namespace neuract::actors
