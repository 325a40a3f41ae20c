#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "neuract/kernels/isa.hpp"
#include "neuract/snn/catalogue.hpp"
#include "neuract/snn/models/all.hpp"
#include "neuract/snn/neuron_update.hpp"

// Every model, through the update kernels of every instruction set.
namespace neuract::snn {
namespace {

constexpr std::size_t kNeurons = 64;

/// 64 neurons of one model with the state that the engine gives them; one row of 64 for each variable.
struct Block {
  std::vector<float> state;
  std::vector<float> coefficients;  // rows, too
  std::vector<std::int32_t> input[2] = {std::vector<std::int32_t>(kNeurons), std::vector<std::int32_t>(kNeurons)};
  float quantum[2] = {1.0f, 1.0f};
  std::vector<float> current = std::vector<float>(kNeurons);

  /// One step; the inputs are gone afterwards.
  std::uint64_t step(const ModelInfo& model, Coefficients kind) {
    std::int32_t* sums[2] = {input[0].data(), input[1].data()};
    std::uint64_t fired = 0;
    std::vector<float> common;
    for (std::size_t i = 0; i < coefficients.size(); i += kNeurons) common.push_back(coefficients[i]);
    UpdateRun<float> run;
    run.state = state.data();
    run.coefficients = kind == Coefficients::common ? common.data() : coefficients.data();
    run.current = current.data();
    for (std::size_t r = 0; r < 2; ++r) run.inputs[r] = {&sums[r], quantum[r]};
    run.n_blocks = 1;
    run.n_steps = 1;
    run.fired = &fired;
    run.fired_stride = 1;
    update_kernel<float>(layout_of(model).index, kind)(run);
    return fired;
  }
};

std::vector<double> defaults(const ModelInfo& model) {
  std::vector<double> values;
  for (const ParameterInfo& parameter : model.parameters) values.push_back(parameter.default_value);
  return values;
}

/// `parameters`: one set for all, or one for each neuron.
Block make_block(const ModelInfo& model, const std::vector<std::vector<double>>& parameters, double dt) {
  const ModelLayout& layout = layout_of(model);
  Block block;
  block.state.resize(static_cast<std::size_t>(layout.state_fields) * kNeurons);
  block.coefficients.resize(static_cast<std::size_t>(layout.coefficient_fields) * kNeurons);
  for (std::size_t k = 0; k < kNeurons; ++k) {
    const std::vector<double>& p = parameters[parameters.size() == 1 ? 0 : k];
    std::vector<double> prepared(static_cast<std::size_t>(layout.coefficient_fields));
    layout.prepare(p, dt, prepared);
    for (std::size_t i = 0; i < prepared.size(); ++i)
      block.coefficients[i * kNeurons + k] = static_cast<float>(prepared[i]);
    for (std::size_t i = 0; i < model.states.size(); ++i) {
      const StateInfo& row = model.states[i];
      const auto value_of = [&](const char* name) { return p[static_cast<std::size_t>(find_parameter(model, name))]; };
      double value = row.default_parameter ? value_of(row.default_parameter) : row.default_value;
      if (const int origin = layout.origin(static_cast<int>(i)); origin >= 0) {
        value -= p[static_cast<std::size_t>(origin)];
      }
      block.state[i * kNeurons + k] = static_cast<float>(value);
    }
  }
  return block;
}

/// Weights and currents that make a model's neurons fire now and then.
struct Drive {
  double excitatory, inhibitory, current;
};
Drive drive_of(const ModelInfo& model) {
  const std::string unit = model.receptors[0].weight_unit;
  if (unit == "pA") return {300.0, -200.0, 800.0};
  if (unit == "nS") return {8.0, -8.0, 800.0};
  if (unit == "mV") return {4.0, -3.0, model.name == std::string("izhikevich") ? 8.0 : 300.0};
  return {0.4, 0.0, 0.3};
}

void shake(Block& block, const Drive& drive, std::mt19937_64& engine) {
  block.quantum[0] = static_cast<float>(drive.excitatory);
  block.quantum[1] = static_cast<float>(drive.inhibitory);
  for (std::size_t k = 0; k < kNeurons; ++k) {
    block.input[0][k] = engine() % 16 == 0 ? 1 : 0;
    block.input[1][k] = engine() % 32 == 0 ? 1 : 0;
    block.current[k] = static_cast<float>(drive.current) * (0.5f + static_cast<float>(engine() % 64) / 64.0f);
  }
}

class EveryModel : public ::testing::TestWithParam<const ModelInfo*> {
 protected:
  void TearDown() override { kernels::set_isa_for_testing(kernels::supported_isas().back()); }
};

TEST_P(EveryModel, HasTheSameBitsOnEveryInstructionSet) {
  const ModelInfo& model = *GetParam();
  for (const bool individual : {false, true}) {
    std::vector<Block> blocks;
    std::vector<std::vector<std::uint64_t>> spikes;
    for (const kernels::Isa isa : kernels::supported_isas()) {
      kernels::set_isa_for_testing(isa);
      const Coefficients kind = individual ? Coefficients::individual : Coefficients::common;
      Block& block = blocks.emplace_back(make_block(model, {defaults(model)}, 0.1));
      std::mt19937_64 engine(3);
      auto& masks = spikes.emplace_back();
      for (int step = 0; step < 2000; ++step) {
        shake(block, drive_of(model), engine);
        masks.push_back(block.step(model, kind));
      }
    }
    for (std::size_t i = 1; i < blocks.size(); ++i) {
      EXPECT_EQ(spikes[i], spikes[0]);
      EXPECT_EQ(blocks[i].state, blocks[0].state);
    }
    std::uint64_t any = 0;
    for (const std::uint64_t mask : spikes[0]) any |= mask;
    const bool silent = model.name == std::string("li") || model.name == std::string("integrator");
    EXPECT_EQ(any != 0, !silent) << "the drive should make neurons fire";
  }
}

TEST_P(EveryModel, TakesParametersOfEachNeuron) {
  const ModelInfo& model = *GetParam();
  std::vector<std::vector<double>> parameters;
  for (std::size_t k = 0; k < kNeurons; ++k) {
    std::vector<double> p = defaults(model);
    for (std::size_t i = 0; i < p.size(); ++i) {
      const bool time = std::string(model.parameters[i].unit) == "ms" && p[i] > 0.0;
      if (time) p[i] *= 1.0 + static_cast<double>(k) / 64.0;
    }
    parameters.push_back(p);
  }
  Block together = make_block(model, parameters, 0.1);
  std::mt19937_64 engine(5);
  std::vector<Block> alone;
  for (const std::size_t k : {0u, 17u, 63u}) alone.push_back(make_block(model, {parameters[k]}, 0.1));
  for (int step = 0; step < 1000; ++step) {
    shake(together, drive_of(model), engine);
    for (Block& block : alone) {
      for (std::size_t r = 0; r < 2; ++r) {
        block.input[r] = together.input[r];
        block.quantum[r] = together.quantum[r];
      }
      block.current = together.current;
    }
    const std::uint64_t mask = together.step(model, Coefficients::individual);
    std::size_t j = 0;
    for (const std::size_t k : {0u, 17u, 63u}) {
      Block& block = alone[j++];
      ASSERT_EQ((block.step(model, Coefficients::common) >> k) & 1, (mask >> k) & 1)
          << "step " << step << ", neuron " << k;
      for (std::size_t i = k; i < block.state.size(); i += kNeurons) ASSERT_EQ(block.state[i], together.state[i]);
    }
  }
}

TEST_P(EveryModel, StaysFiniteUnderAbsurdInput) {
  const ModelInfo& model = *GetParam();
  for (const double dt : {0.01, 0.1, 1.0}) {
    for (const double size : {1.0, 100.0, 1e5}) {
      for (const int sign : {1, -1, 0}) {
        Block block = make_block(model, {defaults(model)}, dt);
        const Drive drive = drive_of(model);
        std::mt19937_64 engine(9);
        for (int step = 0; step < 300; ++step) {
          shake(block, drive, engine);
          const bool pause = step >= 200;
          for (std::size_t k = 0; k < kNeurons; ++k) {
            const float now = pause ? 0.0f : static_cast<float>(size);
            const float direction = sign != 0 ? static_cast<float>(sign) : (engine() % 2 == 0 ? 1.0f : -1.0f);
            block.current[k] *= now * direction;
          }
          for (float& quantum : block.quantum) quantum *= pause ? 0.0f : static_cast<float>(size);
          block.step(model, Coefficients::common);
          if (step % 50 != 49) continue;
          // izhikevich's forward Euler is what it is; the others bound themselves.
          if (model.name == std::string("izhikevich") && size * dt > 1.0) continue;
          for (const float value : block.state) {
            ASSERT_TRUE(std::isfinite(value)) << "dt " << dt << ", input times " << size << ", step " << step;
          }
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Models, EveryModel, ::testing::ValuesIn(models().begin(), models().end()),
                         [](const auto& test) { return std::string(test.param->name); });

/// A single neuron by the kernel, as the engine runs it.
std::vector<int> spikes_under(const char* name, float current, float in0, int steps) {
  const ModelInfo& model = *find_model(name);
  Block block = make_block(model, {defaults(model)}, 0.1);
  std::vector<int> spikes;
  for (int step = 0; step < steps; ++step) {
    block.current.assign(kNeurons, current);
    block.input[0].assign(kNeurons, 1);
    block.quantum[0] = in0;
    if ((block.step(model, Coefficients::common) & 1) != 0) spikes.push_back(step);
  }
  return spikes;
}

TEST(Aeif, FiresAndResetsUnderHugeInput) {
  for (const char* name : {"aeif_psc_exp", "aeif_cond_exp", "aeif_cond_alpha"}) {
    EXPECT_GE(spikes_under(name, 1e5f, 0.0f, 100).size(), 20u) << name;
    EXPECT_GE(spikes_under(name, 1e7f, 0.0f, 100).size(), 20u) << name;
    EXPECT_GE(spikes_under(name, 0.0f, 1e4f, 100).size(), 5u) << name;
  }
}

}  // namespace
}  // namespace neuract::snn
