#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include "neuract/actors/record_sink.hpp"
#include "neuract/actors/simulation.hpp"
#include "neuract/config/interrupt.hpp"
#include "neuract/config/progress.hpp"
#include "neuract/config/subcommands.hpp"
#include "neuract/config/summary.hpp"
#include "neuract/config/text_table.hpp"
#include "neuract/config/weight_files.hpp"
#include "neuract/snn/checkpoint_folder.hpp"
#include "neuract/snn/number_text.hpp"
#include "neuract/snn/sonata_writer.hpp"

namespace neuract::config {
namespace {

namespace fs = std::filesystem;

struct RunArguments {
  NetworkArguments network;
  std::string out;
  std::string resume;
  bool quiet = false;
};

/// From what the simulation says to what a person sees. The simulation calls it from one thread at a time.
class ProgressReporter {
 public:
  ProgressReporter(const snn::Plan& plan, bool quiet, bool shown)
      : printer_(stderr, detect_progress_options(stderr, quiet || !shown)),
        warmup_ms_(plan.spec().warmup),
        shown_(shown && !quiet) {}

  void operator()(const actors::Progress& p) {
    if (!shown_) return;
    if (p.phase == actors::Progress::Phase::building) {
      printer_.update(BuildProgress{static_cast<double>(p.synapses), p.expected_synapses, p.elapsed_s});
    } else {
      printer_.update(RunProgress{static_cast<double>(p.now) * p.dt_ms, static_cast<double>(p.goal) * p.dt_ms,
                                  warmup_ms_, p.elapsed_s, p.spikes});
    }
  }
  void clear() { printer_.clear(); }

