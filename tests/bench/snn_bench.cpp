#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <vector>

#include "neuract/kernels/isa.hpp"
#include "neuract/memory/host_array.hpp"
#include "neuract/snn/catalogue.hpp"
#include "neuract/snn/neuron_update.hpp"

// Updates of neurons that are driven to fire now and then. A long window: one block of 64 that stays in the first-level
// cache. A window of one step: 4,096 neurons, state and inputs in the second-level cache.
namespace {

using namespace neuract;
using namespace neuract::snn;

struct Window {
  std::uint32_t blocks;
  std::uint32_t steps;
};
constexpr Window kLong = {1, 15};
constexpr Window kOneStep = {64, 1};

template <class T>
void neuron_updates(benchmark::State& state, const ModelInfo* model, kernels::Isa isa, Coefficients kind,
                    Window window) {
  kernels::set_isa_for_testing(isa);
  const ModelLayout& layout = layout_of(*model);
  std::vector<double> parameters;
  for (const ParameterInfo& parameter : model->parameters) parameters.push_back(parameter.default_value);
  std::vector<double> prepared(static_cast<std::size_t>(layout.coefficient_fields));
  layout.prepare(parameters, 0.1, prepared);

  const std::size_t neurons = std::size_t{window.blocks} * 64;
  std::vector<memory::HostArray<T>> arrays;
  const auto array = [&](std::size_t size, auto value_of) {
    arrays.push_back(memory::HostArray<T>::zeros(size).value());
    for (std::size_t i = 0; i < size; ++i) arrays.back()[i] = static_cast<T>(value_of(i));
    return arrays.back().data();
  };
  std::vector<double> initial_state;
  for (int i = 0; i < layout.state_fields; ++i) {
    const double origin = layout.origin(i) < 0 ? 0.0 : parameters[static_cast<std::size_t>(layout.origin(i))];
    double initial = 0.0;
    if (static_cast<std::size_t>(i) < model->states.size()) {
      const StateInfo& info = model->states[static_cast<std::size_t>(i)];
      initial = info.default_parameter
                    ? parameters[static_cast<std::size_t>(find_parameter(*model, info.default_parameter))]
                    : info.default_value;
    }
    initial_state.push_back(initial - origin);
  }
  const auto by_block = [&](const std::vector<double>& values) {
    return array(values.size() * neurons, [&](std::size_t i) { return values[i / 64 % values.size()]; });
  };
  const bool individual = kind == Coefficients::individual;
  T* const states = by_block(initial_state);
  const T* const coefficients =
      individual ? by_block(prepared) : array(prepared.size(), [&](std::size_t i) { return prepared[i]; });
  const T* const drive = array(neurons, [](std::size_t n) { return 10.0 * static_cast<double>(n % 64); });
  auto inputs = memory::HostArray<std::int32_t>::zeros(2 * window.steps * neurons).value();
  std::vector<std::int32_t*> rows;
  for (std::size_t i = 0; i < 2 * window.steps; ++i) rows.push_back(inputs.data() + i * neurons);
  std::vector<std::uint64_t> fired(std::size_t{window.blocks} * window.steps);

  UpdateRun<T> run;
  run.state = states;
  run.coefficients = coefficients;
  run.current = drive;
  for (std::size_t r = 0; r < model->receptors.size(); ++r) run.inputs[r] = {rows.data() + r * window.steps, T(1)};
  run.n_blocks = window.blocks;
  run.n_steps = window.steps;
  run.fired = fired.data();
  run.fired_stride = window.blocks;
  const UpdateKernel<T> update = update_kernel<T>(layout.index, kind);
  for (auto _ : state) {
    update(run);
    benchmark::DoNotOptimize(fired.data());
  }
  state.counters["neurons/s"] =
      benchmark::Counter(static_cast<double>(neurons * window.steps), benchmark::Counter::kIsIterationInvariantRate);
  kernels::set_isa_for_testing(kernels::supported_isas().back());
}

const bool kRegistered = [] {
  for (const ModelInfo* model : models()) {
    for (const kernels::Isa isa : kernels::supported_isas()) {
      const auto add = [&](const std::string& suffix, Coefficients kind, Window window) {
        const std::string name = std::string("neuron_updates/") + model->name + "/" + std::string(name_of(isa));
        benchmark::RegisterBenchmark((name + "/f32" + suffix).c_str(), neuron_updates<float>, model, isa, kind, window);
        benchmark::RegisterBenchmark((name + "/f64" + suffix).c_str(), neuron_updates<double>, model, isa, kind,
                                     window);
      };
      add("", Coefficients::common, kLong);
      add("/one_step", Coefficients::common, kOneStep);
      add("/individual", Coefficients::individual, kLong);
    }
  }
  return true;
}();

}  // namespace
