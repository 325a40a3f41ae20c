#include "neuract/snn/neurons.hpp"

#include <algorithm>
#include <utility>

#include "neuract/kernels/input.hpp"
#include "neuract/memory/host_array.hpp"
#include "neuract/snn/catalogue.hpp"
#include "neuract/snn/checkpoint.hpp"
#include "neuract/snn/currents.hpp"
#include "neuract/snn/neuron_update.hpp"
#include "neuract/snn/neuron_values.hpp"

namespace neuract::snn {
namespace {

using kernels::kBlock;

template <class T>
class NeuronsOf final : public Neurons {
 public:
  static Result<std::unique_ptr<Neurons>> build(const Plan& plan, const CohortRange& range) {
    auto neurons = std::make_unique<NeuronsOf>();
    neurons->count_ = range.count;
    const std::vector<NeuronValues> parameters = neurons->parameters_of(plan, range);
    NEURACT_TRY(neurons->build_coefficients(plan, range, parameters));
    NEURACT_TRY(neurons->build_state(plan, range, parameters));
    NEURACT_TRY_ASSIGN(neurons->currents_, Currents<T>::build(plan, range));
    return std::unique_ptr<Neurons>(std::move(neurons));
  }

  Step constant_until(Step from, Step to) const noexcept override { return currents_.constant_until(from, to); }

  void update(const NeuronRun& run) noexcept override {
    const std::size_t first = std::size_t{run.first_block} * kBlock;
    const T* const current = currents_.sum(run.from);
    UpdateRun<T> blocks;
    blocks.state = state_.data() + first * state_fields_;
    blocks.coefficients = coefficients_.data() + (individual_ ? first * coefficient_fields_ : 0);
    blocks.current = current != nullptr ? current + first : nullptr;
    for (std::size_t r = 0; r < 2; ++r) blocks.inputs[r] = {run.sums[r], quantum_[r]};
    blocks.n_blocks = run.n_blocks;
    blocks.n_steps = run.n_steps;
    blocks.fired = run.fired;
    blocks.fired_stride = run.fired_stride;
    kernel_(blocks);
  }

  void restart() noexcept override { std::copy(initial_state_.begin(), initial_state_.end(), state_.begin()); }

  void copy_state(int state, std::span<float> out) const override {
    for (std::uint32_t n = 0; n < count_; ++n) out[n] = static_cast<float>(value(state, n));
  }
  void append_state(int state, std::span<const std::uint32_t> neurons, std::vector<double>& out) const override {
    for (const std::uint32_t n : neurons) out.push_back(value(state, n));
  }
  std::uint32_t largest(int state) const override {
    std::uint32_t best = 0;
    for (std::uint32_t n = 1; n < count_; ++n) {
      if (value(state, n) > value(state, best)) best = n;
    }
    return best;
  }

  void save(StateWriter& out) const override {
    std::vector<T> column(count_);
    for (std::size_t i = 0; i < state_fields_; ++i) {
      for (std::uint32_t n = 0; n < count_; ++n) column[n] = state_[place(i, n, state_fields_)];
      out.array(std::span(std::as_const(column)));
    }
  }
  void load(NeuronReader& in) override {
    std::vector<T> column(count_);
    for (std::size_t i = 0; i < state_fields_; ++i) {
      in.column(std::span(column));
      for (std::uint32_t n = 0; n < count_; ++n) state_[place(i, n, state_fields_)] = column[n];
    }
  }

 private:
  /// Where variable `i`, of `fields`, of neuron `n` is.
  static std::size_t place(std::size_t i, std::size_t n, std::size_t fields) noexcept {
    return (n / kBlock * fields + i) * kBlock + n % kBlock;
  }
  T value(int state, std::uint32_t n) const noexcept {
    const auto i = static_cast<std::size_t>(state);
    const std::vector<T>& origin = origins_[i];
    const T zero = origin.empty() ? T(0) : origin.size() == 1 ? origin[0] : origin[n];
    return state_[place(i, n, state_fields_)] + zero;
  }
  std::size_t padded() const noexcept { return (std::size_t{count_} + kBlock - 1) / kBlock * kBlock; }

