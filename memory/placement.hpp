#pragma once

#include <compare>
#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>

/// Where bytes live: which device, and which kind of its memory.

namespace neuract::memory {

enum class DeviceKind : std::uint8_t { cpu, cuda };

struct DeviceId {
  DeviceKind kind = DeviceKind::cpu;
  std::int32_t index = 0;
  friend auto operator<=>(const DeviceId&, const DeviceId&) = default;
};

enum class MemoryKind : std::uint8_t {
  host,     ///< ordinary memory
  pinned,   ///< ordinary memory that a device can reach by DMA
  device,   ///< a device's own memory: the CPU must not touch it
  managed,  ///< one address for CPU and device; the driver moves the pages
};

struct Placement {
  MemoryKind kind = MemoryKind::host;
  DeviceId device;
  [[nodiscard]] bool host_accessible() const noexcept { return kind != MemoryKind::device; }
  friend bool operator==(const Placement&, const Placement&) = default;
};

[[nodiscard]] constexpr std::string_view name_of(DeviceKind kind) noexcept {
  return kind == DeviceKind::cpu ? "cpu" : "cuda";
}

[[nodiscard]] constexpr std::string_view name_of(MemoryKind kind) noexcept {
  switch (kind) {
    case MemoryKind::host: return "host";
    case MemoryKind::pinned: return "pinned";
    case MemoryKind::device: return "device";
    case MemoryKind::managed: return "managed";
  }
  return "unknown";
}

/// "cuda:0"
[[nodiscard]] inline std::string to_string(DeviceId id) {
  return std::string(name_of(id.kind)) + ':' + std::to_string(id.index);
}

inline std::ostream& operator<<(std::ostream& out, DeviceId id) { return out << to_string(id); }
inline std::ostream& operator<<(std::ostream& out, MemoryKind kind) { return out << name_of(kind); }

}  // namespace neuract::memory
