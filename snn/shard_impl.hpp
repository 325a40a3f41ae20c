#pragma once

#include <algorithm>
#include <array>
#include <deque>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "neuract/snn/bundle.hpp"
#include "neuract/snn/cohort.hpp"
#include "neuract/snn/pathway.hpp"
#include "neuract/snn/shard.hpp"
#include "neuract/snn/spike_log.hpp"
#include "neuract/snn/synapse_properties.hpp"

/// What a shard is made of. Private to shard.cpp and shard_state.cpp: not installed.
namespace neuract::snn {

inline constexpr Step kFar = std::numeric_limits<Step>::max() / 2;
inline constexpr Step kLongestWindow = 64;

/// The synapses of a projection that a pathway delivers to; `twin`: those of the same neurons in another sample, or null.
Result<std::unique_ptr<Pathway>> build_pathway(const Plan& plan, std::uint32_t projection, const CohortRange& range,
                                               const BuildProgress& progress, const Pathway* twin);

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
  Step memory = 0;   // steps before now() whose spikes may still be asked for
  Step history = 0;  // longest delay of the network: what was fired in so many steps before now() may be on its way
  std::deque<ShardOutputPtr> recent;         // own outputs of these steps, oldest first
  std::vector<std::uint64_t> events_before;  // by projection, of the run that this one continues; in the first shard
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
    DelayLists lists = DelayLists::none;  // what is good for one population would be bad for another
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
      lists = DelayLists::none;
      return {};
    };
    for (std::size_t c = 0; c < ranges.size(); ++c) {
      if (ranges[c].sample != sample) continue;
      const std::uint32_t padded = (ranges[c].count + kCohortAlignment - 1) / kCohortAlignment * kCohortAlignment;
      const DelayLists wanted = delay_lists(*plan, ranges[c].population);
      const bool apart = wanted != DelayLists::none && lists != DelayLists::none && wanted != lists;
      if (neurons + padded > limit || apart) NEURACT_TRY(finish());
      if (wanted != DelayLists::none) lists = wanted;
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

  /// `at_end`: for all recorders, due or not.
  void record_weights(bool at_end, std::vector<WeightBlock>& out) const {
    const auto& recorders = plan->spec().weight_recorders;
    for (std::uint32_t r = 0; r < recorders.size(); ++r) {
      const WeightRecorderSpec& recorder = recorders[r];
      const Step interval = plan->steps_of(recorder.interval);
      const bool due = interval == 0 ? now == plan->total_steps()
                                     : now > plan->warmup_steps() && (now - plan->warmup_steps()) % interval == 0;
      if (!due && !at_end) continue;
      for (std::size_t c = 0; c < cohorts.size(); ++c) {
        if (ranges[c].sample != 0) continue;
        for (const CohortPathway& own : pathways[c]) {
          if (own.projection != recorder.projection) continue;
          WeightBlock block{r, recorder.projection, ranges[c].first, now - 1, {}, {}, {}};
          const std::vector<std::uint32_t>& chosen = recorder.targets;
          const auto first = std::lower_bound(chosen.begin(), chosen.end(), ranges[c].first);
          if (!chosen.empty() && (first == chosen.end() || *first >= ranges[c].first + ranges[c].count)) {
            out.push_back(std::move(block));  // none of its neurons is wanted
            continue;
          }
          const Pathway::WeightList list = own.pathway->weights();
          for (std::size_t i = 0; i < list.weights.size(); ++i) {
            const std::uint32_t target = ranges[c].first + list.targets[i];
            if (!chosen.empty() && !std::binary_search(first, chosen.end(), target)) continue;
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

}  // namespace neuract::snn