  std::vector<NeuronValues> parameters_of(const Plan& plan, const CohortRange& range) {
    const ModelInfo& model = *plan.populations()[range.population].model;
    const PopulationSpec& spec = plan.spec().populations[range.population];
    std::vector<NeuronValues> parameters;
    for (std::uint32_t i = 0; i < model.parameters.size(); ++i) {
      const Setting* const setting = find_setting(spec, model.parameters[i].name);
      // The same in all samples.
      parameters.push_back(setting ? values_of(plan, range, setting->value, Purpose::parameter, i, range.first / kBlock)
                                   : NeuronValues{model.parameters[i].default_value, {}});
      individual_ = individual_ || !parameters.back().each.empty();
    }
    return parameters;
  }

  Result<void> build_coefficients(const Plan& plan, const CohortRange& range,
                                  std::span<const NeuronValues> parameters) {
    const PopulationPlan& population = plan.populations()[range.population];
    const ModelLayout& layout = layout_of(*population.model);
    kernel_ = update_kernel<T>(layout.index, individual_ ? Coefficients::individual : Coefficients::common);
    for (std::size_t r = 0; r < 2; ++r) quantum_[r] = static_cast<T>(population.receptor_quantum[r]);
    coefficient_fields_ = static_cast<std::size_t>(layout.coefficient_fields);
    NEURACT_TRY_ASSIGN(coefficients_, memory::HostArray<T>::zeros(coefficient_fields_ * (individual_ ? padded() : 1)));
    std::vector<double> one(parameters.size());
    std::vector<double> prepared(coefficient_fields_);
    for (std::size_t n = 0; n < (individual_ ? count_ : 1); ++n) {
      for (std::size_t i = 0; i < one.size(); ++i) one[i] = parameters[i][n];
      layout.prepare(one, plan.dt(), prepared);
      for (std::size_t i = 0; i < prepared.size(); ++i)
        coefficients_[individual_ ? place(i, n, coefficient_fields_) : i] = static_cast<T>(prepared[i]);
    }
    return {};
  }

  Result<void> build_state(const Plan& plan, const CohortRange& range, std::span<const NeuronValues> parameters) {
    const ModelInfo& model = *plan.populations()[range.population].model;
    const ModelLayout& layout = layout_of(model);
    const PopulationSpec& spec = plan.spec().populations[range.population];
    state_fields_ = static_cast<std::size_t>(layout.state_fields);
    NEURACT_TRY_ASSIGN(state_, memory::HostArray<T>::zeros(state_fields_ * padded()));
    for (std::uint32_t i = 0; i < model.states.size(); ++i) {
      const StateInfo& info = model.states[i];
      const Setting* const setting = find_setting(spec, info.name);
      const NeuronValues initial =
          setting ? values_of(plan, range, setting->value, Purpose::initial_state, i, first_block_of(plan, range))
          : info.default_parameter ? parameters[static_cast<std::size_t>(find_parameter(model, info.default_parameter))]
                                   : NeuronValues{info.default_value, {}};
      const int origin_parameter = layout.origin(static_cast<int>(i));
      const NeuronValues origin =
          origin_parameter < 0 ? NeuronValues{} : parameters[static_cast<std::size_t>(origin_parameter)];
      for (std::uint32_t n = 0; n < count_; ++n)
        state_[place(i, n, state_fields_)] = static_cast<T>(initial[n] - origin[n]);
      std::vector<T>& kept = origins_.emplace_back();
      if (!origin.each.empty()) {
        kept.assign(origin.each.begin(), origin.each.end());
      } else if (origin_parameter >= 0) {
        kept.assign(1, static_cast<T>(origin.common));
      }
    }
    if (plan.spec().presentation > 0.0) initial_state_.assign(state_.begin(), state_.end());
    return {};
  }

  std::uint32_t count_ = 0;
  UpdateKernel<T> kernel_ = nullptr;
  bool individual_ = false;
  std::array<T, 2> quantum_{};
  std::size_t state_fields_ = 0;
  std::size_t coefficient_fields_ = 0;
  memory::HostArray<T> state_;           // as UpdateRun has it
  std::vector<T> initial_state_;         // where there are presentations
  memory::HostArray<T> coefficients_;    // as UpdateRun has it
  std::vector<std::vector<T>> origins_;  // per public state variable: empty (0), one number, or one per neuron
  Currents<T> currents_;
};

}  // namespace

Result<std::unique_ptr<Neurons>> Neurons::build(const Plan& plan, const CohortRange& range) {
  return plan.spec().precision == Precision::f64 ? NeuronsOf<double>::build(plan, range)
                                                 : NeuronsOf<float>::build(plan, range);
}

}  // namespace neuract::snn
