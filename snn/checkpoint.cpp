#include "neuract/snn/checkpoint.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "neuract/snn/nearest_name.hpp"
#include "neuract/snn/network_text.hpp"
#include "neuract/snn/number_text.hpp"

namespace neuract::snn {
namespace {

constexpr Step kLastStep = Step{1} << 53;  ///< beyond any run

void put(StateWriter& out, const std::string& text) { out.array(std::span<const char>(text)); }
std::string get(StateReader& in) {
  const std::vector<char> text = in.array<char>();
  return {text.begin(), text.end()};
}

/// Where a cohort of another run lies in a section, or the other way round.
struct Overlap {
  std::uint32_t begin = 0;  ///< neurons of the population
  std::uint32_t end = 0;
};
Overlap overlap(const SectionKey& key, const CohortRange& range) {
  if (key.index != range.population || key.sample != range.sample) return {};
  const std::uint64_t end = std::min(std::uint64_t{key.first} + key.count, std::uint64_t{range.first} + range.count);
  return {std::max(key.first, range.first), static_cast<std::uint32_t>(end)};
}

/// The spikes of a section, checked.
Result<SpikeBatch> read_spikes(const Checkpoint& checkpoint, const CheckpointFile::Section& section) {
  StateReader in(section.bytes);
  SpikeBatch batch;
  batch.population = section.key.index;
  batch.sample = section.key.sample;
  batch.first = section.key.first;
  batch.begin = in.value<Step>();
  batch.offsets = in.array<std::uint32_t>();
  batch.ids = in.array<std::uint16_t>();
  const bool whole =
      in.ok() && in.at_end() && batch.begin >= 0 && !batch.offsets.empty() &&
      batch.begin == checkpoint.step() - batch.steps() && batch.offsets.front() == 0 &&
      batch.offsets.back() == batch.ids.size() && std::is_sorted(batch.offsets.begin(), batch.offsets.end()) &&
      std::all_of(batch.ids.begin(), batch.ids.end(), [&](std::uint16_t id) { return id < section.key.count; });
  if (!whole) return checkpoint.misfit("section \"" + to_string(section.key) + "\"");
  return batch;
}

/// Whether cohorts, in the order of population, sample and neuron, are all neurons once.
bool cover(const Plan& plan, std::span<const CohortRange> cohorts) {
  std::size_t next = 0;
  for (std::uint32_t p = 0; p < plan.populations().size(); ++p) {
    for (std::uint32_t sample = 0; sample < plan.spec().batch; ++sample) {
      for (std::uint64_t first = 0; first < plan.populations()[p].n; first += cohorts[next++].count) {
        if (next == cohorts.size()) return false;
        const CohortRange& cohort = cohorts[next];
        const bool fits = cohort.population == p && cohort.sample == sample && cohort.first == first &&
                          cohort.count > 0 && cohort.count <= plan.populations()[p].n - first;
        if (!fits) return false;
      }
    }
  }
  return next == cohorts.size() && next > 0;
}

}  // namespace

CheckpointSection about_section(const CheckpointAbout& about) {
  StateWriter out;
  put(out, about.version);
  put(out, about.network);
  out.value(about.step);
  out.value(about.time_ms);
  put(out, about.recordings);
  return {{SectionKind::about}, out.take()};
}

CheckpointSection network_section(const NetworkSpec& spec) {
  const std::string text = network_text(spec);
  const auto bytes = std::as_bytes(std::span(text));
  return {{SectionKind::network}, {bytes.begin(), bytes.end()}};
}

Step longest_delay(const Plan& plan) noexcept {
  Step longest = 0;
  for (const ProjectionPlan& projection : plan.projections())
    longest = std::max<Step>({longest, projection.delay_min, projection.delay_max});
  return longest;
}

Result<CheckpointPtr> Checkpoint::open(const std::filesystem::path& path) {
  NEURACT_TRY_ASSIGN(CheckpointFile file, CheckpointFile::read(path));
  return make(std::move(file));
}

Result<CheckpointPtr> Checkpoint::make(CheckpointFile file) {
  auto checkpoint = std::make_shared<Checkpoint>();
  checkpoint->file_ = std::move(file);
  const auto about = checkpoint->sections(SectionKind::about);
  if (about.size() != 1 || checkpoint->sections(SectionKind::network).size() != 1)
    return checkpoint->misfit("what it says of itself");
  StateReader in(about.front().bytes);
  CheckpointAbout& read = checkpoint->about_;
  read.version = get(in);
  read.network = get(in);
  read.step = in.value<Step>();
  read.time_ms = in.value<double>();
  read.recordings = get(in);
  if (!in.ok() || !in.at_end() || read.step < 0 || read.step > kLastStep)
    return checkpoint->misfit("what it says of itself");
  return CheckpointPtr(std::move(checkpoint));
}

Unexpected<Error> Checkpoint::misfit(const std::string& what) const {
  return fail(ErrorCode::parse, name(), ": ", what, " is not what this program reads there");
}

Result<void> Checkpoint::check(const Plan& plan) const {
  if (about_.version != NEURACT_VERSION)
    return fail(ErrorCode::invalid_argument, name(), ": was written by neuract ", printable(about_.version),
                ", and this is ", NEURACT_VERSION, ": it could not promise the same bits");
  const auto text = sections(SectionKind::network).front().bytes;
  const std::string_view there(reinterpret_cast<const char*>(text.data()), text.size());
  if (const auto difference = first_difference(there, network_text(plan.spec())))
    return fail(ErrorCode::invalid_argument, name(), ": belongs to another network, ", in_quotes(about_.network),
                " at ", number_text(about_.time_ms), " ms: ", *difference);
  return {};
}

std::span<const CheckpointFile::Section> Checkpoint::sections(SectionKind kind) const noexcept {
  const auto all = file_.sections();
  const auto [begin, end] = std::equal_range(
      all.begin(), all.end(), CheckpointFile::Section{{kind}, {}},
      [](const CheckpointFile::Section& a, const CheckpointFile::Section& b) { return a.key.kind < b.key.kind; });
  return {begin, end};
}

Result<StateReader> Checkpoint::reader(const SectionKey& key) const {
  for (const auto& section : sections(key.kind)) {
    if (section.key == key) return StateReader(section.bytes);
  }
  return misfit("the place of \"" + to_string(key) + "\"");
}

std::vector<CohortRange> Checkpoint::cohorts() const {
  std::vector<CohortRange> cohorts;
  for (const auto& section : sections(SectionKind::neurons))
    cohorts.push_back({section.key.index, section.key.first, section.key.count, section.key.sample});
  return cohorts;
}

CheckpointSection events_section(std::uint32_t shard, std::span<const std::uint64_t> events) {
  StateWriter out;
  out.array(events);
  return {{SectionKind::events, shard}, out.take()};
}

Result<std::vector<std::uint64_t>> events_so_far(const Checkpoint& checkpoint, std::size_t projections) {
  std::vector<std::uint64_t> sum(projections, 0);
  for (const auto& section : checkpoint.sections(SectionKind::events)) {
    StateReader in(section.bytes);
    std::vector<std::uint64_t> events(projections, 0);
    in.array(std::span(events));
    if (!in.ok() || !in.at_end()) return checkpoint.misfit("section \"" + to_string(section.key) + "\"");
    for (std::size_t p = 0; p < projections; ++p) sum[p] += events[p];
  }
  return sum;
}

CheckpointSection counters_section(const CohortRange& range, const CohortCounters& counters) {
  StateWriter out;
  out.value(counters.all_spikes);
  out.value(counters.spikes);
  out.value(counters.spike_hash);
  out.array(std::span<const CohortCounters::Classifier>(counters.classifiers));
  return {{SectionKind::counters, range.population, range.sample, range.first, range.count}, out.take()};
}

Result<CohortCounters> counters_of(const Checkpoint& checkpoint, const CohortRange& range, std::size_t classifiers) {
  CohortCounters sum;
  sum.classifiers.resize(classifiers);
  for (const auto& section : checkpoint.sections(SectionKind::counters)) {
    const bool begins_here = section.key.index == range.population && section.key.sample == range.sample &&
                             section.key.first >= range.first && section.key.first - range.first < range.count;
    if (!begins_here) continue;
    StateReader in(section.bytes);
    sum.all_spikes += in.value<std::uint64_t>();
    sum.spikes += in.value<std::uint64_t>();
    sum.spike_hash += in.value<std::uint64_t>();
    std::vector<CohortCounters::Classifier> counts(classifiers);
    in.array(std::span(counts));
    if (!in.ok() || !in.at_end()) return checkpoint.misfit("section \"" + to_string(section.key) + "\"");
    for (std::size_t i = 0; i < classifiers; ++i) {
      sum.classifiers[i].answers += counts[i].answers;
      sum.classifiers[i].correct += counts[i].correct;
    }
  }
  return sum;
}

CheckpointSection guard_section(const Plan& plan, std::uint32_t shard, std::span<const std::uint64_t> spikes) {
  StateWriter out;
  out.value(plan.spec().stop_if ? plan.spec().stop_if->window : 0.0);
  out.array(spikes);
  return {{SectionKind::guard, shard}, out.take()};
}

std::vector<std::uint64_t> guarded_spikes(const Checkpoint& checkpoint, const Plan& plan) {
  const double window = plan.spec().stop_if ? plan.spec().stop_if->window : 0.0;
  std::vector<std::uint64_t> sum(plan.populations().size(), 0);
  for (const auto& section : checkpoint.sections(SectionKind::guard)) {
    StateReader in(section.bytes);
    const auto its_window = in.value<double>();
    std::vector<std::uint64_t> spikes(sum.size(), 0);
    in.array(std::span(spikes));
    if (its_window != window || !in.ok()) {
      sum.assign(sum.size(), 0);
      for (const auto& counters : checkpoint.sections(SectionKind::counters)) {
        if (counters.key.index < sum.size())
          sum[counters.key.index] += StateReader(counters.bytes).value<std::uint64_t>();
      }
      return sum;
    }
    for (std::size_t p = 0; p < sum.size(); ++p) sum[p] += spikes[p];
  }
  return sum;
}

std::optional<std::vector<std::vector<CohortRange>>> kept_placement(const Checkpoint& checkpoint, const Plan& plan,
                                                                    std::uint32_t shards) {
  const auto& projections = plan.spec().projections;
  const auto plastic = [](const ProjectionSpec& projection) { return !projection.synapse.is_static(); };
  if (std::none_of(projections.begin(), projections.end(), plastic)) return std::nullopt;

  std::vector<double> work(plan.populations().size(), 1.0);  // of a neuron
  for (const ProjectionPlan& projection : plan.projections())
    work[projection.target] +=
        0.01 * projection.expected_synapses / std::max(1u, plan.populations()[projection.target].n);
  std::vector<CohortRange> cohorts = checkpoint.cohorts();
  if (!cover(plan, cohorts)) return std::nullopt;  // loading will say so
  const std::uint32_t samples = plan.spec().batch;
  // Whole samples to every shard, as snn::place does; cohorts of the same neurons follow each other.
  const auto shard_of_sample = [&](std::uint32_t sample) {
    return std::uint64_t{sample} * std::min(shards, samples) / samples;
  };
  if (samples > 1) {
    std::sort(cohorts.begin(), cohorts.end(), [&](const CohortRange& a, const CohortRange& b) {
      return std::tuple(shard_of_sample(a.sample), a.population, a.first, a.sample) <
             std::tuple(shard_of_sample(b.sample), b.population, b.first, b.sample);
    });
  }
  double total = 0.0;
  for (const CohortRange& cohort : cohorts) total += work[cohort.population] * cohort.count;
  std::map<std::uint64_t, std::vector<CohortRange>> dealt;
  double before = 0.0;
  for (const CohortRange& cohort : cohorts) {
    const double own = work[cohort.population] * cohort.count;
    const auto share = static_cast<std::uint64_t>((before + own / 2) / total * shards);
    dealt[samples > 1 ? shard_of_sample(cohort.sample) : share].push_back(cohort);
    before += own;
  }
  std::vector<std::vector<CohortRange>> placement;
  for (auto& [shard, own] : dealt) placement.push_back(std::move(own));
  return placement;
}

NeuronReader::NeuronReader(const Checkpoint& checkpoint, const CohortRange& range) {
  std::uint32_t next = range.first;
  for (const auto& section : checkpoint.sections(SectionKind::neurons)) {
    const auto [begin, end] = overlap(section.key, range);
    if (begin >= end) continue;
    ok_ = ok_ && begin == next;
    next = end;
    parts_.push_back({StateReader(section.bytes), section.key.count, begin - section.key.first, end - begin});
  }
  ok_ = ok_ && next == range.first + range.count;
  if (!ok_) parts_.clear();
}

bool NeuronReader::complete() const noexcept {
  return ok_ && std::all_of(parts_.begin(), parts_.end(), [](const Part& part) { return part.reader.at_end(); });
}

Result<std::vector<ShardOutputPtr>> recent_outputs(const Checkpoint& checkpoint,
                                                   std::span<const std::vector<CohortRange>> placement) {
  std::map<std::tuple<std::uint32_t, std::uint32_t>, std::vector<SpikeBatch>> spikes;  // by population and sample
  Step begin = checkpoint.step();
  for (const auto& section : checkpoint.sections(SectionKind::spikes)) {
    NEURACT_TRY_ASSIGN(SpikeBatch batch, read_spikes(checkpoint, section));
    begin = std::min(begin, batch.begin);
    spikes[{batch.population, batch.sample}].push_back(std::move(batch));
  }
  std::vector<ShardOutputPtr> outputs;
  for (std::uint32_t s = 0; s < placement.size(); ++s) {
    auto output = std::make_shared<ShardOutput>();
    output->shard = s;
    output->begin = begin;
    output->end = checkpoint.step();
    for (const CohortRange& range : placement[s]) {
      SpikeBatch& batch = output->batches.emplace_back();
      batch.population = range.population;
      batch.sample = range.sample;
      batch.first = range.first;
      batch.begin = begin;
      batch.offsets.assign(1, 0);
      const std::vector<SpikeBatch>& written = spikes[{range.population, range.sample}];
      for (Step step = begin; step < checkpoint.step(); ++step) {
        for (const SpikeBatch& from : written) {
          if (step < from.begin) continue;
          for (const std::uint16_t id : from.at(step)) {
            const std::uint32_t neuron = from.first + id;
            if (neuron >= range.first && neuron < range.first + range.count)
              batch.ids.push_back(static_cast<std::uint16_t>(neuron - range.first));
          }
        }
        batch.offsets.push_back(static_cast<std::uint32_t>(batch.ids.size()));
      }
    }
    outputs.push_back(std::move(output));
  }
  return outputs;
}

CheckpointSection spikes_section(const CohortRange& range, std::size_t batch, std::span<const ShardOutputPtr> outputs,
                                 Step now, Step steps) {
  const Step begin = std::max<Step>(0, now - steps);
  std::vector<std::uint32_t> offsets(1, 0);
  std::vector<std::uint16_t> ids;
  Step next = begin;
  for (const ShardOutputPtr& output : outputs) {
    for (Step step = std::max(next, output->begin); step < output->end; ++step) {
      const auto fired = output->batches[batch].at(step);
      ids.insert(ids.end(), fired.begin(), fired.end());
      offsets.push_back(static_cast<std::uint32_t>(ids.size()));
    }
    next = std::max(next, output->end);
  }
  StateWriter out;
  out.value(begin);
  out.array(std::span<const std::uint32_t>(offsets));
  out.array(std::span<const std::uint16_t>(ids));
  return {{SectionKind::spikes, range.population, range.sample, range.first, range.count}, out.take()};
}

}  // namespace neuract::snn
