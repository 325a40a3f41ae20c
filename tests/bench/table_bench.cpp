// The speed of Neuract on this machine as one table: networks of examples/, each run in a process of its own, beside what
// the cores and the memory of the machine can do, measured in the same run. docs/performance.md explains the columns.
//
//   dev bench [--quick] [--only TEXT]… [--part networks|actors] [--threads N]… [--repeats N] [--json FILE]

#include <sys/mman.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "apart.hpp"
#include "line_ceiling.hpp"
#include "network_runs.hpp"
#include "neuract/config/text_table.hpp"
#include "neuract/kernels/isa.hpp"
#include "neuract/memory/system.hpp"
#include "scatter_ceiling.hpp"
#include "stream_ceiling.hpp"

namespace neuract::bench {
namespace {

namespace json = boost::json;
using Overrides = std::vector<config::Override>;

struct Network {
  const char* key;
  const char* title;
  const char* file;
  Overrides overrides;
  Overrides brief;  ///< for --quick, besides
  /// Where it makes up most of the machine's work, one stretch of the comparison with a plain loop; else 0.
  double stretch_ms = 0.0;
  bool quick = true;  ///< small enough for --quick
};

const Overrides kNest = {"models.lif.V_reset=0", "V_start=0"};

Overrides brunel(const char* representation) {
  Overrides all = kNest;
  for (const char* projection : {"0", "1"})
    all.push_back(std::string("projections[") + projection + "].representation=\"" + representation + '"');
  return all;
}

std::vector<Network> networks() {
  const Overrides second = {"simulation.warmup=20", "simulation.duration=50"};
  return {
      {"brunel_lists", "Brunel, NEST's variant, lists", "brunel.toml", brunel("sparse"), second},
      {"brunel_bits", "Brunel, NEST's variant, bit planes", "brunel.toml", brunel("bit_planes"), second},
      {"cuba", "CUBA", "vogels_abbott.toml", {}, second},
      {"coba", "COBA", "coba.toml", {}, second},
      {"microcircuit_tenth",
       "microcircuit, a tenth",
       "microcircuit.toml",
       {"scale=0.1", "indegree_scale=0.1", "simulation.duration=2000"},
       second,
       50.0},
      {"microcircuit_full", "microcircuit, full size", "microcircuit.toml", {}, {}, 20.0, false},
      {"dense_nf4", "dense, NF4", "dense.toml", {"projections[0].format=\"nf4\""}, {}, 0.0, false},
      {"dense_nvfp4", "dense, NVFP4", "dense.toml", {"projections[0].format=\"nvfp4\""}, {}, 0.0, false},
      {"stdp",
       "STDP (HPC benchmark)",
       "hpc_benchmark.toml",
       {},
       {"scale=0.1", "simulation.warmup=20", "simulation.duration=50"}},
  };
}

double number(const json::value& value, std::string_view key) { return value.at(key).to_number<double>(); }

/// Of the values under a key; the mean of the middle two when they are even in number.
double quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  const double place = q * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (place - static_cast<double>(below)) * (values[above] - values[below]);
}

double median(const json::array& runs, std::string_view key) {
  std::vector<double> values;
  for (const json::value& run : runs) values.push_back(number(run, key));
  return quantile(values, 0.5);
}

/// What `threads` processes reach together when all do the same at the same time.
double together(std::uint32_t threads, const std::function<double()>& measure) {
  double sum = 0.0;
  for (const json::value& one : run_apart(measure, threads)) sum += one.to_number<double>();
  return sum;
}

/// A virtual machine may get its memory from its host only when it is first touched, which would count as building.
void touch_memory(std::size_t bytes) {
  run_apart([bytes] {
    void* const data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data != MAP_FAILED) std::memset(data, 1, bytes);
    return 0;
  });
}

std::string format(const char* pattern, double value) {
  char text[64];
  std::snprintf(text, sizeof text, pattern, value);
  return text;
}

/// "0.85 G", "19 M": a rate.
std::string rate(double value) {
  return value >= 1e9 ? format("%.2f G", value / 1e9) : format(value >= 1e8 ? "%.0f M" : "%.1f M", value / 1e6);
}

