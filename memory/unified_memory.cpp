#include "neuract/memory/unified_memory.hpp"

#include <cstdlib>

#include "neuract/memory/device.hpp"

namespace neuract::memory {

std::string_view name_of(UnifiedMemoryPolicy policy) noexcept {
  switch (policy) {
    case UnifiedMemoryPolicy::disabled: return "disabled";
    case UnifiedMemoryPolicy::prefer_unified: return "prefer_unified";
    case UnifiedMemoryPolicy::require_unified: return "require_unified";
  }
  return "unknown";
}

std::string_view name_of(UnifiedTier tier) noexcept {
  switch (tier) {
    case UnifiedTier::host_only: return "host_only";
    case UnifiedTier::managed_exclusive: return "managed_exclusive";
    case UnifiedTier::managed_concurrent: return "managed_concurrent";
    case UnifiedTier::pageable: return "pageable";
  }
  return "unknown";
}

UnifiedTier tier_of(const UnifiedCapability& capability) noexcept {
  if (!capability.has_device) return UnifiedTier::host_only;
  if (capability.pageable) return UnifiedTier::pageable;
  if (!capability.managed) return UnifiedTier::host_only;
  return capability.concurrent_managed ? UnifiedTier::managed_concurrent : UnifiedTier::managed_exclusive;
}

Result<UnifiedDecision> decide_unified_memory(UnifiedMemoryPolicy policy, const UnifiedCapability& capability,
                                              bool disabled_by_environment) {
  const UnifiedTier tier = tier_of(capability);
  std::string obstacle;
  if (disabled_by_environment)
    obstacle = "NEURACT_DISABLE_UM is set";
  else if (!capability.has_device)
    obstacle = "there is no device besides the CPU";
  else if (tier == UnifiedTier::host_only)
    obstacle = "the device has neither managed memory nor access to pageable host memory";

  if (policy == UnifiedMemoryPolicy::disabled)
    return UnifiedDecision{UnifiedTier::host_only, "the policy turns unified memory off"};
  if (obstacle.empty()) {
    std::string reason(tier == UnifiedTier::pageable             ? "the device works on ordinary host memory"
                       : tier == UnifiedTier::managed_concurrent ? "CPU and device share managed memory concurrently"
                                                                 : "CPU and device take turns on managed memory");
    return UnifiedDecision{tier, std::move(reason)};
  }
  if (policy == UnifiedMemoryPolicy::require_unified)
    return fail(ErrorCode::unsupported, "unified memory is required, but ", obstacle);
  return UnifiedDecision{UnifiedTier::host_only, "unified memory is not used: " + obstacle};
}

bool unified_memory_disabled_by_environment() {
  const char* setting = std::getenv("NEURACT_DISABLE_UM");
  const std::string_view disable = setting == nullptr ? "" : setting;
  return !disable.empty() && disable != "0";
}

Result<UnifiedDecision> decide_unified_memory(UnifiedMemoryPolicy policy) {
  return decide_unified_memory(policy, DeviceManager::instance().unified_capability(),
                               unified_memory_disabled_by_environment());
}

}  // namespace neuract::memory
