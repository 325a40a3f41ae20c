#include <algorithm>
#include <limits>
#include <utility>

#include "neuract/config/builder.hpp"
#include "neuract/config/hints.hpp"
#include "neuract/snn/distribution.hpp"
#include "neuract/snn/nearest_name.hpp"
#include "neuract/snn/random.hpp"
#include "neuract/snn/validate.hpp"

/// [models.NAME] and [populations.NAME].
namespace neuract::config {
namespace {

/// A value per neuron costs eight bytes before anything is checked against the machine.
constexpr std::uint64_t kMostDrawn = 10'000'000;

/// Of models that are each other's base: deeper would only be somebody's joke at the stack's expense.
constexpr std::size_t kLongestChain = 100;

const std::vector<std::string_view> kPopulationKeys = {"n", "full_size", "model", "variables", "positions"};

/// Reports a key that is neither one of the table's own nor a parameter or state variable of the model.
void report_unknown_setting(const Member& member, const std::string& subject, const snn::ModelInfo& info,
                            const std::vector<std::string_view>& own_keys, Builder& builder) {
  std::vector<std::string_view> known = snn::parameter_names(info);
  for (const std::string_view name : snn::state_names(info)) known.push_back(name);
  builder.diagnostics.add(
      member.origin,
      subject + ": " + unknown_key("parameter", member.key, std::string(info.name) + " has", known, own_keys));
}

/// The settings among the members of a table. Names that are unknown and values that cannot be read are reported.
std::vector<Model::Entry> read_settings(const Node& table, const std::string& subject, const snn::ModelInfo* info,
                                        const std::vector<std::string_view>& own_keys, const Scope& scope, bool arrays,
                                        Builder& builder) {
  std::vector<Model::Entry> entries;
  for (const Member& member : table.members) {
    if (std::find(own_keys.begin(), own_keys.end(), member.key) != own_keys.end()) continue;
    const int parameter = info == nullptr ? -1 : snn::find_parameter(*info, member.key);
    if (info != nullptr && parameter < 0 && snn::find_state(*info, member.key) < 0) {
      report_unknown_setting(member, subject, *info, own_keys, builder);
      continue;
    }
    if (info == nullptr && !meant_name(member.key, own_keys).empty()) {
      builder.diagnostics.add(member.origin,
                              subject + ": " + unknown_key("key", member.key, "its own keys are", own_keys));
      continue;
    }
    const std::string where = subject + ": " + member.key;
    const bool boolean =
        parameter >= 0 && info->parameters[static_cast<std::size_t>(parameter)].check == snn::Check::boolean;
    std::optional<snn::Value> value;
    if (member.value.is(Node::Kind::boolean) && info != nullptr && !boolean) {
      builder.diagnostics.add(
          member.value.origin,
          where + ": expected a number, an expression or a distribution, got " + describe(member.value));
    } else if (member.value.is(Node::Kind::array) && !arrays) {
      builder.diagnostics.add(member.value.origin,
                              where + ": an array needs one value per neuron and belongs to a population");
    } else {
      value = read_value(member.value, where, {builder.diagnostics, scope}, true);
    }
    if (value) {
      entries.push_back({{member.key, *std::move(value)}, member.origin, member.value.origin});
    }
  }
  return entries;
}

/// Later settings replace earlier ones of the same name.
void overlay(std::vector<Model::Entry>& settings, const std::vector<Model::Entry>& more) {
  for (const Model::Entry& entry : more) {
    const auto same = std::find_if(settings.begin(), settings.end(),
                                   [&](const Model::Entry& e) { return e.setting.name == entry.setting.name; });
    if (same == settings.end()) {
      settings.push_back(entry);
    } else {
      *same = entry;
    }
  }
}

class ModelReader {
 public:
  ModelReader(const Node& section, Builder& builder) : section_(section), builder_(builder) {}

