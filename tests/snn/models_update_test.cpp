#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "neuract/kernels/isa.hpp"
#include "neuract/snn/catalogue.hpp"
#include "neuract/snn/models/all.hpp"
#include "neuract/snn/update.hpp"

// Every model, through the update kernels of every instruction set.
namespace neuract::snn {
namespace {

constexpr std::size_t kNeurons = 64;

/// 64 neurons of one model with the state that the engine gives them.
struct Block {
  std::vector<std::vector<float>> state;
  std::vector<std::vector<float>> coefficients;
  std::vector<float*> state_pointers;
  std::vector<const float*> coefficient_pointers;
  std::vector<float> input[2] = {std::vector<float>(kNeurons), std::vector<float>(kNeurons)};
  std::vector<float> current = std::vector<float>(kNeurons);
  UpdateBlock arrays() const {
    return {state_pointers.data(), coefficient_pointers.data(), {input[0].data(), input[1].data()}, current.data()};
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
  block.state.assign(static_cast<std::size_t>(layout.state_fields), std::vector<float>(kNeurons));
  block.coefficients.assign(static_cast<std::size_t>(layout.coefficient_fields), std::vector<float>(kNeurons));
  for (std::size_t k = 0; k < kNeurons; ++k) {
    const std::vector<double>& p = parameters[parameters.size() == 1 ? 0 : k];
    std::vector<double> prepared(block.coefficients.size());
    layout.prepare(p, dt, prepared);
    for (std::size_t i = 0; i < prepared.size(); ++i) block.coefficients[i][k] = static_cast<float>(prepared[i]);
    for (std::size_t i = 0; i < model.states.size(); ++i) {
      const StateInfo& row = model.states[i];
      const auto value_of = [&](const char* name) { return p[static_cast<std::size_t>(find_parameter(model, name))]; };
      double value = row.default_parameter ? value_of(row.default_parameter) : row.default_value;
      if (const int origin = layout.origin(static_cast<int>(i)); origin >= 0) {
        value -= p[static_cast<std::size_t>(origin)];
      }
      block.state[i][k] = static_cast<float>(value);
    }
  }
  for (auto& s : block.state) block.state_pointers.push_back(s.data());
  for (auto& c : block.coefficients) block.coefficient_pointers.push_back(c.data());
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
  for (std::size_t k = 0; k < kNeurons; ++k) {
    block.input[0][k] = engine() % 16 == 0 ? static_cast<float>(drive.excitatory) : 0.0f;
    block.input[1][k] = engine() % 32 == 0 ? static_cast<float>(drive.inhibitory) : 0.0f;
    block.current[k] = static_cast<float>(drive.current) * (0.5f + static_cast<float>(engine() % 64) / 64.0f);
  }
}

class EveryModel : public ::testing::TestWithParam<const ModelInfo*> {
 protected:
  void TearDown() override { kernels::set_isa_for_testing(kernels::supported_isas().back()); }
  int index() const { return layout_of(*GetParam()).index; }
};

TEST_P(EveryModel, HasTheSameBitsOnEveryInstructionSet) {
  const ModelInfo& model = *GetParam();
  for (const bool individual : {false, true}) {
    std::vector<Block> blocks;
    std::vector<std::vector<std::uint64_t>> spikes;
    for (const kernels::Isa isa : kernels::supported_isas()) {
      kernels::set_isa_for_testing(isa);
      const UpdateKernel update = update_kernel(index(), individual ? Coefficients::individual : Coefficients::common);
      Block& block = blocks.emplace_back(make_block(model, {defaults(model)}, 0.1));
      std::mt19937_64 engine(3);
      auto& masks = spikes.emplace_back();
      for (int step = 0; step < 2000; ++step) {
        shake(block, drive_of(model), engine);
        masks.push_back(update(block.arrays()));
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
  const UpdateKernel individual = update_kernel(index(), Coefficients::individual);
  const UpdateKernel common = update_kernel(index(), Coefficients::common);
  std::vector<Block> alone;
  for (const std::size_t k : {0u, 17u, 63u}) alone.push_back(make_block(model, {parameters[k]}, 0.1));
  for (int step = 0; step < 1000; ++step) {
    shake(together, drive_of(model), engine);
    const std::uint64_t mask = individual(together.arrays());
    std::size_t j = 0;
    for (const std::size_t k : {0u, 17u, 63u}) {
      Block& block = alone[j++];
      block.input[0] = together.input[0];
      block.input[1] = together.input[1];
      block.current = together.current;
      ASSERT_EQ((common(block.arrays()) >> k) & 1, (mask >> k) & 1) << "step " << step << ", neuron " << k;
      for (std::size_t i = 0; i < block.state.size(); ++i) ASSERT_EQ(block.state[i][k], together.state[i][k]);
    }
  }
}

TEST_P(EveryModel, StaysFiniteUnderAbsurdInput) {
  const ModelInfo& model = *GetParam();
  const UpdateKernel update = update_kernel(index(), Coefficients::common);
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
            block.input[0][k] *= now;
            block.input[1][k] *= now;
            block.current[k] *= now * direction;
          }
          update(block.arrays());
          if (step % 50 != 49) continue;
          // izhikevich's forward Euler is what it is; the others bound themselves.
          if (model.name == std::string("izhikevich") && size * dt > 1.0) continue;
          for (const auto& field : block.state) {
            for (const float value : field) {
              ASSERT_TRUE(std::isfinite(value)) << "dt " << dt << ", input times " << size << ", step " << step;
            }
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
  const UpdateKernel update = update_kernel(layout_of(model).index, Coefficients::common);
  std::vector<int> spikes;
  for (int step = 0; step < steps; ++step) {
    block.current.assign(kNeurons, current);
    block.input[0].assign(kNeurons, in0);
    if ((update(block.arrays()) & 1) != 0) spikes.push_back(step);
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
