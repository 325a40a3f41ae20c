#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <sstream>
#include <string>
#include <thread>

#include "command_fixture.hpp"
#include "neuract/config/summary.hpp"
#include "neuract/snn/sonata_reader.hpp"

namespace neuract::config {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

const std::string kSmall = R"([simulation]
duration = 100.0
[constants]
rate = 20000.0
[populations]
E = { n = 80, model = "iaf_psc_delta", V_th = -55.0 }
I = { n = 20, model = "iaf_psc_delta", V_th = -55.0 }
[[projections]]
source = "E"
target = ["E", "I"]
rule = { fixed_indegree = 10 }
weight = 0.1
delay = 1.5
[[stimuli]]
poisson_generator = { rate = "= rate" }
target = ["E", "I"]
weight = 0.1
[[recorders]]
spikes = ["E", "I"]
)";

TEST_F(Command, WithoutArgumentsExplainsItself) {
  const Outcome o = neuract("");
  EXPECT_EQ(o.exit, 2);
  EXPECT_THAT(o.err, HasSubstr("subcommand"));
  EXPECT_EQ(neuract("--help").exit, 0);
  EXPECT_THAT(neuract("--help").out, AllOf(HasSubstr("run"), HasSubstr("check"), HasSubstr("models"),
                                           HasSubstr("devices"), HasSubstr("plot"), HasSubstr("quantize")));
  EXPECT_THAT(neuract("--version").out, StartsWith("neuract "));
}

TEST_F(Command, GuessesWhatAMisspelledCommandMeant) {
  const Outcome o = neuract("rnu net.toml");
  EXPECT_EQ(o.exit, 2);
  EXPECT_EQ(o.err,
            "neuract: unknown command \"rnu\"; commands are run, check, models, devices, plot, quantize (did you mean "
            "\"run\"?)\n");
}

TEST_F(Command, RefusesUnknownOptions) {
  EXPECT_EQ(neuract("run net.toml --thraeds 2").exit, 2);
  EXPECT_EQ(neuract("run net.toml --threads 0").exit, 2);
  EXPECT_EQ(neuract("run net.toml --seed -4").exit, 2);
  EXPECT_EQ(neuract("run").exit, 2);
}

TEST_F(Command, EveryCommandHasHelpWithAnExample) {
  for (const char* command : {"run", "check", "models", "devices", "plot", "quantize"}) {
    const Outcome o = neuract(std::string(command) + " --help");
    EXPECT_EQ(o.exit, 0) << command;
    EXPECT_THAT(o.out, HasSubstr("Example:\n")) << command;
  }
}

TEST_F(Command, ModelsListsAndShows) {
  const Outcome list = neuract("models");
  EXPECT_EQ(list.exit, 0);
  EXPECT_THAT(list.out, AllOf(HasSubstr("iaf_psc_delta"), HasSubstr("izhikevich")));
  const Outcome one = neuract("models iaf_psc_exp");
  EXPECT_EQ(one.exit, 0);
  EXPECT_THAT(one.out,
              AllOf(HasSubstr("tau_syn_ex"), HasSubstr("pF"), HasSubstr("membrane time constant"), HasSubstr("V_m")));
  const Outcome none = neuract("models iaf_psc_ex");
  EXPECT_EQ(none.exit, 2);
  EXPECT_THAT(none.err, HasSubstr("did you mean \"iaf_psc_exp\"?"));
}

TEST_F(Command, LinesFitAHundredColumns) {
  write("net.toml", kSmall);
  for (const char* command : {"models", "models izhikevich", "models iaf_psc_alpha", "models stdp_dopamine",
                              "check net.toml", "--help", "run --help"}) {
    std::istringstream lines(neuract(command).out);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100U) << command << ": " << line;
  }
}

TEST_F(Command, DevicesNamesTheCpuAndTheInstructionSet) {
  const Outcome o = neuract("devices", "NEURACT_ISA=base");
  EXPECT_EQ(o.exit, 0);
  EXPECT_THAT(o.out, AllOf(HasSubstr("cpu:0"), HasSubstr("instruction set in use:  base")));
}

TEST_F(Command, CheckShowsWhatANetworkNeeds) {
  write("net.toml", kSmall);
  const Outcome o = neuract("check net.toml");
  EXPECT_EQ(o.exit, 0) << o.err;
  EXPECT_THAT(o.out, AllOf(HasSubstr("neurons    100"), HasSubstr("synapses   1,000"), HasSubstr("15 steps (1.5 ms)"),
                           HasSubstr("1 thread")));
  EXPECT_FALSE(fs::exists(directory_ / "out"));
}

TEST_F(Command, CheckRefusesWhatDoesNotFit) {
  write("net.toml", kSmall);
  const Outcome o = neuract("check net.toml --set 'projections[0].rule={fixed_indegree=2000000000}'");
  EXPECT_EQ(o.exit, 2);
  EXPECT_THAT(o.err, AllOf(StartsWith("neuract: net.toml: the network needs about "), HasSubstr("available")));
  EXPECT_EQ(neuract("run net.toml --set 'projections[0].rule={fixed_indegree=2000000000}'").exit, 2);
}