std::string machine_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "an unknown processor";
}

struct Settings {
  bool quick = false;
  std::vector<std::string> only;
  std::string part = "all";
  std::vector<std::uint32_t> threads;
  int repeats = 0;
  std::string json_file;

  [[nodiscard]] bool wants(const Network& network) const {
    if (quick && !network.quick) return false;
    return only.empty() || std::any_of(only.begin(), only.end(), [&](const std::string& text) {
             return std::string(network.key).find(text) != std::string::npos;
           });
  }
  [[nodiscard]] snn::NetworkSpec load(const Network& network) const {
    Overrides overrides = network.overrides;
    if (quick) overrides.insert(overrides.end(), network.brief.begin(), network.brief.end());
    return example(network.file, overrides);
  }
};

/// Ceilings of so many threads that do not depend on the network.
json::object measure_ceilings(std::uint32_t threads, bool quick) {
  const std::size_t lines_in = std::size_t{quick ? 64u : 512u} << 20;
  return {{"threads", threads},
          {"scatter_events_per_second", together(threads, scatter_events_per_second)},
          {"random_lines_per_second", together(threads, [=] { return random_lines_per_second(lines_in); })},
          {"stream_bytes_per_second", together(threads, [] { return stream_bytes_per_second(); })}};
}

/// Medians of all runs, and how close they come to the ceilings.
json::object summarise(const Network& network, std::uint32_t threads, const json::array& runs,
                       const json::value& ceilings) {
  json::object row{{"network", network.key}, {"title", network.title}, {"threads", threads}};
  for (const char* key : {"neurons", "synapses", "synapse_bytes", "spikes", "spike_hash"}) row[key] = runs[0].at(key);
  for (const char* key :
       {"build_s", "simulate_s", "real_time_factor", "events_per_second", "neuron_updates_per_second", "peak_bytes"})
    row[key] = median(runs, key);
  std::vector<double> factors;
  for (const json::value& run : runs) factors.push_back(number(run, "real_time_factor"));
  row["real_time_factor_least"] = quantile(factors, 0.0);
  row["real_time_factor_most"] = quantile(factors, 1.0);

  const double bytes = number(row, "synapse_bytes");
  const double per_synapse = bytes / number(row, "synapses");
  const double events = number(row, "events_per_second");
  const auto set =
      std::clamp<std::size_t>(static_cast<std::size_t>(bytes) / threads, std::size_t{1} << 14, std::size_t{256} << 20);
  const double stream = together(threads, [set] { return stream_bytes_per_second(set); });
  row["bytes_per_synapse"] = per_synapse;
  row["of_scatter"] = events / number(ceilings, "scatter_events_per_second");
  row["of_stream"] = events * per_synapse / stream;
  row["of_lines"] = events * per_synapse / 64.0 / number(ceilings, "random_lines_per_second");

  json::array plastic = runs[0].at("plastic").as_array();
  for (std::size_t j = 0; j < plastic.size(); ++j) {
    std::vector<double> speeds;
    for (const json::value& run : runs) speeds.push_back(number(run.at("plastic").at(j), "events_per_second"));
    plastic[j].as_object()["events_per_second"] = quantile(speeds, 0.5);
  }
  row["plastic"] = plastic;
  return row;
}

/// What is wrong with the figures of a network, or nothing.
std::string fault(const json::object& row) {
  for (const char* key : {"build_s", "real_time_factor", "events_per_second", "bytes_per_synapse", "peak_bytes",
                          "of_scatter", "of_stream", "of_lines"}) {
    const double value = number(row, key);
    if (!std::isfinite(value) || value <= 0.0) return std::string(key) + " is " + format("%g", value);
  }
  return {};
}

