#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

/// What the operating system says about memory. Reads /proc and /sys/fs/cgroup on each call (tens of microseconds).

namespace neuract::memory {

struct SystemMemory {
  std::uint64_t total_bytes = 0;      ///< what this process may ever have: the machine's RAM or a smaller cgroup limit
  std::uint64_t available_bytes = 0;  ///< what it may still take without swapping or being killed
  std::string limited_by;             ///< "machine", or the file that holds the cgroup limit that is the tightest now
};

/// Honours MemAvailable and the memory limits of control groups (v1 and v2) of this process and all their parents.
/// `root` is where the file system starts; tests put a machine of their own there.
[[nodiscard]] SystemMemory system_memory(const std::filesystem::path& root = "/");

/// Largest resident set of this process so far; 0 where the system does not tell.
[[nodiscard]] std::uint64_t peak_rss_bytes();
/// Resident set of this process now; 0 where the system does not tell.
[[nodiscard]] std::uint64_t current_rss_bytes();

/// "1.4 GB", "312 MB", "17 bytes": decimal units, as users know them from disks and clouds.
[[nodiscard]] std::string format_bytes(std::uint64_t bytes);

}  // namespace neuract::memory
