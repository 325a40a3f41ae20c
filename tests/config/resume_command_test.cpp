#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "command_fixture.hpp"
#include "neuract/config/summary.hpp"
#include "neuract/snn/checkpoint.hpp"
#include "neuract/snn/checkpoint_folder.hpp"
#include "neuract/snn/sonata_reader.hpp"

namespace neuract::config {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kNetwork = R"([simulation]
duration = 400.0
warmup = 20.0
[constants]
rate = 20000.0
[populations]
E = { n = 800, model = "iaf_psc_delta", V_th = -55.0 }
I = { n = 200, model = "iaf_psc_delta", V_th = -55.0 }
[[projections]]
source = "E"
target = ["E", "I"]
rule = { fixed_indegree = 80 }
weight = 0.1
delay = { uniform = [0.5, 4.0] }
[[projections]]
source = "I"
target = ["E", "I"]
rule = { fixed_indegree = 20 }
weight = -0.4
delay = 1.5
[[stimuli]]
poisson_generator = { rate = "= rate" }
target = ["E", "I"]
weight = 0.1
[[recorders]]
spikes = ["E", "I"]
[[recorders]]
multimeter = { variables = ["V_m"], interval = 0.7 }
population = "E"
neurons = { first = 0, count = 40 }
[run]
checkpoint = { every = 50.0 }
)";

class Resume : public Command {
 protected:
  void SetUp() override { write("net.toml", kNetwork); }

  RunSummary summary(const std::string& out) const { return read_summary(directory_ / out).value(); }

  /// Everything but what depends on the machine and on where the run began.
  void expect_equal(const std::string& a, const std::string& b) const {
    RunSummary one = summary(a), other = summary(b);
    for (RunSummary* s : {&one, &other}) {
      s->config = s->resumed_from = "";
      s->threads = 0;
      s->cohorts = s->peak_rss_bytes = s->synapse_bytes = 0;
      s->build_s = s->simulate_s = s->real_time_factor = 0.0;
      for (ProjectionSummary& p : s->projections) {  // how synapses are kept depends on the cohorts
        p.bytes = 0;
        p.representation = "";
      }
    }
    EXPECT_EQ(to_json(one), to_json(other));
    const auto spikes_a = snn::read_spikes(directory_ / a / "spikes.h5").value();
    const auto spikes_b = snn::read_spikes(directory_ / b / "spikes.h5").value();
    ASSERT_EQ(spikes_a.size(), spikes_b.size());
    for (std::size_t i = 0; i < spikes_a.size(); ++i) {
      EXPECT_EQ(spikes_a[i].times_ms, spikes_b[i].times_ms);
      EXPECT_EQ(spikes_a[i].node_ids, spikes_b[i].node_ids);
    }
    const auto traces_a = snn::read_reports(directory_ / a / "traces.h5").value();
    const auto traces_b = snn::read_reports(directory_ / b / "traces.h5").value();
    ASSERT_EQ(traces_a.size(), 1U);
    EXPECT_EQ(traces_a[0].values, traces_b[0].values);
    EXPECT_EQ(traces_a[0].stop_ms, traces_b[0].stop_ms);
  }

