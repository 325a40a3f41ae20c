#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "neuract/memory/placement.hpp"
#include "neuract/memory/result.hpp"

namespace neuract::memory {

class Allocator;

/// Every block starts at a multiple of this: a cache line, and the widest vector register.
inline constexpr std::size_t kAlignment = 64;

/// Bytes that are owned, and given back to their allocator at the end. A block of 0 bytes has no address.
class Block {
 public:
  Block() = default;
  Block(Block&& other) noexcept
      : allocator_(std::exchange(other.allocator_, nullptr)),
        data_(std::exchange(other.data_, nullptr)),
        bytes_(std::exchange(other.bytes_, 0)) {}
  Block& operator=(Block other) noexcept {
    std::swap(allocator_, other.allocator_);
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Block();

  [[nodiscard]] std::byte* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

 private:
  friend class Allocator;
  Block(Allocator* allocator, void* data, std::size_t bytes) noexcept
      : allocator_(allocator), data_(static_cast<std::byte*>(data)), bytes_(bytes) {}

  Allocator* allocator_ = nullptr;
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
};

/// As asked for by callers: what the memory costs beyond that (page rounding) is not counted.
struct AllocatorUsage {
  std::uint64_t live_bytes = 0;
  std::uint64_t live_blocks = 0;
  std::uint64_t peak_bytes = 0;
};

/// Hands out blocks of one kind of memory. Thread-safe. Must outlive its blocks.
class Allocator {
 public:
  virtual ~Allocator() = default;
  Allocator(const Allocator&) = delete;
  Allocator& operator=(const Allocator&) = delete;

  /// Host memory is zero. out_of_memory, with sizes, when there is not enough; invalid_argument above 2^62 bytes.
  [[nodiscard]] Result<Block> allocate(std::size_t bytes);
  /// `count` elements of `element_bytes`, checked for overflow.
  [[nodiscard]] Result<Block> allocate(std::size_t count, std::size_t element_bytes);

  [[nodiscard]] Placement placement() const noexcept { return placement_; }
  [[nodiscard]] AllocatorUsage usage() const noexcept;

 protected:
  explicit Allocator(Placement placement) noexcept : placement_(placement) {}

 private:
  friend class Block;
  virtual Result<void*> do_allocate(std::size_t bytes) = 0;  // bytes > 0
  virtual void do_deallocate(void* data, std::size_t bytes) noexcept = 0;
  void release(void* data, std::size_t bytes) noexcept;

  Placement placement_;
  std::atomic<std::uint64_t> live_bytes_{0};
  std::atomic<std::uint64_t> live_blocks_{0};
  std::atomic<std::uint64_t> peak_bytes_{0};
};

/// Ordinary memory, zeroed.
///
/// Blocks of kLargeBlock bytes or more come straight from the kernel, start at a multiple of a huge page and ask for
/// huge pages: tables that are read at random then miss the TLB far less. Their pages are zero without being written
/// and are placed where they are first touched, so reserving more than is used costs address space only. Blocks of
/// kCheckedBlock bytes or more are refused when the machine does not have the memory, because Linux would promise it
/// and kill the process later.
class HostAllocator final : public Allocator {
 public:
  static constexpr std::size_t kLargeBlock = std::size_t{2} << 20;
  static constexpr std::size_t kCheckedBlock = std::size_t{64} << 20;

  HostAllocator() noexcept : Allocator(Placement{}) {}

 private:
  Result<void*> do_allocate(std::size_t bytes) override;
  void do_deallocate(void* data, std::size_t bytes) noexcept override;
};

/// The process's allocator for ordinary memory.
[[nodiscard]] Allocator& host_allocator();

}  // namespace neuract::memory
