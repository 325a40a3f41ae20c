#pragma once

#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>

#include "neuract/memory/allocator.hpp"

namespace neuract::memory {

/// A fixed number of zero-initialised elements in host memory, 64-byte aligned; move-only. For the arrays a simulation
/// lives in: a large one takes no memory before it is written, and what it takes is in huge pages where the kernel has
/// them (see HostAllocator).
template <class T>
class HostArray {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>,
                "elements are born as zero bytes and just dropped");
  static_assert(alignof(T) <= kAlignment);

 public:
  using value_type = T;

  HostArray() = default;
  HostArray(HostArray&& other) noexcept : block_(std::move(other.block_)), size_(std::exchange(other.size_, 0)) {}
  HostArray& operator=(HostArray&& other) noexcept {
    block_ = std::move(other.block_);
    size_ = std::exchange(other.size_, 0);
    return *this;
  }

  [[nodiscard]] static Result<HostArray> zeros(std::size_t size) {
    NEURACT_TRY_ASSIGN(Block block, host_allocator().allocate(size, sizeof(T)));
    return HostArray(std::move(block), size);
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::size_t bytes() const noexcept { return block_.bytes(); }

  [[nodiscard]] T* data() noexcept { return reinterpret_cast<T*>(block_.data()); }
  [[nodiscard]] const T* data() const noexcept { return reinterpret_cast<const T*>(block_.data()); }
  [[nodiscard]] T& operator[](std::size_t i) noexcept { return data()[i]; }
  [[nodiscard]] const T& operator[](std::size_t i) const noexcept { return data()[i]; }
  [[nodiscard]] T* begin() noexcept { return data(); }
  [[nodiscard]] T* end() noexcept { return data() + size_; }
  [[nodiscard]] const T* begin() const noexcept { return data(); }
  [[nodiscard]] const T* end() const noexcept { return data() + size_; }
  [[nodiscard]] std::span<T> span() noexcept { return {data(), size_}; }
  [[nodiscard]] std::span<const T> span() const noexcept { return {data(), size_}; }

 private:
  HostArray(Block block, std::size_t size) noexcept : block_(std::move(block)), size_(size) {}

  Block block_;
  std::size_t size_ = 0;
};

}  // namespace neuract::memory
