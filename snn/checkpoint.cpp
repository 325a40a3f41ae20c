#include "neuract/snn/checkpoint.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "neuract/snn/nearest_name.hpp"
#include "neuract/snn/network_text.hpp"
#include "neuract/snn/number_text.hpp"

namespace neuract::snn {
namespace {

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
      in.ok() && in.at_end() && batch.begin >= 0 && !batch.offsets.empty() && batch.steps() <= checkpoint.step() &&
      batch.end() == checkpoint.step() && batch.offsets.front() == 0 && batch.offsets.back() == batch.ids.size() &&
      std::is_sorted(batch.offsets.begin(), batch.offsets.end()) &&
      std::all_of(batch.ids.begin(), batch.ids.end(), [&](std::uint16_t id) { return id < section.key.count; });
  if (!whole) return checkpoint.misfit("section \"" + to_string(section.key) + "\"");
  return batch;
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
  if (!in.ok() || !in.at_end() || read.step < 0) return checkpoint->misfit("what it says of itself");
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

std::vector<CohortRange> Checkpoint::cohorts() const {
  std::vector<CohortRange> cohorts;
  for (const auto& section : sections(SectionKind::neurons))
    cohorts.push_back({section.key.index, section.key.first, section.key.count, section.key.sample});
  return cohorts;
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
