#pragma once

#include <array>
#include <string>

#include "neuract/memory/result.hpp"
#include "neuract/memory/unified_memory.hpp"
#include "neuract/q4/diagnostics.hpp"
#include "neuract/q4/format.hpp"

/// Which backend computes with a weight: a function of the weight's format, the user's policy and what the machine can
/// do, all of them data.

namespace neuract::q4 {

/// What the user wants. A target is binding, also for the fallback: activations stay where they are.
struct DispatchPolicy {
  ComputePath compute_path = ComputePath::kernel_or_fallback;
  std::string backend{};  ///< the name of the one to use; empty: the first that may be used
  Target target = Target::automatic;
  memory::UnifiedMemoryPolicy unified_memory = memory::UnifiedMemoryPolicy::prefer_unified;
};

struct BackendState {
  bool available = false;
  std::string reason;  ///< why it is not; a clause that follows the backend's name and a colon
};

/// What the machine can do, and, while a weight is being prepared, what backends can do with it.
struct Capability {
  std::array<BackendState, kBackends.size()> backends;
  memory::UnifiedCapability unified;
  bool unified_disabled_by_environment = false;
  NativeLoadState native;

  [[nodiscard]] BackendState& operator[](Backend backend) { return backends[static_cast<std::size_t>(backend)]; }
  [[nodiscard]] const BackendState& operator[](Backend backend) const {
    return backends[static_cast<std::size_t>(backend)];
  }
};

/// This machine, asked now.
[[nodiscard]] Capability probe_capability();

struct Decision {
  Backend backend = Backend::cpu_nf4;
  Execution compute_path = Execution::kernel;
  std::string fallback_reason;  ///< as in Diagnostics
  memory::UnifiedDecision unified;
};

/// Pure. Errors, each naming what there is: not_found (a backend that does not exist), invalid_argument (a backend that
/// contradicts compute path, target or format), unsupported (unified memory is required and cannot be had; nothing that
/// the policy allows is available).
[[nodiscard]] Result<Decision> decide(Format format, const DispatchPolicy& policy, const Capability& capability);

}  // namespace neuract::q4
