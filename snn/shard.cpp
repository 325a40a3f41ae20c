#include "neuract/snn/shard.hpp"

#include <algorithm>
#include <deque>
#include <limits>
#include <utility>

#include "neuract/kernels/isa.hpp"
#include "neuract/snn/cohort.hpp"
#include "neuract/snn/delay_groups.hpp"

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

/// Smallest delay of the projections from one shard to another; kFar when there are none.
Step smallest_delay(const Plan& plan, std::span<const std::vector<std::uint32_t>> from,
                    std::span<const std::vector<std::uint32_t>> to) {
  Step smallest = kFar;
  for (const ProjectionPlan& projection : plan.projections()) {
    if (have_common(from[projection.source], to[projection.target]))
      smallest = std::min<Step>(smallest, projection.delay_min);
  }
  return smallest;
}

}  // namespace

struct Shard::Impl {
  /// Where the spikes of a source population are found: one batch in each output of these shards.
  struct Origin {
    std::uint32_t shard;
    std::size_t batch;
  };

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

  PlanPtr plan;
  std::uint32_t index = 0;
  Step now = 0;
  Step quantum = kLongestWindow;
  Step memory = 0;  // steps before now() whose spikes may still be needed
  std::vector<CohortRange> ranges;
  std::vector<std::unique_ptr<Cohort>> cohorts;
  std::vector<Step> lookahead;  // per shard
  std::vector<Step> received;   // per shard: known up to this step
  std::vector<std::uint32_t> sources;
  std::vector<std::uint32_t> targets;
  std::vector<std::deque<ShardOutputPtr>> outputs;  // per shard, oldest first
  std::vector<std::vector<Origin>> origins;         // per population and sample
  std::vector<DenseInput> dense;
  std::vector<std::int32_t*> sums;           // for a batch
  std::vector<DenseBatchPtr> dense_batches;  // that are not empty
  Step dense_until = 0;                      // they are for [now, dense_until)
  std::vector<kernels::RowEvent> rows;       // to deliver to the cohort at hand
  std::vector<kernels::RowEvent> warmup_rows;

