#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "neuract/config/diagnostic.hpp"

/// A TOML document as a plain tree in which every key and value knows where it was written.
namespace neuract::config {

struct Member;

struct Node {
  enum class Kind : std::uint8_t { boolean, integer, real, string, array, table, date };

  Kind kind = Kind::table;
  Origin origin;
  bool boolean = false;
  std::int64_t integer = 0;
  double real = 0.0;
  std::string string;
  std::vector<Node> items;      ///< of an array
  std::vector<Member> members;  ///< of a table, in the order of the file

  [[nodiscard]] bool is(Kind k) const noexcept { return kind == k; }
  [[nodiscard]] bool is_number() const noexcept { return kind == Kind::integer || kind == Kind::real; }
  [[nodiscard]] double number() const noexcept { return kind == Kind::integer ? static_cast<double>(integer) : real; }
  /// The member of that name, or null.
  [[nodiscard]] const Member* find(std::string_view key) const noexcept;
  [[nodiscard]] Member* find(std::string_view key) noexcept;
  [[nodiscard]] std::vector<std::string_view> keys() const;
};

struct Member {
  std::string key;
  Origin origin;  ///< of the key
  Node value;
};

/// What was given, in words: `the string "10 ms"`, `3`, `an array`.
std::string describe(const Node& node);

/// The root table; an empty one after a syntax error, which is then in `diagnostics` (TOML readers stop at the first).
Node parse_toml(std::string_view text, Diagnostics& diagnostics);

/// Puts the overrides into the tree, in order. A value that is not TOML is
/// taken as a string.
void apply_overrides(Node& root, const std::vector<Override>& overrides, Diagnostics& diagnostics);

}  // namespace neuract::config
