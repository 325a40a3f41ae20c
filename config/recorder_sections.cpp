#include <algorithm>
#include <array>
#include <utility>

#include "neuract/config/builder.hpp"
#include "neuract/config/hints.hpp"
#include "neuract/snn/nearest_name.hpp"

/// [[recorders]].
namespace neuract::config {
namespace {

constexpr auto kKinds = std::to_array<std::string_view>({"spikes", "multimeter", "classifier", "weights"});
constexpr auto kRecorderKeys = std::to_array<std::string_view>(
    {"spikes", "multimeter", "classifier", "weights", "population", "neurons", "interval", "targets"});
constexpr auto kMeterKeys = std::to_array<std::string_view>({"variables", "interval"});
constexpr auto kClassifierKeys =
    std::to_array<std::string_view>({"population", "labels", "variable", "first", "count"});

class RecorderReader {
 public:
  RecorderReader(const Node& table, std::size_t index, Builder& builder)
      : table_(table), builder_(builder), subject_("recorders[" + std::to_string(index) + "]") {}

  void read() {
    if (!expect_table(table_, subject_, builder_.diagnostics)) return;
    const Member* spikes = table_.find("spikes");
    const Member* multimeter = table_.find("multimeter");
    const Member* classifier = table_.find("classifier");
    const Member* weights = table_.find("weights");
    const int kinds = (spikes != nullptr) + (multimeter != nullptr) + (classifier != nullptr) + (weights != nullptr);
    if (kinds != 1) {
      expect_keys(table_, subject_, kRecorderKeys, builder_.diagnostics);
      const bool meant = kinds == 0 && std::any_of(kKinds.begin(), kKinds.end(), [&](std::string_view kind) {
                           return !lacks(table_, kind, kRecorderKeys);
                         });
      if (!meant)
        builder_.diagnostics.add(
            table_.origin, subject_ +
                               ": expected one of spikes = [populations], multimeter = { variables, interval } "
                               "with a population, classifier = { population, labels }, and weights = [projections]");
    } else if (spikes != nullptr) {
      expect_keys(table_, subject_, {"spikes"}, builder_.diagnostics);
      for (const std::uint32_t population : builder_.find_populations(spikes->value, subject_ + ": spikes")) {
        const std::string path = "spike_recorders[" + std::to_string(builder_.spec.spike_recorders.size()) + "]";
        builder_.places.set(path, spikes->origin, spikes->value.origin);
        builder_.spec.spike_recorders.push_back({population});
      }
    } else if (weights != nullptr) {
      expect_keys(table_, subject_, {"weights", "interval", "targets"}, builder_.diagnostics);
      read_weights(*weights);
    } else if (classifier != nullptr) {
      expect_keys(table_, subject_, {"classifier"}, builder_.diagnostics);
      read_classifier(*classifier);
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

  void read_weights(const Member& weights) {
    std::vector<std::string_view> known;
    for (const snn::ProjectionSpec& projection : builder_.spec.projections) known.emplace_back(projection.name);
    snn::WeightRecorderSpec recorder;
    const Member* interval = table_.find("interval");
    bool interval_fine = true;
    if (interval != nullptr) {
      const auto every = read_number(interval->value, subject_ + ": interval", builder_.context());
      recorder.interval = every.value_or(0.0);
      interval_fine = every.has_value();
    }
    for (const Name& name : read_names(weights.value, subject_ + ": weights", builder_.diagnostics)) {
      const auto found = std::find(known.begin(), known.end(), name.text);
      if (found == known.end()) {
        builder_.diagnostics.add(
            name.origin, subject_ + ": weights: " + unknown_key("projection", name.text, "the network has", known));
        continue;
      }
      const std::string path = "weight_recorders[" + std::to_string(builder_.spec.weight_recorders.size()) + "]";
      builder_.places.set(path, weights.origin, name.origin);
      if (interval != nullptr) builder_.places.set(path + ".interval", interval->origin, interval->value.origin);
      if (!interval_fine) builder_.places.set_reported(path + ".interval");
      recorder.projection = static_cast<std::uint32_t>(found - known.begin());
      if (const Member* targets = table_.find("targets")) {
        const std::uint32_t population = builder_.spec.projections[recorder.projection].target;
        builder_.places.set(path + ".targets", targets->origin, targets->value.origin);
        recorder.targets = read_neurons(targets->value, subject_ + ": targets",
                                        {builder_.diagnostics, builder_.populations[population].scope},
                                        builder_.spec.populations[population].n);
      }
      builder_.spec.weight_recorders.push_back(recorder);
    }
  }

  void read_classifier(const Member& classifier) {
    const Node& node = classifier.value;
    const std::string where = subject_ + ": classifier";
    if (!expect_table(node, where, builder_.diagnostics)) return;
    expect_keys(node, where, kClassifierKeys, builder_.diagnostics);
    for (const char* key : {"population", "labels"}) {
      if (lacks(node, key, kClassifierKeys)) {
        builder_.diagnostics.add(node.origin, where + ": " + key +
                                                  " is missing, as in { population = \"output\", labels = "
                                                  "\"labels-idx1-ubyte.gz\" }");
      }
    }
    const std::string path = "classifiers[" + std::to_string(builder_.spec.classifiers.size()) + "]";
    builder_.places.set(path, classifier.origin, node.origin);
    const auto place = [&](const char* key) {
      const Member* member = node.find(key);
      if (member != nullptr) builder_.places.set(path + "." + key, member->origin, member->value.origin);
      return member;
    };
    snn::ClassifierSpec spec;
    place("labels");
    spec.labels = read_labels(node, where, builder_.context(), builder_);
    if (!spec.labels) builder_.places.set_reported(path + ".labels");
    if (const Member* variable = place("variable")) {
      const auto name = read_string(variable->value, where + ": variable", builder_.diagnostics);
      spec.variable = name.value_or("");
    }
    const Member* population = place("population");
    if (population == nullptr) return;
    const auto name = read_string(population->value, where + ": population", builder_.diagnostics);
    if (!name) return;
    const auto index = builder_.find_population({*name, population->value.origin}, where + ": population");
    if (!index) return;
    spec.population = *index;
    builder_.spec.classifiers.push_back(std::move(spec));
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
