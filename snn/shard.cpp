#include "neuract/snn/shard.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "neuract/kernels/isa.hpp"
#include "neuract/snn/bit_planes.hpp"
#include "neuract/snn/bundle.hpp"
#include "neuract/snn/cohort.hpp"
#include "neuract/snn/procedural.hpp"
#include "neuract/snn/spike_log.hpp"
#include "neuract/snn/synapse_properties.hpp"
#include "neuract/snn/synapses/plastic_pathway.hpp"

namespace neuract::snn {
namespace {

constexpr Step kFar = std::numeric_limits<Step>::max() / 2;
constexpr Step kLongestWindow = 64;

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

struct Shard::Impl {
  /// A dense projection onto the cohorts of the same neurons in all samples.
  struct DenseInput {
    struct Row {
      std::size_t cohort;
      Step step;
    };
    std::uint32_t projection;
    std::vector<std::size_t> cohorts;
    DenseBatchPtr batch;
    std::vector<Row> rows;         // of the batch
    std::uint64_t new_events = 0;  // of the batch
    std::uint64_t events = 0;
  };
  struct CohortPathway {
    std::uint32_t projection;
    bool owns_tables;  // rather than sharing those of another sample
    std::unique_ptr<Pathway> pathway;
  };

  PlanPtr plan;
  std::uint32_t index = 0;
  Step now = 0;
  Step quantum = kLongestWindow;
  Step memory = 0;  // steps before now() whose spikes may still be asked for
  std::vector<CohortRange> ranges;
  std::vector<std::uint32_t> samples;  // that it has neurons of, ascending
  std::vector<std::unique_ptr<Cohort>> cohorts;
  std::vector<std::vector<CohortPathway>> pathways;  // per cohort
  std::vector<std::unique_ptr<Bundle>> bundles;
  std::vector<std::vector<std::size_t>> bundles_of;  // per sample
  std::vector<std::vector<std::size_t>> members;     // per bundle: its cohorts
  std::vector<bool> logged;                          // populations whose spikes are asked for
  std::vector<SpikeLog> logs;                        // per sample
  std::vector<Step> lookahead;                       // per shard
  std::vector<Step> received;                        // per shard: known up to this step
  std::vector<std::uint32_t> sources;
  std::vector<std::uint32_t> targets;
  std::vector<DenseInput> dense;
  std::vector<std::int32_t*> sums;           // for a batch
  std::vector<DenseBatchPtr> dense_batches;  // that are not empty
  Step dense_until = 0;                      // they are for [now, dense_until)

  /// Collects the spikes that arrive through dense projections in [now, to).
  void gather_dense(Step to) {
    if (dense_until == to) return;
    dense_until = to;
    dense_batches.clear();
    for (DenseInput& input : dense) {
      const ProjectionPlan& projection = plan->projections()[input.projection];
      DenseBatch& batch = *input.batch;
      batch.offsets.assign(1, 0);
      batch.ids.clear();
      batch.done = false;
      input.rows.clear();
      input.new_events = 0;
      const Step begin = std::max(now - projection.delay_min, plan->presentation_begin(now));
      for (Step sent = begin; sent < to - projection.delay_min; ++sent) {
        for (const std::size_t c : input.cohorts) {
          const auto spikes = logs[ranges[c].sample].at(projection.source, sent);
          if (spikes.empty()) continue;
          const auto first = static_cast<std::ptrdiff_t>(batch.ids.size());
          batch.ids.insert(batch.ids.end(), spikes.begin(), spikes.end());
          // Sums are taken in ascending order, whichever shard's spikes came first.
          std::sort(batch.ids.begin() + first, batch.ids.end());
          batch.offsets.push_back(static_cast<std::uint32_t>(batch.ids.size()));
          input.rows.push_back({c, sent + projection.delay_min});
          if (sent >= plan->warmup_steps()) input.new_events += std::uint64_t{spikes.size()} * ranges[c].count;
        }
      }
      if (batch.rows() > 0) dense_batches.push_back(input.batch);
    }
  }

  /// The dense projections onto new neurons; which cohorts have them is filled in later.
  Result<void> add_dense_inputs(const CohortRange& range, DenseStore& store) {
    for (std::uint32_t p = 0; p < plan->projections().size(); ++p) {
      const ProjectionPlan& projection = plan->projections()[p];
      if (!projection.dense() || projection.target != range.population) continue;
      DenseInput input{p, {}, std::make_shared<DenseBatch>(), {}};
      NEURACT_TRY_ASSIGN(input.batch->weights, store.get(*plan, p, range));
      input.batch->stride = (std::size_t{range.count} + kCohortAlignment - 1) / kCohortAlignment * kCohortAlignment;
      memory = std::max<Step>(memory, projection.delay_min);
      logged[projection.source] = true;
      dense.push_back(std::move(input));
    }
    return {};
  }

