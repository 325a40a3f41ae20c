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

bool hosts(std::span<const CohortRange> cohorts, std::uint32_t population) {
  return std::any_of(cohorts.begin(), cohorts.end(), [&](const CohortRange& c) { return c.population == population; });
}

/// Smallest delay of the projections from one shard to another; kFar when there are none.
Step smallest_delay(const Plan& plan, std::span<const CohortRange> from, std::span<const CohortRange> to) {
  Step smallest = kFar;
  for (const ProjectionPlan& projection : plan.projections()) {
    if (hosts(from, projection.source) && hosts(to, projection.target))
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
  std::vector<std::vector<Origin>> origins;         // per population
  std::vector<kernels::RowEvent> rows;              // to deliver to the cohort at hand
  std::vector<kernels::RowEvent> warmup_rows;

  /// Adds to the cohort's inputs what arrives in [now, to). Of tables grouped by delay that is the chunks of groups
  /// that begin to act then; of others whole rows, when their smallest delay ends.
  void deliver(Cohort& cohort, Step to) {
    rows.clear();
    warmup_rows.clear();
    for (std::size_t t = 0; t < cohort.tables().size(); ++t) {
      const SynapseTable& table = cohort.tables()[t];
      if (table.synapses() == 0) continue;
      const kernels::SynapseRows* const synapses = &cohort.rows(t);
      const Step longest = table.groups.empty() ? table.delay_min : table.delay_max;
      for (const Origin& origin : origins[plan->projections()[table.projection].source]) {
        for (const ShardOutputPtr& output : outputs[origin.shard]) {
          const SpikeBatch& batch = output->batches[origin.batch];
          if (batch.ids.empty()) continue;
          const Step end = std::min(to - table.delay_min, output->end);
          for (Step sent = std::max(now - longest, output->begin); sent < end; ++sent) {
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
                                            std::uint32_t index, const std::function<bool(std::uint64_t)>& progress) {
  auto impl = std::make_unique<Impl>();
  impl->plan = std::move(plan);
  impl->index = index;
  impl->ranges = placement[index];
  impl->received.assign(placement.size(), 0);
  impl->outputs.resize(placement.size());
  impl->origins.resize(impl->plan->populations().size());
  for (std::uint32_t s = 0; s < placement.size(); ++s) {
    for (std::size_t c = 0; c < placement[s].size(); ++c) impl->origins[placement[s][c].population].push_back({s, c});
    const Step in = smallest_delay(*impl->plan, placement[s], placement[index]);
    impl->lookahead.push_back(s == index ? kFar : in);
    if (s == index) {
      impl->quantum = std::min(kLongestWindow, in);
    } else {
      if (in != kFar) impl->sources.push_back(s);
      if (smallest_delay(*impl->plan, placement[index], placement[s]) != kFar) impl->targets.push_back(s);
    }
  }
  std::uint64_t built = 0;
  for (const CohortRange& range : impl->ranges) {
    NEURACT_TRY_ASSIGN(auto cohort, Cohort::build(impl->plan, range, impl->quantum,
                                                  [&](std::uint64_t n) { return !progress || progress(built + n); }));
    for (const SynapseTable& table : cohort->tables()) {
      built += table.synapses();
      impl->memory = std::max<Step>(impl->memory, table.groups.empty() ? table.delay_min : table.delay_max);
    }
    impl->cohorts.push_back(std::move(cohort));
  }
  return std::unique_ptr<Shard>(new Shard(std::move(impl)));
}

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
  Step horizon = kFar;
  for (const std::uint32_t s : impl_->sources) horizon = std::min(horizon, impl_->received[s] + impl_->lookahead[s]);
  return horizon;
}

ShardOutputPtr Shard::advance(Step to) {
  Impl& shard = *impl_;
  auto output = std::make_shared<ShardOutput>();
  output->shard = shard.index;
  output->begin = shard.now;
  output->end = to;
  output->batches.reserve(shard.cohorts.size());
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

std::vector<ProjectionStatistics> Shard::projection_statistics() const {
  std::vector<ProjectionStatistics> all(impl_->plan->projections().size());
  for (const auto& cohort : impl_->cohorts) {
    for (std::size_t t = 0; t < cohort->tables().size(); ++t) {
      const SynapseTable& table = cohort->tables()[t];
      ProjectionStatistics& projection = all[table.projection];
      projection.synapses += table.synapses();
      projection.bytes += table.bytes();
      projection.events += cohort->events(t);
      projection.representation = table.groups.empty() ? "sparse" : "sparse by delay";
    }
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
