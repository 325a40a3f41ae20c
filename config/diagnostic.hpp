#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace neuract::config {

/// Where something was said: in the file (line and column count from 1), or by a --set option.
struct Origin {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::int32_t option = -1;  ///< index of the --set option; -1 = in the file

  friend auto operator<=>(const Origin&, const Origin&) = default;
};

struct Diagnostic {
  Origin origin;
  std::string message;

  friend bool operator==(const Diagnostic&, const Diagnostic&) = default;
};

/// Collects everything that is wrong with a file, so that it can be reported in one go.
class Diagnostics {
 public:
  void add(Origin origin, std::string message) { list_.push_back({origin, std::move(message)}); }
  [[nodiscard]] bool empty() const noexcept { return list_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return list_.size(); }

  /// In the order of the file, options last; what several parts of one table have in common is said once.
  [[nodiscard]] std::vector<Diagnostic> sorted() const;

 private:
  std::vector<Diagnostic> list_;
};

/// "net.toml:12:9: message", or "--set g=x: message" for what an option said.
std::string to_string(const Diagnostic& diagnostic, const std::string& filename,
                      const std::vector<std::string>& options);

}  // namespace neuract::config
