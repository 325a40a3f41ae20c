#include "neuract/snn/plan.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <span>
#include <string_view>
#include <utility>

#include "neuract/kernels/poisson.hpp"
#include "neuract/snn/catalogue.hpp"
#include "neuract/snn/connection_list.hpp"
#include "neuract/snn/delay_groups.hpp"
#include "neuract/snn/representation.hpp"
#include "neuract/snn/synapse_model.hpp"
#include "neuract/snn/synapse_properties.hpp"
#include "neuract/snn/validate.hpp"

namespace neuract::snn {
namespace {

constexpr double kLargestSum = 0x1p30;    // in quanta: 32-bit sums of one step stay below it
constexpr double kLargestCode = 32767.0;  // of a stored weight
constexpr int kSmallestExponent = -120;   // keeps float(sum) · quantum a normal number

/// How many of these times, in ms, fall into one step at most.
double most_in_a_step(const std::vector<double>& times, double dt) {
  std::map<long long, int> spikes;
  int most = 0;
  for (const double time : times) most = std::max(most, ++spikes[std::llround(time / dt)]);
  return most;
}

/// Sums of the positive and of the negative weights of a neuron, the largest of all neurons.
struct DenseBounds {
  double positive = 0.0;
  double negative = 0.0;
  double largest_weight = 0.0;
};

Result<DenseBounds> bounds_of(const ImportedWeights& weights) {
  memory::ConstTensor values;
  if (const auto* quantized = std::get_if<q4::QuantizedWeight>(&weights.data)) {
    NEURACT_TRY_ASSIGN(values, q4::dequantize(*quantized));
  } else {
    values = std::get<memory::ConstTensor>(weights.data);
  }
  NEURACT_TRY_ASSIGN(const std::span<const float> w, values.span<float>());
  const auto columns = static_cast<std::size_t>(values.shape()[1]);
  DenseBounds bounds;
  for (std::size_t row = 0; row < w.size(); row += columns) {
    double positive = 0.0;
    double negative = 0.0;
    for (const float x : w.subspan(row, columns)) {
      (x < 0.0f ? negative : positive) += std::abs(x);
      bounds.largest_weight = std::max<double>(bounds.largest_weight, std::abs(x));
    }
    bounds.positive = std::max(bounds.positive, positive);
    bounds.negative = std::max(bounds.negative, negative);
  }
  if (!std::isfinite(bounds.largest_weight))
    return fail(ErrorCode::invalid_argument, weights.file, ": tensor \"", weights.tensor,
                "\" has weights that are infinite or not numbers");
  return bounds;
}

/// The smallest power of two that is not below x > 0.
double power_of_two_above(double x) {
  int exponent = 0;
  const double fraction = std::frexp(x, &exponent);  // x = fraction · 2^exponent, 0.5 <= fraction < 1
  if (fraction == 0.5) --exponent;
  return std::ldexp(1.0, std::max(exponent, kSmallestExponent));
}

/// The largest sum of weights that one step can bring to a neuron, per receptor.
Result<std::vector<std::array<double, 2>>> largest_inputs(const NetworkSpec& spec,
                                                          std::span<const Connectivity> connectivity,
                                                          std::vector<ProjectionPlan>& projections) {
  std::vector<std::array<double, 2>> sums(spec.populations.size(), {0.0, 0.0});
  for (std::size_t i = 0; i < projections.size(); ++i) {
    const ProjectionSpec& projection = spec.projections[i];
    auto& sum = sums[projection.target];
    double& positive = sum[static_cast<std::size_t>(projections[i].receptor_positive)];
    double& negative = sum[static_cast<std::size_t>(projections[i].receptor_negative)];
    if (projection.weights) {
      NEURACT_TRY_ASSIGN(const DenseBounds bounds, bounds_of(*projection.weights));
      if (&positive != &negative && bounds.positive > 0.0 && bounds.negative > 0.0)
        return fail(ErrorCode::unsupported, "projection \"", projection.name, "\": ", projection.weights->tensor,
                    " has weights of both signs, but ", spec.populations[projection.target].model,
                    " takes positive and negative ones by two receptors; use two projections");
      positive += bounds.positive;
      negative += bounds.negative;
      projections[i].largest_weight = bounds.largest_weight;
      if (bounds.positive == 0.0) projections[i].receptor_positive = projections[i].receptor_negative;
      continue;
    }
    const SynapseRange range = synapse_range(spec, projection);
    projections[i].largest_weight = std::max(std::abs(range.smallest_weight), std::abs(range.largest_weight));
    if (!projection.synapse.is_static()) {
      // Weights of one sign, which stay so.
      const SynapseInfo& model = *find_synapse_model(projection.synapse.model);
      double& most = projections[i].largest_weight;
      most = model.largest_weight(parameter_values(model, projection.synapse), most);
      (range.smallest_weight < 0.0 ? negative : positive) += connectivity[i].max_indegree() * most;
      continue;
    }
    if (projection.connections && !projection.connections->weights.empty() && !projection.weight_profile) {
      positive += projection.connections->largest_positive_sum;
      negative += projection.connections->largest_negative_sum;
      continue;
    }
    const double indegree = connectivity[i].max_indegree();
    // Rounding to four bits may add to a weight, an eighth at most.
    const double most = projections[i].dense() ? 1.125 * indegree : indegree;
    if (range.largest_weight > 0.0 || range.smallest_weight >= 0.0) positive += most * range.largest_weight;
    if (range.smallest_weight < 0.0) negative -= most * range.smallest_weight;
  }
  for (const StimulusSpec& stimulus : spec.stimuli) {
    double events = 0.0;
    if (const auto* poisson = std::get_if<PoissonGenerator>(&stimulus.generator)) {
      events = kernels::PoissonTable(poisson->rate * 1e-3 * spec.dt).largest();
    } else if (const auto* generator = std::get_if<SpikeGenerator>(&stimulus.generator)) {
      events = most_in_a_step(generator->times, spec.dt);
    }
    sums[stimulus.target][static_cast<std::size_t>(receptor_of(*find_model(spec.populations[stimulus.target].model),
                                                               stimulus.weight))] += events * std::abs(stimulus.weight);
  }
  return sums;
}

ProjectionPlan plan_projection(const NetworkSpec& spec, const ProjectionSpec& projection,
                               const Connectivity& connectivity) {
  const ModelInfo& model = *find_model(spec.populations[projection.target].model);
  const SynapseRange range = synapse_range(spec, projection);
  ProjectionPlan plan;
  plan.source = projection.source;
  plan.target = projection.target;
  plan.uniform_weight = !range.varied_weights;
  plan.delay_min = range.shortest_delay;
  plan.delay_max = range.longest_delay;
  plan.uniform_delay = plan.delay_min == plan.delay_max;
  plan.receptor_positive = receptor_of(model, 1.0);
  plan.receptor_negative = receptor_of(model, -1.0);
  if (projection.format) plan.kept = Kept::dense;
  if (plan.dense() && range.largest_weight <= 0.0 && range.smallest_weight < 0.0)
    plan.receptor_positive = plan.receptor_negative;
  plan.expected_synapses = connectivity.expected_synapses();
  return plan;
}

/// The largest of some quanta, for those that are not much finer.
double common_quantum(double own, double largest) {
  constexpr double kMostCoarser = 64.0;
  return own * kMostCoarser >= largest ? largest : own;
}

/// Gives receptors of one unit one quantum where that costs few bits: then synapses onto several populations can be in
/// one list, and weights of both signs in one form.
void share_quanta(const NetworkSpec& spec, std::span<const std::array<double, 2>> sums,
                  std::vector<PopulationPlan>& populations) {
  const auto unit_of = [&](std::size_t p, std::size_t r) -> std::string_view {
    const auto& receptors = populations[p].model->receptors;
    return receptors[std::min(r, receptors.size() - 1)].weight_unit;
  };
  std::map<std::string_view, double> largest;
  for (std::size_t p = 0; p < populations.size(); ++p) {
    for (std::size_t r = 0; r < 2; ++r) {
      double& most = largest[unit_of(p, r)];
      if (sums[p][r] > 0.0) most = std::max(most, populations[p].receptor_quantum[r]);
    }
  }
  for (std::size_t p = 0; p < populations.size(); ++p) {
    for (std::size_t r = 0; r < 2; ++r) {
      double& quantum = populations[p].receptor_quantum[r];
      if (const double most = largest[unit_of(p, r)]; most > 0.0)
        quantum = sums[p][r] > 0.0 ? common_quantum(quantum, most) : most;
    }
  }
  for (const ProjectionSpec& projection : spec.projections) {
    const SynapseRange range = synapse_range(spec, projection);
    const bool wide = projection.weight_format == WeightFormat::four_bits ||
                      projection.weight_format == WeightFormat::thirty_two_bits;
    auto& quantum = populations[projection.target].receptor_quantum;
    if (wide && range.smallest_weight < 0.0 && range.largest_weight > 0.0)
      quantum[0] = quantum[1] = std::max(quantum[0], quantum[1]);
  }
}

/// The same for the codes of the projections of one population.
void share_weight_quanta(std::vector<ProjectionPlan>& projections) {
  constexpr double kMostCoarser = 8.0;
  std::vector<double> shared;
  for (const ProjectionPlan& projection : projections) {
    double quantum = projection.weight_quantum;
    for (const ProjectionPlan& other : projections) {
      if (other.source != projection.source || other.uniform_weight) continue;
      if (other.weight_quantum <= projection.weight_quantum * kMostCoarser)
        quantum = std::max(quantum, other.weight_quantum);
    }
    shared.push_back(quantum);
  }
  for (std::size_t i = 0; i < projections.size(); ++i) {
    if (!projections[i].uniform_weight) projections[i].weight_quantum = shared[i];
  }
}

/// Relative cost of one step of one neuron: its update, its generators, and the synaptic events it receives at a
/// typical rate.
std::vector<double> work_per_neuron(const Plan& plan) {
  constexpr double kTypicalRate = 10.0;  // Hz
  constexpr double kGeneratorWork = 1.0;
  constexpr double kEventWork = 1.0;
  std::vector<double> work(plan.populations().size(), 1.0);
  for (const StimulusSpec& stimulus : plan.spec().stimuli) {
    if (std::holds_alternative<PoissonGenerator>(stimulus.generator)) work[stimulus.target] += kGeneratorWork;
  }
  for (const ProjectionPlan& projection : plan.projections()) {
    const double indegree = projection.expected_synapses / std::max(1u, plan.populations()[projection.target].n);
    const double event = projection.dense() ? kEventWork / 16 : kEventWork;
    work[projection.target] += indegree * kTypicalRate * 1e-3 * plan.dt() * event;
  }
  return work;
}

std::uint32_t align_up(std::uint32_t n) { return (n + kCohortAlignment - 1) / kCohortAlignment * kCohortAlignment; }

/// Whether the cohorts of a population will group their synapses by delay (see delay_groups.hpp).
bool groups_by_delay(const Plan& plan, std::uint32_t population) {
  GroupingBytes bytes;
  for (const ProjectionPlan& projection : plan.projections()) {
    if (projection.target != population || projection.kept != Kept::lists) continue;
    // Rows that reach several populations have one header.
    double common = 0.0;
    for (const ProjectionPlan& other : plan.projections()) {
      if (other.source == projection.source && other.kept == Kept::lists && other.delay_min == projection.delay_min &&
          other.delay_max == projection.delay_max && other.uniform_weight == projection.uniform_weight)
        common += other.expected_synapses;
    }
    const double share = common > 0.0 ? projection.expected_synapses / common : 1.0;
    bytes.add(share * plan.populations()[projection.source].n, projection.expected_synapses, projection.delay_min,
              projection.delay_max);
  }
  return bytes.worthwhile();
}

/// Slots of the input ring of a population's cohorts: what is grouped by delay needs few for coming steps.
double ring_slots(const Plan& plan, std::uint32_t population) {
  const bool grouped = groups_by_delay(plan, population);
  int spread = 0;
  int window = 1;
  for (const ProjectionPlan& projection : plan.projections()) {
    if (projection.target != population) continue;
    const int range = projection.delay_max - projection.delay_min;
    const bool by_groups = grouped && projection.kept == Kept::lists;
    spread = std::max(spread, by_groups ? std::min(range, kDelayChunk - 1) : range);
    window = std::max(window, projection.delay_min);
  }
  return std::bit_ceil(static_cast<unsigned>(window + spread));
}

/// What a cohort touches at random should stay in the second-level cache: the slots of its input ring that are being
/// filled.
std::uint32_t cohort_size_for_cache(const Plan& plan, std::uint32_t population) {
  constexpr double kRingBytes = 1 << 20;
  const double size = kRingBytes / (ring_slots(plan, population) * sizeof(std::int32_t));
  return static_cast<std::uint32_t>(std::clamp(size, 2048.0, double{kMaxCohortSize}));
}

/// Whether a classifier reads the population, which then is one cohort.
bool answers(const Plan& plan, std::uint32_t population) {
  return std::any_of(plan.spec().classifiers.begin(), plan.spec().classifiers.end(),
                     [&](const ClassifierSpec& c) { return c.population == population; });
}

/// The cohorts of one sample.
std::vector<std::vector<CohortRange>> place_sample(const Plan& plan, std::uint32_t shards, std::uint32_t cohort_size) {
  const std::vector<double> work = work_per_neuron(plan);
  const auto& populations = plan.populations();
  double total = 0.0;
  for (std::size_t p = 0; p < work.size(); ++p) total += work[p] * populations[p].n;

  // Shard k ends at the global id where k+1 shares of the work are done, at a multiple of the alignment within its
  // population.
  std::vector<std::uint64_t> ends;
  double before = 0.0;
  std::size_t p = 0;
  for (std::uint32_t k = 1; k < shards; ++k) {
    const double share = total * k / shards;
    while (p + 1 < work.size() && before + work[p] * populations[p].n < share)
      before += work[p] * populations[p].n, ++p;
    const bool whole = answers(plan, static_cast<std::uint32_t>(p));
    const double blocks = std::round((share - before) / work[p] / kCohortAlignment);
    ends.push_back(
        populations[p].first_gid +
        (whole ? populations[p].n
               : std::min<std::uint64_t>(populations[p].n, static_cast<std::uint64_t>(blocks) * kCohortAlignment)));
  }
  ends.push_back(populations.empty() ? 0 : populations.back().first_gid + populations.back().n);

  std::vector<std::vector<CohortRange>> placement;
  std::uint64_t begin = 0;
  for (const std::uint64_t end : ends) {
    if (end <= begin) continue;
    auto& shard = placement.emplace_back();
    for (std::uint32_t q = 0; q < populations.size(); ++q) {
      const std::uint64_t low = std::max(begin, populations[q].first_gid);
      const std::uint64_t high = std::min(end, populations[q].first_gid + populations[q].n);
      if (low >= high) continue;
      const std::uint32_t wanted = cohort_size != 0 ? cohort_size : cohort_size_for_cache(plan, q);
      const std::uint32_t limit = answers(plan, q) ? kMaxCohortSize : std::min(kMaxCohortSize, align_up(wanted));
      const auto length = static_cast<std::uint32_t>(high - low);
      const std::uint32_t cohorts = (length + limit - 1) / limit;
      const std::uint32_t size = align_up((length + cohorts - 1) / cohorts);
      for (std::uint32_t first = 0; first < length; first += size) {
        shard.push_back(
            {q, static_cast<std::uint32_t>(low - populations[q].first_gid) + first, std::min(size, length - first)});
      }
    }
    begin = end;
  }
  return placement;
}

}  // namespace

Result<std::shared_ptr<const Plan>> Plan::make(NetworkSpec spec) {
  if (const std::vector<Fault> faults = validate(spec); !faults.empty())
    return fail(ErrorCode::invalid_argument, faults.front().message);

  std::shared_ptr<Plan> plan(new Plan());
  std::uint64_t gid = 0;
  for (const PopulationSpec& population : spec.populations) {
    plan->populations_.push_back({find_model(population.model), population.n, gid, {1.0, 1.0}});
    gid += population.n;
  }
  for (std::uint32_t p = 0; p < spec.populations.size(); ++p) {
    const PopulationSpec& population = spec.populations[p];
    plan->positions_.push_back(
        population.positions ? std::make_shared<const Positions>(*population.positions, population.n, spec.seed, p)
                             : nullptr);
  }
  for (std::uint32_t i = 0; i < spec.projections.size(); ++i) {
    auto connectivity = Connectivity::make(spec, i, plan->positions_);
    if (!connectivity)
      return std::move(connectivity).error().with_context("projection \"" + spec.projections[i].name + "\"");
    plan->projections_.push_back(plan_projection(spec, spec.projections[i], *connectivity));
    plan->connectivity_.push_back(*std::move(connectivity));
  }

  NEURACT_TRY_ASSIGN(const auto sums, largest_inputs(spec, plan->connectivity_, plan->projections_));
  for (std::size_t p = 0; p < sums.size(); ++p) {
    for (std::size_t r = 0; r < 2; ++r) {
      if (sums[p][r] > 0.0) plan->populations_[p].receptor_quantum[r] = power_of_two_above(sums[p][r] / kLargestSum);
    }
  }
  share_quanta(spec, sums, plan->populations_);
  for (std::size_t i = 0; i < spec.projections.size(); ++i) {
    ProjectionPlan& projection = plan->projections_[i];
    if (projection.uniform_weight) continue;
    const double largest = projection.largest_weight;
    const auto& quanta = plan->populations_[projection.target].receptor_quantum;
    const double receptor_quantum =
        std::max(quanta[projection.receptor_positive], quanta[projection.receptor_negative]);
    projection.weight_quantum = receptor_quantum;
    if (largest > 0.0)
      projection.weight_quantum = std::max(receptor_quantum, power_of_two_above(largest / kLargestCode));
  }
  share_weight_quanta(plan->projections_);

  plan->spec_ = std::move(spec);
  for (std::uint32_t i = 0; i < plan->projections_.size(); ++i) {
    NEURACT_TRY_ASSIGN(plan->projections_[i].kept, choose_representation(*plan, i));
  }
  plan->warmup_steps_ = plan->steps_of(plan->spec_.warmup);
  plan->total_steps_ = plan->warmup_steps_ + plan->steps_of(plan->spec_.duration);
  plan->presentation_steps_ =
      plan->spec_.presentation > 0.0 ? plan->steps_of(plan->spec_.presentation) : std::numeric_limits<Step>::max();
  plan->estimate_ = plan->make_estimate();
  return std::shared_ptr<const Plan>(std::move(plan));
}

Step Plan::steps_of(double ms) const noexcept { return static_cast<Step>(std::llround(ms / spec_.dt)); }

Estimate Plan::make_estimate() const {
  Estimate estimate;
  for (const ProjectionPlan& projection : projections_) {
    if (estimate.epoch_steps == 0 || projection.delay_min < estimate.epoch_steps)
      estimate.epoch_steps = projection.delay_min;
    const auto index = static_cast<std::uint32_t>(&projection - projections_.data());
    if (projection.kept != Kept::lists) {
      estimate.synapses += projection.expected_synapses;
      estimate.synapse_bytes += representation_bytes(*this, index);
      continue;
    }
    const int spread = projection.delay_max - projection.delay_min;
    const bool grouped = !projection.uniform_delay && groups_by_delay(*this, projection.target);
    const double per_delay = projection.uniform_delay || grouped ? 0.0 : spread > 255 ? 2.0 : 1.0;
    const WeightFormat format = spec_.projections[index].weight_format;
    const double per_weight = projection.uniform_weight                 ? 0.0
                              : format == WeightFormat::four_bits       ? 0.5
                              : format == WeightFormat::thirty_two_bits ? 4.0
                                                                        : 2.0;
    const double per_synapse = 2.0 + per_weight + per_delay;
    const double per_row = 4.0 + (grouped ? 2.0 * (spread + 2) : 0.0);
    const double cohorts =
        std::ceil(1.0 * populations_[projection.target].n / cohort_size_for_cache(*this, projection.target));
    estimate.synapses += projection.expected_synapses;
    estimate.synapse_bytes +=
        projection.expected_synapses * per_synapse + cohorts * populations_[projection.source].n * per_row;
    // While one table is grouped, its delays and the headers that replace them are both there.
    if (grouped) estimate.build_bytes = std::max(estimate.build_bytes, projection.expected_synapses / cohorts);
  }
  for (std::size_t p = 0; p < populations_.size(); ++p) {
    const ModelLayout& layout = layout_of(*populations_[p].model);
    const bool individual =
        std::any_of(spec_.populations[p].settings.begin(), spec_.populations[p].settings.end(), [&](const Setting& s) {
          return find_parameter(*populations_[p].model, s.name) >= 0 && !std::holds_alternative<double>(s.value);
        });
    const double statistics = 40.0;
    const double per_neuron = 4.0 * (layout.state_fields + (individual ? layout.coefficient_fields : 0)) +
                              4.0 * ring_slots(*this, static_cast<std::uint32_t>(p)) *
                                  static_cast<double>(populations_[p].model->receptors.size()) +
                              statistics;
    estimate.neurons += populations_[p].n;
    estimate.state_bytes += per_neuron * populations_[p].n * spec_.batch;
  }
  return estimate;
}

DelayLists delay_lists(const Plan& plan, std::uint32_t population) {
  if (groups_by_delay(plan, population)) return DelayLists::grouped;
  const auto& projections = plan.projections();
  const bool varied = std::any_of(projections.begin(), projections.end(), [&](const ProjectionPlan& p) {
    return p.target == population && p.kept == Kept::lists && !p.uniform_delay;
  });
  return varied ? DelayLists::per_synapse : DelayLists::none;
}

std::uint32_t bundle_size(const Plan& plan) {
  std::uint32_t size = kMaxCohortSize;
  for (std::uint32_t p = 0; p < plan.populations().size(); ++p) size = std::min(size, cohort_size_for_cache(plan, p));
  return align_up(size);
}

std::vector<std::vector<CohortRange>> place(const Plan& plan, std::uint32_t shards, std::uint32_t cohort_size) {
  const std::uint32_t batch = plan.spec().batch;
  if (batch > 1) {
    // Samples do not talk to each other, so that dealing them out leaves nothing to send.
    const auto whole = place_sample(plan, 1, cohort_size);
    const std::uint32_t used = std::clamp(shards, 1u, batch);
    std::vector<std::vector<CohortRange>> placement(whole.empty() ? 0 : used);
    for (std::uint32_t s = 0; s < placement.size(); ++s) {
      for (const CohortRange& cohort : whole.front()) {
        const auto end = static_cast<std::uint32_t>(std::uint64_t{batch} * (s + 1) / used);
        for (auto sample = static_cast<std::uint32_t>(std::uint64_t{batch} * s / used); sample < end; ++sample)
          placement[s].push_back({cohort.population, cohort.first, cohort.count, sample});
      }
    }
    return placement;
  }
  return place_sample(plan, shards, cohort_size);
}

}  // namespace neuract::snn
