#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "neuract/memory/placement.hpp"
#include "neuract/memory/result.hpp"

/// Whether the CPU and a device share memory, decided from what the user wants and what the machine can do.

namespace neuract::memory {

enum class UnifiedMemoryPolicy : std::uint8_t {
  disabled,         ///< never share, even where it is possible
  prefer_unified,   ///< share where it is possible, else say why not and go on
  require_unified,  ///< share or fail at once with the diagnosis
};

/// From the least to the most that CPU and device can do with the same memory.
enum class UnifiedTier : std::uint8_t {
  host_only,           ///< no sharing: host memory, and copies to a device if there is one
  managed_exclusive,   ///< managed memory; the CPU must keep off while the device works
  managed_concurrent,  ///< managed memory, both at the same time
  pageable,            ///< kernels read and write ordinary memory (hardware-coherent machines such as GB10 and Grace)
};

/// What a device reports about itself; all false means that there is no device.
struct UnifiedCapability {
  bool has_device = false;
  bool managed = false;             ///< it can allocate managed memory
  bool concurrent_managed = false;  ///< CPU and device may use managed memory at the same time
  bool pageable = false;            ///< it reaches ordinary host memory through the page tables
  friend bool operator==(const UnifiedCapability&, const UnifiedCapability&) = default;
};

struct UnifiedDecision {
  UnifiedTier tier = UnifiedTier::host_only;
  std::string reason;  ///< one sentence for logs, diagnostics and `neuract devices`

  [[nodiscard]] bool unified() const noexcept { return tier != UnifiedTier::host_only; }
  /// What tensors that a device shall see too are allocated from.
  [[nodiscard]] MemoryKind memory_kind() const noexcept {
    return tier == UnifiedTier::managed_exclusive || tier == UnifiedTier::managed_concurrent ? MemoryKind::managed
                                                                                             : MemoryKind::host;
  }
};

[[nodiscard]] std::string_view name_of(UnifiedMemoryPolicy policy) noexcept;
[[nodiscard]] std::string_view name_of(UnifiedTier tier) noexcept;

/// The best tier that the capability allows.
[[nodiscard]] UnifiedTier tier_of(const UnifiedCapability& capability) noexcept;

/// Pure: the same answer for the same three arguments. unsupported when unified memory is required and cannot be had.
[[nodiscard]] Result<UnifiedDecision> decide_unified_memory(UnifiedMemoryPolicy policy,
                                                            const UnifiedCapability& capability,
                                                            bool disabled_by_environment);

/// NEURACT_DISABLE_UM; "", "0" and unset leave unified memory on.
[[nodiscard]] bool unified_memory_disabled_by_environment();

/// The same for this machine: DeviceManager's cached capability and NEURACT_DISABLE_UM.
[[nodiscard]] Result<UnifiedDecision> decide_unified_memory(UnifiedMemoryPolicy policy);

}  // namespace neuract::memory
