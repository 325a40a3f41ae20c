#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "neuract/config/diagnostic.hpp"
#include "neuract/config/document.hpp"
#include "neuract/config/expression.hpp"
#include "neuract/snn/spec.hpp"

/// Nodes of the document as numbers, names and distributions. Whatever a function cannot read it reports once, as
/// `subject: expected …, got …` at the place where it stands, and returns nothing.
namespace neuract::config {

struct Context {
  Diagnostics& diagnostics;
  const Scope& scope;
};

/// Reports the keys of a table that are not among `known`.
void expect_keys(const Node& table, const std::string& subject, std::span<const std::string_view> known,
                 Diagnostics& diagnostics);
void expect_keys(const Node& table, const std::string& subject, std::initializer_list<std::string_view> known,
                 Diagnostics& diagnostics);

/// Whether the table has no `key`, nor anything unknown that seems to stand for it (and has been reported).
bool lacks(const Node& table, std::string_view key, std::span<const std::string_view> known);

/// Reports anything but a table.
bool expect_table(const Node& node, const std::string& subject, Diagnostics& diagnostics);
/// Reports anything but tables in double brackets, [[name]], one for every `thing`.
bool expect_tables(const Node& section, const std::string& name, const std::string& thing, Diagnostics& diagnostics);

std::optional<bool> read_boolean(const Node& node, const std::string& subject, Diagnostics& diagnostics);
std::optional<std::string> read_string(const Node& node, const std::string& subject, Diagnostics& diagnostics);

/// A number, or an expression that gives one.
std::optional<double> read_number(const Node& node, const std::string& subject, const Context& context);
/// A whole number from 0 to `most`, or an expression that gives one (but for rounding errors).
std::optional<std::uint64_t> read_count(const Node& node, const std::string& subject, const Context& context,
                                        std::uint64_t most);

/// A number, an expression or a table with one distribution; for a `setting` of a population also an array of numbers,
/// and true and false as 1 and 0.
std::optional<snn::Value> read_value(const Node& node, const std::string& subject, const Context& context,
                                     bool setting);

/// A string, or an array of strings, with their places.
struct Name {
  std::string text;
  Origin origin;
};
std::vector<Name> read_names(const Node& node, const std::string& subject, Diagnostics& diagnostics);

/// The neurons of a population of n that `[0, 5, 7]` or `{ first = 0, count = 10 }` chooses, ascending as written.
std::vector<std::uint32_t> read_neurons(const Node& node, const std::string& subject, const Context& context,
                                        std::uint32_t n);

}  // namespace neuract::config
