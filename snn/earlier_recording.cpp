#include "neuract/snn/earlier_recording.hpp"

#include <algorithm>
#include <cmath>
#include <system_error>
#include <utility>

#include "neuract/snn/number_text.hpp"
#include "neuract/snn/sonata_layout.hpp"

namespace neuract::snn {
namespace {

namespace fs = std::filesystem;
constexpr const char* kAside = ".earlier";
constexpr const char* kNames[] = {"spikes.h5", "traces.h5", "weights.h5"};
constexpr Step kStepsPerBlock = 1 << 16;
constexpr std::size_t kSpikesPerBlock = 1 << 18;
constexpr std::size_t kValuesPerBlock = 1 << 20;

fs::path with(fs::path path, const char* suffix) { return path += suffix; }

/// Rows of a recorder until `step`.
std::size_t rows_until(const Plan& plan, Step step, double interval_ms) {
  const Step interval = std::max<Step>(1, plan.steps_of(interval_ms));
  return static_cast<std::size_t>(std::max<Step>(0, step - plan.warmup_steps()) / interval);
}

template <class Part>
const Part* named(const std::vector<Part>& parts, std::string Part::*name, const std::string& wanted) {
  const auto found = std::find_if(parts.begin(), parts.end(), [&](const Part& part) { return part.*name == wanted; });
  return found == parts.end() ? nullptr : &*found;
}

/// Hands out the spikes of a population, a block of steps at a time, as its cohorts would have.
class SpikesByCohort {
 public:
  SpikesByCohort(std::uint32_t population, std::uint32_t n, std::span<const std::vector<CohortRange>> placement)
      : population_(population), n_(n) {
    for (const auto& shard : placement) {
      for (const CohortRange& cohort : shard) {
        if (cohort.population == population) cohorts_.push_back(cohort);
      }
    }
    std::sort(cohorts_.begin(), cohorts_.end(),
              [this](const CohortRange& a, const CohortRange& b) { return node(a) < node(b); });
  }

  Result<void> hand_out(SonataWriter& writer, std::span<const Step> steps, std::span<const std::uint64_t> nodes,
                        Step begin, Step end) const {
    std::vector<SpikeBatch> batches;
    for (const CohortRange& cohort : cohorts_)
      batches.push_back({population_, cohort.first, begin, {0}, {}, cohort.sample});
    std::size_t i = 0;
    for (Step step = begin; step < end; ++step) {
      for (; i < steps.size() && steps[i] == step; ++i) {
        const auto after = std::upper_bound(cohorts_.begin(), cohorts_.end(), nodes[i],
                                            [this](std::uint64_t id, const CohortRange& c) { return id < node(c); });
        const auto k = static_cast<std::size_t>(after - cohorts_.begin()) - 1;
        batches[k].ids.push_back(static_cast<std::uint16_t>(nodes[i] - node(cohorts_[k])));
      }
      for (SpikeBatch& batch : batches) batch.offsets.push_back(static_cast<std::uint32_t>(batch.ids.size()));
    }
    for (const SpikeBatch& batch : batches) NEURACT_TRY(writer.write(batch));
    return {};
  }

 private:
  std::uint64_t node(const CohortRange& cohort) const { return std::uint64_t{cohort.sample} * n_ + cohort.first; }

