#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "neuract/config/builder.hpp"
#include "neuract/config/hints.hpp"
#include "neuract/snn/nearest_name.hpp"

/// What depends on distances: `positions` of a population; the profile of a rule, `weight_profile` and `velocity` of a
/// projection. And the list of `rule = { connections = … }`.
namespace neuract::config {
namespace {

using snn::PositionSpec;
using snn::Profile;

struct ProfileForm {
  std::string_view name;
  Profile::Kind kind;
  std::vector<std::string_view> arguments;
  std::size_t required;
};

const std::vector<ProfileForm>& profile_forms() {
  static const std::vector<ProfileForm> forms = {
      {"linear", Profile::Kind::linear, {"length"}, 1},
      {"exponential", Profile::Kind::exponential, {"length"}, 1},
      {"gaussian", Profile::Kind::gaussian, {"std", "mean"}, 1},
      {"gaussian2d", Profile::Kind::gaussian2d, {"std_x", "std_y", "rho"}, 2},
  };
  return forms;
}

/// "{ gaussian2d = [std_x, std_y, rho] }"
std::string usage(const ProfileForm& form) {
  std::string text = "{ " + std::string(form.name) + " = ";
  if (form.arguments.size() == 1) return text + std::string(form.arguments[0]) + " }";
  for (std::size_t i = 0; i < form.arguments.size(); ++i)
    text += (i == 0 ? "[" : ", ") + std::string(form.arguments[i]);
  return text + "] }";
}

/// Arguments by position, by name or, where one is enough, alone.
bool read_arguments(const ProfileForm& form, const Node& node, const std::string& subject, const Context& context,
                    Profile& profile) {
  const std::array<double*, 3> out = form.kind == Profile::Kind::gaussian2d
                                         ? std::array{&profile.length, &profile.length_y, &profile.rho}
                                         : std::array{&profile.length, &profile.mean, &profile.mean};
  bool fine = true;
  const auto read = [&](std::size_t i, const Node& argument) {
    const auto value = read_number(argument, subject + ": " + std::string(form.arguments[i]), context);
    fine = fine && value;
    if (value) *out[i] = *value;
  };
  const auto wrong = [&](const std::string& given) {
    context.diagnostics.add(node.origin, subject + ": expected " + usage(form) + ", got " + given);
    return false;
  };
  if (node.is(Node::Kind::array)) {
    if (node.items.size() < form.required || node.items.size() > form.arguments.size())
      return wrong(snn::counted(node.items.size(), "value"));
    for (std::size_t i = 0; i < node.items.size(); ++i) read(i, node.items[i]);
  } else if (node.is(Node::Kind::table)) {
    expect_keys(node, subject, form.arguments, context.diagnostics);
    for (std::size_t i = 0; i < form.arguments.size(); ++i) {
      if (const Member* member = node.find(form.arguments[i])) {
        read(i, member->value);
      } else if (i < form.required) {
        if (lacks(node, form.arguments[i], form.arguments))
          context.diagnostics.add(
              node.origin, subject + ": " + std::string(form.arguments[i]) + " is missing; expected " + usage(form));
        fine = false;
      }
    }
  } else if (form.required == 1) {
    const auto value = read_number(node, subject, context);
    if (value) *out[0] = *value;
    return value.has_value();
  } else {
    return wrong(describe(node));
  }
  return fine;
}

/// The profile among the members of a table that may have `own` keys beside it; nothing when there is none. `fine`
/// becomes false when something has been reported.
std::optional<Profile> read_profile(const Node& table, const std::string& subject,
                                    std::span<const std::string_view> own, const Context& context, bool& fine) {
  std::vector<std::string_view> known(own.begin(), own.end());
  for (const ProfileForm& form : profile_forms()) known.push_back(form.name);
  known.emplace_back("offset");
  const std::size_t before = context.diagnostics.size();
  expect_keys(table, subject, known, context.diagnostics);
  fine = fine && context.diagnostics.size() == before;
  std::optional<Profile> profile;
  for (const ProfileForm& form : profile_forms()) {
    const Member* member = table.find(form.name);
    if (member == nullptr) continue;
    if (profile) {
      context.diagnostics.add(member->origin, subject + ": one profile is enough");
      fine = false;
      continue;
    }
    profile.emplace();
    profile->kind = form.kind;
    fine = read_arguments(form, member->value, subject + ": " + member->key, context, *profile) && fine;
  }
  if (const Member* member = table.find("offset")) {
    if (!profile) profile.emplace();
    const auto value = read_number(member->value, subject + ": offset", context);
    fine = fine && value;
    if (value) profile->offset = *value;
  }
  return profile;
}

/// Numbers for the axes, two or three.
template <class T, class Read>
bool read_axes(const Member& member, const std::string& subject, const Context& context, std::array<T, 3>& out,
               int& dimensions, Read read) {
  const Node& node = member.value;
  const std::string where = subject + ": " + member.key;
  if (!node.is(Node::Kind::array) || (node.items.size() != 2 && node.items.size() != 3)) {
    context.diagnostics.add(
        node.origin, where + ": expected an array of 2 or 3 numbers, got " +
                         (node.is(Node::Kind::array) ? snn::counted(node.items.size(), "value") : describe(node)));
    return false;
  }
  const int given = static_cast<int>(node.items.size());
  if (dimensions != 0 && given != dimensions) {
    context.diagnostics.add(node.origin, where + ": there are " + std::to_string(given) + " numbers for " +
                                             std::to_string(dimensions) + " dimensions");
    return false;
  }
  dimensions = given;
  bool fine = true;
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const auto value = read(node.items[i], where);
    fine = fine && value;
    if (value) out[i] = static_cast<T>(*value);
  }
  return fine;
}

class PositionReader {
 public:
  PositionReader(const std::string& subject, const std::string& path, Builder& builder)
      : subject_(subject), path_(path), builder_(builder) {}

