#include "neuract/config/builder.hpp"

#include <algorithm>

#include "neuract/snn/nearest_name.hpp"

namespace neuract::config {

bool Places::is_reported(const std::string& path) const {
  const auto found = places_.find(path);
  return found != places_.end() && found->second.reported;
}

Places::Place Places::find(std::string path) const {
  while (true) {
    if (const auto found = places_.find(path); found != places_.end()) return found->second;
    const std::size_t end = path.find_last_of(".[");
    if (end == std::string::npos) return {};
    path.resize(end);
  }
}

std::vector<std::string_view> Builder::population_names() const {
  std::vector<std::string_view> names;
  for (const snn::PopulationSpec& p : spec.populations) names.emplace_back(p.name);
  return names;
}

std::optional<std::uint32_t> Builder::find_population(const Name& name, const std::string& subject) {
  for (std::size_t i = 0; i < spec.populations.size(); ++i) {
    if (spec.populations[i].name == name.text) return static_cast<std::uint32_t>(i);
  }
  diagnostics.add(name.origin,
                  subject + ": " + snn::unknown_name("population", name.text, "the network has", population_names()));
  return std::nullopt;
}

std::vector<std::uint32_t> Builder::find_populations(const Node& node, const std::string& subject) {
  std::vector<std::uint32_t> found;
  for (const Name& name : read_names(node, subject, diagnostics)) {
    const auto index = find_population(name, subject);
    if (!index) continue;
    if (std::find(found.begin(), found.end(), *index) != found.end()) {
      diagnostics.add(name.origin, subject + ": population " + snn::in_quotes(name.text) + " is named twice");
    } else {
      found.push_back(*index);
    }
  }
  return found;
}

std::string Builder::unique_name(const std::string& name) {
  const int times = ++used_names_[name];
  return times == 1 ? name : name + "#" + std::to_string(times);
}

}  // namespace neuract::config
