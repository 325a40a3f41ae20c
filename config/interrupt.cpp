#include "neuract/config/interrupt.hpp"

#include <unistd.h>

#include "neuract/config/subcommands.hpp"

namespace neuract::config {
namespace {

std::atomic<bool> requested = false;
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler sets it");

extern "C" void handle_interrupt(int) {
  if (requested.exchange(true)) _exit(static_cast<int>(Exit::failed));
}

}  // namespace

InterruptGuard::InterruptGuard() {
  requested = false;
  struct sigaction now {};
  now.sa_handler = handle_interrupt;
  sigemptyset(&now.sa_mask);
  now.sa_flags = SA_RESTART;
  sigaction(SIGINT, &now, &before_int_);
  sigaction(SIGTERM, &now, &before_term_);
}

InterruptGuard::~InterruptGuard() {
  sigaction(SIGINT, &before_int_, nullptr);
  sigaction(SIGTERM, &before_term_, nullptr);
}

const std::atomic<bool>& InterruptGuard::stop_requested() noexcept { return requested; }

}  // namespace neuract::config
