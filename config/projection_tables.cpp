#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "neuract/config/builder.hpp"
#include "neuract/config/hints.hpp"
#include "neuract/snn/distribution.hpp"
#include "neuract/snn/nearest_name.hpp"
#include "neuract/snn/number_text.hpp"

/// [projection_tables.NAME]: a block of projections between populations, given by their connection probabilities.
///
/// `p` belongs to the populations' full sizes. In-degrees stay what they are there when a population is made smaller (n
/// < full_size), and `downscaling` reduces them too: by the factor `indegree`, with weights times 1/sqrt(indegree),
/// which keeps the variance of the input, and a direct current in place of the mean input that is lost (van Albada,
/// Helias and Diesmann 2015, PLoS Comput. Biol. 11:e1004490).
namespace neuract::config {
namespace {

using snn::Rule;

constexpr auto kKeys =
    std::to_array<std::string_view>({"sources", "targets", "p", "rule", "weight", "delay", "synapse", "representation",
                                     "weight_format", "allow_autapses", "allow_multapses", "downscaling", "override"});

/// What the synapses are, by members of the file; an override changes what it names.
struct SynapseForm {
  const Member* weight = nullptr;
  const Member* delay = nullptr;
  SynapseKeys keys;

  static SynapseForm of(const Node& table) {
    return {table.find("weight"), table.find("delay"), SynapseKeys::of(table)};
  }
  void change(const SynapseForm& other) {
    if (other.weight != nullptr) weight = other.weight;
    if (other.delay != nullptr) delay = other.delay;
    keys = keys.overridden_by(other.keys);
  }
};

struct Override {
  std::vector<std::uint32_t> sources;  ///< empty = all
  std::vector<std::uint32_t> targets;
  SynapseForm form;
};

struct Downscaling {
  double indegree = 1.0;
  std::vector<double> rates;  ///< of the sources at full size, Hz; empty = no compensation
  double tau_syn = 0.0;
};

snn::Value scaled(const snn::Value& value, double factor) {
  if (const auto* number = std::get_if<double>(&value)) return *number * factor;
  snn::Distribution d = std::get<snn::Distribution>(value);
  if (d.kind == snn::Distribution::Kind::lognormal) {
    d.a += std::log(factor);
    return d;
  }
  d.a *= factor;
  d.b *= factor;
  d.low *= factor;
  d.high *= factor;
  return d;
}

double mean_of(const snn::Value& value) {
  if (const auto* number = std::get_if<double>(&value)) return *number;
  const auto& d = std::get<snn::Distribution>(value);
  return snn::fault(d) ? 0.0 : snn::Sampler(d).mean();  // the fault is reported by validation
}

class TableReader {
 public:
  TableReader(const Member& member, Builder& builder)
      : name_(member.key),
        table_(member.value),
        builder_(builder),
        subject_("projection table " + snn::in_quotes(member.key)) {}

  void read() {
    if (!expect_table(table_, subject_, builder_.diagnostics)) return;
    check_keys();
    const bool names_fine = read_populations("sources", sources_) & read_populations("targets", targets_);
    const bool rule_fine = read_kind();
    form_ = SynapseForm::of(table_);
    read_switch("allow_autapses", rule_.allow_autapses);
    read_switch("allow_multapses", rule_.allow_multapses);
    read_overrides();
    const bool scaling_fine = read_downscaling(names_fine);
    if (!read_matrix(names_fine) || !rule_fine || !scaling_fine) return;
    for (std::size_t t = 0; t < targets_.size(); ++t) add_row(t);
  }

 private:
  void complain(Origin origin, const std::string& text) { builder_.diagnostics.add(origin, subject_ + ": " + text); }

  void check_keys() {
    const auto dense = [](const Member& member) { return member.key == "weights" || member.key == "format"; };
    Node others = table_;
    for (const Member& member : table_.members) {
      if (!dense(member)) continue;
      complain(member.origin, member.key + ": dense projections belong to [[projections]]" +
                                  (member.key == "weights" ? "; a table takes weight" : ""));
    }
    std::erase_if(others.members, dense);
    expect_keys(others, subject_, kKeys, builder_.diagnostics);
  }

