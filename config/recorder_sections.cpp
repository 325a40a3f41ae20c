#include <algorithm>
#include <array>
#include <utility>

#include "neuract/config/builder.hpp"
#include "neuract/snn/nearest_name.hpp"

/// [[recorders]].
namespace neuract::config {
namespace {

constexpr auto kRecorderKeys = std::to_array<std::string_view>({"spikes", "multimeter", "population", "neurons"});
constexpr auto kMeterKeys = std::to_array<std::string_view>({"variables", "interval"});

class RecorderReader {
 public:
  RecorderReader(const Node& table, std::size_t index, Builder& builder)
      : table_(table), builder_(builder), subject_("recorders[" + std::to_string(index) + "]") {}

  void read() {
    if (!expect_table(table_, subject_, builder_.diagnostics)) return;
    const Member* spikes = table_.find("spikes");
    const Member* multimeter = table_.find("multimeter");
    if ((spikes == nullptr) == (multimeter == nullptr)) {
      expect_keys(table_, subject_, kRecorderKeys, builder_.diagnostics);
      const bool meant =
          spikes == nullptr && (!lacks(table_, "spikes", kRecorderKeys) || !lacks(table_, "multimeter", kRecorderKeys));
      if (!meant)
        builder_.diagnostics.add(
            table_.origin,
            subject_ +
                ": expected either spikes = [populations] or multimeter = { variables, interval } with a population");
    } else if (spikes != nullptr) {
      expect_keys(table_, subject_, {"spikes"}, builder_.diagnostics);
      for (const std::uint32_t population : builder_.find_populations(spikes->value, subject_ + ": spikes")) {
        const std::string path = "spike_recorders[" + std::to_string(builder_.spec.spike_recorders.size()) + "]";
        builder_.places.set(path, spikes->origin, spikes->value.origin);
        builder_.spec.spike_recorders.push_back({population});
      }
    } else {
      expect_keys(table_, subject_, {"multimeter", "population", "neurons"}, builder_.diagnostics);
      read_multimeter(multimeter->value);
    }
  }

 private:
  void read_multimeter(const Node& node) {
    const std::string where = subject_ + ": multimeter";
    std::vector<std::uint32_t> populations;
    if (const Member* member = table_.find("population")) {
      populations = builder_.find_populations(member->value, subject_ + ": population");
    } else if (lacks(table_, "population", kRecorderKeys)) {
      builder_.diagnostics.add(table_.origin,
                               subject_ + ": population is missing; it takes a population or an array of populations");
    }
    if (!expect_table(node, where, builder_.diagnostics)) return;
    expect_keys(node, where, kMeterKeys, builder_.diagnostics);
    const Member* variables = node.find("variables");
    const Member* interval = node.find("interval");
    snn::MultimeterSpec meter;
    bool variables_fine = true;
    if (variables == nullptr) {
      if (lacks(node, "variables", kMeterKeys)) {
        builder_.diagnostics.add(node.origin,
                                 where + ": variables is missing, as in { variables = [\"V_m\"], interval = 1.0 }");
      }
      variables_fine = false;
    } else {
      for (Name& name : read_names(variables->value, where + ": variables", builder_.diagnostics))
        meter.variables.push_back(std::move(name.text));
      variables_fine = !meter.variables.empty();
    }
    std::optional<double> every = meter.interval;
    if (interval != nullptr) every = read_number(interval->value, where + ": interval", builder_.context());
    meter.interval = every.value_or(builder_.spec.dt);

    for (const std::uint32_t population : populations) {
      const std::string path = "multimeters[" + std::to_string(builder_.spec.multimeters.size()) + "]";
      builder_.places.set(path, table_.origin, table_.origin);
      if (variables != nullptr) builder_.places.set(path + ".variables", variables->origin, variables->value.origin);
      if (!variables_fine) builder_.places.set_reported(path + ".variables");
      if (interval != nullptr) builder_.places.set(path + ".interval", interval->origin, interval->value.origin);
      meter.population = population;
      if (const Member* neurons = table_.find("neurons")) {
        builder_.places.set(path + ".neurons", neurons->origin, neurons->value.origin);
        meter.neurons = read_neurons(neurons->value, subject_ + ": neurons",
                                     {builder_.diagnostics, builder_.populations[population].scope},
                                     builder_.spec.populations[population].n);
      }
      builder_.spec.multimeters.push_back(meter);
    }
  }

  const Node& table_;
  Builder& builder_;
  std::string subject_;
};

}  // namespace

void read_recorders(const Node& section, Builder& builder) {
  if (!expect_tables(section, "recorders", "recorder", builder.diagnostics)) return;
  for (std::size_t i = 0; i < section.items.size(); ++i) RecorderReader(section.items[i], i, builder).read();
}

}  // namespace neuract::config
