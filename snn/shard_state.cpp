#include <algorithm>
#include <string>

#include "neuract/snn/checkpoint.hpp"
#include "neuract/snn/shard_impl.hpp"

/// How a shard is written down and goes on from there.
namespace neuract::snn {

namespace {

SectionKey pathway_key(std::uint32_t projection, const CohortRange& range) {
  return {SectionKind::pathway, projection, range.sample, range.first, range.count};
}

/// Whether a projection's synapses have a state of their own. Others are as built, and only count events.
bool has_state(const Plan& plan, std::uint32_t projection) {
  return plan.projections()[projection].kept == Kept::dynamic;
}

void save_cohort(const Cohort& cohort, std::vector<CheckpointSection>& sections) {
  const CohortRange& range = cohort.range();
  StateWriter out;
  cohort.save_neurons(out);
  sections.push_back({{SectionKind::neurons, range.population, range.sample, range.first, range.count}, out.take()});
  const Cohort::Totals totals = cohort.totals();
  CohortCounters counters{totals.all_spikes, totals.spikes, totals.spike_hash, {}};
  for (const auto& [answers, correct] : totals.classifiers) counters.classifiers.push_back({answers, correct});
  sections.push_back(counters_section(range, counters));
}

Result<void> load_cohort(const Checkpoint& checkpoint, Cohort& cohort) {
  const CohortRange& range = cohort.range();
  NeuronReader in(checkpoint, range);
  cohort.load_neurons(in);
  if (!in.complete())
    return checkpoint.misfit(
        to_string({SectionKind::neurons, range.population, range.sample, range.first, range.count}));
  const std::size_t classifiers = cohort.totals().classifiers.size();
  NEURACT_TRY_ASSIGN(const CohortCounters counters, counters_of(checkpoint, range, classifiers));
  Cohort::Totals totals{counters.spikes, counters.spike_hash, counters.all_spikes, {}};
  for (const auto& [answers, correct] : counters.classifiers) totals.classifiers.push_back({answers, correct});
  cohort.set_totals(std::move(totals));
  return {};
}

/// The inputs of these steps have been made again only to find what acts after them.
void forget_inputs(const Cohort& cohort, Step from, Step to) {
  const std::uint32_t padded = (cohort.range().count + kCohortAlignment - 1) / kCohortAlignment * kCohortAlignment;
  for (const kernels::InputRing& ring : cohort.rings()) {
    if (ring.data == nullptr) continue;
    for (Step step = from; step < to; ++step)
      std::fill_n(ring.data + (static_cast<std::size_t>(step) & ring.mask) * ring.stride, padded, 0);
  }
}

}  // namespace

std::vector<CheckpointSection> Shard::save() const {
  const Impl& shard = *impl_;
  std::vector<CheckpointSection> sections;
  std::vector<std::uint64_t> events = shard.events_before;
  events.resize(shard.plan->projections().size());
  const std::vector<ShardOutputPtr> recent(shard.recent.begin(), shard.recent.end());
  for (std::size_t c = 0; c < shard.cohorts.size(); ++c) {
    save_cohort(*shard.cohorts[c], sections);
    sections.push_back(spikes_section(shard.ranges[c], c, recent, shard.now, shard.history));
    for (const Impl::CohortPathway& own : shard.pathways[c]) {
      if (has_state(*shard.plan, own.projection)) {
        StateWriter out;
        own.pathway->save(out);
        sections.push_back({pathway_key(own.projection, shard.ranges[c]), out.take()});
      } else {
        events[own.projection] += own.pathway->events();
      }
    }
  }
  for (const auto& bundle : shard.bundles) {
    for (std::size_t t = 0; t < bundle->tables().size(); ++t) {
      const auto& projections = bundle->tables()[t].projections;
      for (std::size_t k = 0; k < projections.size(); ++k) events[projections[k]] += bundle->events(t, k);
    }
  }
  for (const Impl::DenseInput& input : shard.dense) events[input.projection] += input.events;
  sections.push_back(events_section(shard.index, events));
  return sections;
}

Result<void> Shard::load(const Checkpoint& checkpoint, std::span<const std::vector<CohortRange>> placement) {
  Impl& shard = *impl_;
  const Step step = checkpoint.step();
  for (std::size_t c = 0; c < shard.cohorts.size(); ++c) {
    NEURACT_TRY(load_cohort(checkpoint, *shard.cohorts[c]));
    for (const Impl::CohortPathway& own : shard.pathways[c]) {
      if (!has_state(*shard.plan, own.projection)) continue;
      NEURACT_TRY_ASSIGN(StateReader in, checkpoint.reader(pathway_key(own.projection, shard.ranges[c])));
      own.pathway->load(in);
      if (!in.ok() || !in.at_end())
        return checkpoint.misfit("section \"" + to_string(pathway_key(own.projection, shard.ranges[c])) + "\"");
    }
  }
  if (shard.index == 0) {
    NEURACT_TRY_ASSIGN(shard.events_before, events_so_far(checkpoint, shard.plan->projections().size()));
  }

  // The inputs of coming steps follow from the spikes of the last ones: these are delivered again, from where the first
  // of them were sent; what acts before the step has acted, what acts from it on stays.
  NEURACT_TRY_ASSIGN(const auto recent, recent_outputs(checkpoint, placement));
  shard.recent.assign(1, recent[shard.index]);
  shard.now = std::max(recent[shard.index]->begin, shard.plan->presentation_begin(step));
  for (const auto& bundle : shard.bundles) bundle->deliver(shard.now, shard.now);
  for (const std::uint32_t sample : shard.samples) shard.logs[sample].forget_before(shard.now);
  for (std::uint32_t s = 0; s < recent.size(); ++s) {
    const bool needed = s == shard.index || std::binary_search(shard.sources.begin(), shard.sources.end(), s);
    if (!needed) continue;
    shard.received[s] = step;
    for (const SpikeBatch& batch : recent[s]->batches) shard.take(batch);
  }
  while (shard.now < step) {
    const Step to = std::min(step, shard.now + shard.quantum);
    for (const auto& bundle : shard.bundles) bundle->deliver(shard.now, to);
    for (const auto& cohort : shard.cohorts) forget_inputs(*cohort, shard.now, to);
    shard.now = to;
  }
  shard.now = step;
  for (const auto& bundle : shard.bundles) {
    for (std::size_t t = 0; t < bundle->tables().size(); ++t) {
      for (std::size_t k = 0; k < bundle->tables()[t].projections.size(); ++k) bundle->set_events(t, k, 0);
    }
  }
  return {};
}

}  // namespace neuract::snn
