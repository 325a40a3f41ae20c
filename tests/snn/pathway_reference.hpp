#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "neuract/snn/connectivity.hpp"
#include "neuract/snn/pathway.hpp"
#include "neuract/snn/synapse_properties.hpp"

/// What a pathway of static synapses must do: bring to every step what its synapses bring, taken one by one.
namespace neuract::snn::testing {

struct Scene {
  Step steps = 40;
  Step begin = 0;     ///< of the presentation
  Step counted = 0;   ///< spikes from here on enter events()
  double rate = 0.1;  ///< probability that a source fires in a step
};

struct Arrivals {
  std::array<std::vector<std::int32_t>, 2> inputs;  ///< by receptor: [steps that fit the ring][stride]
  std::uint64_t events = 0;
};

/// One step after another of random spikes; in step 3 everybody fires, in step 5 nobody.
inline std::vector<std::vector<std::uint32_t>> random_spikes(std::uint32_t sources, const Scene& scene) {
  std::mt19937 random(sources);
  std::bernoulli_distribution fires(scene.rate);
  std::vector<std::vector<std::uint32_t>> spikes(static_cast<std::size_t>(scene.steps));
  for (std::size_t step = 0; step < spikes.size(); ++step) {
    for (std::uint32_t s = 0; s < sources; ++s) {
      if ((fires(random) || step == 3) && step != 5) spikes[step].push_back(s);
    }
  }
  return spikes;
}

inline std::uint32_t stride_for(std::uint32_t targets) { return (targets + 63) / 64 * 64 + 64; }

inline Arrivals no_arrivals(const Plan& plan, std::uint32_t projection, std::uint32_t targets, const Scene& scene) {
  const auto rows = std::bit_ceil(static_cast<std::size_t>(scene.steps + plan.projections()[projection].delay_max));
  Arrivals arrivals;
  for (auto& inputs : arrivals.inputs) inputs.assign(rows * stride_for(targets), 0);
  return arrivals;
}

/// One synapse after another, target by target: spikes whose smallest delay ends within the scene.
inline Arrivals deliver_synapses(const Plan& plan, std::uint32_t projection, const CohortRange& range,
                                 const Scene& scene) {
  Arrivals arrivals = no_arrivals(plan, projection, range.count, scene);
  const ProjectionPlan& p = plan.projections()[projection];
  const PopulationPlan& population = plan.populations()[p.target];
  const auto spikes = random_spikes(plan.populations()[p.source].n, scene);
  std::vector<std::vector<Step>> sent(plan.populations()[p.source].n);  // by source
  for (Step step = scene.begin; step + p.delay_min < scene.steps; ++step) {
    for (const std::uint32_t source : spikes[static_cast<std::size_t>(step)]) sent[source].push_back(step);
  }
  SynapseProperties properties(plan, projection);
  plan.connectivity(projection).for_each_target(range.first, range.count, [&](std::uint32_t target, auto sources) {
    const auto codes =
        properties.varied_weights() ? properties.codes(target, sources) : std::span<const std::int16_t>();
    const auto delays =
        properties.varied_delays() ? properties.delays(target, sources) : std::span<const std::uint16_t>();
    for (std::size_t i = 0; i < sources.size(); ++i) {
      const double weight = codes.empty() ? properties.common_weight() : codes[i] * p.weight_quantum;
      const auto receptor = static_cast<std::size_t>(weight < 0.0 ? p.receptor_negative : p.receptor_positive);
      const auto quanta = static_cast<std::int32_t>(std::nearbyint(weight / population.receptor_quantum[receptor]));
      for (const Step step : sent[sources[i]]) {
        const Step acts = step + p.delay_min + (delays.empty() ? 0 : delays[i]);
        arrivals.inputs[receptor][static_cast<std::size_t>(acts) * stride_for(range.count) + target - range.first] +=
            quanta;
        if (step >= scene.counted) ++arrivals.events;
      }
    }
    return true;
  });
  return arrivals;
}

/// The same by `pathway`, in windows of `window` steps, or the smallest delay where that is less.
inline Arrivals deliver_pathway(Pathway& pathway, const Plan& plan, std::uint32_t projection, const CohortRange& range,
                                const Scene& scene, Step window) {
  Arrivals arrivals = no_arrivals(plan, projection, range.count, scene);
  const ProjectionPlan& p = plan.projections()[projection];
  const auto spikes = random_spikes(plan.populations()[p.source].n, scene);
  const std::uint32_t stride = stride_for(range.count);
  SpikeLog log(plan.populations().size());
  Pathway::Window w;
  w.begin = scene.begin;
  w.counted = scene.counted;
  w.spikes = &log;
  for (std::size_t r = 0; r < 2; ++r) {
    w.rings[r] = {arrivals.inputs[r].data(), stride,
                  static_cast<std::uint32_t>(arrivals.inputs[r].size() / stride - 1)};
  }
  const std::uint64_t before = pathway.events();
  for (Step from = 0; from < scene.steps; from = w.to) {
    w.from = from;
    w.to = std::min(scene.steps, from + std::min<Step>(window, p.delay_min));
    for (Step sent = w.from - p.delay_min; sent < w.to - p.delay_min; ++sent) {
      if (sent < 0) continue;
      // In two parts, as two cohorts bring them.
      const auto& ids = spikes[static_cast<std::size_t>(sent)];
      const std::uint32_t middle = plan.populations()[p.source].n / 2;
      for (const bool upper : {true, false}) {
        SpikeBatch batch;
        batch.population = p.source;
        batch.first = upper ? middle : 0;
        batch.begin = sent;
        batch.offsets = {0};
        for (const std::uint32_t id : ids) {
          if ((id >= middle) == upper) batch.ids.push_back(static_cast<std::uint16_t>(id - batch.first));
        }
        batch.offsets.push_back(static_cast<std::uint32_t>(batch.ids.size()));
        log.append(batch);
      }
    }
    pathway.deliver(w);
    log.forget_before(w.to - pathway.longest_delay());
  }
  arrivals.events = pathway.events() - before;
  return arrivals;
}

/// The same inputs and the same number of events.
inline void expect_as_by_synapse(Pathway& pathway, const Plan& plan, std::uint32_t projection, const CohortRange& range,
                                 const Scene& scene, Step window = 64) {
  const Arrivals expected = deliver_synapses(plan, projection, range, scene);
  const Arrivals found = deliver_pathway(pathway, plan, projection, range, scene, window);
  EXPECT_EQ(found.events, expected.events);
  for (std::size_t r = 0; r < 2; ++r)
    EXPECT_TRUE(found.inputs[r] == expected.inputs[r]) << "receptor " << r << ", " << range.count << " targets";
}

}  // namespace neuract::snn::testing
