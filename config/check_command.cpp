#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "neuract/actors/simulation.hpp"
#include "neuract/config/progress.hpp"
#include "neuract/config/spec_words.hpp"
#include "neuract/config/subcommands.hpp"
#include "neuract/config/text_table.hpp"
#include "neuract/config/weight_files.hpp"
#include "neuract/memory/system.hpp"
#include "neuract/snn/number_text.hpp"
#include "neuract/snn/representation.hpp"

namespace neuract::config {
namespace {

using Align = TextTable::Align;

std::string count_text(double count) { return format_count(count); }
std::string bytes_text(double bytes) { return memory::format_bytes(static_cast<std::uint64_t>(std::min(bytes, 9e18))); }

void print_populations(const PlannedNetwork& network, const OutputStyle& style) {
  TextTable table({{"population"}, {"neurons", Align::right}, {"inputs per neuron", Align::right}, {"model"}});
  const auto& spec = network.plan->spec();
  for (std::size_t p = 0; p < spec.populations.size(); ++p) {
    double inputs = 0.0;
    for (const snn::ProjectionPlan& projection : network.plan->projections()) {
      if (projection.target == p) inputs += projection.expected_synapses;
    }
    table.add({spec.populations[p].name, count_text(spec.populations[p].n),
               count_text(std::round(inputs / spec.populations[p].n)), spec.populations[p].model});
  }
  std::fputs(table.text(style.width, style.colour).c_str(), stdout);
}

/// Sparse projections, those whose synapses are of one kind together.
void print_synapses(const PlannedNetwork& network, const OutputStyle& style) {
  struct Kind {
    std::array<std::string, 3> what;
    double synapses = 0.0;
    std::vector<std::string> projections;
  };
  std::vector<Kind> kinds;
  const snn::NetworkSpec& spec = network.plan->spec();
  for (std::size_t i = 0; i < spec.projections.size(); ++i) {
    const snn::ProjectionSpec& projection = spec.projections[i];
    if (projection.format) continue;
    const snn::ProjectionPlan& plan = network.plan->projections()[i];
    const auto format = projection.weight_format == snn::WeightFormat::automatic ? snn::WeightFormat::sixteen_bits
                                                                                 : projection.weight_format;
    const bool changing = plan.kept == snn::Kept::dynamic;
    const std::array<std::string, 3> what = {projection.synapse.model, snn::name_of(plan.kept),
                                             changing              ? std::string(name_of(spec.precision))
                                             : plan.uniform_weight ? "one for all"
                                                                   : std::string(name_of(format))};
    auto kind = std::find_if(kinds.begin(), kinds.end(), [&](const Kind& k) { return k.what == what; });
    if (kind == kinds.end()) kind = kinds.insert(kind, {what, 0.0, {}});
    kind->synapses += network.plan->projections()[i].expected_synapses;
    kind->projections.push_back(projection.name);
  }
  TextTable table({{"synapses"}, {"number", Align::right}, {"representation"}, {"weight format"}, {"projections"}});
  for (const Kind& kind : kinds) {
    constexpr std::size_t kMost = 4;
    std::string names;
    for (std::size_t i = 0; i < std::min(kind.projections.size(), kMost); ++i)
      names += (i == 0 ? "" : ", ") + kind.projections[i];
    if (kind.projections.size() > kMost) names += " and " + std::to_string(kind.projections.size() - kMost) + " more";
    table.add({kind.what[0], count_text(std::round(kind.synapses)), kind.what[1], kind.what[2], names});
  }
  if (!table.empty()) std::printf("\n%s", table.text(style.width, style.colour).c_str());
}

/// Dense projections, whose weights are most of the memory.
void print_dense(const PlannedNetwork& network, const OutputStyle& style) {
  TextTable table(
      {{"dense projection"}, {"synapses", Align::right}, {"memory", Align::right}, {"format"}, {"weights"}});
  const snn::NetworkSpec& spec = network.plan->spec();
  for (std::size_t i = 0; i < spec.projections.size(); ++i) {
    const snn::ProjectionSpec& projection = spec.projections[i];
    if (!projection.format) continue;
    const double synapses = network.plan->projections()[i].expected_synapses;
    table.add({projection.name, count_text(synapses), bytes_text(synapses * bytes_per_weight(projection)),
               std::string(name_of(*projection.format)),
               projection.weights ? projection.weights->tensor + " of " + projection.weights->file : "generated"});
  }
  if (!table.empty()) std::printf("\n%s", table.text(style.width, style.colour).c_str());
}

/// "2 threads; 3 cohorts of 2,496 to 6,272 neurons"
std::string placement_text(const PlannedNetwork& network) {
  const auto placement =
      actors::planned_placement(*network.plan, network.file.run.threads, network.file.run.cohort_size);
  std::size_t cohorts = 0;
  std::uint32_t smallest = UINT32_MAX, largest = 0;
  for (const auto& shard : placement) {
    for (const snn::CohortRange& cohort : shard) {
      ++cohorts;
      smallest = std::min(smallest, cohort.count);
      largest = std::max(largest, cohort.count);
    }
  }
  std::string text = std::to_string(placement.size()) + (placement.size() == 1 ? " thread; " : " threads; ") +
                     std::to_string(cohorts) + (cohorts == 1 ? " cohort of " : " cohorts of ") + count_text(smallest);
  if (largest != smallest) text += " to " + count_text(largest);
  return text + " neurons";
}

void print_totals(const PlannedNetwork& network, const OutputStyle& style) {
  const snn::Plan& plan = *network.plan;
  const snn::Estimate& estimate = plan.estimate();
  TextTable table({{""}, {""}});
  table.add({"neurons", count_text(static_cast<double>(estimate.neurons))});
  table.add({"synapses", count_text(std::round(estimate.synapses))});
  if (plan.spec().batch > 1)
    table.add({"samples", count_text(plan.spec().batch) + ", each with neurons of its own and the same synapses"});
  table.add({"memory", bytes_text(static_cast<double>(needed_bytes(estimate))) + " (synapses " +
                           bytes_text(estimate.synapse_bytes) + ", neurons " + bytes_text(estimate.state_bytes) +
                           ", building " + bytes_text(estimate.build_bytes) + "); available " +
                           memory::format_bytes(memory::system_memory().available_bytes)});
  table.add({"precision", std::string(name_of(plan.spec().precision))});
  const std::string dt = snn::number_text(plan.dt());
  table.add({"time", snn::number_text(plan.spec().warmup) + " ms warm-up and " +
                         snn::number_text(plan.spec().duration) + " ms in " +
                         count_text(static_cast<double>(plan.total_steps())) + " steps of " + dt + " ms"});
  if (plan.spec().presentation > 0.0) {
    table.add({"presentations", "every " + snn::number_text(plan.spec().presentation) + " ms the state begins anew"});
  }
  table.add({"epoch", estimate.epoch_steps == 0
                          ? "none: no population waits for another"
                          : std::to_string(estimate.epoch_steps) + (estimate.epoch_steps == 1 ? " step" : " steps") +
                                " (" + snn::short_text(static_cast<double>(estimate.epoch_steps) * plan.dt(), 6) +
                                " ms), the smallest delay"});
  table.add({"placement", placement_text(network)});
  std::printf("\n%s", table.text(style.width, style.colour).c_str());
}

Exit check(const NetworkArguments& arguments) {
  const std::optional<PlannedNetwork> network = load_plan(arguments);
  if (!network) return Exit::bad_input;
  const OutputStyle style = detect_output_style();
  print_populations(*network, style);
  print_synapses(*network, style);
  print_dense(*network, style);
  print_totals(*network, style);
  if (const auto shortage = memory_shortage(network->plan->estimate())) {
    std::fflush(stdout);
    complain(arguments.file + ": " + *shortage);
    return Exit::bad_input;
  }
  return Exit::done;
}

}  // namespace

void add_check_command(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("check", "Validate a network file and show what it needs; builds nothing.");
  const auto arguments = std::make_shared<NetworkArguments>();
  add_network_arguments(*command, *arguments);
  command->footer("Example:\n  neuract check examples/microcircuit.toml --set scale=0.1 --set indegree_scale=0.1");
  command->callback([arguments, &action] { action = [arguments] { return check(*arguments); }; });
}

}  // namespace neuract::config
