#pragma once

/// The `neuract` command.
namespace neuract::config {

/// What the process returns.
enum class Exit : int {
  done = 0,
  failed = 1,     ///< something went wrong while running, or somebody stopped it
  bad_input = 2,  ///< the file, the options or the machine do not allow it; nothing has been run
};

/// Parses the command line and does what it says. Reports on stdout, complains on stderr.
Exit run_command_line(int argc, const char* const* argv);

}  // namespace neuract::config
