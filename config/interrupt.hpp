#pragma once

#include <signal.h>

#include <atomic>

namespace neuract::config {

/// While this lives, the first Ctrl-C (or termination) only asks for an orderly stop; the second one insists. One at a
/// time in a process.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  /// True once it has been asked for.
  [[nodiscard]] static const std::atomic<bool>& stop_requested() noexcept;

 private:
  struct sigaction before_int_ {};
  struct sigaction before_term_ {};
};

}  // namespace neuract::config