  const Member* require(const char* key, const char* what) {
    const Member* member = table_.find(key);
    if (lacks(table_, key, kKeys)) complain(table_.origin, std::string(key) + " is missing; it takes " + what);
    return member;
  }

  /// The matrix can only be laid out when every name is known.
  bool read_populations(const char* key, std::vector<std::uint32_t>& out) {
    const Member* member = require(key, "an array of populations");
    if (member == nullptr) return false;
    out = builder_.find_populations(member->value, subject_ + ": " + key);
    const std::size_t named = member->value.is(Node::Kind::array) ? member->value.items.size() : 1;
    return !out.empty() && out.size() == named;
  }

  bool read_kind() {
    const Member* member = require("rule", "\"fixed_total_number\" or \"pairwise_bernoulli\"");
    if (member == nullptr) return false;
    const auto word = read_string(member->value, subject_ + ": rule", builder_.diagnostics);
    if (!word) return false;
    if (*word == "fixed_total_number" || *word == "pairwise_bernoulli") {
      rule_.kind = *word == "fixed_total_number" ? Rule::Kind::fixed_total_number : Rule::Kind::pairwise_bernoulli;
      return true;
    }
    constexpr std::string_view kKnown[] = {"fixed_total_number", "pairwise_bernoulli"};
    complain(member->value.origin, "rule: " + unknown_key("rule", *word, "a table takes", kKnown));
    return false;
  }

  void read_switch(const char* key, bool& out) {
    if (const Member* member = table_.find(key)) {
      if (const auto value = read_boolean(member->value, subject_ + ": " + key, builder_.diagnostics)) out = *value;
    }
  }

  void read_overrides() {
    const Member* member = table_.find("override");
    if (member == nullptr) return;
    if (!member->value.is(Node::Kind::array)) {
      complain(member->origin, "override: expected [[projection_tables." + name_ + ".override]] in double brackets");
      return;
    }
    for (const Node& item : member->value.items) {
      const std::string where = subject_ + ": override";
      if (!expect_table(item, where, builder_.diagnostics)) continue;
      expect_keys(item, where, {"source", "target", "weight", "delay", "synapse", "representation", "weight_format"},
                  builder_.diagnostics);
      Override entry;
      entry.form = SynapseForm::of(item);
      bool fine = true;
      for (const auto& [key, all, out] :
           {std::tuple{"source", &sources_, &entry.sources}, std::tuple{"target", &targets_, &entry.targets}}) {
        const Member* names = item.find(key);
        if (names == nullptr) continue;
        *out = builder_.find_populations(names->value, where + ": " + key);
        fine = fine && !out->empty();
        for (const std::uint32_t p : *out) {
          if (!all->empty() && std::find(all->begin(), all->end(), p) == all->end()) {
            builder_.diagnostics.add(names->value.origin, where + ": " + key + ": population " +
                                                              snn::in_quotes(builder_.spec.populations[p].name) +
                                                              " is not among the " + key + "s of this table");
          }
        }
      }
      if (fine) overrides_.push_back(std::move(entry));
    }
  }

  bool read_downscaling(bool names_fine) {
    const Member* member = table_.find("downscaling");
    if (member == nullptr) return true;
    const Node& node = member->value;
    const std::string where = subject_ + ": downscaling";
    if (!expect_table(node, where, builder_.diagnostics)) return false;
    expect_keys(node, where, {"indegree", "rates", "tau_syn"}, builder_.diagnostics);
    const Member* indegree = node.find("indegree");
    const Member* rates = node.find("rates");
    const Member* tau_syn = node.find("tau_syn");
    if (indegree == nullptr || (rates == nullptr) != (tau_syn == nullptr)) {
      builder_.diagnostics.add(
          node.origin, where +
                           ": expected { indegree = factor, rates = [Hz for every source], tau_syn = ms }; rates and "
                           "tau_syn may both be left out, then no current compensates");
      return false;
    }
    bool fine = true;
    if (const auto value = read_number(indegree->value, where + ": indegree", builder_.context()); !value) {
      fine = false;
    } else if (!(*value > 0.0 && *value <= 1.0)) {
      builder_.diagnostics.add(indegree->value.origin,
                               where + ": indegree is " + snn::number_text(*value) + ", must be above 0 and at most 1");
      fine = false;
    } else {
      downscaling_.indegree = *value;
    }
    if (rates == nullptr) return fine;
    if (const auto value = read_number(tau_syn->value, where + ": tau_syn", builder_.context()); !value) {
      fine = false;
    } else if (!(*value > 0.0)) {
      builder_.diagnostics.add(tau_syn->value.origin,
                               where + ": tau_syn is " + snn::number_text(*value) + " ms, must be positive");
      fine = false;
    } else {
      downscaling_.tau_syn = *value;
    }
    if (!rates->value.is(Node::Kind::array) || (names_fine && rates->value.items.size() != sources_.size())) {
      builder_.diagnostics.add(
          rates->value.origin,
          where + ": rates: expected an array with one rate in Hz for each of " +
              snn::counted(sources_.size(), "source") + ", got " +
              (rates->value.is(Node::Kind::array) ? snn::counted(rates->value.items.size(), "value")
                                                  : describe(rates->value)));
      return false;
    }
    for (const Node& item : rates->value.items) {
      const auto rate = read_number(item, where + ": rates", builder_.context());
      fine = fine && rate.has_value();
      downscaling_.rates.push_back(rate.value_or(0.0));
    }
    return fine;
  }

