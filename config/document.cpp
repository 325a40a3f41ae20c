#include "neuract/config/document.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <utility>

#include "neuract/snn/nearest_name.hpp"
#include "neuract/snn/number_text.hpp"

namespace neuract::config {
namespace {

Origin origin_of(const toml::source_position& position) { return {position.line, position.column, -1}; }

Node convert(const toml::node& from) {
  Node node;
  node.origin = origin_of(from.source().begin);
  if (const auto* table = from.as_table()) {
    node.kind = Node::Kind::table;
    node.members.reserve(table->size());
    for (auto&& [key, value] : *table) {
      node.members.push_back({std::string(key.str()), origin_of(key.source().begin), convert(value)});
    }
    // toml++ keeps tables in alphabetical order; the file's order decides the order of populations and messages.
    std::stable_sort(node.members.begin(), node.members.end(),
                     [](const Member& a, const Member& b) { return a.origin < b.origin; });
  } else if (const auto* array = from.as_array()) {
    node.kind = Node::Kind::array;
    node.items.reserve(array->size());
    for (const toml::node& item : *array) node.items.push_back(convert(item));
  } else if (const auto* string = from.as_string()) {
    node.kind = Node::Kind::string;
    node.string = string->get();
  } else if (const auto* integer = from.as_integer()) {
    node.kind = Node::Kind::integer;
    node.integer = integer->get();
  } else if (const auto* real = from.as_floating_point()) {
    node.kind = Node::Kind::real;
    node.real = real->get();
  } else if (const auto* boolean = from.as_boolean()) {
    node.kind = Node::Kind::boolean;
    node.boolean = boolean->get();
  } else {
    node.kind = Node::Kind::date;
  }
  return node;
}

}  // namespace

const Member* Node::find(std::string_view key) const noexcept {
  const auto found = std::find_if(members.begin(), members.end(), [&](const Member& m) { return m.key == key; });
  return found == members.end() ? nullptr : &*found;
}

Member* Node::find(std::string_view key) noexcept { return const_cast<Member*>(std::as_const(*this).find(key)); }

std::vector<std::string_view> Node::keys() const {
  std::vector<std::string_view> names;
  for (const Member& m : members) names.emplace_back(m.key);
  return names;
}

std::string describe(const Node& node) {
  switch (node.kind) {
    case Node::Kind::boolean: return node.boolean ? "true" : "false";
    case Node::Kind::integer: return std::to_string(node.integer);
    case Node::Kind::real: return snn::number_text(node.real);
    case Node::Kind::string: return "the string " + snn::in_quotes(node.string);
    case Node::Kind::array: return node.items.empty() ? "an empty array" : "an array";
    case Node::Kind::table: return "a table";
    case Node::Kind::date: return "a date or time";
  }
  return "something else";
}

Node parse_toml(std::string_view text, Diagnostics& diagnostics) {
  try {
    return convert(toml::parse(text));
  } catch (const toml::parse_error& error) {
    diagnostics.add(origin_of(error.source().begin), "not valid TOML: " + std::string(error.description()));
    return {};
  }
}

}  // namespace neuract::config
