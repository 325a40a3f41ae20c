#include "neuract/snn/sonata_writer.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <optional>
#include <string>
#include <system_error>

#include "neuract/snn/hdf5.hpp"
#include "neuract/snn/recording.hpp"
#include "neuract/snn/sonata_layout.hpp"
#include "neuract/snn/weight_file.hpp"

namespace neuract::snn {

namespace {

using Clock = std::chrono::steady_clock;
using hdf5::OutputFile;
using sonata::check_name;
using sonata::mark_file;
using sonata::steps_of;
using sonata::time_of;

constexpr hsize_t kSpikesPerChunk =
    8192;  // 64 KiB a dataset: the fastest of 8 Ki to 256 Ki, and small for small networks
constexpr std::size_t kSpikesPerWrite = 1 << 16;
constexpr std::size_t kSpikesBuffered = 1 << 18;  // per population, before it is worth ordering them
constexpr std::size_t kTraceBytesBuffered = 1 << 20;
constexpr std::size_t kTraceChunkBytes = 1 << 16;
constexpr std::chrono::seconds kFlushInterval{1};

struct RecordedPopulation {
  SpikeMerger merger;
  hdf5::Dataset times;
  hdf5::Dataset ids;
  hsize_t written = 0;  ///< and what of that has been flushed
  hsize_t flushed = 0;
  std::size_t since_write = 0;
  std::uint32_t n = 0;  ///< neurons of one sample; those of sample b are the nodes from b · n on
};

class SpikeFile {
 public:
  static Result<std::unique_ptr<SpikeFile>> create(const NetworkSpec& spec, const std::filesystem::path& name,
                                                   std::span<const std::vector<CohortRange>> placement) {
    auto self = std::make_unique<SpikeFile>();
    NEURACT_TRY_ASSIGN(self->file_, OutputFile::create(name));
    self->dt_ = spec.dt;
    self->populations_.resize(spec.populations.size());
    OutputFile& file = *self->file_;
    mark_file(file);
    const hdf5::Group spikes = file.group(file.root(), "spikes");
    for (const SpikeRecorderSpec& recorder : spec.spike_recorders) {
      auto& population = self->populations_[recorder.population];
      if (population) continue;  // recorded twice is recorded once
      const std::string& population_name = spec.populations[recorder.population].name;
      NEURACT_TRY(check_name("population", population_name));
      population.emplace();
      population->merger = SpikeMerger(steps_of(spec.warmup, spec.dt));
      const hdf5::Group group = file.group(spikes, population_name);
      population->n = spec.populations[recorder.population].n;
      const std::uint32_t nodes = population->n * spec.batch;
      file.attribute(group, "size", H5T_STD_U64LE, H5T_NATIVE_UINT32, &nodes);
      file.attribute(group, "start_ms", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, &spec.warmup);
      population->times = file.growing(group, "timestamps", H5T_IEEE_F64LE, kSpikesPerChunk);
      file.attribute(population->times, "units", "ms");
      population->ids = file.growing(group, "node_ids", H5T_STD_U64LE, kSpikesPerChunk);
    }
    for (const auto& shard : placement)
      for (const CohortRange& cohort : shard)
        if (auto& population = self->populations_[cohort.population])
          population->merger.expect(cohort.sample * population->n + cohort.first);
    NEURACT_TRY(file.start());
    return self;
  }

  Result<void> write(const SpikeBatch& batch) {
    if (batch.population >= populations_.size() || !populations_[batch.population]) return {};
    RecordedPopulation& population = *populations_[batch.population];
    population.merger.add(batch, batch.sample * population.n + batch.first);
    population.since_write += batch.ids.size();
    if (population.since_write < kSpikesBuffered) return {};
    const hdf5::Session session;
    return drain(population, false);
  }

  Result<void> flush(bool all) {
    for (auto& population : populations_) {
      if (!population) continue;
      NEURACT_TRY(drain(*population, all));
      if (population->flushed == population->written) continue;
      NEURACT_TRY(file_->flush(population->ids));
      NEURACT_TRY(file_->flush(population->times));
      population->flushed = population->written;
    }
    return {};
  }

  Result<void> finish() {
    Result<void> flushed = flush(true);
    for (auto& population : populations_) population.reset();
    Result<void> closed = file_->finish();
    return flushed ? closed : flushed;
  }