  void read(const Member& member) {
    if (builder_.models.count(member.key) != 0) return;
    Model& model = builder_.models[member.key];
    const std::size_t before = builder_.diagnostics.size();
    const std::string subject = "model " + snn::in_quotes(member.key);
    const std::string path = "models." + member.key;
    builder_.places.set(path, member.origin, member.value.origin);
    model.faulty = true;
    if (!expect_table(member.value, subject, builder_.diagnostics)) return;

    waiting_.push_back(member.key);
    const Model* base = read_base(member.value, subject);
    waiting_.pop_back();
    if (base != nullptr) {
      model.info = base->info;
      model.settings = base->settings;
    }
    auto own = read_settings(member.value, subject, model.info, {"base"}, builder_.globals, false, builder_);
    model.faulty = base == nullptr || base->faulty || builder_.diagnostics.size() != before;
    keep_faultless(model, own, subject, path);
  }

 private:
  const Model* read_base(const Node& table, const std::string& subject) {
    const Member* base = table.find("base");
    if (base == nullptr) {
      builder_.diagnostics.add(table.origin,
                               subject + ": base is missing; built-in models are " + snn::listed(snn::model_names()));
      return nullptr;
    }
    const auto name = read_string(base->value, subject + ": base", builder_.diagnostics);
    if (!name) return nullptr;
    const bool waits = std::find(waiting_.begin(), waiting_.end(), *name) != waiting_.end();
    // A model of the file hides a built-in one of its name, which it may have as its base.
    if (const snn::ModelInfo* info = snn::find_model(*name);
        info != nullptr && (waits || section_.find(*name) == nullptr)) {
      built_in_.info = info;
      return &built_in_;
    }
    if (waits) {
      builder_.diagnostics.add(base->value.origin,
                               subject + ": a model cannot be its own base, not even through others");
      return nullptr;
    }
    if (waiting_.size() > kLongestChain) {
      builder_.diagnostics.add(base->value.origin, subject + ": there are more than " + std::to_string(kLongestChain) +
                                                       " models between this one and its built-in base");
      return nullptr;
    }
    if (const Member* other = section_.find(*name)) {
      read(*other);
      return &builder_.models.find(*name)->second;
    }
    std::vector<std::string_view> known = snn::model_names();
    for (const std::string_view key : section_.keys()) {
      if (key != waiting_.back()) known.push_back(key);
    }
    builder_.diagnostics.add(base->value.origin, subject + ": " + unknown_key("base", *name, "models are", known));
    return nullptr;
  }

  /// Moves what is right into the model and reports the rest, so that populations inherit no faults.
  void keep_faultless(Model& model, const std::vector<Model::Entry>& own, const std::string& subject,
                      const std::string& path) {
    if (model.info == nullptr) return;
    const std::size_t before = builder_.diagnostics.size();
    std::vector<Model::Entry> all = model.settings;
    overlay(all, own);
    std::vector<snn::Setting> settings;
    for (const Model::Entry& entry : all) {
      builder_.places.set(path + "." + entry.setting.name, entry.name, entry.value);
      settings.push_back(entry.setting);
    }
    for (const snn::Fault& fault :
         snn::validate_settings(*model.info, settings, subject, path, std::nullopt, builder_.spec.dt)) {
      if (fault.path == path) {
        if (model.faulty) continue;
      } else {
        std::erase_if(all, [&](const Model::Entry& entry) { return path + "." + entry.setting.name == fault.path; });
      }
      const Places::Place place = builder_.places.find(fault.path);
      builder_.diagnostics.add(fault.names ? place.name : place.value, fault.message);
    }
    model.settings = std::move(all);
    model.faulty = model.faulty || builder_.diagnostics.size() != before;
  }

  const Node& section_;
  Builder& builder_;
  Model built_in_;
  std::vector<std::string> waiting_;
};

class PopulationReader {
 public:
  PopulationReader(const Member& member, Builder& builder)
      : member_(member),
        builder_(builder),
        subject_("population " + snn::in_quotes(member.key)),
        path_("populations." + member.key) {}

