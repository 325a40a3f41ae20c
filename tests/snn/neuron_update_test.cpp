#include "neuract/snn/neuron_update.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "neuract/kernels/isa.hpp"
#include "neuract/snn/catalogue.hpp"
#include "neuract/snn/models/all.hpp"

namespace neuract::snn {
namespace {

constexpr std::size_t kBlocks = 3;
constexpr std::size_t kNeurons = 64 * kBlocks;
constexpr std::size_t kSteps = 5;
constexpr std::size_t kWindows = 40;

template <class T>
using Arrays = std::vector<std::vector<T>>;

/// Neurons of one model and what arrives there in some windows.
template <class T>
struct Trial {
  bool individual = false;
  Arrays<T> state;
  Arrays<T> coefficients;  // one number each, or one per neuron
  std::vector<T> current;
  T quanta[2] = {T(0.25), T(0.125)};
  Arrays<std::int32_t> inputs[2];  // by step of all windows
};

template <class Model, class T>
Trial<T> make_trial(bool individual, bool driven) {
  std::mt19937_64 engine(3);
  const auto spread = [&] { return 1.0 + 0.001 * static_cast<double>(engine() % 100); };
  Trial<T> trial;
  trial.individual = individual;
  trial.coefficients.resize(kFields<Model::template Coefficients>);
  for (std::size_t n = 0; n < (individual ? kNeurons : 1); ++n) {
    typename Model::Parameters p;
    for (const auto& row : Model::parameters) {
      if (individual && row.check == Check::positive) p.*row.member *= spread();
    }
    const auto prepared = to_array<Model::template Coefficients, double>(Model::prepare(p, 0.1));
    for (std::size_t i = 0; i < prepared.size(); ++i) trial.coefficients[i].push_back(static_cast<T>(prepared[i]));
  }
  trial.state.assign(kFields<Model::template State>, std::vector<T>(kNeurons));
  const typename Model::Parameters defaults;
  for (std::size_t i = 0; i < std::size(Model::states); ++i) {
    const auto& row = Model::states[i];
    const double initial = row.default_parameter ? defaults.*row.default_parameter : row.default_value;
    const double origin = row.origin ? defaults.*row.origin : 0.0;
    for (T& value : trial.state[i]) value = static_cast<T>((initial - origin) * (row.origin ? 1.0 : spread()));
  }
  for (std::size_t n = 0; driven && n < kNeurons; ++n) trial.current.push_back(static_cast<T>(10 * (n % 64)));
  for (std::size_t r = 0; r < std::size(Model::receptors); ++r) {
    if (r == 1 && !driven) continue;  // nothing arrives there
    for (std::size_t s = 0; s < kSteps * kWindows; ++s) {
      auto& row = trial.inputs[r].emplace_back(kNeurons);
      for (std::int32_t& x : row) {
        if (engine() % 8 == 0) x = static_cast<std::int32_t>(engine() % 64) * (r == 0 ? 1 : -1);
      }
    }
  }
  return trial;
}

/// One neuron and one step after another; which neurons fire, by step.
template <class Model, class T>
Arrays<bool> run_plainly(Trial<T>& trial) {
  Arrays<bool> fired(kSteps * kWindows, std::vector<bool>(kNeurons));
  for (std::size_t s = 0; s < fired.size(); ++s) {
    for (std::size_t n = 0; n < kNeurons; ++n) {
      std::array<T, kFields<Model::template State>> fields;
      for (std::size_t i = 0; i < fields.size(); ++i) fields[i] = trial.state[i][n];
      std::array<T, kFields<Model::template Coefficients>> prepared;
      for (std::size_t i = 0; i < prepared.size(); ++i) prepared[i] = trial.coefficients[i][trial.individual ? n : 0];
      const auto input = [&](std::size_t r) {
        return trial.inputs[r].empty() ? T(0) : trial.quanta[r] * static_cast<T>(trial.inputs[r][s][n]);
      };
      auto state = from_array<Model::template State, T>(fields);
      fired[s][n] = whole_step<Model>(state, from_array<Model::template Coefficients, T>(prepared), input(0), input(1),
                                      trial.current.empty() ? T(0) : trial.current[n]);
      fields = to_array<Model::template State, T>(state);
      for (std::size_t i = 0; i < fields.size(); ++i) trial.state[i][n] = fields[i];
    }
  }
  return fired;
}

/// Block by block, in a block one array after another; of arrays with one number, one after another.
template <class T>
std::vector<T> by_block(const Arrays<T>& arrays) {
  std::vector<T> all;
  const std::size_t size = arrays[0].size();
  const std::size_t block = std::min<std::size_t>(size, 64);
  for (std::size_t first = 0; first < size; first += block) {
    for (const std::vector<T>& array : arrays)
      all.insert(all.end(), array.begin() + first, array.begin() + first + block);
  }
  return all;
}

template <class T>
Arrays<bool> run_kernel(Trial<T>& trial, UpdateKernel<T> kernel) {
  std::vector<T> state = by_block(trial.state);
  const std::vector<T> coefficients = by_block(trial.coefficients);
  std::vector<std::int32_t*> rows[2];
  for (std::size_t r = 0; r < 2; ++r) {
    for (auto& row : trial.inputs[r]) rows[r].push_back(row.data());
  }
  Arrays<bool> fired;
  for (std::size_t w = 0; w < kWindows; ++w) {
    std::vector<std::uint64_t> masks(kBlocks * kSteps, 0x5555);
    UpdateRun<T> run;
    run.state = state.data();
    run.coefficients = coefficients.data();
    run.current = trial.current.empty() ? nullptr : trial.current.data();
    for (std::size_t r = 0; r < 2; ++r)
      run.inputs[r] = {rows[r].empty() ? nullptr : rows[r].data() + w * kSteps, trial.quanta[r]};
    run.n_blocks = kBlocks;
    run.n_steps = kSteps;
    run.fired = masks.data();
    run.fired_stride = kBlocks;
    kernel(run);
    for (std::size_t s = 0; s < kSteps; ++s) {
      auto& flags = fired.emplace_back(kNeurons);
      for (std::size_t n = 0; n < kNeurons; ++n) flags[n] = (masks[s * kBlocks + n / 64] >> (n % 64) & 1) != 0;
    }
  }
  for (std::size_t i = 0; i < trial.state.size(); ++i) {
    for (std::size_t n = 0; n < kNeurons; ++n)
      trial.state[i][n] = state[(n / 64 * trial.state.size() + i) * 64 + n % 64];
  }
  return fired;
}

template <class Model, class T>
void compare(int model) {
  for (const bool individual : {false, true}) {
    for (const bool driven : {false, true}) {
      const Trial<T> start = make_trial<Model, T>(individual, driven);
      Trial<T> plain = start;
      const Arrays<bool> expected = run_plainly<Model, T>(plain);
      for (const kernels::Isa isa : kernels::supported_isas()) {
        ASSERT_TRUE(kernels::set_isa_for_testing(isa));
        const std::string name = std::string(Model::name) + " " + std::string(kernels::name_of(isa));
        Trial<T> fast = start;
        const auto kind = individual ? Coefficients::individual : Coefficients::common;
        EXPECT_EQ(run_kernel(fast, update_kernel<T>(model, kind)), expected) << name;
        EXPECT_EQ(fast.state, plain.state) << name;
        for (const auto& inputs : fast.inputs) {
          for (const auto& row : inputs) ASSERT_EQ(row, std::vector<std::int32_t>(kNeurons, 0)) << name;
        }
      }
    }
  }
}

template <class T>
class NeuronUpdate : public ::testing::Test {
 protected:
  void TearDown() override { kernels::set_isa_for_testing(kernels::supported_isas().back()); }
};
using Numbers = ::testing::Types<float, double>;
TYPED_TEST_SUITE(NeuronUpdate, Numbers);

TYPED_TEST(NeuronUpdate, GivesTheBitsOfTheModelsOneStepAtATimeWithEveryInstructionSet) {
  int index = 0;
#define NEURACT_COMPARE(Model) compare<Model, TypeParam>(index++);
  NEURACT_FOR_EACH_MODEL(NEURACT_COMPARE)
#undef NEURACT_COMPARE
}

}  // namespace
}  // namespace neuract::snn