  std::uint32_t population_;
  std::uint32_t n_;
  std::vector<CohortRange> cohorts_;
};

}  // namespace

Result<void> EarlierRecording::find(const fs::path& folder, const char* name) {
  // What was set aside is whole; the file of that name beside it is a copy that was not completed.
  for (const char* suffix : {kAside, "", ".partial"}) {
    const fs::path path = with(folder / name, suffix);
    std::error_code error;
    if (!fs::exists(path, error)) continue;
    files_.push_back({path, name});
    return {};
  }
  return fail(ErrorCode::not_found, (folder / name).string(), ": does not exist, neither complete nor as ", name,
              ".partial: what was recorded before the checkpoint has its place there");
}

Result<EarlierRecording> EarlierRecording::read(const Plan& plan, const Checkpoint& checkpoint) {
  EarlierRecording earlier;
  earlier.step_ = checkpoint.step();
  const NetworkSpec& spec = plan.spec();
  earlier.spikes_.resize(spec.populations.size());
  if (earlier.step_ <= plan.warmup_steps()) return earlier;
  if (spec.spike_recorders.empty() && spec.multimeters.empty() && spec.weight_recorders.empty()) return earlier;
  if (checkpoint.about().recordings.empty())
    return fail(ErrorCode::not_found, checkpoint.name(),
                ": does not say where its run recorded, and the network has recorders");
  const fs::path folder =
      (fs::path(checkpoint.name()).parent_path() / checkpoint.about().recordings).lexically_normal();
  if (!spec.spike_recorders.empty()) {
    NEURACT_TRY(earlier.find(folder, kNames[0]));
    NEURACT_TRY(earlier.read_spikes_of(plan, checkpoint));
  }
  if (!spec.multimeters.empty()) {
    NEURACT_TRY(earlier.find(folder, kNames[1]));
    NEURACT_TRY(earlier.read_traces_of(plan));
  }
  if (!spec.weight_recorders.empty()) {
    NEURACT_TRY(earlier.find(folder, kNames[2]));
    NEURACT_TRY(earlier.read_weights_of(plan));
  }
  return earlier;
}

Result<void> EarlierRecording::read_spikes_of(const Plan& plan, const Checkpoint& checkpoint) {
  const fs::path& path = files_.back().path;
  NEURACT_TRY_ASSIGN(std::vector<PopulationSpikes> all, read_spikes(path));
  const NetworkSpec& spec = plan.spec();
  std::vector<std::uint64_t> counted(spec.populations.size(), 0);
  for (const auto& section : checkpoint.sections(SectionKind::neurons)) {
    const CohortRange range{section.key.index, section.key.first, section.key.count, section.key.sample};
    std::size_t classifiers = 0;
    for (const ClassifierSpec& classifier : spec.classifiers) classifiers += classifier.population == range.population;
    NEURACT_TRY_ASSIGN(const CohortCounters counters, counters_of(checkpoint, range, classifiers));
    if (range.population < counted.size()) counted[range.population] += counters.spikes;
  }
  for (const SpikeRecorderSpec& recorder : spec.spike_recorders) {
    const PopulationSpec& population = spec.populations[recorder.population];
    const PopulationSpikes* const found = named(all, &PopulationSpikes::population, population.name);
    const double end_ms = sonata::time_of(step_ - 1, spec.dt);
    std::size_t spikes = 0;
    bool fits = found != nullptr && found->times_ms.size() == found->node_ids.size();
    if (fits) {
      const auto end = std::upper_bound(found->times_ms.begin(), found->times_ms.end(), end_ms + spec.dt / 2);
      spikes = static_cast<std::size_t>(end - found->times_ms.begin());
      const std::uint64_t nodes = std::uint64_t{population.n} * spec.batch;
      fits = std::is_sorted(found->times_ms.begin(), end) &&
             std::all_of(found->node_ids.begin(), found->node_ids.begin() + static_cast<std::ptrdiff_t>(spikes),
                         [&](std::uint64_t id) { return id < nodes; });
    }
    if (!fits || spikes != counted[recorder.population])
      return fail(ErrorCode::invalid_argument, path.string(), ": holds ", spikes, " spikes of population \"",
                  population.name, "\" until ", number_text(end_ms), " ms, the checkpoint counts ",
                  counted[recorder.population], ": it is not of the run that is to be continued");
    spikes_[recorder.population] = *found;
    spikes_[recorder.population]->times_ms.resize(spikes);
    spikes_[recorder.population]->node_ids.resize(spikes);
  }
  return {};
}

Result<void> EarlierRecording::read_traces_of(const Plan& plan) {
  const fs::path& path = files_.back().path;
  NEURACT_TRY_ASSIGN(const std::vector<Report> all, read_reports(path));
  const NetworkSpec& spec = plan.spec();
  const std::vector<std::string> names = sonata::report_names(spec);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const MultimeterSpec& multimeter = spec.multimeters[i];
    const std::size_t rows = rows_until(plan, step_, multimeter.interval);
    const Report* const found = named(all, &Report::name, names[i]);
    const std::size_t neurons =
        multimeter.neurons.empty() ? spec.populations[multimeter.population].n : multimeter.neurons.size();
    if (found == nullptr || found->rows < rows || found->columns != neurons * multimeter.variables.size())
      return fail(ErrorCode::invalid_argument, path.string(), ": holds ", found == nullptr ? 0 : found->rows,
                  " rows of report \"", names[i], "\", the checkpoint comes after ", rows,
                  ": it is not of the run that is to be continued");
    traces_.push_back(*found);
    traces_.back().rows = rows;
  }
  return {};
}

Result<void> EarlierRecording::read_weights_of(const Plan& plan) {
  const fs::path& path = files_.back().path;
  NEURACT_TRY_ASSIGN(const std::vector<RecordedWeights> all, read_weights(path));
  const NetworkSpec& spec = plan.spec();
  const std::vector<std::string> names = sonata::edge_names(spec);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const WeightRecorderSpec& recorder = spec.weight_recorders[i];
    const std::size_t rows = recorder.interval > 0.0 ? rows_until(plan, step_, recorder.interval) : 0;
    const RecordedWeights* const found = named(all, &RecordedWeights::projection, names[i]);
    if (found == nullptr || found->times_ms.size() < rows || found->history.size() < rows * found->sources.size())
      return fail(ErrorCode::invalid_argument, path.string(), ": holds ", found == nullptr ? 0 : found->times_ms.size(),
                  " rows of \"", names[i], "\", the checkpoint comes after ", rows,
                  ": it is not of the run that is to be continued");
    weights_.push_back(*found);
    weights_.back().times_ms.resize(rows);
  }
  return {};
}

