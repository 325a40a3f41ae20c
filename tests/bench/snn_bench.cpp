#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <vector>

#include "neuract/kernels/isa.hpp"
#include "neuract/snn/catalogue.hpp"
#include "neuract/snn/update.hpp"

// Updates of neurons that are driven to fire now and then, in a block that stays in the first-level cache.
namespace {

using namespace neuract;
using namespace neuract::snn;

void neuron_updates(benchmark::State& state, const ModelInfo* model, kernels::Isa isa, Coefficients kind) {
  kernels::set_isa_for_testing(isa);
  const ModelLayout& layout = layout_of(*model);
  std::vector<double> parameters;
  for (const ParameterInfo& parameter : model->parameters) parameters.push_back(parameter.default_value);
  std::vector<double> prepared(static_cast<std::size_t>(layout.coefficient_fields));
  layout.prepare(parameters, 0.1, prepared);

  constexpr std::size_t kNeurons = 64;
  std::vector<std::vector<float>> states(static_cast<std::size_t>(layout.state_fields), std::vector<float>(kNeurons));
  std::vector<std::vector<float>> coefficients;
  for (const double c : prepared) coefficients.emplace_back(kNeurons, static_cast<float>(c));
  std::vector<float*> state_pointers;
  std::vector<const float*> coefficient_pointers;
  for (auto& s : states) state_pointers.push_back(s.data());
  for (auto& c : coefficients) coefficient_pointers.push_back(c.data());
  const std::vector<float> none(kNeurons);
  std::vector<float> drive(kNeurons);
  for (std::size_t k = 0; k < kNeurons; ++k) drive[k] = 10.0f * static_cast<float>(k);

  const UpdateBlock block{state_pointers.data(), coefficient_pointers.data(), {none.data(), none.data()}, drive.data()};
  const UpdateKernel update = update_kernel(layout.index, kind);
  std::uint64_t fired = 0;
  for (auto _ : state) fired |= update(block);
  benchmark::DoNotOptimize(fired);
  state.counters["neurons/s"] = benchmark::Counter(kNeurons, benchmark::Counter::kIsIterationInvariantRate);
  kernels::set_isa_for_testing(kernels::supported_isas().back());
}

const bool kRegistered = [] {
  for (const ModelInfo* model : models()) {
    for (const kernels::Isa isa : kernels::supported_isas()) {
      const std::string name = std::string("neuron_updates/") + model->name + "/" + std::string(kernels::name_of(isa));
      benchmark::RegisterBenchmark(name.c_str(), neuron_updates, model, isa, Coefficients::common);
      benchmark::RegisterBenchmark((name + "/individual").c_str(), neuron_updates, model, isa,
                                   Coefficients::individual);
    }
  }
  return true;
}();

}  // namespace
