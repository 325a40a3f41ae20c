#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "neuract/config/interrupt.hpp"
#include "neuract/config/progress.hpp"
#include "neuract/config/subcommands.hpp"
#include "neuract/config/text_table.hpp"
#include "neuract/memory/system.hpp"
#include "neuract/q4/checkpoint/quantize_checkpoint.hpp"
#include "neuract/snn/nearest_name.hpp"

namespace neuract::config {
namespace {

using Clock = std::chrono::steady_clock;

struct Arguments {
  std::string in, out, format, family;
  std::vector<std::string> include, exclude;
  std::uint32_t block = 0;
  bool double_quant = false;
  bool quiet = false;
};

/// Names of the rows of a table, for CLI11 and for whoever misspells one.
template <class Rows>
std::vector<std::string> names_in(const Rows& rows, bool (*wanted)(const typename Rows::value_type&)) {
  std::vector<std::string> names;
  for (const auto& row : rows)
    if (wanted(row)) names.emplace_back(row.name);
  return names;
}

template <class Rows>
const typename Rows::value_type* row_named(const Rows& rows, std::string_view name) {
  const auto row = std::find_if(rows.begin(), rows.end(), [&](const auto& r) { return r.name == name; });
  return row == rows.end() ? nullptr : &*row;
}

q4::CheckpointOptions options_of(const Arguments& arguments) {
  q4::CheckpointOptions options;
  options.format = row_named(q4::kFormats, arguments.format)->format;
  options.block = arguments.block;
  if (const auto* family = row_named(q4::kFamilies, arguments.family)) options.family = family->family;
  options.double_quant = arguments.double_quant;
  options.include = arguments.include;
  options.exclude = arguments.exclude;
  return options;
}

std::string number(const char* format, double value) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

std::string table_of(const std::vector<q4::CheckpointRow>& rows, const std::string& format) {
  constexpr auto kRight = TextTable::Align::right;
  TextTable table({{"tensor"},
                   {"shape"},
                   {"was"},
                   {"is"},
                   {"before", kRight},
                   {"after", kRight},
                   {"mean error", kRight},
                   {"max error", kRight},
                   {"SNR", kRight},
                   {"copied because"}});
  for (const q4::CheckpointRow& row : rows) {
    const auto error = [&](const char* form, double value) { return row.quantised ? number(form, value) : ""; };
    table.add({snn::printable(row.name), memory::to_string(row.shape), row.type, row.quantised ? format : row.type,
               memory::format_bytes(row.bytes_before), memory::format_bytes(row.bytes_after),
               error("%.3g", row.error.mean), error("%.3g", row.error.largest), error("%.1f dB", row.error.snr_db()),
               row.reason});
  }
  const OutputStyle style = detect_output_style();
  return table.text(style.width, style.colour);
}

Exit quantize(const Arguments& arguments) {
  const auto file = q4::SafetensorsFile::open(arguments.in);
  if (!file) {
    complain(file.error().to_string());
    return exit_for(file.error());
  }
  const InterruptGuard interrupts;
  ProgressPrinter progress(stderr, detect_progress_options(stderr, arguments.quiet));
  const Clock::time_point start = Clock::now();
  const auto elapsed_s = [&] { return std::chrono::duration<double>(Clock::now() - start).count(); };
  const auto rows = q4::quantize_checkpoint(*file, arguments.out, options_of(arguments),
                                            [&](std::uint64_t done, std::uint64_t total) {
                                              progress.update(QuantizeProgress{done, total, elapsed_s()});
                                              return !InterruptGuard::stop_requested();
                                            });
  progress.clear();
  if (!rows) {
    complain(rows.error().to_string());
    return exit_for(rows.error());
  }
  std::uint64_t before = 0, after = 0;
  std::size_t quantised = 0;
  for (const q4::CheckpointRow& row : *rows) {
    before += row.bytes_before;
    after += row.bytes_after;
    quantised += row.quantised ? 1 : 0;
  }
  if (!arguments.quiet) std::fputs((table_of(*rows, arguments.format) + "\n").c_str(), stdout);
  std::printf("%s: %zu of %s in %s, the rest copied; %s instead of %s, in %s\n", arguments.out.c_str(), quantised,
              snn::counted(rows->size(), "tensor").c_str(), arguments.format.c_str(),
              memory::format_bytes(after).c_str(), memory::format_bytes(before).c_str(),
              format_duration(elapsed_s()).c_str());
  return Exit::done;
}

}  // namespace

void add_quantize_command(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("quantize", "Put the weights of a checkpoint into 4 bits.");
  const auto arguments = std::make_shared<Arguments>();
  command->add_option("IN", arguments->in, "a safetensors file")->required();
  command->add_option("OUT", arguments->out, "the file to write; never IN")->required();
  command->add_option("--format", arguments->format, "how the weights will be stored")
      ->required()
      ->check(CLI::IsMember(names_in(q4::kFormats, [](const q4::FormatTraits&) { return true; })));
  command
      ->add_option("--family", arguments->family,
                   "whose names and scales to use: bitsandbytes for nf4, torchao for nvfp4")
      ->check(
          CLI::IsMember(names_in(q4::kFamilies, [](const q4::FamilyTraits& row) { return row.format.has_value(); })));
  command
      ->add_option("--block", arguments->block,
                   "weights that share a scale: a power of two from 32 to 4096 for nf4, 16 for nvfp4")
      ->type_name("N");
  command->add_flag("--double-quant", arguments->double_quant, "nf4: scales in 8 bits, too");
  const auto add_globs = [&](const char* name, std::vector<std::string>& globs, const char* text) {
    command->add_option(name, globs, text)
        ->type_name("GLOB")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->allow_extra_args(false);
  };
  add_globs("--include", arguments->include, "only tensors of such names; may be repeated");
  add_globs("--exclude", arguments->exclude, "no tensors of such names; may be repeated");
  command->add_flag("--quiet", arguments->quiet, "no progress and no table");
  command->footer(
      "Two-dimensional F32, F16 and BF16 tensors are quantised, everything else is copied.\n"
      "Example:\n  neuract quantize model.safetensors model-nf4.safetensors --format nf4 --exclude '*embed*'");
  command->callback([arguments, &action] { action = [arguments] { return quantize(*arguments); }; });
}

}  // namespace neuract::config