  void read() {
    const auto index = static_cast<std::uint32_t>(builder_.spec.populations.size());
    builder_.populations.push_back({0, Scope(&builder_.globals)});
    builder_.spec.populations.push_back({member_.key, 0, "", {}});
    builder_.places.set(path_, member_.origin, member_.value.origin);
    snn::PopulationSpec& spec = builder_.spec.populations.back();
    if (!expect_table(member_.value, subject_, builder_.diagnostics)) {
      builder_.places.set_reported(path_ + ".n");
      builder_.places.set_reported(path_ + ".model");
      return;
    }
    read_positions(member_.value, subject_, path_, builder_, spec);
    read_size(spec, builder_.populations.back());
    if (const Member* variables = member_.value.find("variables")) read_variables(variables->value, index, spec.n);

    std::vector<Model::Entry> settings;
    const Model* model = read_model();
    const snn::ModelInfo* info = model == nullptr ? nullptr : model->info;
    if (info == nullptr) {
      builder_.places.set_reported(path_ + ".model");
    } else {
      spec.model = info->name;
      settings = model->settings;
    }
    const std::size_t before = builder_.diagnostics.size();
    overlay(settings, read_settings(member_.value, subject_, info, kPopulationKeys, builder_.populations.back().scope,
                                    true, builder_));
    if (info == nullptr) return;
    for (Model::Entry& entry : settings) {
      builder_.places.set(path_ + "." + entry.setting.name, entry.name, entry.value);
      spec.settings.push_back(std::move(entry.setting));
    }
    if (model->faulty || builder_.diagnostics.size() != before) builder_.places.set_reported(path_);
  }

 private:
  void read_size(snn::PopulationSpec& spec, Population& population) {
    constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
    const auto size = [&](const char* key) -> std::optional<std::uint64_t> {
      const Member* member = member_.value.find(key);
      if (member == nullptr) return std::nullopt;
      builder_.places.set(path_ + "." + key, member->origin, member->value.origin);
      const auto value =
          read_count(member->value, subject_ + ": " + key, {builder_.diagnostics, population.scope}, kMost);
      if (!value) builder_.places.set_reported(path_ + "." + key);
      value ? population.scope.set(key, static_cast<double>(*value)) : population.scope.set_unusable(key);
      return value;
    };
    const auto full_size = size("full_size");
    auto n = size("n");
    if (member_.value.find("n") == nullptr) {
      n = full_size ? full_size : spec.positions ? number_of_places(*spec.positions) : std::nullopt;
      if (!n && member_.value.find("full_size") == nullptr && !builder_.places.is_reported(path_ + ".positions") &&
          lacks(member_.value, "n", kPopulationKeys)) {
        builder_.diagnostics.add(member_.value.origin, subject_ + ": n, the number of neurons, is missing");
      }
      if (!n) builder_.places.set_reported(path_ + ".n");
      n ? population.scope.set("n", static_cast<double>(*n)) : population.scope.set_unusable("n");
    }
    spec.n = static_cast<std::uint32_t>(n.value_or(0));
    population.full_size = full_size.value_or(spec.n);
    if (!full_size) population.scope.set("full_size", static_cast<double>(spec.n));
  }

