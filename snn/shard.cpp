#include "neuract/snn/shard.hpp"

#include <algorithm>
#include <iomanip>
#include <sstream>
#include <utility>

#include "neuract/kernels/isa.hpp"
#include "neuract/snn/bit_planes.hpp"
#include "neuract/snn/procedural.hpp"
#include "neuract/snn/shard_impl.hpp"
#include "neuract/snn/synapses/plastic_pathway.hpp"

namespace neuract::snn {
namespace {

/// The samples of each population that a shard has neurons of, ascending.
std::vector<std::vector<std::uint32_t>> samples_by_population(const Plan& plan, std::span<const CohortRange> cohorts) {
  std::vector<std::vector<std::uint32_t>> samples(plan.populations().size());
  for (const CohortRange& cohort : cohorts) samples[cohort.population].push_back(cohort.sample);
  for (auto& list : samples) {
    std::sort(list.begin(), list.end());
    list.erase(std::unique(list.begin(), list.end()), list.end());
  }
  return samples;
}

bool have_common(std::span<const std::uint32_t> a, std::span<const std::uint32_t> b) {
  for (auto i = a.begin(), j = b.begin(); i != a.end() && j != b.end();) {
    if (*i == *j) return true;
    ++(*i < *j ? i : j);
  }
  return false;
}

/// Smallest delay of the projections from one shard to another; kFar when there are none.
Step smallest_delay(const Plan& plan, std::span<const std::vector<std::uint32_t>> from,
                    std::span<const std::vector<std::uint32_t>> to) {
  Step smallest = kFar;
  for (std::size_t p = 0; p < plan.projections().size(); ++p) {
    const ProjectionPlan& projection = plan.projections()[p];
    const auto& modulator = plan.spec().projections[p].synapse.modulator;
    if (have_common(from[projection.source], to[projection.target]) ||
        (modulator && have_common(from[*modulator], to[projection.target])))
      smallest = std::min<Step>(smallest, projection.delay_min);
  }
  return smallest;
}

}  // namespace

Result<std::unique_ptr<Pathway>> build_pathway(const Plan& plan, std::uint32_t projection, const CohortRange& range,
                                               const BuildProgress& progress, const Pathway* twin) {
  switch (plan.projections()[projection].kept) {
    case Kept::bit_planes: return build_bit_planes(plan, projection, range, progress, twin);
    case Kept::procedural: return build_procedural(plan, projection, range);
    case Kept::dynamic: return build_plastic_pathway(plan, projection, range, progress);
    case Kept::lists:
    case Kept::dense: break;
  }
  return fail(ErrorCode::internal, "projection \"", plan.spec().projections[projection].name, "\" has no pathway");
}

Shard::Shard(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Shard::~Shard() = default;

Result<std::unique_ptr<Shard>> Shard::build(PlanPtr plan, std::span<const std::vector<CohortRange>> placement,
                                            std::uint32_t index, const std::function<bool(std::uint64_t)>& progress,
                                            std::shared_ptr<DenseStore> store) {
  auto impl = std::make_unique<Impl>();
  impl->plan = std::move(plan);
  if (!store) store = std::make_shared<DenseStore>();
  impl->index = index;
  impl->history = longest_delay(*impl->plan);
  impl->ranges = placement[index];
  impl->received.assign(placement.size(), 0);
  const Plan& network = *impl->plan;
  impl->logged.assign(network.populations().size(), false);
  impl->logs.assign(network.spec().batch, SpikeLog(network.populations().size()));
  impl->bundles_of.resize(network.spec().batch);
  const auto own = samples_by_population(network, placement[index]);
  for (std::uint32_t s = 0; s < placement.size(); ++s) {
    const auto other = samples_by_population(network, placement[s]);
    const Step in = smallest_delay(network, other, own);
    impl->lookahead.push_back(s == index ? kFar : in);
    if (s == index) {
      impl->quantum = std::min(kLongestWindow, in);
    } else {
      if (in != kFar) impl->sources.push_back(s);
      if (smallest_delay(network, own, other) != kFar) impl->targets.push_back(s);
    }
  }
  std::uint64_t built = 0;
  const BuildProgress report = [&](std::uint64_t n) { return !progress || progress(built + n); };
  std::size_t like = 0;  // cohorts of the same neurons follow each other
  for (std::size_t c = 0; c < impl->ranges.size(); ++c) {
    const CohortRange& range = impl->ranges[c];
    const auto same = [&](const CohortRange& other) {
      return other.population == range.population && other.first == range.first && other.count == range.count;
    };
    if (!same(impl->ranges[like])) like = c;
    NEURACT_TRY_ASSIGN(auto cohort, Cohort::build(impl->plan, range));
    impl->cohorts.push_back(std::move(cohort));
    NEURACT_TRY(impl->add_pathways(c, like, report));
    if (like == c) {
      NEURACT_TRY(impl->add_dense_inputs(range, *store));
      for (const Impl::DenseInput& input : impl->dense) {
        if (input.cohorts.empty()) built += input.batch->weights->synapses();
      }
      built += impl->synapses_of_pathways(c);
    }
    for (Impl::DenseInput& input : impl->dense) {
      const bool first = input.cohorts.empty();
      if (first || same(impl->ranges[input.cohorts.front()])) input.cohorts.push_back(c);
    }
  }
  std::vector<std::uint32_t>& samples = impl->samples;
  for (const CohortRange& range : impl->ranges) samples.push_back(range.sample);
  std::sort(samples.begin(), samples.end());
  samples.erase(std::unique(samples.begin(), samples.end()), samples.end());
  for (const std::uint32_t sample : samples) NEURACT_TRY(impl->add_bundles(sample, report));
  return std::unique_ptr<Shard>(new Shard(std::move(impl)));
}

const Plan& Shard::plan() const noexcept { return *impl_->plan; }
std::uint32_t Shard::index() const noexcept { return impl_->index; }
Step Shard::now() const noexcept { return impl_->now; }
std::span<const std::uint32_t> Shard::sources() const noexcept { return impl_->sources; }
std::span<const std::uint32_t> Shard::targets() const noexcept { return impl_->targets; }
Step Shard::lookahead(std::uint32_t source_shard) const noexcept { return impl_->lookahead[source_shard]; }
Step Shard::quantum() const noexcept { return impl_->quantum; }
std::span<const CohortRange> Shard::cohorts() const noexcept { return impl_->ranges; }

void Shard::receive(ShardOutputPtr output) {
  impl_->received[output->shard] = output->end;
  for (const SpikeBatch& batch : output->batches) impl_->take(batch);
}

Step Shard::horizon() const noexcept {
  const Plan& plan = *impl_->plan;
  Step horizon = std::min(plan.presentation_begin(impl_->now) + plan.presentation_steps(),
                          impl_->next_recorded_weights(impl_->now));
  horizon = std::min(kFar, horizon);
  for (const std::uint32_t s : impl_->sources) horizon = std::min(horizon, impl_->received[s] + impl_->lookahead[s]);
  return horizon;
}

std::span<const DenseBatchPtr> Shard::dense_batches(Step to) {
  // Somebody else may still hold earlier ones, of a window that was given up.
  for (Impl::DenseInput& input : impl_->dense) {
    auto fresh = std::make_shared<DenseBatch>();
    fresh->weights = input.batch->weights;
    fresh->stride = input.batch->stride;
    input.batch = std::move(fresh);
  }
  impl_->dense_until = 0;
  impl_->gather_dense(to);
  return impl_->dense_batches;
}

ShardOutputPtr Shard::advance(Step to) {
  Impl& shard = *impl_;
  auto output = std::make_shared<ShardOutput>();
  output->shard = shard.index;
  output->begin = shard.now;
  output->end = to;
  output->batches.reserve(shard.cohorts.size());
  if (shard.now > 0 && shard.plan->presentation_begin(shard.now) == shard.now) {
    for (const auto& cohort : shard.cohorts) cohort->start_presentation();
    for (const auto& bundle : shard.bundles) bundle->clear();
    for (auto& own : shard.pathways) {
      for (auto& entry : own) entry.pathway->start_presentation();
    }
  }
  shard.gather_dense(to);
  shard.deliver_dense();
  shard.deliver(to);
  for (std::size_t c = 0; c < shard.cohorts.size(); ++c) {
    output->batches.push_back(shard.cohorts[c]->advance(shard.now, to, output->traces));
    for (auto& own : shard.pathways[c]) {
      if (own.pathway->wants_fired()) own.pathway->fired(output->batches.back());
    }
  }
  shard.now = to;
  for (const SpikeBatch& batch : output->batches) shard.take(batch);
  for (const std::uint32_t sample : shard.samples) shard.logs[sample].forget_before(shard.now - shard.memory);
  shard.record_weights(false, output->weights);
  shard.recent.push_back(output);
  while (!shard.recent.empty() && shard.recent.front()->end <= shard.now - shard.history) shard.recent.pop_front();
  return output;
}

std::vector<WeightBlock> Shard::weights() const {
  std::vector<WeightBlock> blocks;
  impl_->record_weights(true, blocks);
  return blocks;
}

void Shard::copy_state(std::size_t cohort, int state, std::span<float> out) const {
  impl_->cohorts[cohort]->copy_state(state, out);
}

std::vector<CohortStatistics> Shard::statistics() const {
  std::vector<CohortStatistics> all;
  for (const auto& cohort : impl_->cohorts) all.push_back(cohort->statistics());
  return all;
}

std::vector<ProjectionStatistics> Shard::projection_statistics() const {
  std::vector<ProjectionStatistics> all(impl_->plan->projections().size());
  for (std::size_t p = 0; p < impl_->events_before.size(); ++p) all[p].events = impl_->events_before[p];
  for (const auto& bundle : impl_->bundles) {
    for (std::size_t t = 0; t < bundle->tables().size(); ++t) {
      const SynapseTable& table = bundle->tables()[t];
      std::uint64_t bytes_left = bundle->owns_tables() ? table.bytes() : 0;
      for (std::size_t k = 0; k < table.projections.size(); ++k) {
        ProjectionStatistics& projection = all[table.projections[k]];
        std::uint64_t synapses = 0;
        for (std::uint32_t row = 0; row < table.sources; ++row) synapses += table.degree(row, k);
        // The headers of common rows are shared out by synapses.
        const bool last = k + 1 == table.projections.size();
        const auto share = table.synapses() == 0 ? 0
                                                 : static_cast<std::uint64_t>(static_cast<double>(table.bytes()) *
                                                                              static_cast<double>(synapses) /
                                                                              static_cast<double>(table.synapses()));
        const std::uint64_t bytes = last ? bytes_left : std::min(bytes_left, share);
        bytes_left -= bytes;
        if (bundle->parts().front().cohort.sample == 0) projection.synapses += synapses;
        projection.bytes += bytes;
        projection.events += bundle->events(t, k);
        projection.representation = table.groups.empty() ? "sparse" : "sparse by delay";
        if (!table.nibbles.empty()) {
          std::ostringstream text;
          text << ", weights in 4 bits, rms error " << std::setprecision(2) << table.weight_error << " sd";
          projection.representation += text.str();
        }
        projection.path = "cpu";
      }
    }
  }
  for (std::size_t c = 0; c < impl_->cohorts.size(); ++c) {
    for (const Impl::CohortPathway& own : impl_->pathways[c]) {
      ProjectionStatistics& projection = all[own.projection];
      if (impl_->ranges[c].sample == 0) projection.synapses += own.pathway->synapses();
      if (own.owns_tables) projection.bytes += own.pathway->bytes();
      projection.events += own.pathway->events();
      projection.representation = own.pathway->representation();
      projection.path = "cpu";
    }
  }
  for (const Impl::DenseInput& input : impl_->dense) {
    const DenseWeights& weights = *input.batch->weights;
    ProjectionStatistics& projection = all[input.projection];
    // Other shards, with other samples, share them.
    if (impl_->ranges[input.cohorts.front()].sample == 0) {
      projection.synapses += weights.synapses();
      projection.bytes += weights.bytes();
    }
    projection.events += input.events;
    projection.representation = weights.representation();
    projection.path = weights.path();
    projection.fallback_reason = weights.fallback_reason();
  }
  return all;
}

std::uint64_t Shard::spikes_of(std::uint32_t population) const noexcept {
  std::uint64_t spikes = 0;
  for (std::size_t c = 0; c < impl_->cohorts.size(); ++c) {
    if (impl_->ranges[c].population == population) spikes += impl_->cohorts[c]->all_spikes();
  }
  return spikes;
}

const char* active_isa() noexcept { return kernels::name_of(kernels::active_isa()).data(); }

}  // namespace neuract::snn
