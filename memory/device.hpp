#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "neuract/memory/allocator.hpp"
#include "neuract/memory/placement.hpp"
#include "neuract/memory/result.hpp"
#include "neuract/memory/unified_memory.hpp"

/// What computes here, and what memory it has. The CPU is always there; every other device comes in through
/// `DeviceManager::add`.

namespace neuract::memory {

struct DeviceInfo {
  DeviceId id;
  std::string name;                   ///< the model, as the maker calls it
  unsigned cores = 0;                 ///< CPU: hardware threads this process may use; others: multiprocessors
  std::uint64_t total_bytes = 0;      ///< memory; for the CPU what control groups allow
  std::uint64_t available_bytes = 0;  ///< at the time of asking
  std::string isa;                    ///< CPU: "x86-64 avx2 fma avx512f …"; others: compute capability
  std::size_t page_bytes = 0;         ///< 0 where it does not apply
  std::size_t huge_page_bytes = 0;    ///< 0 where there are none to be had by advice
  UnifiedCapability unified;          ///< what the device can do with memory shared with the host
};

/// The door for a device that a plugin brings: plain functions, called with `context` first, from any thread. `copy`
/// moves bytes between host, pinned, managed and this device's memory and returns when they have arrived.
struct DeviceBackend {
  void* context = nullptr;
  DeviceInfo (*describe)(void* context) = nullptr;
  Result<void*> (*allocate)(void* context, MemoryKind kind, std::size_t bytes) = nullptr;
  void (*deallocate)(void* context, MemoryKind kind, void* data, std::size_t bytes) noexcept = nullptr;
  Result<void> (*copy)(void* context, void* to, const void* from, std::size_t bytes) = nullptr;
};

/// The devices of this process and their allocators. Thread-safe. Devices are added, never removed, so pointers into it
/// stay good; it must outlive the memory that came from it, which `instance()` always does.
class DeviceManager {
 public:
  DeviceManager();
  ~DeviceManager();
  DeviceManager(const DeviceManager&) = delete;
  DeviceManager& operator=(const DeviceManager&) = delete;

  [[nodiscard]] static DeviceManager& instance();

  /// already_exists when its id is taken, invalid_argument when a function is missing.
  Result<DeviceId> add(const DeviceBackend& backend);

  /// The CPU first, then the others in the order they were added, each asked now.
  [[nodiscard]] std::vector<DeviceInfo> devices() const;
  [[nodiscard]] Result<DeviceInfo> describe(DeviceId id) const;

  /// Memory of that kind: host memory needs no device; the other kinds belong to `device`, or to the first one that is
  /// not the CPU.
  [[nodiscard]] Result<Allocator*> allocator(MemoryKind kind);
  [[nodiscard]] Result<Allocator*> allocator(MemoryKind kind, DeviceId device);

  /// The functions of an added device; the CPU has none.
  [[nodiscard]] Result<const DeviceBackend*> backend(DeviceId id) const;

  /// What can be shared with the first device that is not the CPU. Asked for once; adding a device asks anew.
  [[nodiscard]] UnifiedCapability unified_capability() const;

 private:
  struct Entry;
  [[nodiscard]] Entry* find(DeviceId id) const;

  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Entry>> entries_;
  mutable std::optional<UnifiedCapability> unified_;
};

/// The CPU of this machine, asked now.
[[nodiscard]] DeviceInfo describe_cpu();

}  // namespace neuract::memory