  bool read_matrix(bool names_fine) {
    const Member* member = require("p", "one row for every target, with one probability for every source");
    if (member == nullptr) return false;
    if (!member->value.is(Node::Kind::array)) {
      complain(member->value.origin, "p: expected an array of rows, got " + describe(member->value));
      return false;
    }
    bool fine = names_fine;
    if (names_fine && member->value.items.size() != targets_.size()) {
      complain(member->value.origin, "p has " + snn::counted(member->value.items.size(), "row") + " for " +
                                         snn::counted(targets_.size(), "target"));
      fine = false;
    }
    for (const Node& row : member->value.items) {
      if (!row.is(Node::Kind::array)) {
        complain(row.origin, "p: expected a row, an array of probabilities, got " + describe(row));
        fine = false;
        continue;
      }
      if (names_fine && row.items.size() != sources_.size()) {
        complain(row.origin, "p: this row has " + snn::counted(row.items.size(), "value") + " for " +
                                 snn::counted(sources_.size(), "source"));
        fine = false;
      }
      for (const Node& item : row.items) fine = read_probability(item) && fine;
    }
    return fine;
  }

  bool read_probability(const Node& item) {
    const auto p = read_number(item, subject_ + ": p", builder_.context());
    probabilities_.emplace_back(p.value_or(0.0), item.origin);
    if (!p) return false;
    if (!(*p >= 0.0 && *p <= 1.0)) {
      complain(item.origin, "p: " + snn::number_text(*p) + " is not a probability, expected 0 to 1");
      return false;
    }
    if (*p == 1.0 && rule_.kind == Rule::Kind::fixed_total_number) {
      complain(item.origin,
               "p: no number of synapses drawn with replacement connects all pairs (p = 1); use pairwise_bernoulli or "
               "less than 1");
      return false;
    }
    return true;
  }

  /// All projections onto one target, and the current that makes up for what downscaling takes from it.
  void add_row(std::size_t t) {
    const std::uint32_t target = targets_[t];
    double lost = 0.0;  // Σ weight · in-degree · rate at full size
    for (std::size_t s = 0; s < sources_.size(); ++s) {
      const auto [p, origin] = probabilities_[t * sources_.size() + s];
      if (p == 0.0) continue;
      const double input = add(sources_[s], target, p, origin);
      if (!downscaling_.rates.empty()) lost += input * downscaling_.rates[s];
    }
    if (downscaling_.rates.empty() || downscaling_.indegree == 1.0) return;
    snn::StimulusSpec current;
    current.name = builder_.unique_name(name_ + " compensation->" + builder_.spec.populations[target].name);
    current.target = target;
    current.generator = snn::DcGenerator{1e-3 * downscaling_.tau_syn * (1.0 - std::sqrt(downscaling_.indegree)) * lost};
    builder_.places.set("stimuli[" + std::to_string(builder_.spec.stimuli.size()) + "]", table_.origin, table_.origin);
    builder_.spec.stimuli.push_back(std::move(current));
  }

