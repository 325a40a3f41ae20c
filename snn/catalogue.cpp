#include "neuract/snn/catalogue.hpp"

#include <algorithm>
#include <array>
#include <iterator>

#include "neuract/snn/models/all.hpp"

namespace neuract::snn {
namespace {

template <class Model>
struct Described {
  using Parameters = typename Model::Parameters;
  static constexpr std::size_t kParameters = std::size(Model::parameters);
  static constexpr std::size_t kStates = std::size(Model::states);
  static_assert(kParameters == sizeof(Parameters) / sizeof(double), "every parameter needs its row");

  static constexpr const char* name_of(double Parameters::*member) {
    for (const auto& row : Model::parameters) {
      if (row.member == member) return row.name;
    }
    return nullptr;
  }

  static constexpr auto parameters = [] {
    std::array<ParameterInfo, kParameters> rows{};
    const Parameters defaults{};
    for (std::size_t i = 0; i < kParameters; ++i) {
      const auto& row = Model::parameters[i];
      rows[i] = {row.name, row.unit, row.meaning, defaults.*row.member, row.check};
    }
    return rows;
  }();

  static constexpr auto states = [] {
    std::array<StateInfo, kStates> rows{};
    for (std::size_t i = 0; i < kStates; ++i) {
      const auto& row = Model::states[i];
      rows[i] = {row.name, row.unit, row.meaning, row.default_value,
                 row.default_parameter ? name_of(row.default_parameter) : nullptr};
    }
    return rows;
  }();

  static Parameters parameters_from(std::span<const double> values) {
    Parameters p;
    for (std::size_t i = 0; i < kParameters; ++i) p.*Model::parameters[i].member = values[i];
    return p;
  }

  static std::vector<std::string> check_together(std::span<const double> values) {
    return Model::check_together(parameters_from(values));
  }

  static void prepare(std::span<const double> values, double dt, std::span<double> coefficients) {
    const auto prepared = to_array<Model::template Coefficients, double>(Model::prepare(parameters_from(values), dt));
    std::copy(prepared.begin(), prepared.end(), coefficients.begin());
  }

  static int origin(int state) {
    const auto member = Model::states[state].origin;
    if (member == nullptr) return -1;
    for (std::size_t i = 0; i < kParameters; ++i) {
      if (Model::parameters[i].member == member) return static_cast<int>(i);
    }
    return -1;
  }

  static constexpr ModelInfo info = {Model::name, Model::summary,   Model::source,       parameters,
                                     states,      Model::receptors, Model::current_unit, &check_together};
  static constexpr ModelLayout layout(int index) {
    return {index, static_cast<int>(kFields<Model::template State>),
            static_cast<int>(kFields<Model::template Coefficients>), &prepare, &origin};
  }
};

#define NEURACT_INFO(Model) &Described<Model>::info,
constexpr const ModelInfo* kModels[] = {NEURACT_FOR_EACH_MODEL(NEURACT_INFO)};
#undef NEURACT_INFO

template <class Table>
int find(const Table& table, std::string_view name) noexcept {
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (name == table[i].name) return static_cast<int>(i);
  }
  return -1;
}

}  // namespace

std::span<const ModelInfo* const> models() noexcept { return kModels; }

const ModelInfo* find_model(std::string_view name) noexcept {
  for (const ModelInfo* info : kModels) {
    if (name == info->name) return info;
  }
  return nullptr;
}

int find_parameter(const ModelInfo& info, std::string_view name) noexcept { return find(info.parameters, name); }
int find_state(const ModelInfo& info, std::string_view name) noexcept { return find(info.states, name); }
int receptor_of(const ModelInfo& info, double weight) noexcept {
  return weight < 0.0 && info.receptors.size() > 1 ? 1 : 0;
}

const ModelLayout& layout_of(const ModelInfo& info) noexcept {
  static const std::array<ModelLayout, std::size(kModels)> table = [] {
    std::array<ModelLayout, std::size(kModels)> rows{};
    int index = 0;
#define NEURACT_LAYOUT(Model)                                              \
  rows[static_cast<std::size_t>(index)] = Described<Model>::layout(index); \
  ++index;
    NEURACT_FOR_EACH_MODEL(NEURACT_LAYOUT)
#undef NEURACT_LAYOUT
    return rows;
  }();
  std::size_t i = 0;
  while (kModels[i] != &info) ++i;
  return table[i];
}

}  // namespace neuract::snn
