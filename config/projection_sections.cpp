#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "neuract/config/builder.hpp"
#include "neuract/config/hints.hpp"
#include "neuract/snn/nearest_name.hpp"

/// [[projections]].
namespace neuract::config {
namespace {

using snn::Rule;

struct RuleForm {
  std::string_view name;
  Rule::Kind kind;
  bool counted;  ///< takes a number of synapses
};

constexpr auto kKeys = std::to_array<std::string_view>(
    {"source", "target", "rule", "weight", "delay", "format", "weights", "synapse", "representation", "weight_format",
     "weight_profile", "velocity", "allow_autapses", "allow_multapses", "by_source", "name"});

constexpr RuleForm kRules[] = {
    {"one_to_one", Rule::Kind::one_to_one, false},
    {"all_to_all", Rule::Kind::all_to_all, false},
    {"fixed_indegree", Rule::Kind::fixed_indegree, true},
    {"fixed_outdegree", Rule::Kind::fixed_outdegree, true},
    {"fixed_total_number", Rule::Kind::fixed_total_number, true},
    {"pairwise_bernoulli", Rule::Kind::pairwise_bernoulli, false},
    {"connections", Rule::Kind::connections, false},
};

std::vector<std::string_view> rule_names() {
  std::vector<std::string_view> names;
  for (const RuleForm& rule : kRules) names.push_back(rule.name);
  return names;
}

bool takes_argument(const RuleForm& form) {
  return form.counted || form.kind == Rule::Kind::pairwise_bernoulli || form.kind == Rule::Kind::connections;
}
bool may_be_spatial(const RuleForm& form) {
  return form.kind == Rule::Kind::fixed_indegree || form.kind == Rule::Kind::pairwise_bernoulli;
}

/// One [[projections]] table: a projection for every pair of its sources and targets.
class ProjectionReader {
 public:
  ProjectionReader(const Node& table, std::size_t index, Builder& builder)
      : table_(table), builder_(builder), subject_("projections[" + std::to_string(index) + "]") {}

  void read() {
    if (!expect_table(table_, subject_, builder_.diagnostics)) return;
    expect_keys(table_, subject_, kKeys, builder_.diagnostics);
    const std::vector<std::uint32_t> sources = populations("source");
    const std::vector<std::uint32_t> targets = populations("target");
    std::optional<std::string> name;
    if (const Member* member = table_.find("name"))
      name = read_string(member->value, subject_ + ": name", builder_.diagnostics);
    if (lacks(table_, "rule", kKeys)) {
      builder_.diagnostics.add(table_.origin, subject_ + ": rule is missing; rules are " + snn::listed(rule_names()));
    }
    if (sources.empty() || targets.empty()) {
      // What does not depend on the populations is read all the same, for its faults.
      Scope scope(&builder_.globals);
      scope.set_unusable("n_source");
      scope.set_unusable("n_target");
      snn::ProjectionSpec unused;
      read_values(unused, "", scope);
      return;
    }
    const bool several = sources.size() * targets.size() > 1;
    for (const std::uint32_t source : sources) {
      for (const std::uint32_t target : targets) add(source, target, name, several);
    }
  }

 private:
  std::vector<std::uint32_t> populations(const std::string& key) {
    if (const Member* member = table_.find(key)) return builder_.find_populations(member->value, subject_ + ": " + key);
    if (lacks(table_, key, kKeys)) {
      builder_.diagnostics.add(table_.origin,
                               subject_ + ": " + key + " is missing; it takes a population or an array of populations");
    }
    return {};
  }

  void add(std::uint32_t source, std::uint32_t target, const std::optional<std::string>& name, bool several) {
    const auto& populations = builder_.spec.populations;
    const std::string pair = populations[source].name + "->" + populations[target].name;
    const std::string path = "projections[" + std::to_string(builder_.spec.projections.size()) + "]";
    builder_.places.set(path, table_.origin, table_.origin);
    if (const Member* member = table_.find("name"))
      builder_.places.set(path + ".name", member->origin, member->value.origin);

    snn::ProjectionSpec projection;
    projection.source = source;
    projection.target = target;
    projection.name = builder_.unique_name(!name ? pair : several ? *name + " " + pair : *name);
    Scope scope(&builder_.globals);
    for (const auto& [key, n] :
         {std::pair{"n_source", populations[source].n}, std::pair{"n_target", populations[target].n}}) {
      n > 0 ? scope.set(key, static_cast<double>(n)) : scope.set_unusable(key);
    }
    read_values(projection, path, scope);
    builder_.spec.projections.push_back(std::move(projection));
  }

