#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

#include "neuract/snn/synapse_model.hpp"
#include "neuract/snn/synapses/parameters.hpp"

namespace neuract::snn {
namespace synapses {
namespace {

/// Of models whose weights lie between 0 and Wmax.
std::vector<std::string> check_largest(double Wmax) {
  if (Wmax == 0.0) return {"Wmax must not be 0"};
  return {};
}

}  // namespace

std::vector<std::string> StdpPair::check_together(const Parameters& p) { return check_largest(p.Wmax); }
std::vector<std::string> StdpTriplet::check_together(const Parameters& p) { return check_largest(p.Wmax); }
std::vector<std::string> VogelsSprekeler::check_together(const Parameters& p) { return check_largest(p.Wmax); }

std::vector<std::string> StdpPowerLaw::check_together(const Parameters& p) {
  if (p.w0 == 0.0) return {"w0 must not be 0"};
  return {};
}

std::vector<std::string> StdpDopamine::check_together(const Parameters& p) {
  std::vector<std::string> faults;
  if (p.Wmin >= p.Wmax) faults.emplace_back("Wmin must be below Wmax");
  if (p.Wmin < 0.0 && p.Wmax > 0.0) faults.emplace_back("Wmin and Wmax must not have different signs");
  return faults;
}

double StdpPair::largest_weight(const Parameters& p, double at_start) { return std::max(std::abs(p.Wmax), at_start); }
double StdpTriplet::largest_weight(const Parameters& p, double at_start) {
  return std::max(std::abs(p.Wmax), at_start);
}
double VogelsSprekeler::largest_weight(const Parameters& p, double at_start) {
  return std::max(std::abs(p.Wmax), at_start);
}
double StdpPowerLaw::largest_weight(const Parameters& p, double at_start) {
  constexpr double kRoomToGrow = 16.0;
  return p.Wmax == 0.0 ? kRoomToGrow * at_start : std::max(std::abs(p.Wmax), at_start);
}
double StdpDopamine::largest_weight(const Parameters& p, double at_start) {
  return std::max({std::abs(p.Wmin), std::abs(p.Wmax), at_start});
}

}  // namespace synapses

namespace {

template <class Model>
struct Described {
  using Parameters = typename Model::Parameters;
  static constexpr std::size_t kParameters = std::size(Model::parameters);
  static_assert(kParameters == sizeof(Parameters) / sizeof(double), "every parameter needs its row");

  static constexpr auto parameters = [] {
    std::array<ParameterInfo, kParameters> rows{};
    const Parameters defaults{};
    for (std::size_t i = 0; i < kParameters; ++i) {
      const auto& row = Model::parameters[i];
      rows[i] = {row.name, row.unit, row.meaning, defaults.*row.member, row.check};
    }
    return rows;
  }();

  static Parameters from(std::span<const double> values) {
    Parameters p;
    for (std::size_t i = 0; i < kParameters; ++i) p.*Model::parameters[i].member = values[i];
    return p;
  }
  static std::vector<std::string> check_together(std::span<const double> values) {
    return Model::check_together(from(values));
  }
  static double largest_weight(std::span<const double> values, double at_start) {
    return Model::largest_weight(from(values), at_start);
  }

  static constexpr SynapseInfo info = {Model::name,    Model::summary,   Model::source,   parameters,
                                       Model::plastic, Model::modulated, &check_together, &largest_weight};
};

/// A model without parameters.
template <>
struct Described<synapses::Static> {
  static constexpr SynapseInfo info = {synapses::Static::name,
                                       synapses::Static::summary,
                                       synapses::Static::source,
                                       {},
                                       false,
                                       false,
                                       [](std::span<const double>) -> std::vector<std::string> { return {}; },
                                       [](std::span<const double>, double at_start) { return at_start; }};
};

#define NEURACT_INFO(Model) &Described<synapses::Model>::info,
constexpr const SynapseInfo* kModels[] = {NEURACT_FOR_EACH_SYNAPSE(NEURACT_INFO)};
#undef NEURACT_INFO

}  // namespace

std::span<const SynapseInfo* const> synapse_models() noexcept { return kModels; }

const SynapseInfo* find_synapse_model(std::string_view name) noexcept {
  for (const SynapseInfo* info : kModels) {
    if (name == info->name) return info;
  }
  return nullptr;
}

std::vector<double> parameter_values(const SynapseInfo& info, const SynapseSpec& spec) {
  std::vector<double> values;
  values.reserve(info.parameters.size());
  for (const ParameterInfo& parameter : info.parameters) {
    double value = parameter.default_value;
    for (const SynapseSpec::Parameter& given : spec.parameters) {
      if (given.name == parameter.name) value = given.value;
    }
    values.push_back(value);
  }
  return values;
}

}  // namespace neuract::snn
