// Runs the example networks and compares rates and irregularity with the published values.
//
//   dev validate [--only TEXT]… [--threads N] [--seed N] [--duration MS] [--markdown]

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include "neuract/actors/simulation.hpp"
#include "neuract/config/network_file.hpp"
#include "neuract/config/text_table.hpp"
#include "published_values.hpp"

namespace neuract::validation {
namespace {

std::string text_of(double value) {
  char text[32];
  std::snprintf(text, sizeof text, std::fabs(value) < 2.0 ? "%.3f" : "%.2f", value);
  return text;
}

std::string text_of(const Published& published) {
  const auto short_text = [](double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%g", value);
    return std::string(text);
  };
  if (published.low == published.high) return short_text(published.low);
  return short_text(published.low) + " - " + short_text(published.high);
}

/// From the nearest published value.
std::string deviation(double value, const Published& published) {
  const double nearest = std::clamp(value, published.low, published.high);
  if (nearest == value) return "0";
  char text[32];
  if (nearest == 0.0) {
    std::snprintf(text, sizeof text, "%+.3f", value);
    return text;
  }
  const double percent = 100.0 * (value - nearest) / nearest;
  if (std::fabs(percent) < 0.05) return "0";
  std::snprintf(text, sizeof text, "%+.1f %%", percent);
  return text;
}

struct Settings {
  std::vector<std::string> only;
  std::uint32_t threads = 0;
  std::uint64_t seed = 0;
  double duration_ms = 0.0;
  bool markdown = false;
};

void show(const std::vector<std::vector<std::string>>& rows, bool markdown) {
  const std::vector<std::string> headers = {"network",         "population", "rate, Hz",  "published", "deviation",
                                            "CV of intervals", "published",  "deviation", ""};
  if (markdown) {
    const auto line = [](const std::vector<std::string>& cells) {
      for (const std::string& cell : cells) std::cout << "| " << cell << ' ';
      std::cout << "|\n";
    };
    line(headers);
    for (std::size_t i = 0; i < headers.size(); ++i) std::cout << "|---";
    std::cout << "|\n";
    for (const auto& row : rows) line(row);
    return;
  }
  std::vector<config::TextTable::Column> columns;
  for (std::size_t i = 0; i < headers.size(); ++i) {
    const bool number = i >= 2 && i + 1 < headers.size();
    columns.push_back({headers[i], number ? config::TextTable::Align::right : config::TextTable::Align::left});
  }
  config::TextTable table(columns);
  for (const auto& row : rows) table.add(row);
  std::cout << table.text(200, config::detect_output_style().colour);
}

/// Whether all values hold.
bool validate(const Settings& settings) {
  std::vector<std::vector<std::string>> rows;
  bool all = true;
  for (const PublishedNetwork& network : published_networks()) {
    const std::string key = network.key;
    if (!settings.only.empty() &&
        std::none_of(settings.only.begin(), settings.only.end(),
                     [&](const std::string& text) { return key.find(text) != std::string::npos; }))
      continue;
    std::cerr << network.title << " (" << network.source << ") …\n";
    std::vector<std::string> overrides = network.overrides;
    if (settings.seed != 0) overrides.push_back("simulation.seed=" + std::to_string(settings.seed));
    if (settings.duration_ms > 0.0) overrides.push_back("simulation.duration=" + std::to_string(settings.duration_ms));
    auto loaded = config::load_network(std::string(NEURACT_SOURCE_DIR) + "/examples/" + network.file,
                                       {overrides.begin(), overrides.end()});
    if (!loaded) throw std::runtime_error(loaded.error().message);
    const auto simulation = actors::Simulation::create(std::move(loaded->spec), {.threads = settings.threads}).value();
    (void)simulation->run().value();
    const actors::RunResult result = simulation->result().value();
    std::string title = network.title;
    for (const PopulationValues& expected : network.populations) {
      const auto found = std::find_if(result.populations.begin(), result.populations.end(),
                                      [&](const auto& p) { return p.name == expected.population; });
      if (found == result.populations.end())
        throw std::runtime_error(key + " has no population " + expected.population);
      const bool has_cv = expected.cv_isi.is_known();
      const bool good = expected.rate_hz.agrees(found->rate_hz) && (!has_cv || expected.cv_isi.agrees(found->cv_isi));
      all = all && good;
      rows.push_back({title, expected.population, text_of(found->rate_hz), text_of(expected.rate_hz),
                      deviation(found->rate_hz, expected.rate_hz), text_of(found->cv_isi),
                      has_cv ? text_of(expected.cv_isi) : "", has_cv ? deviation(found->cv_isi, expected.cv_isi) : "",
                      good ? "ok" : "differs"});
      title.clear();
    }
  }
  if (rows.empty()) throw std::runtime_error("no network is called so");
  show(rows, settings.markdown);
  std::cout << (all ? "\nAll values agree within the spread between seeds.\n"
                    : "\nSome values differ by more than the spread between seeds.\n");
  return all;
}

}  // namespace
}  // namespace neuract::validation

int main(int argc, char** argv) {
  neuract::validation::Settings settings;
  CLI::App app("Compares the example networks with the published values");
  app.add_option("--only", settings.only, "networks whose names contain this, e.g. brunel");
  app.add_option("--threads", settings.threads,
                 "threads (default: as many as are of use); results do not depend on them");
  app.add_option("--seed", settings.seed, "another seed than that of the files");
  app.add_option("--duration", settings.duration_ms, "simulate so many milliseconds instead")
      ->check(CLI::PositiveNumber);
  app.add_flag("--markdown", settings.markdown, "print the table in Markdown");
  CLI11_PARSE(app, argc, argv);
  try {
    return neuract::validation::validate(settings) ? 0 : 1;
  } catch (const std::exception& error) {
    std::cerr << "validate: " << error.what() << '\n';
    return 2;
  }
}
