#include "neuract/actors/simulation.hpp"

#include <algorithm>
#include <cmath>
#include <thread>

#include "neuract/actors/pacing.hpp"
#include "neuract/actors/runtime.hpp"
#include "neuract/actors/summary.hpp"
#include "neuract/actors/weight_summary.hpp"
#include "neuract/memory/system.hpp"
#include "neuract/snn/checkpoint_folder.hpp"
#include "neuract/snn/nearest_name.hpp"

namespace neuract::actors {

namespace {

struct Variable {
  std::uint32_t population = 0;
  std::int32_t state = 0;
};

Result<std::uint32_t> find_population(const snn::Plan& plan, std::string_view name) {
  const auto& populations = plan.spec().populations;
  std::vector<std::string_view> known;
  for (std::uint32_t p = 0; p < populations.size(); ++p) {
    if (populations[p].name == name) return p;
    known.push_back(populations[p].name);
  }
  return fail(ErrorCode::not_found, snn::unknown_name("population", name, "there are", known));
}

Result<Variable> find_variable(const snn::Plan& plan, std::string_view population, std::string_view variable) {
  NEURACT_TRY_ASSIGN(const std::uint32_t p, find_population(plan, population));
  const snn::ModelInfo& model = *plan.populations()[p].model;
  if (const int state = snn::find_state(model, variable); state >= 0) return Variable{p, state};
  std::vector<std::string_view> known;
  for (const auto& info : model.states) known.push_back(info.name);
  return fail(ErrorCode::not_found,
              snn::unknown_name("state variable", variable, std::string(model.name) + " has", known));
}

/// Sinks whose begin() succeeded are finished again when the network cannot be built.
Result<void> begin_sinks(const std::vector<RecordSinkPtr>& sinks, const snn::Plan& plan, const Placement& placement) {
  for (std::size_t i = 0; i < sinks.size(); ++i) {
    Result<void> begun = [&]() -> Result<void> {
      try {
        return sinks[i]->begin(plan, placement);
      } catch (const std::exception& e) {
        return fail(ErrorCode::internal, e.what());
      }
    }();
    if (begun) continue;
    for (std::size_t j = 0; j < i; ++j) (void)sinks[j]->finish();
    return begun;
  }
  return {};
}

}  // namespace

struct Simulation::Impl {
  Impl(snn::PlanPtr network, Placement placement, Options options)
      : plan(std::move(network)),
        shards(static_cast<std::uint32_t>(placement.size())),
        begin(options.resume ? options.resume->step() : 0),
        now(begin),
        has_checkpoint_folder(!options.checkpoints.folder.empty()),
        runtime(std::make_unique<Runtime>(plan, std::move(placement), std::move(options))) {}

  Result<RunReport> run_to(Step goal) {
    auto report = runtime->ask<RunReport>(Run{0, goal});
    if (report) {
      now = report->end;
      simulate_s += report->wall_s;
    }
    return report;
  }

