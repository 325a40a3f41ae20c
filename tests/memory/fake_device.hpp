#pragma once

#include <cstdlib>
#include <cstring>

#include "neuract/memory/device.hpp"

namespace neuract::memory {

/// A device whose memory is the host's, so that a test can look into it. Must outlive the DeviceManager's use of it.
struct FakeDevice {
  DeviceInfo info;
  std::size_t capacity = std::size_t{1} << 30;
  std::size_t live_bytes = 0;
  int descriptions = 0;
  int copies = 0;
  bool copies_fail = false;

  FakeDevice() {
    info.id = {DeviceKind::cuda, 0};
    info.name = "fake";
  }

  [[nodiscard]] DeviceBackend backend() {
    DeviceBackend functions;
    functions.context = this;
    functions.describe = [](void* self) {
      ++of(self).descriptions;
      return of(self).info;
    };
    functions.allocate = [](void* self, MemoryKind kind, std::size_t bytes) -> Result<void*> {
      if (of(self).live_bytes + bytes > of(self).capacity)
        return fail(ErrorCode::out_of_memory, "no ", bytes, " bytes of ", kind, " memory");
      of(self).live_bytes += bytes;
      return std::malloc(bytes);
    };
    functions.deallocate = [](void* self, MemoryKind, void* data, std::size_t bytes) noexcept {
      of(self).live_bytes -= bytes;
      std::free(data);
    };
    functions.copy = [](void* self, void* to, const void* from, std::size_t bytes) -> Result<void> {
      if (of(self).copies_fail) return fail(ErrorCode::device, "the fake device is broken");
      ++of(self).copies;
      std::memcpy(to, from, bytes);
      return {};
    };
    return functions;
  }

 private:
  static FakeDevice& of(void* self) { return *static_cast<FakeDevice*>(self); }
};

}  // namespace neuract::memory