  /// Nothing when something has been reported.
  std::optional<PositionSpec> read(const Node& node) {
    struct Form {
      std::string_view name;
      PositionSpec::Kind kind;
      std::vector<std::string_view> keys;
    };
    static const std::vector<Form> forms = {
        {"grid", PositionSpec::Kind::grid, {"shape", "extent", "center", "periodic"}},
        {"free", PositionSpec::Kind::free, {"extent", "center", "periodic"}},
        {"list", PositionSpec::Kind::list, {"points", "file", "extent", "center", "periodic"}},
    };
    std::vector<std::string_view> names;
    for (const Form& form : forms) names.push_back(form.name);
    if (!node.is(Node::Kind::table) || node.members.size() != 1) {
      report(node.origin, "expected a table like { grid = { shape = [30, 30], extent = [1.0, 1.0] } }, got " +
                              (node.is(Node::Kind::table) ? "a table of " + snn::counted(node.members.size(), "key")
                                                          : describe(node)));
      return std::nullopt;
    }
    const Member& member = node.members.front();
    for (const Form& form : forms) {
      if (form.name != member.key) continue;
      subject_ += ": " + member.key;
      if (!expect_table(member.value, subject_, builder_.diagnostics)) return std::nullopt;
      const std::size_t before = builder_.diagnostics.size();
      expect_keys(member.value, subject_, form.keys, builder_.diagnostics);
      PositionSpec spec = read_form(form.kind, member.value, form.keys);
      return builder_.diagnostics.size() == before ? std::optional(spec) : std::nullopt;
    }
    report(member.origin, unknown_key("kind", member.key, "kinds of positions are", names));
    return std::nullopt;
  }

 private:
  void report(Origin origin, const std::string& text) { builder_.diagnostics.add(origin, subject_ + ": " + text); }

