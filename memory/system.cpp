#include "neuract/memory/system.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>

namespace neuract::memory {
namespace {

namespace fs = std::filesystem;

/// The number after `key` in a file of "key value [kB]" lines.
std::optional<std::uint64_t> field(const fs::path& file, std::string_view key) {
  std::ifstream in(file);
  std::string line;
  while (std::getline(in, line)) {
    std::istringstream words(line);
    std::string name, unit;
    std::uint64_t value = 0;
    if (!(words >> name) || name != key || !(words >> value)) continue;
    words >> unit;
    return unit == "kB" ? value * 1024 : value;
  }
  return std::nullopt;
}

/// A file that holds one number; nothing for "max", a missing file or anything else.
std::optional<std::uint64_t> number(const fs::path& file) {
  std::ifstream in(file);
  std::uint64_t value = 0;
  if (!(in >> value)) return std::nullopt;
  return value;
}

struct ControlGroups {
  fs::path mount;     ///< where the hierarchy is visible
  std::string group;  ///< this process's place in it
  const char* limit;  ///< file names
  const char* usage;
  const char* reclaimable;  ///< field of memory.stat: file cache that the kernel gives up before it kills
};

/// Lines of /proc/self/cgroup are "id:controllers:path"; version 2 has id 0 and no controllers.
std::optional<ControlGroups> memory_groups(const fs::path& root) {
  std::ifstream in(root / "proc/self/cgroup");
  std::string line;
  std::optional<ControlGroups> found;
  while (std::getline(in, line)) {
    const auto first = line.find(':');
    const auto second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = ',' + line.substr(first + 1, second - first - 1) + ',';
    const std::string group = line.substr(second + 1);
    if (controllers.find(",memory,") != std::string::npos)
      return ControlGroups{root / "sys/fs/cgroup/memory", group, "memory.limit_in_bytes", "memory.usage_in_bytes",
                           "total_inactive_file"};
    if (controllers == ",,") found = {root / "sys/fs/cgroup", group, "memory.max", "memory.current", "inactive_file"};
  }
  return found;
}

/// Narrows `memory` by every limit from the process's group up to the root of the hierarchy. Inside a container the
/// path of the group may not exist below the mount, which then shows the group itself: its parents, up to the mount,
/// are tried all the same.
void apply_control_groups(const ControlGroups& groups, SystemMemory& memory) {
  const fs::path relative = fs::path(groups.group).relative_path().lexically_normal();
  const bool outside = !relative.empty() && *relative.begin() == "..";  // a group outside this cgroup namespace
  for (fs::path group = outside ? fs::path() : relative;; group = group.parent_path()) {
    const fs::path folder = groups.mount / group;
    if (const auto limit = number(folder / groups.limit)) {
      const std::uint64_t used = number(folder / groups.usage).value_or(0);
      const std::uint64_t cache = std::min(used, field(folder / "memory.stat", groups.reclaimable).value_or(0));
      const std::uint64_t held = used - cache;
      const std::uint64_t left = *limit > held ? *limit - held : 0;
      memory.total_bytes = std::min(memory.total_bytes, *limit);
      if (left < memory.available_bytes) {
        memory.available_bytes = left;
        memory.limited_by = (folder / groups.limit).string();
      }
    }
    if (group.empty()) return;
  }
}

}  // namespace

SystemMemory system_memory(const fs::path& root) {
  const fs::path meminfo = root / "proc/meminfo";
  SystemMemory memory;
  memory.total_bytes = field(meminfo, "MemTotal:").value_or(0);
  // MemAvailable is missing before Linux 3.14 only; MemFree is then the cautious answer.
  memory.available_bytes = field(meminfo, "MemAvailable:").value_or(field(meminfo, "MemFree:").value_or(0));
  memory.limited_by = "machine";
  if (const auto groups = memory_groups(root)) apply_control_groups(*groups, memory);
  return memory;
}

// Not getrusage: its maximum survives exec and so may be that of the program that started this one.
// The maximum is updated lazily and may lag behind the current value.
std::uint64_t peak_rss_bytes() {
  return std::max(field("/proc/self/status", "VmHWM:").value_or(0), current_rss_bytes());
}
std::uint64_t current_rss_bytes() { return field("/proc/self/status", "VmRSS:").value_or(0); }

std::string format_bytes(std::uint64_t bytes) {
  if (bytes < 1000) return std::to_string(bytes) + (bytes == 1 ? " byte" : " bytes");
  static constexpr std::array<const char*, 6> kUnits{"kB", "MB", "GB", "TB", "PB", "EB"};
  double value = static_cast<double>(bytes) / 1000;
  std::size_t unit = 0;
  // 999.5 and more would print as 1000 of this unit.
  for (; value >= 999.5 && unit + 1 < kUnits.size(); ++unit) value /= 1000;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), value < 99.95 ? "%.1f %s" : "%.0f %s", value, kUnits[unit]);
  return text.data();
}

}  // namespace neuract::memory
