#include "neuract/memory/device.hpp"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <thread>

#include "neuract/memory/system.hpp"

namespace neuract::memory {
namespace {

/// Memory that a device's own functions hand out.
class BackendAllocator final : public Allocator {
 public:
  BackendAllocator(const DeviceBackend& backend, Placement placement) noexcept
      : Allocator(placement), backend_(backend) {}

 private:
  Result<void*> do_allocate(std::size_t bytes) override {
    return backend_.allocate(backend_.context, placement().kind, bytes);
  }
  void do_deallocate(void* data, std::size_t bytes) noexcept override {
    backend_.deallocate(backend_.context, placement().kind, data, bytes);
  }
  DeviceBackend backend_;
};

/// The text after the colon of the first line of /proc/cpuinfo that starts with `key`.
std::string cpuinfo(std::string_view key) {
  std::ifstream in("/proc/cpuinfo");
  std::string line;
  while (std::getline(in, line)) {
    if (!line.starts_with(key)) continue;
    const auto text = line.find_first_not_of(" \t", line.find(':') + 1);
    return text == std::string::npos ? std::string() : line.substr(text);
  }
  return {};
}

/// The instruction sets that any kernel here may be compiled for.
std::string isa_string() {
#if defined(__x86_64__)
  std::string isa = "x86-64";
  __builtin_cpu_init();
  // __builtin_cpu_supports takes nothing but a literal.
#define NEURACT_ADD_ISA(name) \
  if (__builtin_cpu_supports(name)) isa += " " name
  NEURACT_ADD_ISA("sse4.2");
  NEURACT_ADD_ISA("avx2");
  NEURACT_ADD_ISA("fma");
  NEURACT_ADD_ISA("bmi2");
  NEURACT_ADD_ISA("avx512f");
  NEURACT_ADD_ISA("avx512bw");
  NEURACT_ADD_ISA("avx512vl");
  NEURACT_ADD_ISA("avx512dq");
  NEURACT_ADD_ISA("avx512vnni");
  NEURACT_ADD_ISA("avx512vbmi2");
#undef NEURACT_ADD_ISA
  return isa;
#elif defined(__aarch64__)
  return "aarch64 neon";
#else
  return "generic";
#endif
}

unsigned usable_cores() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return static_cast<unsigned>(CPU_COUNT(&set));
  return std::max(1U, std::thread::hardware_concurrency());
}

/// 0 unless the kernel hands out transparent huge pages at least on advice.
std::size_t huge_page_bytes() {
  const std::string folder = "/sys/kernel/mm/transparent_hugepage/";
  std::string mode;
  std::getline(std::ifstream(folder + "enabled") >> std::ws, mode);
  if (mode.empty() || mode.find("[never]") != std::string::npos) return 0;
  std::size_t bytes = 0;
  std::ifstream(folder + "hpage_pmd_size") >> bytes;
  return bytes;
}

}  // namespace

DeviceInfo describe_cpu() {
  const SystemMemory memory = system_memory();
  DeviceInfo cpu;
  cpu.name = cpuinfo("model name");
  if (cpu.name.empty()) cpu.name = "CPU";
  cpu.cores = usable_cores();
  cpu.total_bytes = memory.total_bytes;
  cpu.available_bytes = memory.available_bytes;
  cpu.isa = isa_string();
  cpu.page_bytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  cpu.huge_page_bytes = huge_page_bytes();
  return cpu;
}

struct DeviceManager::Entry {
  Entry(DeviceId device, const DeviceBackend& functions)
      : id(device),
        backend(functions),
        pinned(functions, {MemoryKind::pinned, device}),
        own(functions, {MemoryKind::device, device}),
        managed(functions, {MemoryKind::managed, device}) {}

  DeviceId id;
  DeviceBackend backend;
  BackendAllocator pinned, own, managed;
};

DeviceManager::DeviceManager() = default;
DeviceManager::~DeviceManager() = default;

DeviceManager& DeviceManager::instance() {
  static auto* manager = new DeviceManager;  // never destroyed: see host_allocator()
  return *manager;
}

DeviceManager::Entry* DeviceManager::find(DeviceId id) const {
  for (const auto& entry : entries_)
    if (entry->id == id) return entry.get();
  return nullptr;
}

Result<DeviceId> DeviceManager::add(const DeviceBackend& backend) {
  if (backend.describe == nullptr || backend.allocate == nullptr || backend.deallocate == nullptr ||
      backend.copy == nullptr)
    return fail(ErrorCode::invalid_argument, "a device needs the functions describe, allocate, deallocate and copy");
  const DeviceInfo info = backend.describe(backend.context);
  const std::lock_guard lock(mutex_);
  if (info.id.kind == DeviceKind::cpu || find(info.id) != nullptr)
    return fail(ErrorCode::already_exists, "there is a device ", info.id, " already; \"", info.name,
                "\" cannot be added under this id");
  entries_.push_back(std::make_unique<Entry>(info.id, backend));
  unified_.reset();
  return info.id;
}

std::vector<DeviceInfo> DeviceManager::devices() const {
  const std::lock_guard lock(mutex_);
  std::vector<DeviceInfo> all{describe_cpu()};
  for (const auto& entry : entries_) all.push_back(entry->backend.describe(entry->backend.context));
  return all;
}

Result<const DeviceBackend*> DeviceManager::backend(DeviceId id) const {
  const std::lock_guard lock(mutex_);
  if (const Entry* entry = find(id)) return &entry->backend;
  std::string known = "cpu:0";
  for (const auto& entry : entries_) known += ", " + to_string(entry->id);
  if (id == DeviceId{}) return fail(ErrorCode::unsupported, "cpu:0 is no added device; there are ", known);
  return fail(ErrorCode::not_found, "there is no device ", id, "; there are ", known);
}

Result<DeviceInfo> DeviceManager::describe(DeviceId id) const {
  if (id == DeviceId{}) return describe_cpu();
  return backend(id).transform([](const DeviceBackend* found) { return found->describe(found->context); });
}

Result<Allocator*> DeviceManager::allocator(MemoryKind kind) {
  if (kind == MemoryKind::host) return &host_allocator();
  DeviceId first;
  {
    const std::lock_guard lock(mutex_);
    if (entries_.empty())
      return fail(ErrorCode::unsupported, kind,
                  " memory needs a device besides the CPU, and there is none; host memory is available");
    first = entries_.front()->id;
  }
  return allocator(kind, first);
}

Result<Allocator*> DeviceManager::allocator(MemoryKind kind, DeviceId device) {
  if (kind == MemoryKind::host) return &host_allocator();
  if (device.kind == DeviceKind::cpu)
    return fail(ErrorCode::unsupported, "cpu:0 has host memory only, not ", kind, " memory");
  NEURACT_TRY(backend(device));
  const std::lock_guard lock(mutex_);
  Entry* entry = find(device);
  if (kind == MemoryKind::pinned) return &entry->pinned;
  if (kind == MemoryKind::managed) return &entry->managed;
  return &entry->own;
}

UnifiedCapability DeviceManager::unified_capability() const {
  const std::lock_guard lock(mutex_);
  if (!unified_) {
    unified_.emplace();
    if (!entries_.empty()) {
      const DeviceBackend& first = entries_.front()->backend;
      *unified_ = first.describe(first.context).unified;
      unified_->has_device = true;
    }
  }
  return *unified_;
}

}  // namespace neuract::memory
