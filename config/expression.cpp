#include "neuract/config/expression.hpp"

#include <muParser.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <numbers>
#include <utility>

#include "neuract/snn/nearest_name.hpp"
#include "neuract/snn/number_text.hpp"

namespace neuract::config {
namespace {

double parser_round(double x) { return std::round(x); }
double parser_floor(double x) { return std::floor(x); }
double parser_ceil(double x) { return std::ceil(x); }

mu::Parser make_parser() {
  mu::Parser parser;
  parser.ClearConst();  // muParser's _pi and _e
  parser.DefineConst("pi", std::numbers::pi);
  parser.DefineFun("round", parser_round);
  parser.DefineFun("floor", parser_floor);
  parser.DefineFun("ceil", parser_ceil);
  return parser;
}

std::string_view body(std::string_view text) {
  text.remove_prefix(text.find('=') + 1);
  const std::size_t first = text.find_first_not_of(" \t");
  return first == std::string_view::npos ? std::string_view() : text.substr(first);
}

std::string subject(std::string_view text) { return "expression " + snn::in_quotes(text); }

/// What muParser would accept but nobody means: assignments, several results, quotes.
std::string unwanted(std::string_view text) {
  if (text.empty()) return "there is nothing after the \"=\"";
  if (text.size() > 4000) return "it is longer than 4000 characters";
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const char before = i == 0 ? ' ' : text[i - 1];
    const char after = i + 1 == text.size() ? ' ' : text[i + 1];
    if (c == '(') ++depth;
    if (c == ')') --depth;
    if (c == ',' && depth <= 0) return "\",\" only separates the arguments of a function; decimals take a point";
    if (c == '"' || c == '\'') return "it must not contain quotes";
    if (c == '*' && after == '*') return "powers are written with \"^\"";
    if (c == '%') return "there is no \"%\"";
    if (c == '=' && after != '=' && before != '=' && before != '<' && before != '>' && before != '!') {
      return "\"=\" is only allowed at the beginning; to compare, write \"==\"";
    }
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f)
      return "it may contain ASCII characters only";
  }
  return {};
}

std::string readable(const mu::ParserError& error) {
  std::string text = error.GetMsg();
  while (!text.empty() && (text.back() == '.' || text.back() == ' ' || text.back() == '\n')) text.pop_back();
  if (!text.empty()) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

/// Runs `work` with a parser that has read the expression.
template <class T, class Work>
Result<T> with_parser(std::string_view text, Work&& work) {
  if (const std::string reason = unwanted(body(text)); !reason.empty())
    return fail(ErrorCode::parse, subject(text), ": ", reason);
  try {
    mu::Parser parser = make_parser();
    parser.SetExpr(std::string(body(text)));
    return work(parser);
  } catch (const mu::ParserError& error) {
    return fail(ErrorCode::parse, subject(text), ": ", readable(error));
  }
}

}  // namespace

void Scope::set(const std::string& name, double value) { names_[name].emplace<double>(value); }
void Scope::set(const std::string& name, std::vector<double> values) {
  names_[name].emplace<std::vector<double>>(std::move(values));
}
void Scope::set_unusable(const std::string& name) { names_[name].emplace<Unusable>(); }

const Operand* Scope::find(std::string_view name) const noexcept {
  for (const Scope* scope = this; scope != nullptr; scope = scope->outer_) {
    if (const auto found = scope->names_.find(name); found != scope->names_.end()) return &found->second;
  }
  return nullptr;
}

std::vector<std::string_view> Scope::names() const {
  std::vector<std::string_view> names;
  for (const Scope* scope = this; scope != nullptr; scope = scope->outer_) {
    for (const auto& [name, value] : scope->names_) {
      if (!std::holds_alternative<Unusable>(value)) names.emplace_back(name);
    }
  }
  return names;
}

bool is_expression(std::string_view text) noexcept {
  const std::size_t first = text.find_first_not_of(" \t");
  return first != std::string_view::npos && text[first] == '=';
}

bool is_usable_name(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  if (name.empty() || name.size() > 100 || !letter(name.front())) return false;
  if (!std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); })) return false;
  const mu::Parser parser = make_parser();
  return parser.GetFunDef().count(std::string(name)) == 0 && parser.GetConst().count(std::string(name)) == 0;
}

Result<std::vector<std::string>> names_in(std::string_view text) {
  return with_parser<std::vector<std::string>>(text, [](mu::Parser& parser) {
    std::vector<std::string> names;
    for (const auto& [name, where] : parser.GetUsedVar()) names.push_back(name);
    return names;
  });
}

Result<Operand> evaluate(std::string_view text, const Scope& scope) {
  NEURACT_TRY_ASSIGN(const std::vector<std::string> names, names_in(text));
  std::vector<double> slots(names.size());  // what muParser reads; must not move
  std::vector<const std::vector<double>*> arrays(names.size(), nullptr);
  std::size_t neurons = 0;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const Operand* operand = scope.find(names[i]);
    if (operand == nullptr) {
      return fail(ErrorCode::not_found, subject(text), ": ",
                  snn::unknown_name("name", names[i], "known here are", scope.names()));
    }
    if (std::holds_alternative<Unusable>(*operand)) return fail(ErrorCode::cancelled, "");
    if (const auto* number = std::get_if<double>(operand)) slots[i] = *number;
    if (const auto* array = std::get_if<std::vector<double>>(operand)) {
      arrays[i] = array;
      neurons = array->size();
    }
  }
  return with_parser<Operand>(text, [&](mu::Parser& parser) -> Result<Operand> {
    for (std::size_t i = 0; i < names.size(); ++i) parser.DefineVar(names[i], &slots[i]);
    const auto one = [&]() -> Result<double> {
      const double value = parser.Eval();
      if (!std::isfinite(value)) return fail(ErrorCode::parse, subject(text), " gives ", snn::number_text(value));
      return value;
    };
    if (std::all_of(arrays.begin(), arrays.end(), [](const auto* array) { return array == nullptr; })) {
      NEURACT_TRY_ASSIGN(const double value, one());
      return Operand(value);
    }
    std::vector<double> values(neurons);
    for (std::size_t neuron = 0; neuron < neurons; ++neuron) {
      for (std::size_t i = 0; i < names.size(); ++i) {
        if (arrays[i] != nullptr) slots[i] = (*arrays[i])[neuron];
      }
      NEURACT_TRY_ASSIGN(values[neuron], one());
    }
    return Operand(std::move(values));
  });
}

}  // namespace neuract::config