 private:
  Result<void> drain(RecordedPopulation& population, bool all) {
    population.since_write = 0;
    Result<void> result;
    population.merger.drain(all, [&](Step step, std::uint32_t first, std::span<const std::uint16_t> ids) {
      times_.insert(times_.end(), ids.size(), time_of(step, dt_));
      for (const std::uint16_t id : ids) ids_.push_back(first + std::uint64_t{id});
      if (ids_.size() >= kSpikesPerWrite && result) result = append(population);
    });
    return result && !ids_.empty() ? append(population) : result;
  }

  Result<void> append(RecordedPopulation& population) {
    const hsize_t n = ids_.size();
    Result<void> result = file_->append(population.times, H5T_NATIVE_DOUBLE, times_.data(), population.written, n);
    if (result) result = file_->append(population.ids, H5T_NATIVE_UINT64, ids_.data(), population.written, n);
    population.written += n;
    times_.clear();
    ids_.clear();
    return result;
  }

  std::unique_ptr<OutputFile> file_;  // before the datasets: those are closed first
  double dt_ = 0.1;
  std::vector<std::optional<RecordedPopulation>> populations_;
  std::vector<double> times_;
  std::vector<std::uint64_t> ids_;
};

struct RecordedReport {
  TraceMerger merger;
  hdf5::Dataset data;
  hdf5::Dataset time;
  hsize_t written = 0;  ///< and what of that has been flushed
  hsize_t flushed = 0;
  double interval = 0.0;
};

/// All the same -> said once; else one per variable.
std::string common_unit(const std::vector<std::string>& units) {
  std::string text = units.front();
  if (std::all_of(units.begin(), units.end(), [&](const std::string& unit) { return unit == text; })) return text;
  for (std::size_t i = 1; i < units.size(); ++i) text += "," + units[i];
  return text;
}

class TraceFile {
 public:
  static Result<std::unique_ptr<TraceFile>> create(const NetworkSpec& spec, const std::filesystem::path& name) {
    auto self = std::make_unique<TraceFile>();
    NEURACT_TRY_ASSIGN(self->file_, OutputFile::create(name));
    self->dt_ = spec.dt;
    OutputFile& file = *self->file_;
    mark_file(file);
    const hdf5::Group root = file.group(file.root(), "report");
    const std::vector<std::string> names = sonata::report_names(spec);
    for (std::size_t i = 0; i < spec.multimeters.size(); ++i) {
      const MultimeterSpec& multimeter = spec.multimeters[i];
      const PopulationSpec& population = spec.populations[multimeter.population];
      NEURACT_TRY(check_name("population", population.name));
      self->add(spec, multimeter, population, file.group(root, names[i]));
    }
    NEURACT_TRY(file.start());
    return self;
  }

  Result<void> write(const TraceBlock& block) {
    if (block.multimeter >= reports_.size()) return {};
    RecordedReport& report = reports_[block.multimeter];
    report.merger.add(block);
    if (report.merger.rows().size() * sizeof(double) < kTraceBytesBuffered) return {};
    const hdf5::Session session;
    return drain(report);
  }

  Result<void> flush() {
    for (RecordedReport& report : reports_) {
      if (report.merger.row_count() > 0) NEURACT_TRY(drain(report));
      if (report.flushed == report.written) continue;
      NEURACT_TRY(file_->flush(report.data));
      report.flushed = report.written;
    }
    return {};
  }

  Result<void> finish() {
    Result<void> result = flush();
    for (RecordedReport& report : reports_) {
      if (!result || report.written == 0) continue;
      const double start = time_of(report.merger.first_row(), dt_);
      const std::array<double, 3> time{start, start + static_cast<double>(report.written) * report.interval,
                                       report.interval};
      result = file_->overwrite(report.time, H5T_NATIVE_DOUBLE, time.data());
    }
    reports_.clear();
    Result<void> closed = file_->finish();
    return result ? closed : result;
  }