TEST_F(Command, ReportsEveryFaultWithItsPlaceOrItsOption) {
  write("net.toml", "[populations.E]\nn = 10\nmodel = \"iaf_psc_exp\"\ntau_n = 10\nC_m = -1\n");
  const Outcome o = neuract("run net.toml --duration 0.05");
  EXPECT_EQ(o.exit, 2);
  EXPECT_THAT(o.err, AllOf(HasSubstr("net.toml:4:1: population \"E\": unknown parameter \"tau_n\""),
                           HasSubstr("net.toml:5:7: "),
                           HasSubstr("--duration 0.05: [simulation]: duration is 0.05 ms, must be at least one step")));
  EXPECT_THAT(neuract("run nowhere.toml").err, HasSubstr("nowhere.toml: there is no such file"));
}

TEST_F(Command, RunWritesSummaryAndSpikes) {
  write("net.toml", kSmall);
  const Outcome o = neuract("run net.toml --duration 200 --seed 5");
  ASSERT_EQ(o.exit, 0) << o.err;
  EXPECT_THAT(o.out, AllOf(HasSubstr("population"), HasSubstr("real-time factor"), HasSubstr("out/net")));
  const auto summary = read_summary(directory_ / "out/net");
  ASSERT_TRUE(summary) << summary.error();
  EXPECT_EQ(summary->seed, 5U);
  EXPECT_DOUBLE_EQ(summary->duration_ms, 200.0);
  EXPECT_EQ(summary->neurons, 100U);
  EXPECT_EQ(summary->synapses, 1000U);
  EXPECT_EQ(summary->config, "net.toml");
  ASSERT_EQ(summary->populations.size(), 2U);
  const auto spikes = snn::read_spikes(directory_ / "out/net/spikes.h5");
  ASSERT_TRUE(spikes) << spikes.error();
  std::uint64_t recorded = 0;
  for (const auto& population : *spikes) recorded += population.times_ms.size();
  EXPECT_EQ(recorded, summary->spikes);
  EXPECT_GT(recorded, 0U);
}

TEST_F(Command, QuietPrintsNothing) {
  write("net.toml", kSmall);
  const Outcome o = neuract("run net.toml --quiet --out there --set rate=10");
  EXPECT_EQ(o.exit, 0);
  EXPECT_THAT(o.out, IsEmpty());
  EXPECT_THAT(o.err, IsEmpty());
  EXPECT_TRUE(fs::exists(directory_ / "there/summary.json"));
}

TEST_F(Command, ResultsDoNotDependOnThreadsOrCohorts) {
  write("net.toml", kSmall);
  const auto hash = [&](const std::string& options) {
    const Outcome o = neuract("run net.toml --quiet " + options);
    EXPECT_EQ(o.exit, 0) << o.err;
    return read_summary(directory_ / "out/net")->spike_hash;
  };
  const std::uint64_t one = hash("--threads 1");
  EXPECT_EQ(hash("--threads 2 --cohort-size 64"), one);
  EXPECT_NE(hash("--seed 99"), one);
}

TEST_F(Command, ColoursAreForTerminalsOnly) { EXPECT_THAT(neuract("models").out, Not(HasSubstr("\x1b"))); }

TEST_F(Command, StopsANetworkThatExplodesAndSaysSo) {
  write("net.toml", kSmall);
  const Outcome o = neuract(
      "run net.toml --duration 1000000 --set rate=1000000 --set 'simulation.stop_if={ rate = 20.0, window = 10.0 }'");
  EXPECT_EQ(o.exit, 1);
  EXPECT_THAT(o.err, AllOf(HasSubstr("Hz"), HasSubstr("what happened until then is in out/net")));
  EXPECT_TRUE(fs::exists(directory_ / "out/net/spikes.h5"));
  EXPECT_LT(read_summary(directory_ / "out/net")->duration_ms, 1000000.0);
}

TEST_F(Command, SaysWhyADirectoryCannotBeWritten) {
  write("net.toml", kSmall);
  write("occupied", "");
  const Outcome o = neuract("run net.toml --out occupied");
  EXPECT_EQ(o.exit, 1);
  EXPECT_THAT(o.err, HasSubstr("occupied"));
}

TEST_F(Command, AnInterruptLeavesValidFiles) {
  write("net.toml", kSmall);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    fs::current_path(directory_);
    std::freopen("/dev/null", "w", stdout);
    std::freopen((directory_ / "stderr").c_str(), "w", stderr);
    execl(NEURACT_COMMAND, "neuract", "run", "net.toml", "--duration", "100000000", static_cast<char*>(nullptr));
    _exit(127);
  }
  // Long enough to be in the middle of the run, whatever else the machine does: the file appears when the network is
  // about to be built.
  for (int i = 0; i < 500 && !fs::exists(directory_ / "out/net/spikes.h5.partial"); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  kill(child, SIGINT);
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_THAT(read(directory_ / "stderr"), HasSubstr("stopped on request"));
  EXPECT_TRUE(snn::read_spikes(directory_ / "out/net/spikes.h5"));
  EXPECT_TRUE(read_summary(directory_ / "out/net"));
}

}  // namespace
}  // namespace neuract::config
