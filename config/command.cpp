#include "neuract/config/command.hpp"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <iostream>
#include <string_view>

#include "neuract/config/subcommands.hpp"
#include "neuract/memory/system.hpp"
#include "neuract/snn/nearest_name.hpp"
#include "neuract/snn/number_text.hpp"

namespace neuract::config {
namespace {

/// CLI11 would call a misspelled command an unexpected argument.
bool is_known_command(const CLI::App& app, int argc, const char* const* argv) {
  if (argc < 2 || argv[1][0] == '-') return true;
  std::vector<std::string_view> names;
  const auto commands = app.get_subcommands([](const CLI::App*) { return true; });
  names.reserve(commands.size());
  for (const CLI::App* command : commands) names.emplace_back(command->get_name());
  if (std::find(names.begin(), names.end(), argv[1]) != names.end()) return true;
  complain(snn::unknown_name("command", argv[1], "commands are", names));
  return false;
}

}  // namespace

Exit run_command_line(int argc, const char* const* argv) {
  CLI::App app("Simulates networks of spiking neurons from one file.", "neuract");
  app.set_version_flag("--version", "neuract " NEURACT_VERSION);
  app.require_subcommand(1);
  app.footer(
      "Examples:\n"
      "  neuract run examples/brunel.toml --set g=6 --set eta=4\n"
      "  neuract plot out/brunel\n"
      "Exit status: 0 done, 1 failed while running, 2 bad input or usage.");
  Action action;
  add_run_command(app, action);
  add_check_command(app, action);
  add_models_command(app, action);
  add_devices_command(app, action);
  add_plot_command(app, action);
  add_quantize_command(app, action);

  if (!is_known_command(app, argc, argv)) return Exit::bad_input;
  try {
    app.parse(argc, argv);
    return action();
  } catch (const CLI::ParseError& error) {
    return app.exit(error, std::cout, std::cerr) == 0 ? Exit::done : Exit::bad_input;
  } catch (const std::bad_alloc&) {
    complain("there is not enough memory");
  } catch (const std::exception& error) {
    complain(error.what());
  }
  return Exit::failed;
}

void add_network_arguments(CLI::App& command, NetworkArguments& arguments) {
  command.add_option("FILE", arguments.file, "network file")->required();
  command.add_option("--set", arguments.set, "change a constant (g=6) or another key (models.lif.V_reset=0)")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
  command.add_option("--duration", arguments.duration_ms, "simulate so many milliseconds after the warm-up")
      ->type_name("MS");
  command.add_option("--seed", arguments.seed, "seed of all random numbers")->type_name("N");
  command.add_option("--threads", arguments.threads, "threads to use; never changes results")
      ->type_name("N")
      ->check(CLI::Range(1, 4096).description(""));
  command
      .add_option("--cohort-size", arguments.cohort_size, "neurons that are updated together; never changes results")
      ->type_name("N")
      ->check(CLI::Range(1, 65536).description(""));
}

std::optional<PlannedNetwork> load_plan(const NetworkArguments& arguments) {
  std::vector<Override> overrides(arguments.set.begin(), arguments.set.end());
  if (arguments.duration_ms) {
    const std::string ms = snn::number_text(*arguments.duration_ms);
    overrides.emplace_back("simulation.duration=" + ms, "--duration " + ms);
  }
  if (arguments.seed) {
    const std::string seed = std::to_string(*arguments.seed);
    overrides.emplace_back("simulation.seed=" + seed, "--seed " + seed);
  }
  Result<NetworkFile> file = load_network(arguments.file, overrides);
  if (!file) {
    std::fprintf(stderr, "%s\n", file.error().message.c_str());  // every line begins with the file's name
    return std::nullopt;
  }
  if (arguments.threads) file->run.threads = *arguments.threads;
  if (arguments.cohort_size) file->run.cohort_size = *arguments.cohort_size;
  Result<snn::PlanPtr> plan = snn::Plan::make(file->spec);
  if (!plan) {
    complain(arguments.file + ": " + plan.error().to_string());
    return std::nullopt;
  }
  return PlannedNetwork{*std::move(file), *std::move(plan)};
}

std::uint64_t needed_bytes(const snn::Estimate& estimate) {
  const double bytes = estimate.synapse_bytes + estimate.state_bytes + estimate.build_bytes;
  return static_cast<std::uint64_t>(std::min(bytes, 9e18));
}

std::optional<std::string> memory_shortage(const snn::Estimate& estimate) {
  const std::uint64_t needed = needed_bytes(estimate);
  const memory::SystemMemory memory = memory::system_memory();
  // Where the system does not tell, the allocation itself will.
  if (memory.available_bytes == 0 || needed <= memory.available_bytes) return std::nullopt;
  return "the network needs about " + memory::format_bytes(needed) + " of memory, but only " +
         memory::format_bytes(memory.available_bytes) + " of " + memory::format_bytes(memory.total_bytes) +
         " are available (limited by " + (memory.limited_by == "machine" ? "the machine" : memory.limited_by) + ")";
}

void complain(const std::string& text) { std::fprintf(stderr, "neuract: %s\n", text.c_str()); }

Exit exit_for(const Error& error) {
  switch (error.code) {
    case ErrorCode::invalid_argument:
    case ErrorCode::not_found:
    case ErrorCode::parse: return Exit::bad_input;
    default: return Exit::failed;
  }
}

}  // namespace neuract::config