void show_networks(const json::array& rows) {
  using Align = config::TextTable::Align;
  config::TextTable table({{"network"},
                           {"threads", Align::right},
                           {"built, s", Align::right},
                           {"real-time factor", Align::right},
                           {"least - most", Align::right},
                           {"events/s", Align::right},
                           {"updates/s", Align::right},
                           {"bytes/synapse", Align::right},
                           {"peak MiB", Align::right},
                           {"of scatter", Align::right},
                           {"of stream", Align::right},
                           {"of lines", Align::right}});
  for (const json::value& row : rows) {
    table.add({row.at("title").as_string().c_str(), format("%.0f", number(row, "threads")),
               format("%.2f", number(row, "build_s")), format("%.3f", number(row, "real_time_factor")),
               format("%.3f", number(row, "real_time_factor_least")) + " - " +
                   format("%.3f", number(row, "real_time_factor_most")),
               rate(number(row, "events_per_second")), rate(number(row, "neuron_updates_per_second")),
               format("%.2f", number(row, "bytes_per_synapse")), format("%.0f", number(row, "peak_bytes") / 1048576.0),
               format("%.2f", number(row, "of_scatter")), format("%.2f", number(row, "of_stream")),
               format("%.2f", number(row, "of_lines"))});
  }
  std::cout << table.text(200, config::detect_output_style().colour);
  for (const json::value& row : rows) {
    for (const json::value& plastic : row.at("plastic").as_array()) {
      std::cout << row.at("title").as_string().c_str() << ", " << number(row, "threads")
                << (number(row, "threads") == 1 ? " thread" : " threads") << ", plastic synapses "
                << plastic.at("projection").as_string().c_str() << ": " << rate(number(plastic, "events_per_second"))
                << " events/s, " << format("%.1f", number(plastic, "bytes") / number(plastic, "synapses"))
                << " bytes each\n";
    }
  }
}

json::object summarise_overhead(const Network& network, const json::value& measured) {
  std::vector<double> with, plain, ratios;
  for (const json::value& s : measured.at("with_actors_s").as_array()) with.push_back(s.to_number<double>());
  for (const json::value& s : measured.at("plain_s").as_array()) plain.push_back(s.to_number<double>());
  for (std::size_t i = 0; i < with.size(); ++i) ratios.push_back(with[i] / plain[i] - 1.0);
  return {{"network", network.key},
          {"title", network.title},
          {"stretch_ms", measured.at("stretch_ms")},
          {"stretches", with.size()},
          {"with_actors_s", quantile(with, 0.5)},
          {"plain_s", quantile(plain, 0.5)},
          {"overhead", quantile(ratios, 0.5)},
          {"overhead_quarter", quantile(ratios, 0.25)},
          {"overhead_three_quarters", quantile(ratios, 0.75)}};
}

void show_overheads(const json::array& rows) {
  using Align = config::TextTable::Align;
  config::TextTable table({{"what actors add, one thread"},
                           {"ms simulated at once", Align::right},
                           {"with actors, ms", Align::right},
                           {"plain loop, ms", Align::right},
                           {"overhead", Align::right},
                           {"middle half", Align::right}});
  for (const json::value& row : rows) {
    table.add({row.at("title").as_string().c_str(), format("%.0f", number(row, "stretch_ms")),
               format("%.1f", 1e3 * number(row, "with_actors_s")), format("%.1f", 1e3 * number(row, "plain_s")),
               format("%.1f %%", 100 * number(row, "overhead")),
               format("%.1f", 100 * number(row, "overhead_quarter")) + " - " +
                   format("%.1f %%", 100 * number(row, "overhead_three_quarters"))});
  }
  std::cout << '\n' << table.text(200, config::detect_output_style().colour);
}