 private:
  void add(const NetworkSpec& spec, const MultimeterSpec& multimeter, const PopulationSpec& population,
           const hdf5::Group& group) {
    std::vector<std::uint32_t> neurons = multimeter.neurons;
    if (neurons.empty()) {
      neurons.resize(population.n);
      std::iota(neurons.begin(), neurons.end(), 0u);
    }
    const std::size_t variables = multimeter.variables.size();
    const std::size_t columns = neurons.size() * variables;
    const std::vector<std::uint64_t> node_ids(neurons.begin(), neurons.end());
    std::vector<std::uint64_t> pointers;
    for (std::size_t i = 0; i <= neurons.size(); ++i) pointers.push_back(i * variables);
    std::vector<std::uint32_t> elements;
    for (std::size_t c = 0; c < columns; ++c) elements.push_back(static_cast<std::uint32_t>(c % variables));
    std::vector<std::string> units;
    const ModelInfo* model = find_model(population.model);
    for (const std::string& variable : multimeter.variables) {
      const int state = model == nullptr ? -1 : find_state(*model, variable);
      units.emplace_back(state < 0 ? "" : model->states[static_cast<std::size_t>(state)].unit);
    }
    // Until the run is complete, the file tells when the rows are due.
    const Step warmup = steps_of(spec.warmup, spec.dt);
    const Step every = std::max<Step>(1, steps_of(multimeter.interval, spec.dt));
    const Step first = (warmup / every + 1) * every - 1;
    const double start = time_of(first, spec.dt);
    const std::array<double, 3> time{
        start, start + std::floor(spec.duration / multimeter.interval) * multimeter.interval, multimeter.interval};

    OutputFile& file = *file_;
    RecordedReport& report = reports_.emplace_back();
    const bool wide = spec.precision == Precision::f64;
    const std::size_t row_bytes = (wide ? sizeof(double) : sizeof(float)) * std::max<std::size_t>(columns, 1);
    const hsize_t chunk_rows = std::clamp<hsize_t>(kTraceChunkBytes / row_bytes, 1, 4096);
    report.data = file.growing(group, "data", wide ? H5T_IEEE_F64LE : H5T_IEEE_F32LE, chunk_rows, columns);
    file.attribute(report.data, "units", common_unit(units));
    file.attribute(report.data, "variables", multimeter.variables);
    file.attribute(report.data, "variable_units", units);
    const hdf5::Group mapping = file.group(group, "mapping");
    file.fixed(mapping, "node_ids", H5T_STD_U64LE, H5T_NATIVE_UINT64, node_ids.data(), node_ids.size());
    file.fixed(mapping, "index_pointers", H5T_STD_U64LE, H5T_NATIVE_UINT64, pointers.data(), pointers.size());
    file.fixed(mapping, "element_ids", H5T_STD_U32LE, H5T_NATIVE_UINT32, elements.data(), elements.size());
    report.time = file.fixed(mapping, "time", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, time.data(), time.size());
    file.attribute(report.time, "units", "ms");
    report.interval = multimeter.interval;
    report.merger = TraceMerger(std::move(neurons), variables, warmup);
  }

  Result<void> drain(RecordedReport& report) {
    const hsize_t rows = report.merger.row_count();
    Result<void> result = file_->append(report.data, H5T_NATIVE_DOUBLE, report.merger.rows().data(), report.written,
                                        rows, report.merger.columns());
    report.written += rows;
    report.merger.clear();
    return result;
  }

  std::unique_ptr<OutputFile> file_;
  double dt_ = 0.1;
  std::vector<RecordedReport> reports_;  ///< one per multimeter
};

Result<void> remove_file(const std::filesystem::path& file) {
  std::error_code error;
  std::filesystem::remove(file, error);
  if (error) return fail(ErrorCode::io, "cannot remove ", file.string(), " of an earlier run: ", error.message());
  return {};
}

}  // namespace

struct SonataWriter::Impl {
  std::unique_ptr<SpikeFile> spikes;
  std::unique_ptr<TraceFile> traces;
  std::unique_ptr<WeightFile> weights;
  std::vector<std::filesystem::path> files;
  Clock::time_point last_flush = Clock::now();
  std::optional<Error> failure;
  bool finished = false;

  Result<void> remember(Result<void> result) {
    if (!result && !failure) failure = result.error();
    return result;
  }

  Result<void> flush() {
    last_flush = Clock::now();
    const hdf5::Session session;
    if (spikes) NEURACT_TRY(spikes->flush(false));
    if (traces) NEURACT_TRY(traces->flush());
    if (weights) NEURACT_TRY(weights->flush());
    return {};
  }