Result<void> EarlierRecording::set_aside(const fs::path& directory) {
  for (File& file : files_) {
    std::error_code error;
    if (!fs::equivalent(file.path.parent_path(), directory, error)) continue;
    const fs::path aside = with(directory / file.name, kAside);
    if (file.path != aside) fs::rename(file.path, aside, error);
    if (error)
      return fail(ErrorCode::io, file.path.string(), ": cannot be renamed to ", aside.string(), ": ", error.message());
    aside_.push_back(aside);
  }
  return {};
}

Result<void> EarlierRecording::copy_to(SonataWriter& writer, const Plan& plan,
                                       std::span<const std::vector<CohortRange>> placement) {
  for (std::uint32_t p = 0; p < spikes_.size(); ++p) {
    if (!spikes_[p]) continue;
    const SpikesByCohort cohorts(p, plan.populations()[p].n, placement);
    std::vector<Step> steps;
    for (const double time : spikes_[p]->times_ms) steps.push_back(plan.steps_of(time) - 1);
    const std::span<const std::uint64_t> nodes = spikes_[p]->node_ids;
    std::size_t done = 0;
    for (Step begin = plan.warmup_steps(); begin < step_;) {
      const std::size_t most = std::min(done + kSpikesPerBlock, steps.size());
      Step end = std::min(begin + kStepsPerBlock, step_);
      if (most < steps.size()) end = std::clamp(steps[most], begin + 1, end);
      const auto last = static_cast<std::size_t>(std::lower_bound(steps.begin(), steps.end(), end) - steps.begin());
      NEURACT_TRY(cohorts.hand_out(writer, std::span(steps).subspan(done, last - done),
                                   nodes.subspan(done, last - done), begin, end));
      done = last;
      begin = end;
    }
  }
  for (std::uint32_t i = 0; i < traces_.size(); ++i) {
    const Report& report = traces_[i];
    const MultimeterSpec& multimeter = plan.spec().multimeters[i];
    const Step interval = std::max<Step>(1, plan.steps_of(multimeter.interval));
    const std::size_t variables = multimeter.variables.size();
    TraceBlock block{i, {report.node_ids.begin(), report.node_ids.end()}, {}, {}};
    for (std::size_t row = 0; row < report.rows; ++row) {
      block.steps.push_back(plan.warmup_steps() + static_cast<Step>(row + 1) * interval - 1);
      const double* const values = report.values.data() + row * report.columns;
      for (std::size_t v = 0; v < variables; ++v) {
        for (std::size_t n = 0; n < block.neurons.size(); ++n) block.values.push_back(values[n * variables + v]);
      }
      if (block.values.size() < kValuesPerBlock && row + 1 < report.rows) continue;
      NEURACT_TRY(writer.write(block));
      block.steps.clear();
      block.values.clear();
    }
  }
  for (std::uint32_t i = 0; i < weights_.size(); ++i) {
    const RecordedWeights& recorded = weights_[i];
    const WeightRecorderSpec& recorder = plan.spec().weight_recorders[i];
    const Step interval = std::max<Step>(1, plan.steps_of(recorder.interval));
    for (std::size_t row = 0; row < recorded.times_ms.size(); ++row) {
      // The first cohort brings all, as a list is joined from the cohorts in their order.
      WeightBlock block;
      block.recorder = i;
      block.projection = recorder.projection;
      block.step = plan.warmup_steps() + static_cast<Step>(row + 1) * interval - 1;
      block.sources.assign(recorded.sources.begin(), recorded.sources.end());
      block.targets.assign(recorded.targets.begin(), recorded.targets.end());
      const auto weights = recorded.history.begin() + static_cast<std::ptrdiff_t>(row * recorded.sources.size());
      block.weights.assign(weights, weights + static_cast<std::ptrdiff_t>(recorded.sources.size()));
      for (const auto& shard : placement) {
        for (const CohortRange& cohort : shard) {
          if (cohort.population != plan.projections()[recorder.projection].target || cohort.sample != 0) continue;
          WeightBlock part{i, recorder.projection, cohort.first, block.step, {}, {}, {}};
          if (cohort.first == 0) part = block;
          NEURACT_TRY(writer.write(part));
        }
      }
    }
  }
  NEURACT_TRY(writer.flush());
  for (const fs::path& path : aside_) {
    std::error_code error;
    if (!fs::remove(path, error) && error)
      return fail(ErrorCode::io, path.string(), ": cannot be removed: ", error.message());
  }
  return {};
}

Result<void> EarlierRecording::discard(const fs::path& directory) {
  for (const char* name : kNames) {
    std::error_code error;
    const fs::path path = with(directory / name, kAside);
    if (!fs::remove(path, error) && error)
      return fail(ErrorCode::io, "cannot remove ", path.string(), " of an earlier run: ", error.message());
  }
  return {};
}

}  // namespace neuract::snn
