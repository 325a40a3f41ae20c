#include <charconv>
#include <optional>
#include <utility>

#include "neuract/config/document.hpp"
#include "neuract/snn/nearest_name.hpp"

namespace neuract::config {
namespace {

struct Part {
  std::string key;
  std::optional<std::size_t> index;  ///< of an array: `projections[1]`
};

/// Splits `models.lif.V_reset`, `projections[1].weight`, `populations."my cells".n`. Nothing when it is not a key path.
std::optional<std::vector<Part>> split(std::string_view path) {
  std::vector<Part> parts;
  std::size_t i = 0;
  while (true) {
    Part part;
    if (i < path.size() && path[i] == '"') {
      const std::size_t end = path.find('"', i + 1);
      if (end == std::string_view::npos) return std::nullopt;
      part.key = path.substr(i + 1, end - i - 1);
      i = end + 1;
    } else {
      const std::size_t end = std::min(path.find_first_of(".[", i), path.size());
      part.key = path.substr(i, end - i);
      i = end;
    }
    if (part.key.empty()) return std::nullopt;
    parts.push_back(std::move(part));
    while (i < path.size() && path[i] == '[') {
      std::size_t index = 0;
      const auto [end, error] = std::from_chars(path.data() + i + 1, path.data() + path.size(), index);
      if (error != std::errc{} || end == path.data() + path.size() || *end != ']') return std::nullopt;
      parts.push_back({"", index});
      i = static_cast<std::size_t>(end - path.data()) + 1;
    }
    if (i == path.size()) return parts;
    if (path[i] != '.') return std::nullopt;
    ++i;
  }
}

void set_origin(Node& node, Origin origin) {
  node.origin = origin;
  for (Node& item : node.items) set_origin(item, origin);
  for (Member& member : node.members) {
    member.origin = origin;
    set_origin(member.value, origin);
  }
}

Node parse_value(std::string_view text, Origin origin) {
  Diagnostics ignored;
  Node node = parse_toml("value = " + std::string(text), ignored);
  Node value;
  if (node.members.size() == 1 && text.find('\n') == std::string_view::npos) {
    value = std::move(node.members.front().value);
  } else {
    value.kind = Node::Kind::string;
    value.string = text;
  }
  set_origin(value, origin);
  return value;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Walks down to the table that holds the last key of the path. Null, and a diagnostic, when the way does not exist.
Node* descend(Node& root, const std::vector<Part>& parts, Origin origin, Diagnostics& diagnostics) {
  Node* node = &root;
  std::string walked;
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    const Part& part = parts[i];
    if (part.index) {
      if (!node->is(Node::Kind::array) || *part.index >= node->items.size()) {
        diagnostics.add(origin, "there is no entry " + std::to_string(*part.index) + " in " + snn::in_quotes(walked) +
                                    (node->is(Node::Kind::array)
                                         ? ", it has " + std::to_string(node->items.size()) + " (counted from 0)"
                                         : ", it is not an array"));
        return nullptr;
      }
      node = &node->items[*part.index];
      walked += "[" + std::to_string(*part.index) + "]";
      continue;
    }
    if (!node->is(Node::Kind::table)) {
      diagnostics.add(origin, snn::in_quotes(walked) + " is not a table");
      return nullptr;
    }
    if (node->find(part.key) == nullptr) {
      const bool section = i == 0 && (part.key == "simulation" || part.key == "run");
      if (!section) {
        diagnostics.add(
            origin, snn::unknown_name("key", part.key, (walked.empty() ? "the file" : snn::in_quotes(walked)) + " has",
                                      node->keys()));
        return nullptr;
      }
      Node table;
      table.origin = origin;
      node->members.push_back({part.key, origin, std::move(table)});
    }
    node = &node->find(part.key)->value;
    walked += (walked.empty() ? "" : ".") + part.key;
  }
  return node;
}

void apply(Node& root, std::string_view option, Origin origin, Diagnostics& diagnostics) {
  const std::size_t equals = option.find('=');
  if (equals == std::string_view::npos) {
    diagnostics.add(origin, "expected KEY=VALUE, as in --set constants.g=4.5");
    return;
  }
  auto parts = split(trimmed(option.substr(0, equals)));
  if (!parts) {
    diagnostics.add(origin, "expected a key path like models.lif.V_reset or projections[1].weight before the \"=\"");
    return;
  }
  const bool shorthand = parts->size() == 1;
  if (shorthand) parts->insert(parts->begin(), Part{"constants", std::nullopt});
  Node value = parse_value(trimmed(option.substr(equals + 1)), origin);
  const bool constant = parts->size() == 2 && parts->front().key == "constants";
  const std::string& last = parts->back().key;

  if (constant) {
    // A constant that nothing defines is a slip of the pen: nothing would use it.
    Member* constants = root.find("constants");
    const bool known = constants != nullptr && constants->value.find(last) != nullptr;
    if (!known) {
      const auto names = constants == nullptr ? std::vector<std::string_view>{} : constants->value.keys();
      diagnostics.add(origin, snn::unknown_name("constant", last, "the file has", names) +
                                  (shorthand ? "; other settings take their full path, as in simulation.dt=0.1" : ""));
      return;
    }
  }
  Node* place = descend(root, *parts, origin, diagnostics);
  if (place == nullptr) return;
  if (const auto index = parts->back().index) {
    if (place->is(Node::Kind::array) && *index < place->items.size()) {
      place->items[*index] = std::move(value);
    } else {
      diagnostics.add(origin, "there is no entry " + std::to_string(*index) + " to set");
    }
  } else if (!place->is(Node::Kind::table)) {
    diagnostics.add(origin, snn::in_quotes(last) + " has no place here: what holds it is not a table");
  } else if (Member* member = place->find(last)) {
    member->origin = origin;
    member->value = std::move(value);
  } else {
    place->members.push_back({last, origin, std::move(value)});
  }
}

}  // namespace

void apply_overrides(Node& root, const std::vector<Override>& overrides, Diagnostics& diagnostics) {
  for (std::size_t i = 0; i < overrides.size(); ++i)
    apply(root, overrides[i].assignment, Origin{0, 0, static_cast<std::int32_t>(i)}, diagnostics);
}

}  // namespace neuract::config