  /// Names for expressions of this population: numbers, or one draw for every neuron.
  void read_variables(const Node& table, std::uint32_t population, std::uint32_t n) {
    const std::string where = subject_ + ": variables";
    if (!expect_table(table, where, builder_.diagnostics)) return;
    Scope& scope = builder_.populations[population].scope;
    for (const Member& variable : table.members) {
      const std::string name = where + ": " + variable.key;
      if (!is_usable_name(variable.key) || variable.key == "n" || variable.key == "full_size") {
        builder_.diagnostics.add(variable.origin,
                                 where + ": " + snn::in_quotes(variable.key) +
                                     " cannot be a name: it must consist of letters, digits "
                                     "and \"_\", begin with a letter, and not be pi, n, full_size or a function");
        continue;
      }
      scope.set_unusable(variable.key);
      const auto value = read_value(variable.value, name, {builder_.diagnostics, scope}, true);
      if (!value) continue;
      if (const auto* number = std::get_if<double>(&*value)) {
        scope.set(variable.key, *number);
      } else if (const auto* array = std::get_if<std::vector<double>>(&*value)) {
        if (has_right_length(*array, name, variable.value.origin, n)) scope.set(variable.key, *array);
      } else if (const auto& d = std::get<snn::Distribution>(*value); can_be_drawn(d, name, variable.value.origin, n)) {
        // Keyed by the name, so that other variables, and their order, leave the draws as they are.
        std::uint32_t item = 2166136261U;  // FNV-1a
        for (const char c : variable.key) item = (item ^ static_cast<unsigned char>(c)) * 16777619U;
        std::vector<double> values(n);
        snn::fill(d, builder_.spec.seed, snn::Purpose::variable, population, item, 0, values);
        scope.set(variable.key, std::move(values));
      }
    }
  }

  bool has_right_length(const std::vector<double>& values, const std::string& name, Origin origin, std::uint32_t n) {
    if (values.size() == n) return true;
    if (n > 0)
      builder_.diagnostics.add(
          origin, name + " has " + snn::counted(values.size(), "value") + " for " + snn::counted(n, "neuron"));
    return false;
  }

  bool can_be_drawn(const snn::Distribution& d, const std::string& name, Origin origin, std::uint32_t n) {
    if (const auto text = snn::fault(d)) {
      builder_.diagnostics.add(origin, name + " " + *text);
    } else if (n > kMostDrawn) {
      builder_.diagnostics.add(origin, name + ": a value for each of " + std::to_string(n) +
                                           " neurons is too much; parameters can be drawn without variables");
    } else {
      return n > 0;
    }
    return false;
  }

  const Model* read_model() {
    const Member* member = member_.value.find("model");
    if (member == nullptr) {
      if (lacks(member_.value, "model", kPopulationKeys)) {
        builder_.diagnostics.add(member_.value.origin,
                                 subject_ + ": model is missing; models are " + snn::listed(all_models()));
      }
      return nullptr;
    }
    builder_.places.set(path_ + ".model", member->origin, member->value.origin);
    const auto name = read_string(member->value, subject_ + ": model", builder_.diagnostics);
    if (!name) return nullptr;
    if (const auto found = builder_.models.find(*name); found != builder_.models.end()) return &found->second;
    if (const snn::ModelInfo* info = snn::find_model(*name)) {
      built_in_.info = info;
      return &built_in_;
    }
    builder_.diagnostics.add(member->value.origin,
                             subject_ + ": " + unknown_key("model", *name, "models are", all_models()));
    return nullptr;
  }

  [[nodiscard]] std::vector<std::string_view> all_models() const {
    std::vector<std::string_view> names;
    for (const auto& [name, model] : builder_.models) names.emplace_back(name);
    for (const std::string_view name : snn::model_names()) names.push_back(name);
    return names;
  }

  const Member& member_;
  Builder& builder_;
  std::string subject_;
  std::string path_;
  Model built_in_;
};

}  // namespace

void read_models(const Node& section, Builder& builder) {
  if (!expect_table(section, "[models]", builder.diagnostics)) return;
  ModelReader reader(section, builder);
  for (const Member& member : section.members) reader.read(member);
}

void read_populations(const Node& section, Builder& builder) {
  builder.places.set("populations", section.origin, section.origin);
  if (!expect_table(section, "[populations]", builder.diagnostics)) {
    builder.places.set_reported("populations");
    return;
  }
  for (const Member& member : section.members) PopulationReader(member, builder).read();
}

}  // namespace neuract::config