  /// One way in for everything that may write: nothing after a failure or the end, and a flush now and then.
  template <class Write>
  Result<void> guarded(Write write) {
    if (failure) return *failure;
    if (finished) return {};
    Result<void> result = write();
    if (result && Clock::now() - last_flush >= kFlushInterval) result = flush();
    return remember(std::move(result));
  }
};

Result<void> prepare_output_directory(const std::filesystem::path& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return fail(ErrorCode::io, "cannot create the directory ", directory.string(), ": ", error.message());
  if (!std::filesystem::is_directory(directory)) return fail(ErrorCode::io, directory.string(), " is not a directory");
  std::string probe = (directory / ".neuract-XXXXXX")
                          .string();  // only creating a file tells about permissions, quotas and read-only disks
  const int fd = ::mkstemp(probe.data());
  if (fd < 0)
    return fail(ErrorCode::io, "cannot write to the directory ", directory.string(), ": ",
                std::generic_category().message(errno));
  ::close(fd);
  ::unlink(probe.c_str());
  return {};
}

Result<std::unique_ptr<SonataWriter>> SonataWriter::create(const NetworkSpec& spec,
                                                           const std::filesystem::path& directory,
                                                           std::span<const std::vector<CohortRange>> placement) {
  NEURACT_TRY(prepare_output_directory(directory));
  for (const char* name : {"spikes.h5", "traces.h5", "weights.h5"}) {
    NEURACT_TRY(remove_file(directory / name));
    NEURACT_TRY(remove_file(directory / (std::string(name) + ".partial")));
  }
  const hdf5::Session session;  // outlives impl, which closes files when something fails
  auto impl = std::make_unique<Impl>();
  if (!spec.spike_recorders.empty()) {
    impl->files.push_back(directory / "spikes.h5");
    NEURACT_TRY_ASSIGN(impl->spikes, SpikeFile::create(spec, impl->files.back(), placement));
  }
  if (!spec.multimeters.empty()) {
    impl->files.push_back(directory / "traces.h5");
    NEURACT_TRY_ASSIGN(impl->traces, TraceFile::create(spec, impl->files.back()));
  }
  if (!spec.weight_recorders.empty()) {
    impl->files.push_back(directory / "weights.h5");
    NEURACT_TRY_ASSIGN(impl->weights, WeightFile::create(spec, impl->files.back(), placement));
  }
  return std::unique_ptr<SonataWriter>(new SonataWriter(std::move(impl)));
}

SonataWriter::SonataWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SonataWriter::~SonataWriter() { static_cast<void>(finish()); }

Result<void> SonataWriter::write(const SpikeBatch& batch) {
  return impl_->guarded([&]() -> Result<void> { return impl_->spikes ? impl_->spikes->write(batch) : Result<void>(); });
}

Result<void> SonataWriter::write(const TraceBlock& block) {
  return impl_->guarded([&]() -> Result<void> { return impl_->traces ? impl_->traces->write(block) : Result<void>(); });
}

Result<void> SonataWriter::write(const WeightBlock& block) {
  return impl_->guarded(
      [&]() -> Result<void> { return impl_->weights ? impl_->weights->write(block) : Result<void>(); });
}

Result<void> SonataWriter::write(const ShardOutput& output) {
  return impl_->guarded([&]() -> Result<void> {
    if (impl_->spikes)
      for (const SpikeBatch& batch : output.batches) NEURACT_TRY(impl_->spikes->write(batch));
    if (impl_->traces)
      for (const TraceBlock& block : output.traces) NEURACT_TRY(impl_->traces->write(block));
    if (impl_->weights)
      for (const WeightBlock& block : output.weights) NEURACT_TRY(impl_->weights->write(block));
    return {};
  });
}

Result<void> SonataWriter::flush() {
  return impl_->guarded([&] { return impl_->flush(); });
}

Result<void> SonataWriter::finish() {
  if (!impl_->finished) {
    impl_->finished = true;
    const hdf5::Session session;
    // All files are finished even when one of them fails.
    if (impl_->spikes) static_cast<void>(impl_->remember(impl_->spikes->finish()));
    if (impl_->traces) static_cast<void>(impl_->remember(impl_->traces->finish()));
    if (impl_->weights) static_cast<void>(impl_->remember(impl_->weights->finish()));
    impl_->spikes.reset();
    impl_->traces.reset();
    impl_->weights.reset();
  }
  return impl_->failure ? Result<void>(*impl_->failure) : Result<void>();
}

const std::vector<std::filesystem::path>& SonataWriter::files() const noexcept { return impl_->files; }

}  // namespace neuract::snn
