#include "neuract/snn/sonata_writer.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hdf5.h>
#include <rapidcheck/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <numeric>
#include <string>

#include "neuract/snn/sonata_reader.hpp"

namespace neuract::snn {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

class Sonata : public ::testing::Test {
 protected:
  Sonata() {
    std::string name = (fs::temp_directory_path() / "neuract-sonata-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
  }
  ~Sonata() override { fs::remove_all(directory_); }

  static NetworkSpec network(std::uint32_t n_e = 100, std::uint32_t n_i = 30) {
    NetworkSpec spec;
    spec.dt = 0.1;
    spec.duration = 100.0;
    spec.populations = {{"E", n_e, "iaf_psc_exp", {}}, {"I", n_i, "iaf_psc_exp", {}}, {"silent", 5, "iaf_psc_exp", {}}};
    return spec;
  }

  static NetworkSpec recorded_network() {
    NetworkSpec spec = network();
    spec.spike_recorders = {{0}, {1}};
    return spec;
  }

  std::unique_ptr<SonataWriter> create(const NetworkSpec& spec,
                                       std::span<const std::vector<CohortRange>> placement = {}) {
    return std::move(SonataWriter::create(spec, directory_, placement)).value();
  }

  fs::path directory_;
};

struct Spike {
  Step step;
  std::uint32_t id;
  friend auto operator<=>(const Spike&, const Spike&) = default;
};

/// Spikes in order of (step, id) as the batch of one cohort.
SpikeBatch batch_of(std::uint32_t population, std::uint32_t first, std::uint32_t count, Step begin, Step end,
                    const std::vector<Spike>& spikes) {
  SpikeBatch batch{population, first, begin, {0}, {}};
  for (Step step = begin; step < end; ++step) {
    for (const Spike& spike : spikes)
      if (spike.step == step && spike.id >= first && spike.id < first + count)
        batch.ids.push_back(static_cast<std::uint16_t>(spike.id - first));
    batch.offsets.push_back(static_cast<std::uint32_t>(batch.ids.size()));
  }
  return batch;
}

std::string attribute_text(hid_t object, const char* name) {
  const hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
  const hid_t type = H5Aget_type(attribute);
  char* text = nullptr;
  EXPECT_GE(H5Aread(attribute, type, &text), 0);
  std::string result = text;
  H5free_memory(text);
  H5Tclose(type);
  H5Aclose(attribute);
  return result;
}

bool stored_as(hid_t file, const char* dataset, hid_t type) {
  const hid_t d = H5Dopen2(file, dataset, H5P_DEFAULT);
  const hid_t t = H5Dget_type(d);
  const bool equal = H5Tequal(t, type) > 0;
  H5Tclose(t);
  H5Dclose(d);
  return equal;
}

TEST_F(Sonata, SpikeFileHasTheLayoutOfTheStandard) {
  auto writer = create(recorded_network());
  ASSERT_TRUE(writer->write(batch_of(0, 0, 100, 0, 10, {{2, 7}, {2, 9}, {5, 0}})));
  ASSERT_TRUE(writer->finish());
  ASSERT_THAT(writer->files(), ElementsAre(directory_ / "spikes.h5"));

  const hid_t file = H5Fopen((directory_ / "spikes.h5").c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  ASSERT_GE(file, 0);
  const hid_t magic = H5Aopen(file, "magic", H5P_DEFAULT);
  const hid_t magic_type = H5Aget_type(magic);
  EXPECT_GT(H5Tequal(magic_type, H5T_STD_U32LE), 0);
  std::uint32_t magic_value = 0;
  H5Aread(magic, H5T_NATIVE_UINT32, &magic_value);
  EXPECT_EQ(magic_value, 0x0A7Au);
  const hid_t version = H5Aopen(file, "version", H5P_DEFAULT);
  const hid_t version_type = H5Aget_type(version);
  EXPECT_GT(H5Tequal(version_type, H5T_STD_U32LE), 0);
  EXPECT_EQ(H5Aget_storage_size(version), 8u);

  EXPECT_TRUE(stored_as(file, "/spikes/E/timestamps", H5T_IEEE_F64LE));
  EXPECT_TRUE(stored_as(file, "/spikes/E/node_ids", H5T_STD_U64LE));
  const hid_t times = H5Dopen2(file, "/spikes/E/timestamps", H5P_DEFAULT);
  EXPECT_EQ(attribute_text(times, "units"), "ms");
  EXPECT_EQ(H5Aexists_by_name(file, "/spikes/E", "sorting", H5P_DEFAULT), 0);
  EXPECT_EQ(H5Lexists(file, "/spikes/silent", H5P_DEFAULT), 0) << "nobody records it";
  for (const hid_t type : {magic_type, version_type}) H5Tclose(type);
  for (const hid_t attribute : {magic, version}) H5Aclose(attribute);
  H5Dclose(times);
  H5Fclose(file);
}

TEST_F(Sonata, SpikesCarryTheEndOfTheirStepAndTheirIndexInThePopulation) {
  auto writer = create(recorded_network());
  ASSERT_TRUE(writer->write(batch_of(0, 64, 36, 0, 10, {{2, 70}, {2, 99}, {5, 64}})));
  ASSERT_TRUE(writer->finish());
  const auto spikes = read_spikes(directory_ / "spikes.h5");
  ASSERT_TRUE(spikes) << spikes.error();
  ASSERT_EQ(spikes->size(), 2u);
  EXPECT_EQ(spikes->at(0).population, "E");
  EXPECT_THAT(spikes->at(0).times_ms, ElementsAre(0.3, 0.3, 0.6)) << "the doubles nearest to the decimals";
  EXPECT_THAT(spikes->at(0).node_ids, ElementsAre(70, 99, 64));
  EXPECT_EQ(spikes->at(1).population, "I");
  EXPECT_TRUE(spikes->at(1).times_ms.empty());
}

TEST_F(Sonata, WarmUpIsNotRecorded) {
  NetworkSpec spec = recorded_network();
  spec.warmup = 0.5;
  auto writer = create(spec);
  ASSERT_TRUE(writer->write(batch_of(0, 0, 100, 0, 10, {{4, 1}, {5, 2}})));
  ASSERT_TRUE(writer->write(batch_of(2, 0, 5, 0, 10, {{6, 1}})));
  ASSERT_TRUE(writer->finish());
  const auto spikes = read_spikes(directory_ / "spikes.h5").value();
  EXPECT_THAT(spikes.at(0).times_ms, ElementsAre(0.6));
  EXPECT_EQ(spikes.at(0).start_ms, 0.5);
  EXPECT_EQ(spikes.at(0).size, 100u);
}

// Cohorts deliver windows of their own length; the reader sees one ordered stream.
RC_GTEST_FIXTURE_PROP(Sonata, SpikesComeOutOrderedWhateverTheInterleaving, ()) {
  const auto n = *rc::gen::inRange(1u, 300u);
  NetworkSpec spec = network(n);
  spec.spike_recorders = {{0}};
  std::vector<std::vector<CohortRange>> placement(1);
  for (std::uint32_t first = 0; first < n; first += 64) placement[0].push_back({0, first, std::min(64u, n - first)});
  const Step steps = 40;
  auto spikes = *rc::gen::container<std::vector<Spike>>(rc::gen::apply(
      [](Step s, std::uint32_t id) {
        return Spike{s, id};
      },
      rc::gen::inRange<Step>(0, steps), rc::gen::inRange(0u, n)));
  std::sort(spikes.begin(), spikes.end());
  spikes.erase(std::unique(spikes.begin(), spikes.end()), spikes.end());

  auto writer = create(spec, placement);
  std::vector<Step> done(placement[0].size(), 0);
  while (std::any_of(done.begin(), done.end(), [&](Step s) { return s < steps; })) {
    const auto c = *rc::gen::inRange<std::size_t>(0, done.size());
    if (done[c] == steps) {
      // Every draw makes progress, so that the loop ends.
      const auto behind = static_cast<std::size_t>(std::min_element(done.begin(), done.end()) - done.begin());
      RC_ASSERT(
          writer
              ->write(batch_of(0, placement[0][behind].first, placement[0][behind].count, done[behind], steps, spikes))
              .has_value());
      done[behind] = steps;
      continue;
    }
    const Step end = std::min(steps, done[c] + *rc::gen::inRange<Step>(1, 16));
    RC_ASSERT(
        writer->write(batch_of(0, placement[0][c].first, placement[0][c].count, done[c], end, spikes)).has_value());
    done[c] = end;
    if (*rc::gen::arbitrary<bool>()) RC_ASSERT(writer->flush().has_value());
  }
  RC_ASSERT(writer->finish().has_value());
  const auto read = std::move(read_spikes(directory_ / "spikes.h5").value().at(0));
  RC_ASSERT(read.node_ids.size() == spikes.size());
  for (std::size_t i = 0; i < spikes.size(); ++i) {
    RC_ASSERT(read.node_ids[i] == spikes[i].id);
    RC_ASSERT(read.times_ms[i] == static_cast<double>(spikes[i].step + 1) / 10.0);
  }
}

TEST_F(Sonata, ManySpikesSurviveManyWrites) {
  const std::uint32_t n = 5000;
  NetworkSpec spec = network(n);
  spec.spike_recorders = {{0}};
  auto writer = create(spec);
  SpikeBatch batch{0, 0, 0, {0}, {}};
  for (int step = 0; step < 10; ++step) {
    for (std::uint32_t id = 0; id < n; ++id) batch.ids.push_back(static_cast<std::uint16_t>(id));
    batch.offsets.push_back(static_cast<std::uint32_t>(batch.ids.size()));
  }
  const std::size_t windows = 30;
  for (std::size_t window = 0; window < windows; ++window, batch.begin += 10) ASSERT_TRUE(writer->write(batch));
  ASSERT_TRUE(writer->finish());
  const auto spikes = std::move(read_spikes(directory_ / "spikes.h5").value().at(0));
  ASSERT_EQ(spikes.node_ids.size(), windows * 10 * n);
  for (std::size_t i = 0; i < spikes.node_ids.size(); ++i) {
    ASSERT_EQ(spikes.node_ids[i], i % n);
    ASSERT_EQ(spikes.times_ms[i], static_cast<double>(i / n + 1) / 10.0);
  }
}

TEST_F(Sonata, TracesFromSeveralCohortsBecomeOneMatrix) {
  NetworkSpec spec = network();
  spec.warmup = 1.0;
  spec.multimeters = {{0, {"V_m", "I_syn_ex"}, {3, 70, 99}, 0.5}, {0, {"V_m"}, {}, 1.0}};
  auto writer = create(spec);
  const auto value = [](std::uint32_t neuron, int variable, Step step) {
    return static_cast<float>(neuron) + 1000.0f * static_cast<float>(variable) + 0.25f * static_cast<float>(step);
  };
  const auto block = [&](std::uint32_t multimeter, std::vector<std::uint32_t> neurons, int variables,
                         std::vector<Step> steps) {
    TraceBlock b{multimeter, std::move(neurons), std::move(steps), {}};
    for (const Step step : b.steps)
      for (int v = 0; v < variables; ++v)
        for (const std::uint32_t neuron : b.neurons) b.values.push_back(value(neuron, v, step));
    return b;
  };
  ASSERT_TRUE(writer->write(block(0, {70, 99}, 2, {4, 9, 14})));
  ASSERT_TRUE(writer->write(block(0, {3}, 2, {4, 9})));
  ASSERT_TRUE(writer->write(block(0, {3}, 2, {14, 19, 24})));  // 24: the other cohort has not come so far
  ASSERT_TRUE(writer->write(block(0, {70, 99}, 2, {19})));
  std::vector<std::uint32_t> everyone(100);
  std::iota(everyone.begin(), everyone.end(), 0u);
  ASSERT_TRUE(writer->write(block(1, everyone, 1, {9, 19})));
  ASSERT_TRUE(writer->finish());
  ASSERT_THAT(writer->files(), ElementsAre(directory_ / "traces.h5"));

  const auto reports = read_reports(directory_ / "traces.h5");
  ASSERT_TRUE(reports) << reports.error();
  ASSERT_EQ(reports->size(), 2u);
  const Report& few = reports->at(0);
  EXPECT_EQ(few.name, "E");
  EXPECT_THAT(few.variables, ElementsAre("V_m", "I_syn_ex"));
  EXPECT_EQ(few.units, "mV,pA");
  EXPECT_THAT(few.node_ids, ElementsAre(3, 70, 99));
  EXPECT_THAT(few.index_pointers, ElementsAre(0, 2, 4, 6));
  EXPECT_THAT(few.element_ids, ElementsAre(0, 1, 0, 1, 0, 1));
  ASSERT_EQ(few.rows, 2u) << "rows of the warm-up and unfinished rows are left out";
  ASSERT_EQ(few.columns, 6u);
  EXPECT_DOUBLE_EQ(few.start_ms, 1.5);
  EXPECT_DOUBLE_EQ(few.interval_ms, 0.5);
  EXPECT_DOUBLE_EQ(few.stop_ms, 2.5);
  for (std::size_t row = 0; row < 2; ++row)
    for (std::size_t column = 0; column < 6; ++column)
      EXPECT_EQ(few.values[row * 6 + column], value(static_cast<std::uint32_t>(few.node_ids[column / 2]),
                                                    static_cast<int>(column % 2), static_cast<Step>(14 + 5 * row)));
  const Report& all = reports->at(1);
  EXPECT_EQ(all.name, "E_2");
  EXPECT_EQ(all.units, "mV");
  EXPECT_EQ(all.columns, 100u);
  EXPECT_EQ(all.rows, 1u);
}

TEST_F(Sonata, AFileHasItsNameOnlyWhenItIsComplete) {
  std::ofstream(directory_ / "spikes.h5") << "an earlier run";
  std::ofstream(directory_ / "traces.h5") << "an earlier run";
  auto writer = create(recorded_network());
  EXPECT_FALSE(fs::exists(directory_ / "spikes.h5"));
  EXPECT_FALSE(fs::exists(directory_ / "traces.h5"));
  ASSERT_TRUE(writer->write(batch_of(0, 0, 100, 0, 10, {{2, 7}})));
  ASSERT_TRUE(writer->flush());
  EXPECT_FALSE(fs::exists(directory_ / "spikes.h5"));
  const auto early = read_spikes(directory_ / "spikes.h5.partial");
  ASSERT_TRUE(early) << early.error();
  EXPECT_EQ(early->at(0).node_ids.size(), 1u) << "what was flushed can be read while the run goes on";
  ASSERT_TRUE(writer->finish());
  ASSERT_TRUE(writer->finish());
  EXPECT_TRUE(writer->write(batch_of(0, 0, 100, 10, 20, {{12, 7}}))) << "late pieces are ignored";
  EXPECT_TRUE(fs::exists(directory_ / "spikes.h5"));
  EXPECT_FALSE(fs::exists(directory_ / "spikes.h5.partial"));
}

TEST_F(Sonata, ADroppedWriterFinishesItsFiles) {
  create(recorded_network())->write(batch_of(0, 0, 100, 0, 10, {{2, 7}})).value();
  EXPECT_EQ(read_spikes(directory_ / "spikes.h5").value().at(0).node_ids.size(), 1u);
}

TEST_F(Sonata, EqualSpikesGiveEqualFiles) {
  const auto bytes = [&](bool late) {
    auto writer = create(recorded_network());
    for (Step begin = 0; begin < 1000; begin += 10) {
      EXPECT_TRUE(writer->write(batch_of(0, 0, 64, begin, begin + 10, {{begin + 3, 5}, {begin + 3, 7}})));
      EXPECT_TRUE(writer->write(batch_of(0, 64, 36, begin, begin + 10, {{begin + 1, 77}})));
    }
    if (late) ::usleep(1'100'000);
    EXPECT_TRUE(writer->finish());
    std::ifstream file(directory_ / "spikes.h5", std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  EXPECT_TRUE(bytes(false) == bytes(true));
}

TEST_F(Sonata, AKilledRunLeavesWhatItFlushedAndNothingThatLooksComplete) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto writer = SonataWriter::create(recorded_network(), directory_);
    if (!writer) ::_exit(1);
    for (Step begin = 0;; begin += 10) {
      static_cast<void>((*writer)->write(batch_of(0, 0, 100, begin, begin + 10, {{begin, 1}, {begin + 5, 2}})));
      if (begin == 1000) static_cast<void>((*writer)->flush());
      if (begin == 2000) ::raise(SIGKILL);
    }
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  EXPECT_FALSE(fs::exists(directory_ / "spikes.h5"));
  const auto spikes = read_spikes(directory_ / "spikes.h5.partial");
  ASSERT_TRUE(spikes) << spikes.error();
  EXPECT_GE(spikes->at(0).node_ids.size(), 202u);
  EXPECT_EQ(spikes->at(0).times_ms.at(201), 100.6);
}

/// Writes until it fails; exits with 0 when the error is the expected one, again on every later call, and nothing
/// crashes.
[[noreturn]] void write_until_full(const fs::path& directory, const std::string& expected) {
  NetworkSpec spec;
  spec.populations = {{"E", 1000, "iaf_psc_exp", {}}};
  spec.spike_recorders = {{0}};
  spec.multimeters = {{0, {"V_m"}, {0}, 1.0}};
  auto writer = std::move(SonataWriter::create(spec, directory)).value();
  SpikeBatch batch{0, 0, 0, {0, 1000}, std::vector<std::uint16_t>(1000)};
  std::iota(batch.ids.begin(), batch.ids.end(), std::uint16_t{0});
  Result<void> result;
  for (int i = 0; i < 20000 && result; ++i, ++batch.begin) result = writer->write(batch);
  if (result) std::exit(1);
  std::fprintf(stderr, "%s\n", result.error().to_string().c_str());
  if (result.error().code != ErrorCode::io || result.error().message.find(expected) == std::string::npos) std::exit(2);
  if (writer->write(batch) || writer->flush() || writer->finish()) std::exit(3);
  writer.reset();
  if (fs::exists(directory / "spikes.h5")) std::exit(4);
  const auto spikes = read_spikes(directory / "spikes.h5.partial");
  if (!spikes) {
    std::fprintf(stderr, "%s\n", spikes.error().to_string().c_str());
    std::exit(5);
  }
  std::exit(0);
}

using SonataDeathTest = Sonata;

TEST_F(SonataDeathTest, AFileSizeLimitIsOneClearError) {
  const auto limited = [&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1 << 20, 1 << 20};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    write_until_full(directory_, "cannot write " + (directory_ / "spikes.h5.partial").string() + ": File too large");
  };
  EXPECT_EXIT(limited(), ::testing::ExitedWithCode(0), "spikes.h5.partial: File too large");
}

TEST_F(SonataDeathTest, AFullDiskIsOneClearError) {
  if (::mount("tmpfs", directory_.c_str(), "tmpfs", 0, "size=2m") != 0)
    GTEST_SKIP() << "cannot mount a small file system here";
  EXPECT_EXIT(write_until_full(directory_, "No space left on device"), ::testing::ExitedWithCode(0),
              "spikes.h5.partial: No space left on device");
  EXPECT_EQ(::umount(directory_.c_str()), 0);
}

TEST_F(Sonata, ADirectoryThatCannotBeWrittenIsFoundBeforehand) {
  std::ofstream(directory_ / "file") << "x";
  const auto below_file = prepare_output_directory(directory_ / "file" / "out");
  ASSERT_FALSE(below_file);
  EXPECT_EQ(below_file.error().code, ErrorCode::io);
  EXPECT_THAT(below_file.error().message, HasSubstr((directory_ / "file" / "out").string()));
  EXPECT_THAT(below_file.error().message, HasSubstr("Not a directory"));
  EXPECT_FALSE(prepare_output_directory("/proc"));
  EXPECT_FALSE(SonataWriter::create(recorded_network(), "/proc"));
  ASSERT_TRUE(prepare_output_directory(directory_ / "new" / "out"));
  EXPECT_TRUE(fs::is_empty(directory_ / "new" / "out"));
}

TEST_F(Sonata, AWriterWithoutRecordersMakesNoFiles) {
  auto writer = create(network());
  EXPECT_TRUE(writer->write(batch_of(0, 0, 100, 0, 10, {{2, 7}})));
  EXPECT_TRUE(writer->finish());
  EXPECT_TRUE(writer->files().empty());
  EXPECT_TRUE(fs::is_empty(directory_));
}

TEST_F(Sonata, ReaderSaysWhatIsWrong) {
  EXPECT_EQ(read_spikes(directory_ / "none.h5").error().code, ErrorCode::not_found);
  std::ofstream(directory_ / "text.h5") << "not HDF5";
  const auto text = read_spikes(directory_ / "text.h5");
  EXPECT_EQ(text.error().code, ErrorCode::parse);
  EXPECT_THAT(text.error().message, HasSubstr("is not an HDF5 file"));
  EXPECT_EQ(read_spikes(directory_).error().code, ErrorCode::io);

  const fs::path foreign = directory_ / "foreign.h5";
  H5Fclose(H5Fcreate(foreign.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
  EXPECT_THAT(read_spikes(foreign).error().message, HasSubstr("there is no group /spikes"));
  EXPECT_THAT(read_reports(foreign).error().message, HasSubstr("there is no group /report"));
}

TEST_F(Sonata, ReadsFilesOfOtherPrograms) {
  const fs::path path = directory_ / "foreign.h5";
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const hid_t spikes = H5Gcreate2(file, "spikes", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  const hid_t group = H5Gcreate2(spikes, "cortex", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  const hsize_t n = 2;
  const hid_t space = H5Screate_simple(1, &n, nullptr);
  const hid_t times = H5Dcreate2(group, "timestamps", H5T_IEEE_F32BE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  const double t[] = {0.5, 0.25};
  H5Dwrite(times, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, t);
  const hid_t ids = H5Dcreate2(group, "node_ids", H5T_STD_I32LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  const std::uint64_t id[] = {4, 3};
  H5Dwrite(ids, H5T_NATIVE_UINT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, id);
  const auto set_units = [&](const char* unit) {
    const hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, 4);
    const hid_t scalar = H5Screate(H5S_SCALAR);
    H5Adelete(times, "units");
    const hid_t units = H5Acreate2(times, "units", type, scalar, H5P_DEFAULT, H5P_DEFAULT);
    char padded[4] = {};
    std::snprintf(padded, sizeof padded, "%s", unit);
    H5Awrite(units, type, padded);
    H5Aclose(units);
    H5Sclose(scalar);
    H5Tclose(type);
    H5Fflush(file, H5F_SCOPE_GLOBAL);
  };
  H5E_BEGIN_TRY { set_units("s"); }
  H5E_END_TRY
  const auto read = read_spikes(path);
  ASSERT_TRUE(read) << read.error();
  EXPECT_THAT(read->at(0).times_ms, ElementsAre(500.0, 250.0)) << "in file order, in ms";
  EXPECT_THAT(read->at(0).node_ids, ElementsAre(4, 3));
  set_units("min");
  EXPECT_THAT(read_spikes(path).error().message, HasSubstr("is in \"min\""));
  for (const hid_t dataset : {times, ids}) H5Dclose(dataset);
  H5Sclose(space);
  for (const hid_t g : {group, spikes}) H5Gclose(g);
  H5Fclose(file);
}

}  // namespace
}  // namespace neuract::snn
