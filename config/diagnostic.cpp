#include "neuract/config/diagnostic.hpp"

#include <algorithm>

namespace neuract::config {

std::vector<Diagnostic> Diagnostics::sorted() const {
  std::vector<Diagnostic> result = list_;
  std::stable_sort(result.begin(), result.end(),
                   [](const Diagnostic& a, const Diagnostic& b) { return a.origin < b.origin; });
  std::vector<Diagnostic> unique;
  for (Diagnostic& d : result) {
    // Equal messages at one place are neighbours or nearly so; a file has few diagnostics.
    if (std::find(unique.begin(), unique.end(), d) == unique.end()) unique.push_back(std::move(d));
  }
  return unique;
}

std::string to_string(const Diagnostic& diagnostic, const std::string& filename,
                      const std::vector<Override>& overrides) {
  const Origin& at = diagnostic.origin;
  if (at.option >= 0) return overrides[static_cast<std::size_t>(at.option)].option + ": " + diagnostic.message;
  if (at.line == 0) return filename + ": " + diagnostic.message;
  return filename + ":" + std::to_string(at.line) + ":" + std::to_string(at.column) + ": " + diagnostic.message;
}

}  // namespace neuract::config