  std::span<const Origin> origins_of(std::uint32_t population, std::uint32_t sample) const {
    return origins[std::size_t{population} * plan->spec().batch + sample];
  }

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
          for (const Origin& origin : origins_of(projection.source, ranges[c].sample)) {
            for (const ShardOutputPtr& output : outputs[origin.shard]) {
              if (sent < output->begin || sent >= output->end) continue;
              const SpikeBatch& spikes = output->batches[origin.batch];
              for (const std::uint16_t id : spikes.at(sent)) batch.ids.push_back(spikes.first + id);
            }
          }
          const auto active = static_cast<std::uint32_t>(batch.ids.size()) - batch.offsets.back();
          if (active == 0) continue;
          batch.offsets.push_back(static_cast<std::uint32_t>(batch.ids.size()));
          input.rows.push_back({c, sent + projection.delay_min});
          if (sent >= plan->warmup_steps()) input.new_events += std::uint64_t{active} * ranges[c].count;
        }
      }
      if (batch.rows() > 0) dense_batches.push_back(input.batch);
    }
  }

  /// The dense projections onto new neurons; which cohorts have them is filled in later.
  Result<void> add_dense_inputs(const CohortRange& range, DenseStore& store) {
    for (std::uint32_t p = 0; p < plan->projections().size(); ++p) {
      const ProjectionPlan& projection = plan->projections()[p];
      if (!projection.dense || projection.target != range.population) continue;
      DenseInput input{p, {}, std::make_shared<DenseBatch>(), {}};
      NEURACT_TRY_ASSIGN(input.batch->weights, store.get(*plan, p, range));
      input.batch->stride = (std::size_t{range.count} + kCohortAlignment - 1) / kCohortAlignment * kCohortAlignment;
      memory = std::max<Step>(memory, projection.delay_min);
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

  /// Adds to the cohort's inputs what arrives in [now, to). Of tables grouped by delay that is the chunks of groups
  /// that begin to act then; of others whole rows, when their smallest delay ends.
  void deliver(Cohort& cohort, Step to) {
    rows.clear();
    warmup_rows.clear();
    const Step presentation = plan->presentation_begin(now);
    for (std::size_t t = 0; t < cohort.tables().size(); ++t) {
      const SynapseTable& table = cohort.tables()[t];
      if (table.synapses() == 0) continue;
      const kernels::SynapseRows* const synapses = &cohort.rows(t);
      const Step longest = table.groups.empty() ? table.delay_min : table.delay_max;
      const std::uint32_t source = plan->projections()[table.projection].source;
      for (const Origin& origin : origins_of(source, cohort.range().sample)) {
        for (const ShardOutputPtr& output : outputs[origin.shard]) {
          const SpikeBatch& batch = output->batches[origin.batch];
          if (batch.ids.empty()) continue;
          const Step end = std::min(to - table.delay_min, output->end);
          for (Step sent = std::max({now - longest, output->begin, presentation}); sent < end; ++sent) {
            auto& list = sent < plan->warmup_steps() ? warmup_rows : rows;
            const Step last = std::min(to - 1, sent + longest);
            const Step first = sent + table.delay_min;
            const Step late = std::max<Step>(0, now - first);
            for (Step step = first + (late + kDelayChunk - 1) / kDelayChunk * kDelayChunk; step <= last;
                 step += kDelayChunk) {
              const auto group = static_cast<std::uint16_t>(step - first);
              for (const std::uint16_t id : batch.at(sent))
                list.push_back({synapses, batch.first + id, group, static_cast<std::uint16_t>(step)});
            }
          }
        }
      }
    }
    cohort.deliver(warmup_rows, false);
    cohort.deliver(rows, true);
  }

  void forget() {
    for (auto& queue : outputs) {
      while (!queue.empty() && queue.front()->end <= now - memory) queue.pop_front();
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
  impl->outputs.resize(placement.size());
  const std::uint32_t samples = impl->plan->spec().batch;
  impl->origins.resize(impl->plan->populations().size() * samples);
  const auto own = samples_by_population(*impl->plan, placement[index]);
  for (std::uint32_t s = 0; s < placement.size(); ++s) {
    for (std::size_t c = 0; c < placement[s].size(); ++c)
      impl->origins[std::size_t{placement[s][c].population} * samples + placement[s][c].sample].push_back({s, c});
    const auto other = samples_by_population(*impl->plan, placement[s]);
    const Step in = smallest_delay(*impl->plan, other, own);
    impl->lookahead.push_back(s == index ? kFar : in);
    if (s == index) {
      impl->quantum = std::min(kLongestWindow, in);
    } else {
      if (in != kFar) impl->sources.push_back(s);
      if (smallest_delay(*impl->plan, own, other) != kFar) impl->targets.push_back(s);
    }
  }
  std::uint64_t built = 0;
  const Cohort* like = nullptr;  // cohorts of the same neurons follow each other
  for (const CohortRange& range : impl->ranges) {
    const auto same = [&](const CohortRange& other) {
      return other.population == range.population && other.first == range.first && other.count == range.count;
    };
    if (like != nullptr && !same(like->range())) like = nullptr;
    NEURACT_TRY_ASSIGN(auto cohort, Cohort::build(impl->plan, range, impl->quantum, like,
                                                  [&](std::uint64_t n) { return !progress || progress(built + n); }));
    if (like == nullptr) {
      like = cohort.get();
      NEURACT_TRY(impl->add_dense_inputs(range, *store));
      for (const Impl::DenseInput& input : impl->dense) {
        if (input.cohorts.empty()) built += input.batch->weights->synapses();
      }
    }
    for (Impl::DenseInput& input : impl->dense) {
      const bool first = input.cohorts.empty();
      if (first || same(impl->ranges[input.cohorts.front()])) input.cohorts.push_back(impl->cohorts.size());
    }
    for (const SynapseTable& table : cohort->tables()) {
      if (cohort->owns_tables()) built += table.synapses();
      impl->memory = std::max<Step>(impl->memory, table.groups.empty() ? table.delay_min : table.delay_max);
    }
    impl->cohorts.push_back(std::move(cohort));
  }
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
  impl_->outputs[output->shard].push_back(std::move(output));
}

Step Shard::horizon() const noexcept {
  const Plan& plan = *impl_->plan;
  Step horizon = std::min(kFar, plan.presentation_begin(impl_->now) + plan.presentation_steps());
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
  }
  shard.gather_dense(to);
  shard.deliver_dense();
  for (const auto& cohort : shard.cohorts) {
    shard.deliver(*cohort, to);
    output->batches.push_back(cohort->advance(shard.now, to, output->traces));
  }
  shard.now = to;
  shard.outputs[shard.index].push_back(output);
  shard.forget();
  return output;
}

void Shard::copy_state(std::size_t cohort, int state, std::span<float> out) const {
  impl_->cohorts[cohort]->copy_state(state, out);
}

std::vector<CohortStatistics> Shard::statistics() const {
  std::vector<CohortStatistics> all;
  for (const auto& cohort : impl_->cohorts) all.push_back(cohort->statistics());
  return all;
}

std::vector<WeightBlock> Shard::weights() const {
  std::vector<WeightBlock> blocks;
  const NetworkSpec& spec = impl_->plan->spec();
  for (std::uint32_t r = 0; r < spec.weight_recorders.size(); ++r) {
    const std::uint32_t projection = spec.weight_recorders[r].projection;
    for (const CohortRange& range : impl_->ranges) {
      if (range.population != spec.projections[projection].target || range.sample != 0) continue;
      blocks.push_back({r, projection, range.first, impl_->now - 1, {}, {}, {}});
    }
  }
  return blocks;
}

std::vector<ProjectionStatistics> Shard::projection_statistics() const {
  std::vector<ProjectionStatistics> all(impl_->plan->projections().size());
  for (const auto& cohort : impl_->cohorts) {
    for (std::size_t t = 0; t < cohort->tables().size(); ++t) {
      const SynapseTable& table = cohort->tables()[t];
      ProjectionStatistics& projection = all[table.projection];
      if (cohort->range().sample == 0) projection.synapses += table.synapses();
      if (cohort->owns_tables()) projection.bytes += table.bytes();
      projection.events += cohort->events(t);
      projection.representation = table.groups.empty() ? "sparse" : "sparse by delay";
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
