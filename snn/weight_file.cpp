#include "neuract/snn/weight_file.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

#include "neuract/snn/connectivity.hpp"
#include "neuract/snn/sonata_layout.hpp"

namespace neuract::snn {

namespace {

using hdf5::OutputFile;

constexpr hsize_t kLongestChunk = 16384;
constexpr std::size_t kChunkBytes = 1 << 16;

/// How many synapses a recorder will see: for the size of chunks, which any number makes right.
hsize_t expected_synapses_of(const NetworkSpec& spec, const WeightRecorderSpec& recorder) {
  const ProjectionSpec& projection = spec.projections[recorder.projection];
  const std::uint32_t targets = spec.populations[projection.target].n;
  double synapses = expected_synapses(projection.rule, spec.populations[projection.source].n, targets,
                                      projection.source == projection.target);
  if (!recorder.targets.empty()) synapses *= static_cast<double>(recorder.targets.size()) / std::max(1U, targets);
  if (!(synapses < 1e15)) return kLongestChunk;
  return static_cast<hsize_t>(std::max(synapses, 1.0));
}

}  // namespace

Result<std::unique_ptr<WeightFile>> WeightFile::create(const NetworkSpec& spec, const std::filesystem::path& name,
                                                       std::span<const std::vector<CohortRange>> placement) {
  auto self = std::make_unique<WeightFile>();
  NEURACT_TRY_ASSIGN(self->file_, OutputFile::create(name));
  self->dt_ = spec.dt;
  self->warmup_ = sonata::steps_of(spec.warmup, spec.dt);
  OutputFile& file = *self->file_;
  sonata::mark_file(file);
  const hdf5::Group edges = file.group(file.root(), "edges");
  const std::vector<std::string> names = sonata::edge_names(spec);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const WeightRecorderSpec& recorder = spec.weight_recorders[i];
    NEURACT_TRY(sonata::check_name("projection", spec.projections[recorder.projection].name));
    NEURACT_TRY(self->add(spec, recorder, names[i], edges));
    const std::uint32_t target = spec.projections[recorder.projection].target;
    for (const auto& shard : placement)
      for (const CohortRange& cohort : shard)
        if (cohort.population == target && cohort.sample == 0) self->recorded_.back().merger.expect(cohort.first);
  }
  NEURACT_TRY(file.start());
  return self;
}

Result<void> WeightFile::add(const NetworkSpec& spec, const WeightRecorderSpec& recorder, const std::string& group_name,
                             const hdf5::Group& edges) {
  const ProjectionSpec& projection = spec.projections[recorder.projection];
  OutputFile& file = *file_;
  Recorded& recorded = recorded_.emplace_back();
  const hsize_t expected = expected_synapses_of(spec, recorder);
  const hsize_t chunk = std::min(expected, kLongestChunk);
  const hid_t type = spec.precision == Precision::f64 ? H5T_IEEE_F64LE : H5T_IEEE_F32LE;

  const hdf5::Group population = file.group(edges, group_name);
  recorded.sources = file.growing(population, "source_node_id", H5T_STD_U64LE, chunk);
  file.attribute(recorded.sources, "node_population", spec.populations[projection.source].name);
  recorded.targets = file.growing(population, "target_node_id", H5T_STD_U64LE, chunk);
  file.attribute(recorded.targets, "node_population", spec.populations[projection.target].name);
  // One type and one group for all: the standard asks for these columns, and fill values cost nothing.
  const std::uint64_t zero = 0;
  recorded.types = file.filled(population, "edge_type_id", H5T_STD_U64LE, H5T_NATIVE_UINT64, &zero, chunk);
  recorded.groups = file.filled(population, "edge_group_id", H5T_STD_U64LE, H5T_NATIVE_UINT64, &zero, chunk);
  recorded.indices = file.growing(population, "edge_group_index", H5T_STD_U64LE, chunk);
  const hdf5::Group group = file.group(population, "0");
  // Every bit of these, whatever the precision: another run may begin with them.
  recorded.weights = file.growing(group, "syn_weight", H5T_IEEE_F64LE, chunk);
  if (const auto* delay = std::get_if<double>(&projection.delay)) {
    const double ms = std::max(std::round(*delay / spec.dt), 1.0) * spec.dt;
    recorded.delays = file.filled(group, "delay", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, &ms, chunk);
    file.attribute(recorded.delays, "units", "ms");
  }
  if (recorder.interval > 0.0) {
    recorded.interval = std::max<Step>(1, sonata::steps_of(recorder.interval, spec.dt));
    const hdf5::Group history = file.group(population, "history");
    const std::size_t row_bytes = static_cast<std::size_t>(chunk) * H5Tget_size(type);
    const hsize_t rows = std::clamp<hsize_t>(kChunkBytes / row_bytes, 1, 1024);
    recorded.history = file.growing_table(history, "syn_weight", type, rows, chunk);
    recorded.times = file.growing(history, "time", H5T_IEEE_F64LE, 1024);
    file.attribute(recorded.times, "units", "ms");
  }
  return file.status();
}