  /// Adds the products to the inputs of the cohorts.
  void deliver_dense() {
    const auto add_rounded = kernels::input_kernels().add_rounded;
    for (DenseInput& input : dense) {
      const ProjectionPlan& projection = plan->projections()[input.projection];
      DenseBatch& batch = *input.batch;
      input.events += input.new_events;
      if (batch.rows() == 0) continue;
      sums.clear();
      for (const DenseInput::Row& row : input.rows)
        sums.push_back(cohorts[row.cohort]->inputs(projection.receptor_positive, row.step));
      const Cohort& cohort = *cohorts[input.cohorts.front()];
      const float scale = 1.0f / cohort.quantum(projection.receptor_positive);
      if (!batch.done) {
        batch.weights->add(batch.spikes(), scale, sums.data());
      } else {
        for (std::size_t row = 0; row < sums.size(); ++row)
          add_rounded(batch.y.data() + row * batch.stride, scale, cohort.range().count, sums[row]);
      }
    }
  }

  /// The pathways onto cohort `c`; `like`: the cohort of the same neurons in another sample, or `c` itself.
  Result<void> add_pathways(std::size_t c, std::size_t like, const BuildProgress& progress) {
    const CohortRange& range = ranges[c];
    auto& own = pathways.emplace_back();
    for (std::uint32_t p = 0; p < plan->projections().size(); ++p) {
      const ProjectionPlan& projection = plan->projections()[p];
      if (!projection.by_pathway() || projection.target != range.population) continue;
      const Pathway* const twin = like == c ? nullptr : pathways[like][own.size()].pathway.get();
      NEURACT_TRY_ASSIGN(auto pathway, build_pathway(*plan, p, range, progress, twin));
      memory = std::max(memory, pathway->longest_delay());
      logged[projection.source] = true;
      if (const auto& modulator = plan->spec().projections[p].synapse.modulator) logged[*modulator] = true;
      const bool shared = like != c && projection.kept == Kept::bit_planes;
      own.push_back({p, !shared, std::move(pathway)});
    }
    return {};
  }

  std::uint64_t synapses_of_pathways(std::size_t c) const {
    std::uint64_t synapses = 0;
    for (const CohortPathway& own : pathways[c]) synapses += own.pathway->synapses();
    return synapses;
  }

  /// What else than lists drives a cohort.
  std::array<bool, 2> receptors_in_use(std::size_t c) const {
    std::array<bool, 2> used = cohorts[c]->driven_receptors();
    for (std::uint32_t p = 0; p < plan->projections().size(); ++p) {
      const ProjectionPlan& projection = plan->projections()[p];
      if (projection.target != ranges[c].population || projection.kept == Kept::lists) continue;
      const SynapseRange weights = synapse_range(plan->spec(), plan->spec().projections[p]);
      const bool negative = weights.smallest_weight < 0.0;
      if (projection.dense() || weights.largest_weight > 0.0 || !negative)
        used[static_cast<std::size_t>(projection.receptor_positive)] = true;
      if (projection.by_pathway() && negative) used[static_cast<std::size_t>(projection.receptor_negative)] = true;
    }
    return used;
  }

  /// Puts cohorts that follow each other together, as many as `bundle_size` allows.
  Result<void> add_bundles(std::uint32_t sample, const BuildProgress& progress) {
    const std::uint32_t limit = bundle_size(*plan);
    const std::size_t first_sample = ranges.front().sample;
    std::vector<TargetPart> parts;
    std::vector<std::size_t> own;
    std::uint32_t neurons = 0;
    const auto finish = [&]() -> Result<void> {
      if (own.empty()) return {};
      std::vector<std::array<bool, 2>> used;
      Step spread = 0;
      for (const std::size_t c : own) {
        used.push_back(receptors_in_use(c));
        for (const CohortPathway& pathway : pathways[c]) {
          const ProjectionPlan& projection = plan->projections()[pathway.projection];
          spread = std::max<Step>(spread, projection.delay_max - projection.delay_min);
        }
      }
      const Bundle* like =
          sample == first_sample ? nullptr : bundles[bundles_of[first_sample][bundles_of[sample].size()]].get();
      NEURACT_TRY_ASSIGN(auto bundle, Bundle::build(*plan, std::move(parts), quantum, spread, used, like, progress));
      for (std::size_t k = 0; k < own.size(); ++k) cohorts[own[k]]->take_inputs_from(bundle->rings(k));
      bundles_of[sample].push_back(bundles.size());
      bundles.push_back(std::move(bundle));
      members.push_back(std::exchange(own, {}));
      parts.clear();
      neurons = 0;
      return {};
    };
    for (std::size_t c = 0; c < ranges.size(); ++c) {
      if (ranges[c].sample != sample) continue;
      const std::uint32_t padded = (ranges[c].count + kCohortAlignment - 1) / kCohortAlignment * kCohortAlignment;
      if (neurons + padded > limit) NEURACT_TRY(finish());
      parts.push_back({ranges[c], neurons});
      own.push_back(c);
      neurons += padded;
    }
    return finish();
  }