 private:
  ProgressPrinter printer_;
  double warmup_ms_;
  bool shown_;
};

RunSummary make_summary(const PlannedNetwork& network, const RunArguments& arguments, const actors::RunResult& result) {
  RunSummary s;
  s.config = arguments.network.file;
  for (const std::string& set : arguments.network.set) s.config += " --set " + set;
  s.seed = network.plan->spec().seed;
  s.dt_ms = network.plan->dt();
  s.duration_ms = result.duration_ms;
  s.batch = result.batch;
  s.threads = result.threads;
  s.cohorts = result.cohorts;
  s.neurons = result.neurons;
  s.synapses = result.synapses;
  s.synapse_bytes = result.synapse_bytes;
  s.build_s = result.build_s;
  s.simulate_s = result.simulate_s;
  s.real_time_factor = result.real_time_factor;
  s.peak_rss_bytes = result.peak_rss_bytes;
  s.spikes = result.spikes;
  s.synaptic_events = result.synaptic_events;
  s.spike_hash = result.spike_hash;
  for (const auto& p : result.populations) s.populations.push_back({p.name, p.n, p.spikes, p.rate_hz, p.cv_isi});
  for (std::size_t i = 0; i < result.projections.size(); ++i) {
    const auto& p = result.projections[i];
    const auto& format = network.plan->spec().projections[i].format;
    s.projections.push_back({p.name, p.synapses, p.bytes, std::string(format ? name_of(*format) : ""), p.representation,
                             p.path, p.fallback_reason});
  }
  std::map<std::string, int> seen;
  const auto once_each = [&seen](const std::string& name) {
    const int times = ++seen[name];
    return times == 1 ? name : name + "#" + std::to_string(times);
  };
  for (const auto& c : result.classifiers) {
    s.classifiers.push_back({once_each(c.population), c.answers, c.correct, c.accuracy(),
                             static_cast<double>(c.answers) / result.simulate_s});
  }
  seen.clear();
  for (const auto& w : result.weights)
    s.weights.push_back({once_each(w.projection), w.synapses, w.mean, w.sd, w.min, w.max});
  return s;
}

std::string fixed(double value, int decimals) {
  if (std::isnan(value)) return "-";
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

std::string short_number(double value) { return std::isnan(value) ? "-" : snn::short_text(value, 4); }

void print_result(const actors::RunResult& result, const RunSummary& summary, const fs::path& out) {
  const OutputStyle style = detect_output_style();
  using Align = TextTable::Align;
  const std::string samples =
      result.batch == 1 ? "" : " (x " + format_count(static_cast<double>(result.batch)) + " samples)";
  TextTable table({{"population"},
                   {"neurons" + samples, Align::right},
                   {"spikes", Align::right},
                   {"rate in Hz", Align::right},
                   {"CV of ISI", Align::right}});
  for (const auto& p : result.populations) {
    table.add({p.name, format_count(static_cast<double>(p.n)), format_count(static_cast<double>(p.spikes)),
               fixed(p.rate_hz, 2), fixed(p.cv_isi, 2)});
  }
  std::printf("%s\n", table.text(style.width, style.colour).c_str());
  std::printf("built %s synapses in %s; simulated %s in %s: real-time factor %s\n",
              format_count(static_cast<double>(result.synapses)).c_str(), format_duration(result.build_s).c_str(),
              format_biological_time(result.warmup_ms + result.duration_ms).c_str(),
              format_duration(result.simulate_s).c_str(), snn::short_text(result.real_time_factor, 3).c_str());
  for (const ClassifierSummary& c : summary.classifiers) {
    std::printf("%s: %s of %s images right (%s %%), %s images/s\n", c.name.c_str(),
                format_count(static_cast<double>(c.correct)).c_str(),
                format_count(static_cast<double>(c.answers)).c_str(), fixed(100.0 * c.accuracy, 1).c_str(),
                std::isfinite(c.images_per_second) ? format_count(c.images_per_second).c_str() : "-");
  }
  for (const WeightSummary& w : summary.weights) {
    std::printf("weights of %s: %s +- %s (%s to %s)\n", w.name.c_str(), short_number(w.mean).c_str(),
                short_number(w.sd).c_str(), short_number(w.min).c_str(), short_number(w.max).c_str());
  }
  std::printf("results are in %s\n", out.string().c_str());
}

/// The checkpoint that --resume means; null without it. Complains on stderr.
std::optional<snn::CheckpointPtr> open_checkpoint(const RunArguments& arguments, const PlannedNetwork& network) {
  if (arguments.resume.empty()) return snn::CheckpointPtr();
  const auto opened = [&]() -> Result<snn::CheckpointPtr> {
    NEURACT_TRY_ASSIGN(const fs::path path, snn::find_checkpoint(arguments.resume, network.plan->spec().name));
    NEURACT_TRY_ASSIGN(snn::CheckpointPtr checkpoint, snn::Checkpoint::open(path));
    NEURACT_TRY(checkpoint->check(*network.plan));
    return checkpoint;
  }();
  if (opened) return *opened;
  complain(opened.error().to_string());
  return std::nullopt;
}

fs::path output_directory(const RunArguments& arguments, const PlannedNetwork& network) {
  if (!arguments.out.empty()) return arguments.out;
  if (!network.file.run.out.empty()) return network.file.run.out;
  return fs::path("out") / network.plan->spec().name;
}

/// Makes the directory, and takes away the summary of an earlier run: whatever happens now, it would be the wrong one.
Result<void> prepare(const fs::path& out) {
  NEURACT_TRY(snn::prepare_output_directory(out));
  std::error_code error;
  fs::remove(out / "summary.json", error);
  if (error) return fail(ErrorCode::io, (out / "summary.json").string(), ": cannot be removed: ", error.message());
  return {};
}

Exit fail_with(const Error& error) {
  complain(error.code == ErrorCode::cancelled ? "stopped while building; nothing has been simulated"
                                              : error.to_string());
  return Exit::failed;
}

Exit run(const RunArguments& arguments) {
  const std::optional<PlannedNetwork> network = load_plan(arguments.network);
  if (!network) return Exit::bad_input;
  if (const auto shortage = memory_shortage(network->plan->estimate())) {
    complain(arguments.network.file + ": " + *shortage);
    return Exit::bad_input;
  }
  std::optional<snn::CheckpointPtr> checkpoint = open_checkpoint(arguments, *network);
  if (!checkpoint) return Exit::bad_input;
  snn::CheckpointPtr resume = *std::exchange(checkpoint, std::nullopt);
  const fs::path out = output_directory(arguments, *network);
  if (const auto prepared = prepare(out); !prepared) return fail_with(prepared.error());

  const InterruptGuard interrupts;
  ProgressReporter reporter(*network->plan, arguments.quiet, network->file.run.progress);
  actors::Options options;
  options.threads = network->file.run.threads;
  options.cohort_size = network->file.run.cohort_size;
  options.dense_worker = network->file.run.dense_worker;
  options.sinks.push_back(actors::make_sonata_sink(out, resume));
  options.resume = resume;
  if (const auto& keys = network->file.run.checkpoint)
    options.checkpoints = {keys->every_ms, out / (keys->dir.empty() ? snn::kCheckpointFolder : keys->dir), keys->keep,
                           out};
  options.progress = [&reporter](const actors::Progress& p) { reporter(p); };
  options.stop = &InterruptGuard::stop_requested();

  const std::string resumed_from = resume ? resume->name() : "";
  resume = nullptr;  // the last to let go of it frees the file's memory
  auto simulation = actors::Simulation::create(network->plan, std::move(options));
  if (!simulation) {
    reporter.clear();
    return fail_with(simulation.error());
  }
  auto report = (*simulation)->run();
  // From its end, too, whatever ended it, a run can be continued.
  if (report && network->file.run.checkpoint) {
    if (const auto written = (*simulation)->checkpoint(); !written) report = written.error();
  }
  reporter.clear();
  const auto result = report ? (*simulation)->result() : Result<actors::RunResult>(report.error());
  const auto finished = (*simulation)->finish();
  if (!result) return fail_with(result.error());
  if (!finished) return fail_with(finished.error());
  RunSummary summary = make_summary(*network, arguments, *result);
  summary.resumed_from = resumed_from;
  if (const auto written = write_summary(summary, out); !written) return fail_with(written.error());

  if (!arguments.quiet) print_result(*result, summary, out);
  if (report->reason == actors::StopReason::goal) return Exit::done;
  std::fflush(stdout);
  complain(report->message + "; what happened until then is in " + out.string() +
           (network->file.run.checkpoint ? ", and --resume " + out.string() + " goes on" : ""));
  return Exit::failed;
}

}  // namespace

void add_run_command(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("run", "Build a network, simulate it, and write what it did.");
  const auto arguments = std::make_shared<RunArguments>();
  add_network_arguments(*command, arguments->network);
  command->add_option("--out", arguments->out, "directory for the results; default out/<name of the file>")
      ->type_name("DIR");
  command
      ->add_option("--resume", arguments->resume, "go on from the last checkpoint in this directory, or from this file")
      ->type_name("DIR");
  command->add_flag("--quiet", arguments->quiet, "print nothing but errors");
  command->footer(
      "Example:\n  neuract run examples/brunel.toml --set g=6 --set eta=4 --out out/oscillation\n"
      "  neuract run net.toml --set 'run.checkpoint={ every = 500.0 }'\n  neuract run net.toml --resume out/net");
  command->callback([arguments, &action] { action = [arguments] { return run(*arguments); }; });
}

}  // namespace neuract::config
