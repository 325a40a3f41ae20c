#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "neuract/config/command.hpp"
#include "neuract/config/network_file.hpp"
#include "neuract/memory/error.hpp"
#include "neuract/memory/result.hpp"
#include "neuract/snn/plan.hpp"

/// What the subcommands share. Private to the command: nothing else in config/ knows CLI11.
namespace neuract::config {

/// Each of these adds a subcommand; when the command line chooses it, `action` becomes what it does.
using Action = std::function<Exit()>;
void add_run_command(CLI::App& app, Action& action);
void add_check_command(CLI::App& app, Action& action);
void add_models_command(CLI::App& app, Action& action);
void add_devices_command(CLI::App& app, Action& action);
void add_plot_command(CLI::App& app, Action& action);
void add_quantize_command(CLI::App& app, Action& action);

/// The network file of `run` and `check`, with the options that change it.
struct NetworkArguments {
  std::string file;
  std::vector<std::string> set;
  std::optional<double> duration_ms;
  std::optional<std::uint64_t> seed;
  std::optional<std::uint32_t> threads;
  std::optional<std::uint32_t> cohort_size;
};
void add_network_arguments(CLI::App& command, NetworkArguments& arguments);

/// A network that is ready to be built.
struct PlannedNetwork {
  NetworkFile file;  ///< its [run] table overruled by the options
  snn::PlanPtr plan;
};
/// Complains on stderr and returns nothing when there is something wrong.
std::optional<PlannedNetwork> load_plan(const NetworkArguments& arguments);

/// Bytes that the estimate asks for, all in all.
std::uint64_t needed_bytes(const snn::Estimate& estimate);
/// Why the network does not fit into the memory that is there now; nothing when it does.
std::optional<std::string> memory_shortage(const snn::Estimate& estimate);

/// "neuract: …" on stderr.
void complain(const std::string& text);
/// Which of the two bad ends an error means.
Exit exit_for(const Error& error);

}  // namespace neuract::config
