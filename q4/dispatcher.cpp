#include "neuract/q4/dispatcher.hpp"

#include <utility>

#include "neuract/memory/device.hpp"

namespace neuract::q4 {
namespace {

/// The names of the backends for which `wanted` is true.
template <class Predicate>
std::string names(Predicate wanted) {
  std::string text;
  for (const BackendTraits& row : kBackends) {
    if (!wanted(row)) continue;
    if (!text.empty()) text += ", ";
    text += row.name;
  }
  return text;
}

bool allows(ComputePath path, Execution execution) noexcept {
  return path == ComputePath::kernel_or_fallback ||
         (path == ComputePath::kernel_only) == (execution == Execution::kernel);
}

bool allows(Target target, const BackendTraits& row) noexcept {
  return target == Target::automatic || target == row.target;
}

/// The backend that the policy names, or null when it names none.
Result<const BackendTraits*> find_override(Format format, const DispatchPolicy& policy) {
  if (policy.backend.empty()) return nullptr;
  for (const BackendTraits& row : kBackends) {
    if (row.name != policy.backend) continue;
    if (!allows(policy.compute_path, row.execution))
      return fail(ErrorCode::invalid_argument, "backend ", row.name, " contradicts compute path ",
                  name_of(policy.compute_path), ", which allows ",
                  names([&](const BackendTraits& other) { return allows(policy.compute_path, other.execution); }));
    if (!allows(policy.target, row))
      return fail(ErrorCode::invalid_argument, "backend ", row.name, " contradicts target ", name_of(policy.target),
                  ", which has ", names([&](const BackendTraits& other) { return allows(policy.target, other); }));
    if (!row.takes(format))
      return fail(ErrorCode::invalid_argument, "backend ", row.name, " does not take ", traits_of(format).name,
                  "; those that do are ", names([&](const BackendTraits& other) { return other.takes(format); }));
    return &row;
  }
  return fail(ErrorCode::not_found, "there is no backend \"", policy.backend, "\"; there are ",
              names([](const BackendTraits&) { return true; }));
}

/// The first available backend of that execution among those that the policy allows; where there is none, why.
struct Choice {
  const BackendTraits* row = nullptr;
  std::string obstacles;
};

Choice choose(Execution execution, Format format, Target target, const BackendTraits* only,
              const Capability& capability) {
  Choice choice;
  for (const BackendTraits& row : kBackends) {
    if (row.execution != execution || !row.takes(format) || !allows(target, row)) continue;
    if (only != nullptr && only != &row) continue;
    const BackendState& state = capability[row.backend];
    if (state.available) return {&row, {}};
    if (!choice.obstacles.empty()) choice.obstacles += "; ";
    choice.obstacles.append(row.name).append(": ").append(state.reason);
  }
  return choice;
}

}  // namespace

Result<Decision> decide(Format format, const DispatchPolicy& policy, const Capability& capability) {
  NEURACT_TRY_ASSIGN(const BackendTraits* const named, find_override(format, policy));
  Decision decision;
  NEURACT_TRY_ASSIGN(decision.unified, memory::decide_unified_memory(policy.unified_memory, capability.unified,
                                                                     capability.unified_disabled_by_environment));

  const bool wants_kernel = policy.compute_path != ComputePath::dequant_matmul_only;
  const bool names_kernel = named != nullptr && named->execution == Execution::kernel;
  std::string obstacles;
  if (wants_kernel && (named == nullptr || names_kernel)) {
    Choice kernel = choose(Execution::kernel, format, policy.target, named, capability);
    if (kernel.row != nullptr) {
      decision.backend = kernel.row->backend;
      decision.compute_path = Execution::kernel;
      return decision;
    }
    obstacles = std::move(kernel.obstacles);
  } else if (wants_kernel) {
    obstacles.append(named->name).append(" is the backend asked for");
  }

  if (policy.compute_path != ComputePath::kernel_only) {
    // A kernel that was named and cannot be had does not decide who takes its place.
    Choice fallback =
        choose(Execution::dequant_matmul, format, policy.target, names_kernel ? nullptr : named, capability);
    if (fallback.row != nullptr) {
      decision.backend = fallback.row->backend;
      decision.compute_path = Execution::dequant_matmul;
      decision.fallback_reason = std::move(obstacles);
      return decision;
    }
    if (named != nullptr && !names_kernel) obstacles.clear();
    if (!obstacles.empty()) obstacles += "; ";
    obstacles += fallback.obstacles;
  }
  return fail(ErrorCode::unsupported, "nothing that computes ", traits_of(format).name, " with compute path ",
              name_of(policy.compute_path), " on target ", name_of(policy.target), " is available: ", obstacles);
}

Capability probe_capability() {
  Capability capability;
  capability.native.reason = "this version looks for no device plugin";
  for (const BackendTraits& row : kBackends) {
    BackendState& state = capability[row.backend];
    state.available = row.target == Target::cpu;
    if (!state.available) state.reason = "the device plugin is " + capability.native.to_string();
  }
  capability.unified = memory::DeviceManager::instance().unified_capability();
  capability.unified_disabled_by_environment = memory::unified_memory_disabled_by_environment();
  return capability;
}

}  // namespace neuract::q4