  void read_values(snn::ProjectionSpec& projection, const std::string& path, const Scope& scope) {
    const Context context{builder_.diagnostics, scope};
    const auto place = [&](const char* key) {
      const Member* member = table_.find(key);
      if (member != nullptr) builder_.places.set(path + "." + key, member->origin, member->value.origin);
      return member;
    };
    const auto failed = [&](const char* key) { builder_.places.set_reported(path + "." + key); };

    if (const Member* member = place("rule")) {
      if (auto rule = read_rule(member->value, subject_ + ": rule", context)) {
        projection.rule = *rule;
        if (rule->kind == Rule::Kind::connections &&
            !read_connection_list(table_, subject_, path, builder_, projection))
          failed("rule");
      } else {
        failed("rule");
      }
    } else {
      failed("rule");
    }
    for (const auto& [key, out] : {std::pair{"weight", &projection.weight}, std::pair{"delay", &projection.delay}}) {
      const Member* member = place(key);
      if (member == nullptr) continue;
      if (auto value = read_value(member->value, subject_ + ": " + key, context, false)) {
        *out = *std::move(value);
      } else {
        failed(key);
      }
    }
    read_distance_keys(table_, subject_, path, context, builder_, projection);
    read_dense(table_, subject_, path, builder_, projection);
    read_synapse_keys(SynapseKeys::of(table_), subject_, path, context, builder_, projection);
    for (const auto& [key, out] : {std::pair{"allow_autapses", &projection.rule.allow_autapses},
                                   std::pair{"allow_multapses", &projection.rule.allow_multapses},
                                   std::pair{"by_source", &projection.rule.by_source}}) {
      const Member* member = place(key);
      if (member == nullptr) continue;
      if (const auto value = read_boolean(member->value, subject_ + ": " + key, builder_.diagnostics)) *out = *value;
    }
  }

  const Node& table_;
  Builder& builder_;
  std::string subject_;
};

}  // namespace

std::optional<Rule> read_rule(const Node& node, const std::string& subject, const Context& context) {
  const bool word = node.is(Node::Kind::string);
  if (!word && (!node.is(Node::Kind::table) || node.members.size() != 1)) {
    context.diagnostics.add(
        node.origin,
        subject + ": expected \"all_to_all\", \"one_to_one\" or a table like { fixed_indegree = 100 }, got " +
            (node.is(Node::Kind::table) ? "a table of " + snn::counted(node.members.size(), "key") : describe(node)));
    return std::nullopt;
  }
  const std::string& name = word ? node.string : node.members.front().key;
  const Origin origin = word ? node.origin : node.members.front().origin;
  const auto form =
      std::find_if(std::begin(kRules), std::end(kRules), [&](const RuleForm& f) { return f.name == name; });
  if (form == std::end(kRules)) {
    context.diagnostics.add(origin, subject + ": " + unknown_key("rule", name, "rules are", rule_names()));
    return std::nullopt;
  }
  if (word && takes_argument(*form)) {
    context.diagnostics.add(
        origin, subject + ": " + name +
                    (form->kind == Rule::Kind::connections ? " takes a file, as in { connections = \"edges.csv\" }"
                     : form->counted                       ? " takes a number, as in { " + name + " = 100 }"
                                                           : " takes a number, as in { " + name + " = 0.1 }"));
    return std::nullopt;
  }
  Rule rule;
  rule.kind = form->kind;
  if (word) return rule;
  const Node& argument = node.members.front().value;
  if (!takes_argument(*form)) {
    context.diagnostics.add(origin, subject + ": " + name + " takes no number; write rule = \"" + name + "\"");
    return std::nullopt;
  }
  if (form->kind == Rule::Kind::connections) return rule;  // read where the populations are known
  if (may_be_spatial(*form) && argument.is(Node::Kind::table)) {
    if (!read_spatial_rule(argument, subject + ": " + name, context, rule)) return std::nullopt;
  } else if (form->counted) {
    const auto count = read_count(argument, subject + ": " + name, context, std::uint64_t{1} << 53);
    if (!count) return std::nullopt;
    rule.count = *count;
  } else {
    const auto p = read_number(argument, subject + ": " + name, context);
    if (!p) return std::nullopt;
    rule.p = *p;
  }
  return rule;
}

void read_projections(const Node& section, Builder& builder) {
  if (!expect_tables(section, "projections", "projection", builder.diagnostics)) return;
  for (std::size_t i = 0; i < section.items.size(); ++i) ProjectionReader(section.items[i], i, builder).read();
}

}  // namespace neuract::config
