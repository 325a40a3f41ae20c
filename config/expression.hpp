#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "neuract/memory/result.hpp"

/// Arithmetic in the network file: strings that begin with "=", as in `weight = "= -g * J"`, read by muParser.
/// Operators + - * / ^ < <= > >= == != && || ?:, functions abs acos … sqrt exp ln log (natural) log2 log10 min max sum
/// avg rint sign, and round floor ceil.
namespace neuract::config {

/// What a name stands for: one number, one for every neuron, or something that was wrong and has been reported.
struct Unusable {};
using Operand = std::variant<double, std::vector<double>, Unusable>;

/// Names that an expression may use; what is not found here is looked up in the enclosing scope, which must outlive
/// this one.
class Scope {
 public:
  explicit Scope(const Scope* outer = nullptr) : outer_(outer) {}
  void set(const std::string& name, double value);
  void set(const std::string& name, std::vector<double> values);
  void set_unusable(const std::string& name);
  [[nodiscard]] const Operand* find(std::string_view name) const noexcept;
  /// All that can be used, the nearest first.
  [[nodiscard]] std::vector<std::string_view> names() const;

 private:
  const Scope* outer_;
  std::map<std::string, Operand, std::less<>> names_;
};

/// Whether a string is meant as an expression.
[[nodiscard]] bool is_expression(std::string_view text) noexcept;

/// Whether an expression could use the name: letters, digits and "_", not beginning with a digit, not one of the
/// functions.
[[nodiscard]] bool is_usable_name(std::string_view name);

/// The names that the expression uses, without the constants that are always there. Error: parse.
[[nodiscard]] Result<std::vector<std::string>> names_in(std::string_view text);

/// The value of an expression (with its "="): a number, or one per neuron when it uses a name that stands for one per
/// neuron. Errors: parse (with the reason); not_found (unknown name); cancelled when it uses something unusable: that
/// has been reported already.
[[nodiscard]] Result<Operand> evaluate(std::string_view text, const Scope& scope);

}  // namespace neuract::config