int run(const Settings& settings) {
  std::vector<Network> chosen;
  for (Network& network : networks())
    if (settings.wants(network)) chosen.push_back(std::move(network));
  if (chosen.empty()) {
    std::string keys;
    for (const Network& network : networks()) keys += std::string(" ") + network.key;
    throw std::runtime_error("no network is called so; there are" + keys);
  }
  if (!settings.quick)
    touch_memory(std::min<std::size_t>(memory::system_memory().available_bytes / 2, std::size_t{3} << 30));

  json::object report{{"version", 1},
                      {"machine", machine_name()},
                      {"cores", std::thread::hardware_concurrency()},
                      {"instruction_set", kernels::name_of(kernels::active_isa())},
                      {"repeats", settings.repeats}};
  std::cout << machine_name() << ", " << std::thread::hardware_concurrency() << " cores, "
            << kernels::name_of(kernels::active_isa()) << ", medians of " << settings.repeats << " runs\n";
  json::array ceilings;
  for (const std::uint32_t threads : settings.threads) {
    ceilings.push_back(measure_ceilings(threads, settings.quick));
    const json::value& c = ceilings.back();
    std::cout << "ceilings, " << threads << (threads == 1 ? " thread:  " : " threads: ") << "scatter "
              << rate(number(c, "scatter_events_per_second")) << " events/s, stream from memory "
              << format("%.1f GB/s", number(c, "stream_bytes_per_second") / 1e9) << ", random lines "
              << rate(number(c, "random_lines_per_second")) << "/s\n";
  }
  std::cout << std::endl;

  json::array rows;
  std::map<std::string, json::value> hashes;
  std::string faults;
  for (const Network& network : chosen) {
    if (settings.part == "actors") continue;
    for (std::size_t t = 0; t < settings.threads.size(); ++t) {
      const std::uint32_t threads = settings.threads[t];
      std::cerr << network.title << ", " << threads << (threads == 1 ? " thread …\n" : " threads …\n");
      json::array runs;
      for (int repeat = 0; repeat < settings.repeats; ++repeat) {
        runs.push_back(run_apart([&] { return measure_run(settings.load(network), threads); })[0]);
        const auto [known, first] = hashes.try_emplace(network.key, runs.back().at("spike_hash"));
        if (known->second != runs.back().at("spike_hash"))
          faults += std::string(network.key) + ": two runs made different spikes\n";
      }
      rows.push_back(summarise(network, threads, runs, ceilings[t]));
      if (const std::string what = fault(rows.back().as_object()); !what.empty())
        faults += std::string(network.key) + ": " + what + '\n';
    }
  }
  if (!rows.empty()) show_networks(rows);

  json::array overheads;
  for (const Network& network : chosen) {
    if (network.stretch_ms == 0.0 || settings.part == "networks") continue;
    std::cerr << network.title << ", with actors and without …\n";
    const int stretches = settings.quick ? 3 : 40;
    const auto measured =
        run_apart([&] { return measure_overhead(settings.load(network), network.stretch_ms, stretches); });
    overheads.push_back(summarise_overhead(network, measured[0]));
  }
  if (!overheads.empty()) show_overheads(overheads);

  report["ceilings"] = std::move(ceilings);
  report["networks"] = std::move(rows);
  report["overheads"] = std::move(overheads);
  if (!settings.json_file.empty()) {
    std::ofstream file(settings.json_file);
    file << json::serialize(report) << '\n';
    if (!file.flush()) throw std::runtime_error("\"" + settings.json_file + "\" cannot be written");
  }
  std::cerr << faults;
  return faults.empty() ? 0 : 1;
}

}  // namespace
}  // namespace neuract::bench

int main(int argc, char** argv) {
  neuract::bench::Settings settings;
  CLI::App app("Speed of the example networks beside the ceilings of this machine");
  app.add_flag("--quick", settings.quick, "small networks for a short time, once: whether it works");
  app.add_option("--only", settings.only, "networks whose names contain this, e.g. microcircuit");
  app.add_option("--part", settings.part, "all, networks (the table) or actors (what they add to a plain loop)")
      ->check(CLI::IsMember({"all", "networks", "actors"}));
  app.add_option("--threads", settings.threads, "numbers of threads to run with (default: 1 2; quick: 1)")
      ->check(CLI::Range(1, 1024));
  app.add_option("--repeats", settings.repeats, "runs of which to show the median (default: 3; quick: 1)")
      ->check(CLI::PositiveNumber);
  app.add_option("--json", settings.json_file, "write all figures to this file, too");
  CLI11_PARSE(app, argc, argv);
  if (settings.threads.empty()) {
    settings.threads = {1};
    if (!settings.quick && std::thread::hardware_concurrency() > 1) settings.threads.push_back(2);
  }
  if (settings.repeats == 0) settings.repeats = settings.quick ? 1 : 3;
  try {
    return neuract::bench::run(settings);
  } catch (const std::exception& error) {
    std::cerr << "bench: " << error.what() << '\n';
    return 1;
  }
}