  /// Spikes of a cohort, of this shard or another, that have become known.
  void take(const SpikeBatch& batch) {
    for (const std::size_t b : bundles_of[batch.sample]) bundles[b]->enter(batch, now);
    if (logged[batch.population] && !bundles_of[batch.sample].empty()) logs[batch.sample].append(batch);
  }

  void deliver(Step to) {
    for (const auto& bundle : bundles) bundle->deliver(now, to);
    for (std::size_t c = 0; c < cohorts.size(); ++c) {
      if (pathways[c].empty()) continue;
      const Pathway::Window window{
          now, to, plan->presentation_begin(now), plan->warmup_steps(), &logs[ranges[c].sample], cohorts[c]->rings()};
      for (CohortPathway& own : pathways[c]) own.pathway->deliver(window);
    }
  }

  /// First step after `step`, exclusive end of a window, in which a weight recorder looks.
  Step next_recorded_weights(Step step) const {
    Step next = kFar;
    for (const WeightRecorderSpec& recorder : plan->spec().weight_recorders) {
      const Step interval = plan->steps_of(recorder.interval);
      if (interval == 0) {
        if (step < plan->total_steps()) next = std::min(next, plan->total_steps());
      } else {
        const Step done = std::max<Step>(0, step - plan->warmup_steps());
        next = std::min(next, plan->warmup_steps() + (done / interval + 1) * interval);
      }
    }
    return next;
  }

  void record_weights(bool at_end, std::vector<WeightBlock>& out) const {
    const auto& recorders = plan->spec().weight_recorders;
    for (std::uint32_t r = 0; r < recorders.size(); ++r) {
      const WeightRecorderSpec& recorder = recorders[r];
      const Step interval = plan->steps_of(recorder.interval);
      const bool looks = interval == 0 ? at_end || now == plan->total_steps()
                                       : now > plan->warmup_steps() && (now - plan->warmup_steps()) % interval == 0;
      if (!looks) continue;
      for (std::size_t c = 0; c < cohorts.size(); ++c) {
        if (ranges[c].sample != 0) continue;
        for (const CohortPathway& own : pathways[c]) {
          if (own.projection != recorder.projection) continue;
          WeightBlock block{r, recorder.projection, ranges[c].first, now - 1, {}, {}, {}};
          const Pathway::WeightList list = own.pathway->weights();
          for (std::size_t i = 0; i < list.weights.size(); ++i) {
            const std::uint32_t target = ranges[c].first + list.targets[i];
            if (!recorder.targets.empty() &&
                !std::binary_search(recorder.targets.begin(), recorder.targets.end(), target))
              continue;
            block.sources.push_back(list.sources[i]);
            block.targets.push_back(target);
            block.weights.push_back(list.weights[i]);
          }
          out.push_back(std::move(block));
        }
      }
    }
  }
};

Shard::Shard(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Shard::~Shard() = default;

Result<std::unique_ptr<Shard>> Shard::build(PlanPtr plan, std::span<const std::vector<CohortRange>> placement,
                                            std::uint32_t index, const std::function<bool(std::uint64_t)>& progress,
                                            std::shared_ptr<DenseStore> store) {
  auto impl = std::make_unique<Impl>();
  impl->plan = std::move(plan);
  if (!store) store = std::make_shared<DenseStore>();
  impl->index = index;
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
        projection.path = "cpu";
        projection.fallback_reason = impl_->plan->projections()[table.projections[k]].kept_because;
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
      projection.fallback_reason = impl_->plan->projections()[own.projection].kept_because;
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
