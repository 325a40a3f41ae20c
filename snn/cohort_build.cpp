#include "neuract/snn/cohort.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "neuract/snn/catalogue.hpp"
#include "neuract/snn/neuron_values.hpp"
#include "neuract/snn/random.hpp"

namespace neuract::snn {
namespace {

using kernels::kBlock;
constexpr Step kForever = std::numeric_limits<Step>::max();

Step first_step_after(const Plan& plan, double ms) { return plan.steps_of(ms); }
Step last_step_until(const Plan& plan, double ms) { return std::isinf(ms) ? kForever : plan.steps_of(ms); }

std::int32_t in_quanta(double weight, double quantum) {
  return static_cast<std::int32_t>(std::nearbyint(weight / quantum));
}

}  // namespace

Cohort::Cohort(PlanPtr plan, CohortRange range)
    : plan_(std::move(plan)), range_(range), blocks_((range.count + kBlock - 1) / kBlock), padded_(blocks_ * kBlock) {
  first_block_ = first_block_of(*plan_, range_);
}

Result<std::unique_ptr<Cohort>> Cohort::build(PlanPtr plan, CohortRange range) {
  std::unique_ptr<Cohort> cohort(new Cohort(std::move(plan), range));
  NEURACT_TRY_ASSIGN(cohort->neurons_, Neurons::build(*cohort->plan_, range));
  NEURACT_TRY_ASSIGN(cohort->counts_, SpikeCounts::make(range.count, cohort->plan_->global_id(
                                                                         range.population, range.sample, range.first)));
  NEURACT_TRY(cohort->build_stimuli());
  cohort->build_probes();
  cohort->build_answers();
  return cohort;
}

std::array<bool, 2> Cohort::driven_receptors() const noexcept {
  std::array<bool, 2> driven{};
  for (const Arrivals& arrivals : arrivals_) driven[static_cast<std::size_t>(arrivals.receptor)] = true;
  return driven;
}

Result<void> Cohort::build_stimuli() {
  const NetworkSpec& spec = plan_->spec();
  const PopulationPlan& population = plan_->populations()[range_.population];
  for (std::size_t r = 0; r < 2; ++r) quantum_[r] = static_cast<float>(population.receptor_quantum[r]);
  for (std::uint32_t i = 0; i < spec.stimuli.size(); ++i) {
    const StimulusSpec& stimulus = spec.stimuli[i];
    if (stimulus.target != range_.population) continue;
    const std::vector<std::uint32_t> neurons = inside(stimulus.neurons, range_);
    if (!stimulus.neurons.empty() && neurons.empty()) continue;
    const Step start = first_step_after(*plan_, stimulus.start);
    const Step stop = last_step_until(*plan_, stimulus.stop);
    const int receptor = receptor_of(*population.model, stimulus.weight);
    const std::int32_t code = in_quanta(stimulus.weight, population.receptor_quantum[receptor]);

    if (const auto* poisson = std::get_if<PoissonGenerator>(&stimulus.generator)) {
      if (poisson->rate == 0.0) continue;
      memory::HostArray<std::int32_t> codes;
      if (!neurons.empty()) {
        NEURACT_TRY_ASSIGN(codes, memory::HostArray<std::int32_t>::zeros(padded_));
        for (const std::uint32_t n : neurons) codes[n] = code;
      }
      poisson_.push_back({kernels::PoissonTable(poisson->rate * 1e-3 * spec.dt),
                          Stream(spec.seed, Purpose::poisson, i).key(), receptor, code, std::move(codes), start, stop});
    } else if (const auto* generator = std::get_if<SpikeGenerator>(&stimulus.generator)) {
      Arrivals arrivals{{}, neurons, receptor, code};
      const Step delay = std::max<Step>(1, plan_->steps_of(stimulus.delay));
      for (const double time : generator->times) {
        if (time > stimulus.start && time <= stimulus.stop) arrivals.steps.push_back(plan_->steps_of(time) - 1 + delay);
      }
      arrivals_.push_back(std::move(arrivals));
    }
  }
  for (const Poisson& poisson : poisson_) {
    memory::HostArray<std::int32_t>& drawn = drawn_[static_cast<std::size_t>(poisson.receptor)];
    if (!drawn.empty()) continue;
    NEURACT_TRY_ASSIGN(drawn,
                       memory::HostArray<std::int32_t>::zeros(std::max(kDrawnAtOnce, kMostStepsAtOnce) * kBlock));
  }
  return {};
}

void Cohort::build_probes() {
  const NetworkSpec& spec = plan_->spec();
  for (std::uint32_t i = 0; i < spec.multimeters.size(); ++i) {
    const MultimeterSpec& multimeter = spec.multimeters[i];
    if (multimeter.population != range_.population || range_.sample != 0) continue;
    Probe probe{i, {}, inside(multimeter.neurons, range_), std::max<Step>(1, plan_->steps_of(multimeter.interval))};
    if (multimeter.neurons.empty()) {
      for (std::uint32_t n = 0; n < range_.count; ++n) probe.neurons.push_back(n);
    }
    if (probe.neurons.empty()) continue;
    for (const std::string& name : multimeter.variables)
      probe.states.push_back(find_state(*plan_->populations()[range_.population].model, name));
    probes_.push_back(std::move(probe));
  }
}

void Cohort::build_answers() {
  for (const ClassifierSpec& classifier : plan_->spec().classifiers) {
    if (classifier.population != range_.population) continue;
    Answer answer{-1, {}, classifier.labels.get()};
    if (classifier.variable.empty()) {
      answer.spikes.assign(range_.count, 0);
    } else {
      answer.state = find_state(*plan_->populations()[range_.population].model, classifier.variable);
    }
    answers_.push_back(std::move(answer));
  }
  classifiers_.resize(answers_.size());
}

}  // namespace neuract::snn