  PositionSpec read_form(PositionSpec::Kind kind, const Node& table, const std::vector<std::string_view>& keys) {
    const Context context = builder_.context();
    for (const Member& member : table.members)
      builder_.places.set(path_ + "." + member.key, member.origin, member.value.origin);
    PositionSpec spec;
    spec.kind = kind;
    int dimensions = 0;
    if (kind == PositionSpec::Kind::list) {
      read_points(table, spec, dimensions);
    } else if (kind == PositionSpec::Kind::grid) {
      if (const Member* shape = table.find("shape")) {
        read_axes(*shape, subject_, context, spec.shape, dimensions,
                  [&](const Node& n, const std::string& where) { return read_count(n, where, context, 1U << 31); });
      } else if (lacks(table, "shape", keys)) {
        report(table.origin, "shape, the number of neurons along each axis, is missing");
      }
    }
    const auto number = [&](const Node& n, const std::string& where) { return read_number(n, where, context); };
    for (const auto& [key, out] : {std::pair{"extent", &spec.extent}, std::pair{"center", &spec.center}}) {
      if (const Member* member = table.find(key)) read_axes(*member, subject_, context, *out, dimensions, number);
    }
    spec.dimensions = dimensions == 3 ? 3 : 2;
    if (const Member* member = table.find("periodic"))
      spec.periodic = read_boolean(member->value, subject_ + ": periodic", builder_.diagnostics).value_or(false);
    if (kind == PositionSpec::Kind::list && spec.periodic && table.find("extent") == nullptr)
      report(table.origin, "extent is missing; where opposite borders meet, it must be said where they are");
    return spec;
  }

  void read_points(const Node& table, PositionSpec& spec, int& dimensions) {
    const Member* points = table.find("points");
    const Member* file = table.find("file");
    if ((points == nullptr) == (file == nullptr)) {
      return report(table.origin, points == nullptr ? "points or file is missing, as in { file = \"positions.csv\" }"
                                                    : "points and file exclude each other");
    }
    if (file != nullptr) {
      const auto name = read_string(file->value, subject_ + ": file", builder_.diagnostics);
      if (!name) return;
      const auto loaded = builder_.connection_files.points(builder_.folder / *name);
      if (!loaded) return report(file->value.origin, "file: " + loaded.error().to_string());
      dimensions = (*loaded)->dimensions;
      spec.points = std::shared_ptr<const std::vector<double>>(*loaded, &(*loaded)->values);
      builder_.places.set(path_ + ".points", file->origin, file->value.origin);
      return;
    }
    if (!points->value.is(Node::Kind::array) || points->value.items.empty())
      return report(points->value.origin,
                    "points: expected an array like [[0.0, 0.0], [0.5, 0.0]], got " + describe(points->value));
    const Context context = builder_.context();
    std::vector<double> values;
    for (const Node& item : points->value.items) {
      std::array<double, 3> point = {};
      const bool fine =
          read_axes({"points", item.origin, item}, subject_, context, point, dimensions,
                    [&](const Node& n, const std::string& where) { return read_number(n, where, context); });
      if (!fine) return;
      values.insert(values.end(), point.begin(), point.begin() + dimensions);
    }
    spec.points = std::make_shared<const std::vector<double>>(std::move(values));
  }

  std::string subject_;
  std::string path_;
  Builder& builder_;
};

}  // namespace

void read_positions(const Node& table, const std::string& subject, const std::string& path, Builder& builder,
                    snn::PopulationSpec& population) {
  const Member* member = table.find("positions");
  if (member == nullptr) return;
  const std::string inside = path + ".positions";
  builder.places.set(inside, member->origin, member->value.origin);
  population.positions = PositionReader(subject + ": positions", inside, builder).read(member->value);
  if (population.positions) return;
  builder.places.set_reported(inside);
  // Whoever needs them need not hear of it again.
  population.positions.emplace();
  population.positions->kind = PositionSpec::Kind::free;
}

std::optional<std::uint64_t> number_of_places(const PositionSpec& positions) {
  if (positions.kind == PositionSpec::Kind::free) return std::nullopt;
  if (positions.kind == PositionSpec::Kind::list)
    return positions.points ? positions.points->size() / static_cast<std::size_t>(positions.dimensions) : 0;
  const double places = static_cast<double>(positions.shape[0]) * positions.shape[1] * positions.shape[2];
  return places < 4294967296.0 ? std::optional(static_cast<std::uint64_t>(places)) : std::nullopt;
}

