#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "neuract/config/connection_files.hpp"
#include "neuract/config/data_files.hpp"
#include "neuract/config/diagnostic.hpp"
#include "neuract/config/document.hpp"
#include "neuract/config/expression.hpp"
#include "neuract/config/hints.hpp"
#include "neuract/config/spec_words.hpp"
#include "neuract/config/values.hpp"
#include "neuract/config/weight_files.hpp"
#include "neuract/snn/model.hpp"
#include "neuract/snn/nearest_name.hpp"
#include "neuract/snn/spec.hpp"

/// The sections of a network file, each read by one function into one NetworkSpec. Private to config/.
namespace neuract::config {

/// Where the parts of the specification were written, by the paths of snn::Fault.
class Places {
 public:
  struct Place {
    Origin name;
    Origin value;
    bool reported = false;  ///< something about it has been reported already; what validation says would repeat it
  };
  void set(const std::string& path, Origin name, Origin value) { places_[path] = {name, value, false}; }
  void set_reported(const std::string& path) { places_[path].reported = true; }
  [[nodiscard]] bool is_reported(const std::string& path) const;
  /// The place of the path, or of the nearest part that holds it.
  [[nodiscard]] Place find(std::string path) const;

 private:
  std::map<std::string, Place> places_;
};

/// A [models.NAME] table, or a built-in model.
struct Model {
  const snn::ModelInfo* info = nullptr;  ///< null when its base is unknown
  struct Entry {
    snn::Setting setting;
    Origin name;
    Origin value;
  };
  std::vector<Entry> settings;  ///< those that are right by themselves
  bool faulty = false;          ///< something has been reported: combinations of its parameters say nothing
};

/// What the file says about a population beyond the specification.
struct Population {
  std::uint64_t full_size = 0;
  Scope scope;  ///< n, full_size and the variables
};

struct Builder {
  Builder(Diagnostics& reports, std::filesystem::path where) : diagnostics(reports), folder(std::move(where)) {}

  Diagnostics& diagnostics;
  std::filesystem::path folder;  ///< of the network file: where the names of other files begin
  WeightFiles weight_files;
  DataFiles data_files;
  ConnectionFiles connection_files;
  snn::NetworkSpec spec;
  Scope globals;  ///< constants, dt
  Places places;
  std::map<std::string, Model, std::less<>> models;
  std::deque<Population> populations;  ///< as in spec.populations

  [[nodiscard]] Context context() { return {diagnostics, globals}; }
  [[nodiscard]] std::vector<std::string_view> population_names() const;
  /// Index of the population, or nothing and a report.
  std::optional<std::uint32_t> find_population(const Name& name, const std::string& subject);
  /// All populations that a `source`, `target` or `population` key names, once each.
  std::vector<std::uint32_t> find_populations(const Node& node, const std::string& subject);
  /// Like the names of projections: the name itself the first time, then "name#2", "name#3", …
  std::string unique_name(const std::string& name);

 private:
  std::map<std::string, int> used_names_;
};

// Each function takes the value of its section, and is only called when there is one.
void read_constants(const Node& section, Builder& builder);
void read_simulation(const Node& section, Builder& builder);
void read_models(const Node& section, Builder& builder);
void read_populations(const Node& section, Builder& builder);
void read_projections(const Node& section, Builder& builder);
void read_projection_tables(const Node& section, Builder& builder);
void read_stimuli(const Node& section, Builder& builder);
void read_recorders(const Node& section, Builder& builder);

struct CheckpointKeys;
/// `checkpoint` of the [run] table.
std::optional<CheckpointKeys> read_checkpoint(const Node& node, const std::string& section, Builder& builder);

/// `format` and `weights` of a projection, whose part of the specification is at `path`; when that is empty its
/// populations are not known, and only the keys themselves are looked at.
void read_dense(const Node& table, const std::string& subject, const std::string& path, Builder& builder,
                snn::ProjectionSpec& projection);

/// The members of a table that say what its synapses are, where they are there.
struct SynapseKeys {
  const Member* synapse = nullptr;
  const Member* representation = nullptr;
  const Member* weight_format = nullptr;

  static SynapseKeys of(const Node& table);
  [[nodiscard]] SynapseKeys overridden_by(const SynapseKeys& other) const;
};

/// Fills in what `keys` say of the projection whose part of the specification is at `path`.
void read_synapse_keys(const SynapseKeys& keys, const std::string& subject, const std::string& path,
                       const Context& context, Builder& builder, snn::ProjectionSpec& projection);

/// What the word under `key` stands for, or nothing and a report.
template <class Words>
auto read_choice(const Node& node, const std::string& subject, const std::string& key, const Words& words,
                 Diagnostics& diagnostics) -> std::optional<decltype(words[0].second)> {
  const bool text = node.is(Node::Kind::string);
  std::vector<std::string_view> names;
  for (const auto& [name, choice] : words) {
    if (text && name == node.string) return choice;
    names.push_back(name);
  }
  diagnostics.add(node.origin,
                  subject + ": " +
                      (text ? unknown_key(key, node.string, "choices are", names)
                            : key + ": expected a string, one of " + snn::listed(names) + ", got " + describe(node)));
  return std::nullopt;
}

/// The images that `images = "file"` of a table names, with `first` and `count` where they are only some; null when there
/// is no such key, or when it has been reported.
DataFiles::Images read_images(const Node& table, const std::string& subject, const Context& context, Builder& builder);
/// The same for `labels`.
DataFiles::Labels read_labels(const Node& table, const std::string& subject, const Context& context, Builder& builder);

/// `positions` of a population, whose part of the specification is at `path`.
void read_positions(const Node& table, const std::string& subject, const std::string& path, Builder& builder,
                    snn::PopulationSpec& population);
/// How many neurons the positions are for, where they say it.
std::optional<std::uint64_t> number_of_places(const snn::PositionSpec& positions);
/// `{ p = 0.3, gaussian = 0.1, cutoff = 0.4 }` for pairwise_bernoulli, with `count` for fixed_indegree. False when
/// something has been reported.
bool read_spatial_rule(const Node& argument, const std::string& subject, const Context& context, snn::Rule& rule);
/// `weight_profile` and `velocity` of a projection.
void read_distance_keys(const Node& table, const std::string& subject, const std::string& path, const Context& context,
                        Builder& builder, snn::ProjectionSpec& projection);
/// The list that `rule = { connections = … }` of a projection names; with an empty `path` only the keys are looked at.
/// False when something has been reported.
bool read_connection_list(const Node& table, const std::string& subject, const std::string& path, Builder& builder,
                          snn::ProjectionSpec& projection);

/// `"all_to_all"` or `{ fixed_indegree = 100 }`.
std::optional<snn::Rule> read_rule(const Node& node, const std::string& subject, const Context& context);

}  // namespace neuract::config