  /// Starts `neuract arguments` in the test's directory, and does not wait.
  pid_t start(const std::vector<std::string>& arguments) const {
    const pid_t child = fork();
    if (child != 0) return child;
    fs::current_path(directory_);
    std::freopen("/dev/null", "w", stdout);
    std::freopen("stderr", "w", stderr);
    std::vector<char*> argv{const_cast<char*>("neuract")};
    for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    execv(NEURACT_COMMAND, argv.data());
    _exit(127);
  }
  bool has_checkpoint(const std::string& out) const { return bool(snn::find_checkpoint(directory_ / out, "net")); }
  static int wait(pid_t child) {
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
};

TEST_F(Resume, GoesOnFromTheEndOfAFinishedRun) {
  ASSERT_EQ(neuract("run net.toml --quiet --out whole --threads 1").exit, 0);
  ASSERT_EQ(neuract("run net.toml --quiet --out part --duration 123.4 --threads 1").exit, 0);
  EXPECT_EQ(summary("part").resumed_from, "");
  const Outcome o = neuract("run net.toml --quiet --out part --resume part --threads 2 --cohort-size 64");
  EXPECT_EQ(o.exit, 0) << o.err;
  EXPECT_THAT(summary("part").resumed_from, EndsWith("part/checkpoints/net-000000001434.checkpoint"));
  expect_equal("part", "whole");
}

TEST_F(Resume, TakesAFileAndAnotherOutputDirectory) {
  ASSERT_EQ(neuract("run net.toml --quiet --out whole --threads 2").exit, 0);
  ASSERT_EQ(neuract("run net.toml --quiet --out part --duration 100 --threads 2 --set "
                    "'run.checkpoint={ every = 40.0, dir = \"../saved\", keep = 1 }'")
                .exit,
            0);
  fs::rename(directory_ / "saved" / "net-000000001200.checkpoint", directory_ / "saved" / "the-one");
  const Outcome o = neuract("run net.toml --quiet --out other --resume saved/the-one --cohort-size 128");
  EXPECT_EQ(o.exit, 0) << o.err;
  expect_equal("other", "whole");
  EXPECT_EQ(summary("part").duration_ms, 100.0);
}

TEST_F(Resume, GoesOnAfterCtrlC) {
  const pid_t child = start({"run", "net.toml", "--quiet", "--out", "part", "--duration", "100000000"});
  for (int i = 0; i < 500 && !has_checkpoint("part"); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  kill(child, SIGINT);
  EXPECT_EQ(wait(child), 1);
  EXPECT_THAT(read(directory_ / "stderr"), AllOf(HasSubstr("stopped on request"), HasSubstr("--resume part goes on")));
  const double stopped = summary("part").duration_ms;
  const std::string longer = " --duration " + std::to_string(stopped + 100.0);
  ASSERT_EQ(neuract("run net.toml --quiet --out whole --threads 1" + longer).exit, 0);
  const Outcome o = neuract("run net.toml --quiet --out part --resume part --threads 1" + longer);
  EXPECT_EQ(o.exit, 0) << o.err;
  expect_equal("part", "whole");
}

TEST_F(Resume, GoesOnAfterBeingKilledAtAnyMoment) {
  const std::string often = "run.checkpoint={ every = 1.0, keep = 1 }";
  unsigned random = 12345;
  std::string resume;
  double reached = 0.0;
  for (int round = 0; round < 6; ++round) {
    std::vector<std::string> arguments = {"run",   "net.toml", "--quiet",    "--out",    "part",
                                          "--set", often,      "--duration", "100000000"};
    if (!resume.empty()) arguments.insert(arguments.end(), {"--resume", resume});
    const pid_t child = start(arguments);
    for (int i = 0; i < 500 && !has_checkpoint("part"); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    random = random * 1664525u + 1013904223u;
    std::this_thread::sleep_for(std::chrono::microseconds(100'000 + random % 150'000));
    kill(child, SIGKILL);
    EXPECT_EQ(wait(child), -1) << read(directory_ / "stderr");
    const auto checkpoint = snn::Checkpoint::open(snn::find_checkpoint(directory_ / "part", "net").value());
    ASSERT_TRUE(checkpoint) << checkpoint.error();
    EXPECT_GE((*checkpoint)->about().time_ms, reached);
    reached = (*checkpoint)->about().time_ms;
    resume = "part";
  }
  const std::string to = " --duration " + std::to_string(reached + 50.0);
  const Outcome o = neuract("run net.toml --quiet --out part --resume part --threads 2" + to);
  ASSERT_EQ(o.exit, 0) << o.err;
  ASSERT_EQ(neuract("run net.toml --quiet --out whole --threads 1" + to).exit, 0);
  expect_equal("part", "whole");
}

TEST_F(Resume, RefusesWhatItCannotContinueBeforeAnythingIsTouched) {
  ASSERT_EQ(neuract("run net.toml --quiet --out part --duration 50").exit, 0);
  const auto complaint = [&](const std::string& arguments) {
    const Outcome o = neuract("run net.toml --quiet --out part --resume " + arguments);
    EXPECT_EQ(o.exit, 2) << arguments;
    return o.err;
  };
  EXPECT_THAT(complaint("nowhere"), StartsWith("neuract: nowhere: there is no such file or directory"));
  EXPECT_THAT(complaint("."), HasSubstr("neuract: .: there is no checkpoint, neither here nor in checkpoints/"));
  EXPECT_THAT(complaint("net.toml"), HasSubstr("net.toml: is not a checkpoint of neuract"));
  EXPECT_THAT(complaint("part --seed 7"),
              HasSubstr("belongs to another network, \"net\" at 70 ms: simulation, seed: 1 in the checkpoint, 7 in the "
                        "network"));
  EXPECT_THAT(complaint("part --set rate=19999"), HasSubstr("poisson_generator, rate: 20000 in the checkpoint, 19999"));
  const fs::path last = snn::find_checkpoint(directory_ / "part", "net").value();
  fs::resize_file(last, fs::file_size(last) - 1);
  EXPECT_THAT(complaint("part"), HasSubstr("net-000000000700.checkpoint: is truncated: it has "));
  EXPECT_TRUE(fs::exists(directory_ / "part/summary.json"));
  EXPECT_TRUE(fs::exists(directory_ / "part/spikes.h5"));
}

TEST_F(Resume, MovesAlongWithItsDirectory) {
  ASSERT_EQ(neuract("run net.toml --quiet --out whole --threads 1").exit, 0);
  ASSERT_EQ(neuract("run net.toml --quiet --out part --duration 50").exit, 0);
  fs::create_directory(directory_ / "elsewhere");
  fs::rename(directory_ / "part", directory_ / "elsewhere/moved");
  const Outcome o = neuract("run net.toml --quiet --out part --resume elsewhere/moved");
  EXPECT_EQ(o.exit, 0) << o.err;
  expect_equal("part", "whole");
}

}  // namespace
}  // namespace neuract::config
