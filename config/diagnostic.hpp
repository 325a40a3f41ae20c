#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "neuract/snn/nearest_name.hpp"

namespace neuract::config {

/// Where something was said: in the file (line and column count from 1), or by an Override.
struct Origin {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::int32_t option = -1;  ///< index of the Override; -1 = in the file

  friend bool operator==(const Origin&, const Origin&) = default;
  /// In the order of the file, overrides last.
  friend bool operator<(const Origin& a, const Origin& b) {
    return std::tie(a.option, a.line, a.column) < std::tie(b.option, b.line, b.column);
  }
};

/// A change to the file from outside: "a.b=value" (or "g=4" for a constant), and how the user wrote it.
struct Override {
  Override(const char* text) : Override(std::string(text)) {}
  Override(const std::string& text) : Override(text, "--set " + text) {}
  Override(std::string text, std::string written) : assignment(std::move(text)), option(std::move(written)) {}

  std::string assignment;
  std::string option;
};

struct Diagnostic {
  Origin origin;
  std::string message;

  friend bool operator==(const Diagnostic&, const Diagnostic&) = default;
};

/// Collects everything that is wrong with a file, so that it can be reported in one go.
class Diagnostics {
 public:
  /// Names from the file may hold anything: control characters are shown as such.
  void add(Origin origin, const std::string& message) { list_.push_back({origin, snn::printable(message)}); }
  [[nodiscard]] bool empty() const noexcept { return list_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return list_.size(); }

  /// In the order of the file, overrides last; what several parts of one table have in common is said once.
  [[nodiscard]] std::vector<Diagnostic> sorted() const;

 private:
  std::vector<Diagnostic> list_;
};

/// "net.toml:12:9: message", or "--set g=x: message" for what an override said.
std::string to_string(const Diagnostic& diagnostic, const std::string& filename,
                      const std::vector<Override>& overrides);

}  // namespace neuract::config