bool read_spatial_rule(const Node& argument, const std::string& subject, const Context& context, snn::Rule& rule) {
  const bool counted = rule.kind == snn::Rule::Kind::fixed_indegree;
  const std::string_view main = counted ? "count" : "p";
  bool fine = true;
  rule.profile = read_profile(argument, subject, std::array<std::string_view, 2>{main, "cutoff"}, context, fine);
  if (const Member* member = argument.find(main)) {
    const std::string where = subject + ": " + std::string(main);
    const auto count = counted ? read_count(member->value, where, context, std::uint64_t{1} << 53) : std::nullopt;
    const auto p = counted ? std::nullopt : read_number(member->value, where, context);
    fine = fine && (count || p);
    rule.count = count.value_or(0);
    rule.p = p.value_or(0.0);
  } else if (fine) {
    context.diagnostics.add(argument.origin, subject + ": " + std::string(main) + " is missing, as in { " +
                                                 (counted ? "count = 100" : "p = 0.1") + ", gaussian = 0.2 }");
    fine = false;
  }
  if (const Member* member = argument.find("cutoff")) {
    const auto value = read_number(member->value, subject + ": cutoff", context);
    fine = fine && value;
    if (value) rule.cutoff = *value;
  }
  return fine;
}

bool read_connection_list(const Node& table, const std::string& subject, const std::string& path, Builder& builder,
                          snn::ProjectionSpec& projection) {
  constexpr auto kKeys = std::to_array<std::string_view>({"file", "edges"});
  const Node& argument = table.find("rule")->value.members.front().value;
  const std::string where = subject + ": rule: connections";
  std::optional<std::string> name;
  std::string edges;
  Origin origin = argument.origin;
  if (argument.is(Node::Kind::table)) {
    const std::size_t before = builder.diagnostics.size();
    expect_keys(argument, where, kKeys, builder.diagnostics);
    if (const Member* member = argument.find("file")) {
      name = read_string(member->value, where + ": file", builder.diagnostics);
      origin = member->value.origin;
    } else if (lacks(argument, "file", kKeys)) {
      builder.diagnostics.add(argument.origin, where + R"(: file is missing, as in { file = "edges.csv" })");
    }
    if (const Member* member = argument.find("edges"))
      edges = read_string(member->value, where + ": edges", builder.diagnostics).value_or("");
    if (builder.diagnostics.size() != before) return false;
  } else {
    name = read_string(argument, where, builder.diagnostics);
  }
  if (!name) return false;
  if (path.empty()) return true;
  const snn::PopulationSpec& source = builder.spec.populations[projection.source];
  const snn::PopulationSpec& target = builder.spec.populations[projection.target];
  const auto list = builder.connection_files.connections(
      builder.folder / *name, edges, {source.name, source.n, target.name, target.n, builder.spec.dt});
  if (!list) {
    // A population whose size is not known has been reported.
    if (source.n > 0 && target.n > 0) builder.diagnostics.add(origin, where + ": " + list.error().to_string());
    return false;
  }
  projection.connections = *list;
  for (const auto& [key, column] : {std::pair{"weight", &(*list)->weights}, std::pair{"delay", &(*list)->delays}}) {
    const Member* member = table.find(key);
    if (member != nullptr && !column->empty())
      builder.diagnostics.add(member->origin, subject + ": " + key + " is given here and in " + (*list)->file +
                                                  "; leave one of the two out");
  }
  return true;
}

void read_distance_keys(const Node& table, const std::string& subject, const std::string& path, const Context& context,
                        Builder& builder, snn::ProjectionSpec& projection) {
  const auto place = [&](const char* key) {
    const Member* member = table.find(key);
    if (member != nullptr) builder.places.set(path + "." + key, member->origin, member->value.origin);
    return member;
  };
  if (const Member* member = place("weight_profile")) {
    const std::string where = subject + ": weight_profile";
    bool fine = expect_table(member->value, where, context.diagnostics);
    if (fine) projection.weight_profile = read_profile(member->value, where, {}, context, fine);
    if (fine && !projection.weight_profile) {
      context.diagnostics.add(member->value.origin, where + ": expected a profile, as in { gaussian = 0.2 }");
      fine = false;
    }
    if (!fine) projection.weight_profile.reset();
  }
  if (const Member* member = place("velocity"))
    projection.velocity = read_number(member->value, subject + ": velocity", context);
}

}  // namespace neuract::config
