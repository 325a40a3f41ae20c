#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "neuract/snn/spec.hpp"

namespace neuract::snn {

/// How neurons are connected, by name: rules::fixed_indegree(100).
namespace rules {
inline Rule one_to_one() { return {.kind = Rule::Kind::one_to_one}; }
inline Rule all_to_all() { return {.kind = Rule::Kind::all_to_all}; }
inline Rule fixed_indegree(std::uint64_t count) { return {.kind = Rule::Kind::fixed_indegree, .count = count}; }
inline Rule fixed_outdegree(std::uint64_t count) { return {.kind = Rule::Kind::fixed_outdegree, .count = count}; }
inline Rule fixed_total_number(std::uint64_t count) { return {.kind = Rule::Kind::fixed_total_number, .count = count}; }
inline Rule pairwise_bernoulli(double p) { return {.kind = Rule::Kind::pairwise_bernoulli, .p = p}; }
}  // namespace rules

inline DenseFormat format_of(const ImportedWeights& weights) noexcept {
  const auto* quantized = std::get_if<q4::QuantizedWeight>(&weights.data);
  if (quantized == nullptr) return DenseFormat::f32;
  return quantized->format == q4::Format::nf4 ? DenseFormat::nf4 : DenseFormat::nvfp4;
}

/// Fills in a NetworkSpec, step by step, in C++:
///
///   NetworkBuilder net("pair");
///   const auto e = net.population("E", 800, "iaf_psc_exp", {{"tau_m", 20.0}, {"V_m", Distribution{.a = -65, .b = -50}}});
///   net.connect(e, e, rules::pairwise_bernoulli(0.1), {.weight = 20.0, .delay = 1.5});
///   net.connect(e, e, rules::all_to_all(), {.weight = 0.1, .format = DenseFormat::nf4});   // drawn, kept in 4 bits
///   net.connect_dense(e, out, quantized, {.delay = 1.0});                                  // weights of your own
///   net.connect(e, e, rules::fixed_indegree(100), {.weight = 0.1, .name = "plastic", .model = {.model = "stdp_pair"}});
///   net.stimulate(e, PoissonGenerator{8000.0}, {.weight = 30.0});
///   net.record_spikes(e);
///   net.record_weights("plastic", 100.0);
///
/// Checks nothing: Plan::make says what is wrong.
class NetworkBuilder {
 public:
  struct Population {
    std::uint32_t index = 0;
  };
  struct Synapse {
    Value weight = 1.0;
    Value delay = 1.0;      ///< ms
    std::string name = {};  ///< "source->target" when empty
    std::optional<DenseFormat> format = {};
    SynapseSpec model = {};  ///< {.model = "stdp_pair", .parameters = {{"lambda", 0.01}}}
    Representation representation = Representation::automatic;
    WeightFormat weight_format = WeightFormat::automatic;
  };
  struct Drive {
    double weight = 1.0;
    double delay = 0.0;  ///< ms
    double start = 0.0;  ///< ms
    double stop = std::numeric_limits<double>::infinity();
    std::vector<std::uint32_t> neurons = {};
  };

  explicit NetworkBuilder(std::string name = "network") { spec_.name = std::move(name); }

  /// For everything that is a plain number: `net.settings().dt = 0.1`, `batch = 64`, `presentation = 20.0`.
  NetworkSpec& settings() noexcept { return spec_; }

  Population population(std::string name, std::uint32_t n, std::string model,
                        std::initializer_list<Setting> values = {}) {
    spec_.populations.push_back({std::move(name), n, std::move(model), values});
    return {static_cast<std::uint32_t>(spec_.populations.size() - 1)};
  }

  NetworkBuilder& connect(Population source, Population target, Rule rule, Synapse synapse) {
    std::string name = synapse.name.empty() ? unique_name(source, target) : std::move(synapse.name);
    ProjectionSpec projection;
    projection.name = std::move(name);
    projection.source = source.index;
    projection.target = target.index;
    projection.rule = rule;
    projection.weight = std::move(synapse.weight);
    projection.delay = std::move(synapse.delay);
    projection.format = synapse.format;
    projection.synapse = std::move(synapse.model);
    projection.representation = synapse.representation;
    projection.weight_format = synapse.weight_format;
    spec_.projections.push_back(std::move(projection));
    return *this;
  }
  /// All to all with the given weights, row-major [target neurons, source neurons], in 4 bits or f32; they have their
  /// own format, and synapse.weight means nothing.
  NetworkBuilder& connect_dense(Population source, Population target,
                                std::variant<q4::QuantizedWeight, memory::ConstTensor> weights, Synapse synapse) {
    const std::string name = synapse.name.empty() ? unique_name(source, target) : synapse.name;
    ImportedWeights imported{"the program", name, std::move(weights)};
    synapse.format = format_of(imported);
    connect(source, target, rules::all_to_all(), std::move(synapse));
    spec_.projections.back().weights = std::make_shared<const ImportedWeights>(std::move(imported));
    return *this;
  }

  template <class Generator>
  NetworkBuilder& stimulate(Population target, Generator generator, Drive drive = Drive()) {
    std::string name = spec_.populations[target.index].name + " input " + std::to_string(spec_.stimuli.size());
    spec_.stimuli.push_back({std::move(name), std::move(generator), target.index, std::move(drive.neurons),
                             drive.weight, drive.delay, drive.start, drive.stop});
    return *this;
  }

  NetworkBuilder& record_spikes(Population population) {
    spec_.spike_recorders.push_back({population.index});
    return *this;
  }
  NetworkBuilder& record(Population population, std::vector<std::string> variables, double interval_ms,
                         std::vector<std::uint32_t> neurons = {}) {
    spec_.multimeters.push_back({population.index, std::move(variables), std::move(neurons), interval_ms});
    return *this;
  }

  /// Of a projection with a plastic synapse model, by its name; interval_ms 0: only at the end of the run. `targets`
  /// empty: all.
  NetworkBuilder& record_weights(std::string_view projection, double interval_ms = 0.0,
                                 std::vector<std::uint32_t> targets = {}) {
    std::uint32_t index = 0;
    while (index < spec_.projections.size() && spec_.projections[index].name != projection) ++index;
    spec_.weight_recorders.push_back({index, interval_ms, std::move(targets)});
    return *this;
  }

  /// What `population` answers is compared with the labels of an ImageGenerator's images; `variable` as in
  /// ClassifierSpec.
  NetworkBuilder& classify(Population population, std::vector<std::uint8_t> labels, std::string variable = "") {
    spec_.classifiers.push_back(
        {population.index, std::move(variable), std::make_shared<const std::vector<std::uint8_t>>(std::move(labels))});
    return *this;
  }

  const NetworkSpec& spec() const noexcept { return spec_; }

 private:
  std::string unique_name(Population source, Population target) const {
    const std::string base = spec_.populations[source.index].name + "->" + spec_.populations[target.index].name;
    std::size_t same = 0;
    for (const auto& projection : spec_.projections)
      same += projection.source == source.index && projection.target == target.index;
    return same == 0 ? base : base + "#" + std::to_string(same + 1);
  }

  NetworkSpec spec_;
};

}  // namespace neuract::snn
