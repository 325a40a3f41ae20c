#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <unordered_set>
#include <utility>
#include <vector>

#include "neuract/memory/host_array.hpp"
#include "neuract/memory/result.hpp"
#include "neuract/q4/session.hpp"

/// What stands behind a Q4Session; for the files of q4/ only.

namespace neuract::q4::detail {

/// Buffers that forwards borrow, so that repeated ones allocate nothing. As many stay as forwards ran at once. Thread-safe.
class BufferPool {
 public:
  /// A buffer of at least the size asked for; goes back at the end.
  class Lease {
   public:
    Lease(Lease&& other) noexcept : pool_(std::exchange(other.pool_, nullptr)), array_(std::move(other.array_)) {}
    Lease& operator=(Lease other) noexcept {
      std::swap(pool_, other.pool_);
      std::swap(array_, other.array_);
      return *this;
    }
    ~Lease() {
      if (pool_ != nullptr) pool_->give_back(std::move(array_));
    }
    [[nodiscard]] float* data() noexcept { return array_.data(); }

   private:
    friend class BufferPool;
    Lease(BufferPool* pool, memory::HostArray<float> array) noexcept : pool_(pool), array_(std::move(array)) {}
    BufferPool* pool_;
    memory::HostArray<float> array_;
  };

  /// The pool must outlive the lease. Errors: out_of_memory.
  [[nodiscard]] Result<Lease> borrow(std::size_t floats);
  void clear() noexcept;

 private:
  void give_back(memory::HostArray<float> array) noexcept;

  std::mutex mutex_;
  std::vector<memory::HostArray<float>> free_;
};

class SessionState {
 public:
  SessionState(Q4SessionConfig config, Capability capability, memory::UnifiedDecision unified)
      : config_(std::move(config)), capability_(std::move(capability)), unified_(std::move(unified)) {}

  [[nodiscard]] const Q4SessionConfig& config() const noexcept { return config_; }
  [[nodiscard]] const Capability& capability() const noexcept { return capability_; }
  [[nodiscard]] const memory::UnifiedDecision& unified() const noexcept { return unified_; }
  [[nodiscard]] const std::shared_ptr<BufferPool>& buffers() const noexcept { return buffers_; }

  /// Keeps a resource until it is released or the session ends.
  void keep(std::shared_ptr<void> resource);
  void release(const std::shared_ptr<void>& resource) noexcept;

 private:
  const Q4SessionConfig config_;
  const Capability capability_;
  const memory::UnifiedDecision unified_;
  const std::shared_ptr<BufferPool> buffers_ = std::make_shared<BufferPool>();
  std::mutex mutex_;
  std::unordered_set<std::shared_ptr<void>> resources_;
};

}  // namespace neuract::q4::detail