  /// Adds one projection; returns its mean weight times its in-degree at full size.
  double add(std::uint32_t source, std::uint32_t target, double p, Origin origin) {
    const snn::PopulationSpec& from = builder_.spec.populations[source];
    const snn::PopulationSpec& to = builder_.spec.populations[target];
    if (from.n == 0 || to.n == 0) return 0.0;  // reported with the population
    const auto full_sources = static_cast<double>(builder_.populations[source].full_size);
    const auto full_targets = static_cast<double>(builder_.populations[target].full_size);
    if (full_sources == 0.0 || full_targets == 0.0) return 0.0;
    const std::string path = "projections[" + std::to_string(builder_.spec.projections.size()) + "]";
    builder_.places.set(path, table_.origin, table_.origin);
    builder_.places.set(path + ".rule", origin, origin);

    snn::ProjectionSpec projection;
    projection.source = source;
    projection.target = target;
    projection.name = builder_.unique_name(from.name + "->" + to.name);
    projection.rule = rule_;
    const double full_indegree = set_rule(projection.rule, p, full_sources, full_targets, from.n, to.n, origin, path);

    SynapseForm form = form_;
    for (const Override& o : overrides_) {
      const auto concerns = [](const std::vector<std::uint32_t>& chosen, std::uint32_t population) {
        return chosen.empty() || std::find(chosen.begin(), chosen.end(), population) != chosen.end();
      };
      if (!concerns(o.sources, source) || !concerns(o.targets, target)) continue;
      form.change(o.form);
    }
    read_synapse("weight", form.weight, projection.weight, path);
    read_synapse("delay", form.delay, projection.delay, path);
    read_synapse_keys(form.keys, subject_, path, builder_.context(), builder_, projection);
    const double input = mean_of(projection.weight) * full_indegree;
    if (downscaling_.indegree != 1.0)
      projection.weight = scaled(projection.weight, 1.0 / std::sqrt(downscaling_.indegree));
    builder_.spec.projections.push_back(std::move(projection));
    return input;
  }

  /// Fills in count or p for the sizes at hand; returns the in-degree at full size.
  double set_rule(Rule& rule, double p, double full_sources, double full_targets, double sources, double targets,
                  Origin origin, const std::string& path) {
    if (rule.kind == Rule::Kind::fixed_total_number) {
      // So many draws with replacement leave a pair connected at least once with probability p. Not log1p: published
      // counts have been computed in this way, down to its rounding.
      const double pairs = full_sources * full_targets;
      const double missed = 1.0 - 1.0 / pairs;
      const double full = std::round(std::log(1.0 - p) / (missed < 1.0 ? std::log(missed) : -1.0 / pairs));
      rule.count = static_cast<std::uint64_t>(
          std::min(std::round(full * (targets / full_targets) * downscaling_.indegree), 0x1p53));
      return full / full_targets;
    }
    rule.p = p * (full_sources / sources) * downscaling_.indegree;
    if (rule.p > 1.0) {
      complain(origin, "p: " + snn::short_text(rule.p * sources) +
                           " inputs, the in-degree of the full size, cannot come from " + snn::number_text(sources) +
                           " sources");
      builder_.places.set_reported(path + ".rule");
    }
    return p * full_sources;
  }

  void read_synapse(const char* key, const Member* member, snn::Value& out, const std::string& path) {
    if (member == nullptr) return;
    builder_.places.set(path + "." + key, member->origin, member->value.origin);
    if (auto value = read_value(member->value, subject_ + ": " + key, builder_.context(), false)) {
      out = *std::move(value);
    } else {
      builder_.places.set_reported(path + "." + key);
    }
  }

  const std::string& name_;
  const Node& table_;
  Builder& builder_;
  std::string subject_;
  std::vector<std::uint32_t> sources_, targets_;
  Rule rule_;
  SynapseForm form_;
  std::vector<Override> overrides_;
  Downscaling downscaling_;
  std::vector<std::pair<double, Origin>> probabilities_;  ///< by rows
};

}  // namespace

void read_projection_tables(const Node& section, Builder& builder) {
  if (!expect_table(section, "[projection_tables]", builder.diagnostics)) return;
  for (const Member& member : section.members) TableReader(member, builder).read();
}

}  // namespace neuract::config
