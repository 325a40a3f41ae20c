#include "neuract/snn/cohort.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "neuract/snn/catalogue.hpp"
#include "neuract/snn/distribution.hpp"
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

/// The members of `neurons` (population indices, ascending; empty = all) inside the range, as cohort indices.
std::vector<std::uint32_t> inside(std::span<const std::uint32_t> neurons, const CohortRange& range) {
  const auto low = std::lower_bound(neurons.begin(), neurons.end(), range.first);
  const auto high = std::lower_bound(low, neurons.end(), range.first + range.count);
  std::vector<std::uint32_t> local(low, high);
  for (std::uint32_t& n : local) n -= range.first;
  return local;
}

/// One number for all neurons of the range, or one for each.
struct Values {
  double common = 0.0;
  std::vector<double> each;
  double operator[](std::size_t i) const { return each.empty() ? common : each[i]; }
};

/// `first_block`: where the draws begin, in blocks of neurons.
Values values_of(const Plan& plan, const CohortRange& range, const Value& value, Purpose purpose, std::uint32_t item,
                 std::uint32_t first_block) {
  Values result;
  if (const auto* number = std::get_if<double>(&value)) {
    result.common = *number;
  } else {
    result.each.resize(range.count);
    const bool drawn = std::holds_alternative<Distribution>(value);
    fill(value, plan.spec().seed, purpose, range.population, item, drawn ? first_block * kBlock : range.first,
         result.each);
  }
  return result;
}

const Setting* find_setting(const PopulationSpec& population, std::string_view name) {
  for (const Setting& setting : population.settings) {
    if (setting.name == name) return &setting;
  }
  return nullptr;
}

}  // namespace

Cohort::Cohort(PlanPtr plan, CohortRange range)
    : plan_(std::move(plan)), range_(range), blocks_((range.count + kBlock - 1) / kBlock), padded_(blocks_ * kBlock) {
  const std::uint32_t n = plan_->populations()[range_.population].n;
  first_block_ = range_.sample * ((n + kBlock - 1) / kBlock) + range_.first / kBlock;
  statistics_.range = range_;
}

Result<std::unique_ptr<Cohort>> Cohort::build(PlanPtr plan, CohortRange range) {
  std::unique_ptr<Cohort> cohort(new Cohort(std::move(plan), range));
  NEURACT_TRY(cohort->build_state());
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

Result<void> Cohort::build_state() {
  const PopulationPlan& population = plan_->populations()[range_.population];
  const PopulationSpec& spec = plan_->spec().populations[range_.population];
  const ModelInfo& model = *population.model;
  const ModelLayout& layout = layout_of(model);
  receptors_ = static_cast<std::uint32_t>(model.receptors.size());
  for (std::size_t r = 0; r < 2; ++r) quantum_[r] = static_cast<float>(population.receptor_quantum[r]);

  std::vector<Values> parameters;
  for (std::uint32_t i = 0; i < model.parameters.size(); ++i) {
    const Setting* setting = find_setting(spec, model.parameters[i].name);
    parameters.push_back(setting
                             ? values_of(*plan_, range_, setting->value, Purpose::parameter, i, range_.first / kBlock)
                             : Values{model.parameters[i].default_value, {}});
    individual_ = individual_ || !parameters.back().each.empty();
  }
  kernel_ = update_kernel(layout.index, individual_ ? Coefficients::individual : Coefficients::common);

  const std::size_t prepared = individual_ ? range_.count : 1;
  for (int i = 0; i < layout.coefficient_fields; ++i) {
    NEURACT_TRY_ASSIGN(auto array, memory::HostArray<float>::zeros(individual_ ? padded_ : 1));
    coefficients_.push_back(std::move(array));
  }
  std::vector<double> one(parameters.size());
  std::vector<double> coefficients(static_cast<std::size_t>(layout.coefficient_fields));
  for (std::size_t n = 0; n < prepared; ++n) {
    for (std::size_t i = 0; i < one.size(); ++i) one[i] = parameters[i][n];
    layout.prepare(one, plan_->dt(), coefficients);
    for (std::size_t i = 0; i < coefficients.size(); ++i) coefficients_[i][n] = static_cast<float>(coefficients[i]);
  }

  for (int i = 0; i < layout.state_fields; ++i) {
    NEURACT_TRY_ASSIGN(auto array, memory::HostArray<float>::zeros(padded_));
    state_.push_back(std::move(array));
  }
  for (std::uint32_t i = 0; i < model.states.size(); ++i) {
    const StateInfo& info = model.states[i];
    const Setting* setting = find_setting(spec, info.name);
    const Values initial = setting ? values_of(*plan_, range_, setting->value, Purpose::initial_state, i, first_block_)
                           : info.default_parameter
                               ? parameters[static_cast<std::size_t>(find_parameter(model, info.default_parameter))]
                               : Values{info.default_value, {}};
    const int origin_parameter = layout.origin(static_cast<int>(i));
    const Values origin = origin_parameter < 0 ? Values{} : parameters[static_cast<std::size_t>(origin_parameter)];
    for (std::uint32_t n = 0; n < range_.count; ++n) state_[i][n] = static_cast<float>(initial[n] - origin[n]);
    std::vector<float>& kept = origins_.emplace_back();
    if (!origin.each.empty())
      kept.assign(origin.each.begin(), origin.each.end());
    else if (origin_parameter >= 0)
      kept.assign(1, static_cast<float>(origin.common));
  }

  if (plan_->spec().presentation > 0.0) {
    for (const auto& field : state_) initial_state_.emplace_back(field.begin(), field.end());
  }
  statistics_.isi.resize(range_.count);
  last_spike_.assign(range_.count, -1);
  return {};
}

Result<void> Cohort::build_stimuli() {
  const NetworkSpec& spec = plan_->spec();
  const PopulationPlan& population = plan_->populations()[range_.population];
  NEURACT_TRY_ASSIGN(current_, memory::HostArray<float>::zeros(padded_));
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
    } else {
      Current current{};
      current.stimulus = i;
      current.start = start;
      current.stop = stop;
      if (const auto* images = std::get_if<ImageGenerator>(&stimulus.generator)) {
        current.images = images->images.get();
        current.mean = static_cast<float>(images->amplitude);
        current.interval = plan_->presentation_steps();
      } else if (const auto* dc = std::get_if<DcGenerator>(&stimulus.generator)) {
        current.mean = static_cast<float>(dc->amplitude);
      } else {
        const auto& noise = std::get<NoiseGenerator>(stimulus.generator);
        current.mean = static_cast<float>(noise.mean);
        current.std = static_cast<float>(noise.std);
        current.interval = std::max<Step>(1, plan_->steps_of(noise.dt));
      }
      if (!neurons.empty()) {
        current.driven.assign(padded_, false);
        for (const std::uint32_t n : neurons) current.driven[n] = true;
      }
      NEURACT_TRY_ASSIGN(current.values, memory::HostArray<float>::zeros(padded_));
      for (std::uint32_t n = 0; n < range_.count; ++n)
        current.values[n] = current.driven.empty() || current.driven[n] ? current.mean : 0.0f;
      currents_.push_back(std::move(current));
    }
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
  statistics_.classifiers.resize(answers_.size());
}

}  // namespace neuract::snn
