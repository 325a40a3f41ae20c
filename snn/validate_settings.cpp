#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "neuract/snn/distribution.hpp"
#include "neuract/snn/nearest_name.hpp"
#include "neuract/snn/number_text.hpp"
#include "neuract/snn/validate.hpp"

namespace neuract::snn {
namespace {

/// What `check` asks for in words, when numbers from `low` to `high` do not all satisfy it.
const char* violated(Check check, double low, double high) {
  switch (check) {
    case Check::any: return nullptr;
    case Check::positive: return low > 0.0 ? nullptr : "must be positive";
    case Check::non_negative: return low >= 0.0 ? nullptr : "must not be negative";
    case Check::boolean: return low == high && (low == 0.0 || low == 1.0) ? nullptr : "must be true or false";
  }
  return nullptr;
}

std::string unit_suffix(const char* unit) { return *unit == '\0' ? "" : std::string(" ") + unit; }

/// Faults of one setting by itself.
class SettingChecker {
 public:
  SettingChecker(const char* unit, Check check, bool infinite_allowed, std::optional<std::uint32_t> n)
      : unit_(unit), check_(check), infinite_allowed_(infinite_allowed), n_(n) {}

  std::optional<std::string> operator()(double value) const {
    if (std::isnan(value) || (std::isinf(value) && !infinite_allowed_))
      return "is " + number_text(value) + ", expected a finite number";
    const char* rule = violated(check_, value, value);
    if (rule == nullptr) return std::nullopt;
    return "is " + number_text(value) + unit_suffix(unit_) + ", " + rule;
  }

  std::optional<std::string> operator()(const Distribution& d) const {
    if (auto text = fault(d)) return *text;
    const auto [low, high] = Sampler(d).support();
    const char* rule = violated(check_, low, high);
    if (rule == nullptr) return std::nullopt;
    if (check_ == Check::boolean) return std::string(rule) + ", and cannot be drawn";
    return std::string(rule) + ", but draws can be as low as " + short_text(low) + unit_suffix(unit_) +
           "; normal_clipped takes a bound \"low\"";
  }

  std::optional<std::string> operator()(const std::vector<double>& values) const {
    if (!n_) return "is an array; only a population knows how many values it needs";
    if (values.size() != *n_) {
      return "has " + counted(values.size(), "value") + " for " + counted(*n_, "neuron");
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (auto text = (*this)(values[i])) return "of neuron " + std::to_string(i) + " " + *text;
    }
    return std::nullopt;
  }

 private:
  const char* unit_;
  Check check_;
  bool infinite_allowed_;
  std::optional<std::uint32_t> n_;
};

/// Faults of the parameters in combination. Arrays are looked at neuron by neuron, distributions at both of their ends.
std::vector<std::string> combined_faults(const ModelInfo& model, std::span<const Setting* const> parameters) {
  std::vector<double> values;
  for (const ParameterInfo& p : model.parameters) values.push_back(p.default_value);
  std::size_t neurons = 1;
  bool drawn = false;
  for (const Setting* s : parameters) {
    drawn = drawn || std::holds_alternative<Distribution>(s->value);
    if (const auto* array = std::get_if<std::vector<double>>(&s->value)) neurons = array->size();  // n, all of them
  }
  // With k distributions there are 2^k corners; few checks concern more than two parameters, so four patterns reach
  // what matters.
  if (neurons == 0) return {};
  for (unsigned corner = 0; corner < (drawn ? 4U : 1U); ++corner) {
    for (std::size_t neuron = 0; neuron < neurons; ++neuron) {
      unsigned index = 0;
      for (const Setting* s : parameters) {
        const auto slot = static_cast<std::size_t>(find_parameter(model, s->name));
        if (const auto* number = std::get_if<double>(&s->value)) values[slot] = *number;
        if (const auto* array = std::get_if<std::vector<double>>(&s->value)) values[slot] = (*array)[neuron];
        if (const auto* d = std::get_if<Distribution>(&s->value)) {
          const auto [low, high] = Sampler(*d).support();
          values[slot] = ((corner >> (index++ % 2)) & 1U) != 0 ? high : low;
        }
      }
      std::vector<std::string> faults = model.check_together(values);
      if (faults.empty()) continue;
      for (std::string& text : faults) {
        if (neurons > 1) text += " (neuron " + std::to_string(neuron) + ")";
        if (drawn) text += " (for some of the values that can be drawn)";
      }
      return faults;
    }
  }
  return {};
}

}  // namespace

std::vector<Fault> validate_settings(const ModelInfo& model, std::span<const Setting> settings,
                                     std::string_view subject, std::string_view path, std::optional<std::uint32_t> n,
                                     double dt) {
  std::vector<Fault> faults;
  const auto add = [&](const std::string& name, const std::string& text, bool names = false) {
    faults.push_back({std::string(path) + (name.empty() ? "" : "." + name), std::string(subject) + ": " + text, names});
  };

  std::set<std::string_view> seen;
  std::vector<const Setting*> parameters;  // those that are fine by themselves
  for (const Setting& setting : settings) {
    const int parameter = find_parameter(model, setting.name);
    const int state = find_state(model, setting.name);
    if (parameter < 0 && state < 0) {
      std::vector<std::string_view> known = parameter_names(model);
      for (const std::string_view name : state_names(model)) known.push_back(name);
      add(setting.name, unknown_name("parameter", setting.name, std::string(model.name) + " has", known), true);
      continue;
    }
    if (!seen.insert(setting.name).second) {
      add(setting.name, setting.name + " is set twice", true);
      continue;
    }
    std::optional<std::string> text;
    if (parameter >= 0) {
      const ParameterInfo& info = model.parameters[static_cast<std::size_t>(parameter)];
      text = std::visit(SettingChecker(info.unit, info.check, std::isinf(info.default_value), n), setting.value);
    } else {
      text = std::visit(SettingChecker(model.states[static_cast<std::size_t>(state)].unit, Check::any, false, n),
                        setting.value);
    }
    if (!text && setting.name == "t_ref") {
      // A refractory period is counted in steps: one that rounds to none would silently be another model.
      if (const auto* t_ref = std::get_if<double>(&setting.value);
          t_ref != nullptr && *t_ref > 0.0 && *t_ref < dt * (1.0 - 1e-9)) {
        text = "is " + number_text(*t_ref) + " ms, shorter than one step of " + number_text(dt) + " ms; 0 means none";
      }
    }
    if (text) {
      add(setting.name, setting.name + " " + *text);
    } else if (parameter >= 0) {
      parameters.push_back(&setting);
    }
  }
  // Values that are wrong by themselves would only be reported once more.
  if (faults.empty() && model.check_together != nullptr) {
    for (const std::string& text : combined_faults(model, parameters)) add("", text);
  }
  return faults;
}

std::vector<std::string_view> model_names() {
  std::vector<std::string_view> names;
  for (const ModelInfo* model : models()) names.emplace_back(model->name);
  return names;
}

std::vector<std::string_view> parameter_names(const ModelInfo& model) {
  std::vector<std::string_view> names;
  for (const ParameterInfo& p : model.parameters) names.emplace_back(p.name);
  return names;
}

std::vector<std::string_view> state_names(const ModelInfo& model) {
  std::vector<std::string_view> names;
  for (const StateInfo& s : model.states) names.emplace_back(s.name);
  return names;
}

bool on_grid(double ms, double dt) noexcept {
  const double steps = ms / dt;
  return std::abs(steps - std::round(steps)) <= 1e-6 + 1e-15 * std::abs(steps);
}

}  // namespace neuract::snn
