#include "neuract/config/summary.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <boost/json.hpp>
#include <cmath>
#include <fstream>
#include <sstream>

namespace neuract::config {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class Summary : public ::testing::Test {
 protected:
  Summary() {
    std::string name = (fs::temp_directory_path() / "neuract-summary-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
  }
  ~Summary() override { fs::remove_all(directory_); }

  static RunSummary example() {
    RunSummary s;
    s.config = "examples/brunel \"5\".toml";
    s.seed = 18446744073709551615u;
    s.dt_ms = 0.1;
    s.duration_ms = 1000.0;
    s.threads = 2;
    s.cohorts = 4;
    s.neurons = 12500;
    s.synapses = 15'625'000;
    s.synapse_bytes = 62'500'000;
    s.build_s = 0.512;
    s.simulate_s = 0.9;
    s.real_time_factor = 0.9;
    s.peak_rss_bytes = 123'456'789;
    s.spikes = 475'000;
    s.synaptic_events = 593'750'000;
    s.spike_hash = 0x00ab'cdef'0123'4567;
    s.populations = {{"I", 2500, 95'000, 38.0, 0.42}, {"E", 10'000, 380'000, 38.0, std::nan("")}};
    s.projections = {{"E->E", 10'000'000, 40'000'000, "", "sparse", "cpu kernel", ""},
                     {"E->I", 25'000'000, 14'062'500, "nf4", "dense nf4", "cpu kernel", ""}};
    s.batch = 4;
    s.weights = {{"E->E", 10'000'000, 45.5, 2.25, 0.125, 91.0}, {"none", 0}};
    s.classifiers = {{"out", 10'000, 8712, 0.8712, 4321.5}, {"never", 0, 0, std::nan(""), std::nan("")}};
    return s;
  }

  fs::path directory_;
};

TEST_F(Summary, HasTheKeysThatOthersRelyOnInTheirOrder) {
  const auto value = boost::json::parse(to_json(example()));
  std::vector<std::string> keys;
  for (const auto& member : value.as_object()) keys.emplace_back(member.key());
  EXPECT_THAT(keys, ElementsAre("version", "config", "resumed_from", "seed", "dt_ms", "duration_ms", "batch", "threads",
                                "cohorts", "nodes", "neurons", "synapses", "synapse_bytes", "build_s", "simulate_s",
                                "real_time_factor", "peak_rss_bytes", "spikes", "synaptic_events", "spike_hash",
                                "populations", "projections", "classifiers", "weights"));
  keys.clear();
  for (const auto& member : value.at("populations").at("I").as_object()) keys.emplace_back(member.key());
  EXPECT_THAT(keys, ElementsAre("n", "spikes", "rate_hz", "cv_isi"));
  keys.clear();
  for (const auto& member : value.at("projections").at("E->E").as_object()) keys.emplace_back(member.key());
  EXPECT_THAT(keys, ElementsAre("synapses", "bytes", "format", "representation", "path", "fallback_reason"));
  keys.clear();
  for (const auto& member : value.at("classifiers").at("out").as_object()) keys.emplace_back(member.key());
  EXPECT_THAT(keys, ElementsAre("answers", "correct", "accuracy", "images_per_second"));
  EXPECT_TRUE(value.at("classifiers").at("never").at("accuracy").is_null());
  keys.clear();
  for (const auto& member : value.at("weights").at("E->E").as_object()) keys.emplace_back(member.key());
  EXPECT_THAT(keys, ElementsAre("synapses", "mean", "sd", "min", "max"));
  EXPECT_TRUE(value.at("weights").at("none").at("mean").is_null());
  EXPECT_EQ(value.at("spike_hash").as_string(), "00abcdef01234567");
  EXPECT_FALSE(value.at("version").as_string().empty());
  EXPECT_TRUE(value.at("populations").at("E").at("cv_isi").is_null());
}

TEST_F(Summary, IsWrittenForPeople) {
  const std::string text = to_json(example());
  EXPECT_THAT(text, StartsWith("{\n  \"version\": \""));
  EXPECT_THAT(text, HasSubstr("\n  \"dt_ms\": 0.1,\n  \"duration_ms\": 1000.0,\n  \"batch\": 4,\n  \"threads\": 2,\n"));
  EXPECT_THAT(text, HasSubstr("    \"I\": {\n      \"n\": 2500,\n"));
}

TEST_F(Summary, ComesBackAsItWasWritten) {
  ASSERT_TRUE(write_summary(example(), directory_));
  EXPECT_FALSE(fs::exists(directory_ / "summary.json.partial"));
  const auto read = read_summary(directory_);
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(to_json(*read), to_json(example()));
  EXPECT_EQ(read->seed, 18446744073709551615u);
  EXPECT_EQ(read->populations.at(0).name, "I") << "the network's order, not the alphabet's";
  EXPECT_TRUE(std::isnan(read->populations.at(1).cv_isi));
}

TEST_F(Summary, ReaderNamesTheFault) {
  EXPECT_EQ(read_summary(directory_).error().code, ErrorCode::not_found);
  EXPECT_THAT(parse_summary("{").error().message, HasSubstr("not JSON"));
  EXPECT_THAT(parse_summary("[]").error().message, HasSubstr("not a JSON object"));
  EXPECT_THAT(parse_summary("{}").error().message, HasSubstr("\"version\" is missing"));
  const auto with = [](const std::string& from, const std::string& to) {
    std::string text = to_json(example());
    text.replace(text.find(from), from.size(), to);
    return parse_summary(text).error().message;
  };
  EXPECT_EQ(with("\"threads\": 2", "\"threads\": -2"), "\"threads\" is not a whole number");
  EXPECT_EQ(with("\"n\": 2500", "\"n\": \"2500\""), "\"populations.I.n\" is not a whole number");
  EXPECT_EQ(with("00abcdef01234567", "xyz"), "\"spike_hash\" is not hexadecimal");
  std::ofstream(directory_ / "summary.json") << "{}";
  EXPECT_THAT(read_summary(directory_).error().to_string(), StartsWith((directory_ / "summary.json").string() + ": "));
}

TEST_F(Summary, FailedWriteKeepsTheEarlierFile) {
  ASSERT_TRUE(write_summary(example(), directory_));
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit limit{16, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &limit);
  const auto written = write_summary(RunSummary{}, directory_);
  ::setrlimit(RLIMIT_FSIZE, &before);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::io);
  EXPECT_THAT(written.error().message, HasSubstr("summary.json: File too large"));
  EXPECT_EQ(to_json(read_summary(directory_).value()), to_json(example()));
  EXPECT_FALSE(fs::exists(directory_ / "summary.json.partial"));
}

TEST_F(Summary, UnwritableDirectoryIsAClearError) {
  const auto written = write_summary(example(), directory_ / "missing");
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().message, HasSubstr("No such file or directory"));
}

}  // namespace
}  // namespace neuract::config
