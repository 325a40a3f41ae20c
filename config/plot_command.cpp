#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "neuract/config/plot.hpp"
#include "neuract/config/subcommands.hpp"

namespace neuract::config {

void add_plot_command(CLI::App& app, Action& action) {
  struct Arguments {
    std::string directory, output;
  };
  CLI::App* command = app.add_subcommand("plot", "Draw what a run recorded: here in the terminal, or into a picture.");
  const auto arguments = std::make_shared<Arguments>();
  command->add_option("DIR", arguments->directory, "what 'neuract run' wrote to")->required();
  command->add_option("-o,--output", arguments->output, "a .png or .svg file: raster, population rates, intervals")
      ->type_name("FILE");
  command->footer("Example:\n  neuract plot out/brunel -o brunel.png");
  command->callback([arguments, &action] {
    action = [arguments] {
      const auto output =
          arguments->output.empty() ? std::nullopt : std::optional<std::filesystem::path>(arguments->output);
      const Result<void> drawn = plot(arguments->directory, output);
      if (drawn) return Exit::done;
      complain(drawn.error().to_string());
      return exit_for(drawn.error());
    };
  });
}

}  // namespace neuract::config
