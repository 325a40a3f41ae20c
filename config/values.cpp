#include "neuract/config/values.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "neuract/config/hints.hpp"
#include "neuract/snn/nearest_name.hpp"
#include "neuract/snn/number_text.hpp"

namespace neuract::config {
namespace {

using snn::Distribution;

/// The distributions of the file: how they are called, what they take in which order, and which of it may be left out.
struct DistributionForm {
  std::string_view name;
  Distribution::Kind kind;
  std::vector<std::string_view> arguments;
  std::size_t required;
};

const std::vector<DistributionForm>& distribution_forms() {
  static const std::vector<DistributionForm> forms = {
      {"uniform", Distribution::Kind::uniform, {"low", "high"}, 2},
      {"normal", Distribution::Kind::normal, {"mean", "std"}, 2},
      {"normal_clipped", Distribution::Kind::normal_clipped, {"mean", "std", "low", "high"}, 2},
      {"normal_clipped_to_boundary", Distribution::Kind::normal_clipped_to_boundary, {"mean", "std", "low", "high"}, 2},
      {"lognormal", Distribution::Kind::lognormal, {"mean", "std"}, 2},
      {"exponential", Distribution::Kind::exponential, {"mean"}, 1},
  };
  return forms;
}

void expected(const Node& node, const std::string& subject, const std::string& what, Diagnostics& diagnostics) {
  std::string text = subject + ": expected " + what + ", got " + describe(node);
  if (node.is(Node::Kind::string) && what.rfind("a number", 0) == 0) text += hint_for_text(node.string);
  diagnostics.add(node.origin, text);
}

/// The value of a string that begins with "=", or nothing and a report (unless the cause has been reported already).
std::optional<Operand> evaluate_at(const Node& node, const std::string& subject, const Context& context) {
  Result<Operand> result = evaluate(node.string, context.scope);
  if (result) return *std::move(result);
  if (result.error().code != ErrorCode::cancelled)
    context.diagnostics.add(node.origin, subject + ": " + result.error().message);
  return std::nullopt;
}

bool is_expression_node(const Node& node) { return node.is(Node::Kind::string) && is_expression(node.string); }

/// `form` as the user writes it: "[mean, std]".
std::string usage(const DistributionForm& form) {
  std::string text = "{ " + std::string(form.name) + " = [";
  for (std::size_t i = 0; i < form.arguments.size(); ++i) {
    text += (i == 0 ? "" : ", ") + std::string(form.arguments[i]);
  }
  return text + "] }";
}

/// Arguments by position, by name or (when there is one) alone; absent ones are nothing.
std::optional<std::vector<std::optional<double>>> read_arguments(const DistributionForm& form, const Node& node,
                                                                 const std::string& subject, const Context& context) {
  std::vector<std::optional<double>> values(form.arguments.size());
  bool fine = true;
  const auto read = [&](std::size_t i, const Node& argument) {
    values[i] = read_number(argument, subject + ": " + std::string(form.arguments[i]), context);
    fine = fine && values[i].has_value();
  };
  const auto wrong_count = [&](const std::string& given) {
    context.diagnostics.add(node.origin, subject + ": expected " + usage(form) + ", got " + given);
    return std::nullopt;
  };

  if (node.is(Node::Kind::array)) {
    if (node.items.size() < form.required || node.items.size() > form.arguments.size()) {
      return wrong_count(snn::counted(node.items.size(), "value"));
    }
    for (std::size_t i = 0; i < node.items.size(); ++i) read(i, node.items[i]);
  } else if (node.is(Node::Kind::table)) {
    expect_keys(node, subject, form.arguments, context.diagnostics);
    for (std::size_t i = 0; i < form.arguments.size(); ++i) {
      if (const Member* member = node.find(form.arguments[i])) {
        read(i, member->value);
      } else if (i < form.required) {
        context.diagnostics.add(
            node.origin, subject + ": " + std::string(form.arguments[i]) + " is missing; expected " + usage(form));
        fine = false;
      }
    }
  } else if (form.arguments.size() == 1) {
    read(0, node);
  } else {
    return wrong_count(describe(node));
  }
  if (!fine) return std::nullopt;
  return values;
}

std::optional<Distribution> read_distribution(const Node& table, const std::string& subject, const Context& context) {
  std::vector<std::string_view> names;
  for (const DistributionForm& form : distribution_forms()) names.push_back(form.name);
  if (table.members.size() != 1) {
    context.diagnostics.add(table.origin, subject + ": expected a table with one distribution (" + snn::listed(names) +
                                              "), got " + snn::counted(table.members.size(), "key"));
    return std::nullopt;
  }
  const Member& member = table.members.front();
  const auto form = std::find_if(distribution_forms().begin(), distribution_forms().end(),
                                 [&](const DistributionForm& f) { return f.name == member.key; });
  if (form == distribution_forms().end()) {
    context.diagnostics.add(member.origin,
                            subject + ": " + unknown_key("distribution", member.key, "distributions are", names));
    return std::nullopt;
  }
  const auto arguments = read_arguments(*form, member.value, subject + ": " + member.key, context);
  if (!arguments) return std::nullopt;
  Distribution d;
  d.kind = form->kind;
  d.a = *(*arguments)[0];
  d.b = arguments->size() > 1 ? *(*arguments)[1] : 0.0;
  if (arguments->size() == 4) {
    d.low = (*arguments)[2].value_or(d.low);
    d.high = (*arguments)[3].value_or(d.high);
  }
  return d;
}

}  // namespace

void expect_keys(const Node& table, const std::string& subject, std::span<const std::string_view> known,
                 Diagnostics& diagnostics) {
  for (const Member& member : table.members) {
    if (std::find(known.begin(), known.end(), member.key) == known.end()) {
      diagnostics.add(member.origin, subject + ": " + unknown_key("key", member.key, "known are", known));
    }
  }
}

void expect_keys(const Node& table, const std::string& subject, std::initializer_list<std::string_view> known,
                 Diagnostics& diagnostics) {
  expect_keys(table, subject, std::span(known.begin(), known.size()), diagnostics);
}

bool lacks(const Node& table, std::string_view key, std::span<const std::string_view> known) {
  return std::none_of(table.members.begin(), table.members.end(), [&](const Member& member) {
    if (member.key == key) return true;
    return std::find(known.begin(), known.end(), member.key) == known.end() && meant_name(member.key, known) == key;
  });
}

bool expect_table(const Node& node, const std::string& subject, Diagnostics& diagnostics) {
  if (node.is(Node::Kind::table)) return true;
  expected(node, subject, "a table", diagnostics);
  return false;
}

bool expect_tables(const Node& section, const std::string& name, const std::string& thing, Diagnostics& diagnostics) {
  if (section.is(Node::Kind::array)) return true;
  diagnostics.add(section.origin, name + ": expected [[" + name + "]] in double brackets, once for every " + thing);
  return false;
}

std::optional<bool> read_boolean(const Node& node, const std::string& subject, Diagnostics& diagnostics) {
  if (node.is(Node::Kind::boolean)) return node.boolean;
  diagnostics.add(node.origin, subject + ": expected true or false, got " + describe(node));
  return std::nullopt;
}

std::optional<std::string> read_string(const Node& node, const std::string& subject, Diagnostics& diagnostics) {
  if (node.is(Node::Kind::string)) return node.string;
  diagnostics.add(node.origin, subject + ": expected a string, got " + describe(node));
  return std::nullopt;
}

std::optional<double> read_number(const Node& node, const std::string& subject, const Context& context) {
  if (node.is_number()) return node.number();
  if (!is_expression_node(node)) {
    expected(node, subject, "a number", context.diagnostics);
    return std::nullopt;
  }
  const std::optional<Operand> result = evaluate_at(node, subject, context);
  if (!result) return std::nullopt;
  if (const auto* number = std::get_if<double>(&*result)) return *number;
  context.diagnostics.add(node.origin, subject + ": expression " + snn::in_quotes(node.string) +
                                           " gives one value per neuron, expected a single number");
  return std::nullopt;
}

std::optional<std::uint64_t> read_count(const Node& node, const std::string& subject, const Context& context,
                                        std::uint64_t most) {
  const auto complain = [&](const std::string& what) {
    context.diagnostics.add(node.origin,
                            subject + ": expected a whole number from 0 to " + std::to_string(most) + ", got " + what);
    return std::nullopt;
  };
  if (node.is(Node::Kind::integer)) {
    if (node.integer < 0 || static_cast<std::uint64_t>(node.integer) > most)
      return complain(std::to_string(node.integer));
    return static_cast<std::uint64_t>(node.integer);
  }
  const std::optional<double> number = read_number(node, subject, context);
  if (!number) return std::nullopt;
  const double whole = std::round(*number);
  // Sums and products of decimal fractions miss whole numbers by a few units in the last place.
  if (!(std::abs(*number - whole) <= 1e-9 * std::max(1.0, std::abs(whole)))) {
    std::string text = snn::short_text(*number, 10);
    if (is_expression_node(node))
      text += " from " + snn::in_quotes(node.string) + "; \"= round(…)\" gives a whole number";
    return complain(text);
  }
  // 2^53 and beyond, a double does not count; and `most` may not be representable.
  if (whole < 0.0 || whole > 9007199254740992.0 || static_cast<std::uint64_t>(whole) > most)
    return complain(snn::number_text(*number));
  return static_cast<std::uint64_t>(whole);
}

std::optional<snn::Value> read_value(const Node& node, const std::string& subject, const Context& context,
                                     bool setting) {
  if (node.is_number()) return snn::Value(node.number());
  if (node.is(Node::Kind::boolean) && setting) return snn::Value(node.boolean ? 1.0 : 0.0);
  if (node.is(Node::Kind::table)) {
    const std::optional<Distribution> d = read_distribution(node, subject, context);
    return d ? std::optional<snn::Value>(*d) : std::nullopt;
  }
  const char* what = setting ? "a number, an expression, a distribution or an array of numbers"
                             : "a number, an expression or a distribution";
  if (is_expression_node(node)) {
    std::optional<Operand> result = evaluate_at(node, subject, context);
    if (!result) return std::nullopt;
    if (const auto* number = std::get_if<double>(&*result)) return snn::Value(*number);
    if (setting) return snn::Value(std::get<std::vector<double>>(*std::move(result)));
    context.diagnostics.add(node.origin, subject + ": expression " + snn::in_quotes(node.string) +
                                             " gives one value per neuron, expected a single number");
    return std::nullopt;
  }
  if (node.is(Node::Kind::array) && setting) {
    std::vector<double> values;
    for (const Node& item : node.items) {
      const std::optional<double> value = read_number(item, subject, context);
      if (!value) return std::nullopt;
      values.push_back(*value);
    }
    return snn::Value(std::move(values));
  }
  expected(node, subject, what, context.diagnostics);
  return std::nullopt;
}

std::vector<Name> read_names(const Node& node, const std::string& subject, Diagnostics& diagnostics) {
  std::vector<Name> names;
  if (node.is(Node::Kind::string)) {
    names.push_back({node.string, node.origin});
  } else if (node.is(Node::Kind::array) && !node.items.empty()) {
    for (const Node& item : node.items) {
      if (item.is(Node::Kind::string)) {
        names.push_back({item.string, item.origin});
      } else {
        diagnostics.add(item.origin, subject + ": expected a name in quotes, got " + describe(item));
      }
    }
  } else {
    diagnostics.add(node.origin, subject + ": expected a name or an array of names, got " + describe(node));
  }
  return names;
}

std::vector<std::uint32_t> read_neurons(const Node& node, const std::string& subject, const Context& context,
                                        std::uint32_t n) {
  constexpr std::uint64_t kMost = UINT32_MAX;
  std::vector<std::uint32_t> neurons;
  if (node.is(Node::Kind::array) && !node.items.empty()) {
    for (const Node& item : node.items) {
      if (const auto index = read_count(item, subject, context, kMost))
        neurons.push_back(static_cast<std::uint32_t>(*index));
    }
    return neurons;
  }
  const Member* first = node.find("first");
  const Member* count = node.find("count");
  if (!node.is(Node::Kind::table) || count == nullptr) {
    context.diagnostics.add(
        node.origin,
        subject + ": expected an array like [0, 5, 7] or { first = 0, count = 10 }, got " + describe(node));
    return neurons;
  }
  expect_keys(node, subject, {"first", "count"}, context.diagnostics);
  const auto begin = first == nullptr ? std::optional<std::uint64_t>(0)
                                      : read_count(first->value, subject + ": first", context, kMost);
  const auto length = read_count(count->value, subject + ": count", context, kMost);
  if (!begin || !length || n == 0) return neurons;
  if (*length == 0) {
    context.diagnostics.add(count->value.origin, subject + ": count is 0; leave neurons out to choose all");
  } else if (*begin + *length > n) {
    context.diagnostics.add(node.origin, subject + ": these are neurons " + std::to_string(*begin) + " to " +
                                             std::to_string(*begin + *length - 1) + ", the population has 0 to " +
                                             std::to_string(n - 1));
  } else {
    for (std::uint64_t i = 0; i < *length; ++i) neurons.push_back(static_cast<std::uint32_t>(*begin + i));
  }
  return neurons;
}

}  // namespace neuract::config
