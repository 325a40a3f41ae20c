#pragma once

#include <functional>
#include <memory>

#include "neuract/memory/result.hpp"

/// Stream: work that runs in the order it was submitted, on a thread of its own, while the caller goes on.
/// Event: a point in that order, to wait for and to measure with.
///
/// The first failure of a stream's work, an exception included, becomes the state of the stream: later work is skipped,
/// and whoever waits (synchronize, an event, a stream that waits for an event) gets the error. synchronize() reports it
/// once and makes the stream usable again.

namespace neuract::memory {

namespace detail {
struct Moment;
}

/// A handle: copies stand for the same point. Recording again moves this handle to the new point and leaves its copies
/// alone.
class Event {
 public:
  Event() = default;

  [[nodiscard]] bool recorded() const noexcept { return moment_ != nullptr; }
  /// True once the stream has got there, successfully or not. False when never recorded.
  [[nodiscard]] bool reached() const;
  /// Until the stream has got there. The stream's error, or invalid_argument when never recorded.
  [[nodiscard]] Result<void> wait() const;

 private:
  friend class Stream;
  friend Result<double> elapsed_ms(const Event& from, const Event& to);
  std::shared_ptr<detail::Moment> moment_;
};

/// Time between two points. invalid_argument when one was never recorded, busy when one is not reached yet, the
/// stream's error when its work had failed before.
[[nodiscard]] Result<double> elapsed_ms(const Event& from, const Event& to);

/// Thread-safe. The destructor finishes what was submitted; an error that nobody asked for is then lost.
class Stream {
 public:
  /// exhausted when the system gives no more threads.
  [[nodiscard]] static Result<Stream> create();
  Stream(Stream&&) noexcept;
  Stream& operator=(Stream&&) noexcept;
  ~Stream();

  void submit(std::function<Result<void>()> work);

  /// Marks the end of what was submitted so far.
  void record(Event& event);
  [[nodiscard]] Event record() {
    Event event;
    record(event);
    return event;
  }

  /// Later work starts only after `event` is reached, on whatever stream that is. Its failure is then also this
  /// stream's.
  [[nodiscard]] Result<void> wait(const Event& event);

  /// Until everything submitted is done; the first error since the last call. Calling it from the stream's own work is
  /// invalid_argument.
  [[nodiscard]] Result<void> synchronize();

 private:
  struct Impl;
  explicit Stream(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace neuract::memory
