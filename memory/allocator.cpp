#include "neuract/memory/allocator.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "neuract/memory/system.hpp"

namespace neuract::memory {

Block::~Block() {
  if (allocator_ != nullptr) allocator_->release(data_, bytes_);
}

Result<Block> Allocator::allocate(std::size_t bytes) {
  constexpr std::size_t limit = std::size_t{1} << 62;
  if (bytes == 0) return Block();
  if (bytes > limit)
    return fail(ErrorCode::invalid_argument, "a block of ", bytes, " bytes was asked for; no block is larger than ",
                limit);
  NEURACT_TRY_ASSIGN(void* data, do_allocate(bytes));

  const std::uint64_t live = live_bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  live_blocks_.fetch_add(1, std::memory_order_relaxed);
  std::uint64_t peak = peak_bytes_.load(std::memory_order_relaxed);
  while (peak < live && !peak_bytes_.compare_exchange_weak(peak, live, std::memory_order_relaxed)) {
  }
  return Block(this, data, bytes);
}

Result<Block> Allocator::allocate(std::size_t count, std::size_t element_bytes) {
  std::size_t bytes = 0;
  if (__builtin_mul_overflow(count, element_bytes, &bytes))
    return fail(ErrorCode::invalid_argument, count, " elements of ", element_bytes,
                " bytes do not fit into an address space");
  return allocate(bytes);
}

void Allocator::release(void* data, std::size_t bytes) noexcept {
  do_deallocate(data, bytes);
  live_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  live_blocks_.fetch_sub(1, std::memory_order_relaxed);
}

AllocatorUsage Allocator::usage() const noexcept {
  return {live_bytes_.load(std::memory_order_relaxed), live_blocks_.load(std::memory_order_relaxed),
          peak_bytes_.load(std::memory_order_relaxed)};
}

namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;

std::size_t page_bytes() {
  static const auto bytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}

constexpr std::size_t round_up(std::size_t bytes, std::size_t unit) { return (bytes + unit - 1) / unit * unit; }

/// Zero pages at a multiple of a huge page; null when the kernel refuses.
void* map_pages(std::size_t bytes) {
  const std::size_t wanted = round_up(bytes, page_bytes());
  void* mapping =
      mmap(nullptr, wanted + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) return nullptr;
  auto* start = static_cast<std::byte*>(mapping);
  auto* data = reinterpret_cast<std::byte*>(round_up(reinterpret_cast<std::uintptr_t>(start), kHugePage));
  // Give back what the alignment cost on either side.
  if (const auto before = static_cast<std::size_t>(data - start); before > 0) munmap(start, before);
  if (const auto after = static_cast<std::size_t>(start + kHugePage - data); after > 0) munmap(data + wanted, after);
  // Only advice: kernels without huge pages answer with an error that changes nothing.
  madvise(data, wanted, MADV_HUGEPAGE);
  return data;
}

Unexpected<Error> not_enough(std::size_t bytes, const char* who, const AllocatorUsage& held) {
  const SystemMemory memory = system_memory();
  return fail(ErrorCode::out_of_memory, "a block of ", format_bytes(bytes), " was refused by ", who, ": ",
              format_bytes(memory.available_bytes), " of ", format_bytes(memory.total_bytes),
              " are available (limited by ", memory.limited_by, "), ", format_bytes(held.live_bytes), " are held by ",
              held.live_blocks, " blocks");
}

}  // namespace

Result<void*> HostAllocator::do_allocate(std::size_t bytes) {
  if (bytes < kLargeBlock) {
    void* data = std::aligned_alloc(kAlignment, round_up(bytes, kAlignment));
    if (data == nullptr) return not_enough(bytes, "the C library", usage());
    std::memset(data, 0, bytes);
    return data;
  }
  if (bytes >= kCheckedBlock && bytes > system_memory().available_bytes) return not_enough(bytes, "neuract", usage());
  void* data = map_pages(bytes);
  if (data == nullptr) return not_enough(bytes, "the kernel", usage());
  return data;
}

void HostAllocator::do_deallocate(void* data, std::size_t bytes) noexcept {
  if (bytes < kLargeBlock)
    std::free(data);
  else
    munmap(data, round_up(bytes, page_bytes()));
}

Allocator& host_allocator() {
  static auto* allocator =
      new HostAllocator;  // never destroyed: blocks in static objects may go later than any order could promise
  return *allocator;
}

}  // namespace neuract::memory