Result<void> WeightFile::write(const WeightBlock& block) {
  if (block.recorder >= recorded_.size()) return {};
  Recorded& recorded = recorded_[block.recorder];
  recorded.merger.add(block);
  const hdf5::Session session;
  return drain(recorded, false);
}

Result<void> WeightFile::drain(Recorded& recorded, bool at_end) {
  while (auto list = recorded.merger.next(at_end)) NEURACT_TRY(take(recorded, *std::move(list)));
  return {};
}

Result<void> WeightFile::take(Recorded& recorded, WeightMerger::List list) {
  if (!recorded.listed) NEURACT_TRY(list_synapses(recorded, list));
  if (list.weights.size() != recorded.synapses)
    return fail(ErrorCode::internal, "the number of recorded synapses has changed from ", recorded.synapses, " to ",
                list.weights.size());
  recorded.current = std::move(list.weights);
  const Step counted = list.step + 1 - warmup_;
  const bool due = recorded.interval > 0 && counted > 0 && counted % recorded.interval == 0;
  if (!due || list.step <= recorded.recorded) return {};
  recorded.recorded = list.step;
  if (recorded.synapses > 0)
    NEURACT_TRY(file_->append(recorded.history, H5T_NATIVE_DOUBLE, recorded.current.data(), recorded.rows, 1,
                              recorded.synapses));
  const double time = sonata::time_of(list.step, dt_);
  return file_->append(recorded.times, H5T_NATIVE_DOUBLE, &time, recorded.rows++, 1);
}

Result<void> WeightFile::list_synapses(Recorded& recorded, const WeightMerger::List& list) {
  recorded.listed = true;
  recorded.synapses = list.sources.size();
  if (recorded.synapses == 0) return {};
  std::vector<std::uint64_t> indices(list.sources.size());
  std::iota(indices.begin(), indices.end(), std::uint64_t{0});
  NEURACT_TRY(file_->append(recorded.sources, H5T_NATIVE_UINT32, list.sources.data(), 0, recorded.synapses));
  NEURACT_TRY(file_->append(recorded.targets, H5T_NATIVE_UINT32, list.targets.data(), 0, recorded.synapses));
  NEURACT_TRY(file_->append(recorded.indices, H5T_NATIVE_UINT64, indices.data(), 0, recorded.synapses));
  NEURACT_TRY(file_->extend(recorded.types, recorded.synapses));
  NEURACT_TRY(file_->extend(recorded.groups, recorded.synapses));
  if (recorded.delays) NEURACT_TRY(file_->extend(recorded.delays, recorded.synapses));
  return {};
}

Result<void> WeightFile::flush() {
  for (Recorded& recorded : recorded_) {
    if (!recorded.listed) continue;
    for (const hdf5::Dataset* dataset : {&recorded.sources, &recorded.targets, &recorded.types, &recorded.groups,
                                         &recorded.indices, &recorded.delays, &recorded.history, &recorded.times}) {
      if (*dataset) NEURACT_TRY(file_->flush(*dataset));
    }
  }
  return {};
}

Result<void> WeightFile::finish() {
  Result<void> result;
  for (Recorded& recorded : recorded_) {
    if (result) result = drain(recorded, true);
    if (result && recorded.synapses > 0)
      result = file_->append(recorded.weights, H5T_NATIVE_DOUBLE, recorded.current.data(), 0, recorded.synapses);
  }
  recorded_.clear();
  Result<void> closed = file_->finish();
  return result ? closed : result;
}

}  // namespace neuract::snn