  snn::PlanPtr plan;
  std::uint32_t shards;
  Step begin;  ///< where this process took over
  Step now;
  bool has_checkpoint_folder;
  std::unique_ptr<Runtime> runtime;
  double build_s = 0.0;
  double simulate_s = 0.0;
  bool finished = false;
};

std::vector<std::vector<snn::CohortRange>> planned_placement(const snn::Plan& plan, std::uint32_t threads,
                                                             std::uint32_t cohort_size) {
  const std::uint32_t available = std::max(1u, std::thread::hardware_concurrency());
  return snn::place(plan, threads > 0 ? threads : choose_threads(plan, available), cohort_size);
}

Simulation::Simulation(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Simulation::~Simulation() = default;

Result<std::unique_ptr<Simulation>> Simulation::create(snn::NetworkSpec spec, Options options) {
  NEURACT_TRY_ASSIGN(snn::PlanPtr plan, snn::Plan::make(std::move(spec)));
  return create(std::move(plan), std::move(options));
}

Result<std::unique_ptr<Simulation>> Simulation::create(snn::PlanPtr plan, Options options) {
  Placement placement = planned_placement(*plan, options.threads, options.cohort_size);
  if (options.resume) {
    NEURACT_TRY(options.resume->check(*plan));
    if (auto kept = snn::kept_placement(*options.resume, *plan, static_cast<std::uint32_t>(placement.size())))
      placement = *std::move(kept);
  }
  const CheckpointOptions& checkpoints = options.checkpoints;
  if (checkpoints.every_ms > 0.0 || !checkpoints.folder.empty())
    NEURACT_TRY(snn::CheckpointFolder(checkpoints.folder, plan->spec().name, checkpoints.keep, "").prepare());
  NEURACT_TRY(begin_sinks(options.sinks, *plan, placement));
  try {
    std::unique_ptr<Simulation> simulation(
        new Simulation(std::make_unique<Impl>(std::move(plan), std::move(placement), std::move(options))));
    NEURACT_TRY_ASSIGN(const BuildReport built, simulation->impl_->runtime->ask<BuildReport>(Prepare{}));
    simulation->impl_->build_s = built.build_s;
    return simulation;
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::out_of_memory, "there is not enough memory for the actors");
  } catch (const std::exception& e) {
    return fail(ErrorCode::internal, "the actors cannot start: ", e.what());
  }
}

const snn::Plan& Simulation::plan() const noexcept { return *impl_->plan; }
Step Simulation::now() const noexcept { return impl_->now; }

Result<RunReport> Simulation::run() { return impl_->run_to(std::max(impl_->now, impl_->plan->total_steps())); }

Result<RunReport> Simulation::run(double ms) {
  if (!(ms >= 0.0) || !std::isfinite(ms)) return fail(ErrorCode::invalid_argument, "cannot run for ", ms, " ms");
  return impl_->run_to(impl_->now + impl_->plan->steps_of(ms));
}

void Simulation::stop() noexcept { anon_mail(Stop{}).send(impl_->runtime->supervisor()); }

Result<StateSnapshot> Simulation::snapshot(std::string_view population, std::string_view variable) {
  NEURACT_TRY_ASSIGN(const Variable found, find_variable(*impl_->plan, population, variable));
  return impl_->runtime->ask<StateSnapshot>(TakeSnapshot{0, found.population, found.state, std::nullopt});
}

std::future<Result<StateSnapshot>> Simulation::snapshot_at(std::string_view population, std::string_view variable,
                                                           Step step) {
  auto found = find_variable(*impl_->plan, population, variable);
  if (!found) {
    std::promise<Result<StateSnapshot>> refused;
    refused.set_value(std::move(found).error());
    return refused.get_future();
  }
  return impl_->runtime->ask_later<StateSnapshot>(TakeSnapshot{0, found->population, found->state, step});
}

Result<std::filesystem::path> Simulation::checkpoint(const std::filesystem::path& path) {
  if (path.empty() && !impl_->has_checkpoint_folder)
    return fail(ErrorCode::invalid_argument, "where should the checkpoint go? Options::checkpoints.folder is empty");
  NEURACT_TRY_ASSIGN(const std::string written, impl_->runtime->ask<std::string>(TakeCheckpoint{0, path.string()}));
  return std::filesystem::path(written);
}

Result<void> Simulation::on_spikes(std::string_view population, std::function<void(const snn::SpikeBatch&)> callback) {
  NEURACT_TRY_ASSIGN(const std::uint32_t found, find_population(*impl_->plan, population));
  NEURACT_TRY(impl_->runtime->ask(Subscribe{}));
  impl_->runtime->listeners().add(found, std::move(callback));
  return {};
}

Result<RunResult> Simulation::result() {
  NEURACT_TRY_ASSIGN(const auto shards, impl_->runtime->ask<std::vector<ShardStatistics>>(Summarise{}));
  std::vector<snn::CohortStatistics> cohorts;
  std::vector<ProjectionResult> projections(impl_->plan->projections().size());
  std::vector<WeightMoments> weights;
  for (const ShardStatistics& shard : shards) {
    cohorts.insert(cohorts.end(), shard.cohorts.begin(), shard.cohorts.end());
    weights.insert(weights.end(), shard.weights.begin(), shard.weights.end());
    for (std::size_t j = 0; j < projections.size(); ++j) {
      projections[j].synapses += shard.projections[j].synapses;
      projections[j].bytes += shard.projections[j].bytes;
      projections[j].events += shard.projections[j].events;
      if (shard.projections[j].representation.empty()) continue;
      projections[j].representation = shard.projections[j].representation;
      projections[j].path = shard.projections[j].path;
      projections[j].fallback_reason = shard.projections[j].fallback_reason;
    }
  }
  RunResult result = actors::summarise(*impl_->plan, impl_->now, cohorts, std::move(projections));
  result.weights = summarise_weights(*impl_->plan, std::move(weights));
  result.threads = impl_->shards;
  result.build_s = impl_->build_s;
  result.simulate_s = impl_->simulate_s;
  const double simulated_s = static_cast<double>(impl_->now - impl_->begin) * impl_->plan->dt() / 1000.0;
  if (simulated_s > 0.0) result.real_time_factor = result.simulate_s / simulated_s;
  result.peak_rss_bytes = memory::peak_rss_bytes();
  return result;
}

Result<void> Simulation::finish() {
  if (std::exchange(impl_->finished, true)) return {};
  NEURACT_TRY(impl_->runtime->ask(Close{}));
  return {};
}

}  // namespace neuract::actors
