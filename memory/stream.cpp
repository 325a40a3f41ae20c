#include "neuract/memory/stream.hpp"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

namespace neuract::memory {

namespace detail {

struct Moment {
  std::mutex mutex;
  std::condition_variable changed;
  bool reached = false;
  std::chrono::steady_clock::time_point time;
  Result<void> outcome;

  void reach(Result<void> result) {
    {
      const std::lock_guard lock(mutex);
      reached = true;
      time = std::chrono::steady_clock::now();
      outcome = std::move(result);
    }
    changed.notify_all();
  }

  Result<void> wait() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return reached; });
    return outcome;
  }
};

}  // namespace detail

using detail::Moment;

bool Event::reached() const {
  if (moment_ == nullptr) return false;
  const std::lock_guard lock(moment_->mutex);
  return moment_->reached;
}

Result<void> Event::wait() const {
  if (moment_ == nullptr)
    return fail(ErrorCode::invalid_argument, "the event was never recorded, so waiting for it would not end");
  return moment_->wait();
}

Result<double> elapsed_ms(const Event& from, const Event& to) {
  std::chrono::steady_clock::time_point times[2];
  const Event* events[2] = {&from, &to};
  for (int i = 0; i < 2; ++i) {
    Moment* moment = events[i]->moment_.get();
    if (moment == nullptr) return fail(ErrorCode::invalid_argument, "the event was never recorded, so it has no time");
    const std::lock_guard lock(moment->mutex);
    if (!moment->reached) return fail(ErrorCode::busy, "the event is not reached yet, so it has no time");
    NEURACT_TRY(moment->outcome);
    times[i] = moment->time;
  }
  return std::chrono::duration<double, std::milli>(times[1] - times[0]).count();
}

struct Stream::Impl {
  /// Work, or with `moment` the mark of an event; a mark that `settles` leaves the stream without its error.
  struct Task {
    std::function<Result<void>()> work;
    std::shared_ptr<Moment> moment;
    bool settles = false;
  };

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Task> tasks;  // under mutex
  bool stopping = false;   // under mutex
  Result<void> state;      // the worker's own
  std::thread worker;

  ~Impl() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
    }
    changed.notify_one();
    if (worker.joinable()) worker.join();
  }

  void push(Task task) {
    {
      const std::lock_guard lock(mutex);
      tasks.push_back(std::move(task));
    }
    changed.notify_one();
  }

  void run() {
    for (;;) {
      Task task;
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, [this] { return stopping || !tasks.empty(); });
        if (tasks.empty()) return;
        task = std::move(tasks.front());
        tasks.pop_front();
      }
      if (task.moment != nullptr) {
        const Result<void> outcome = state;
        if (task.settles) state = Result<void>();
        task.moment->reach(outcome);
      } else if (state) {
        state = guarded(task.work);
      }
    }
  }

  static Result<void> guarded(const std::function<Result<void>()>& work) {
    try {
      return work();
    } catch (const std::exception& exception) {
      return fail(ErrorCode::internal, "work on a stream threw an exception: ", exception.what());
    } catch (...) {
      return fail(ErrorCode::internal, "work on a stream threw something that is no exception");
    }
  }
};

Stream::Stream(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Stream::Stream(Stream&&) noexcept = default;
Stream& Stream::operator=(Stream&&) noexcept = default;
Stream::~Stream() = default;

Result<Stream> Stream::create() {
  auto impl = std::make_unique<Impl>();
  try {
    impl->worker = std::thread([stream = impl.get()] { stream->run(); });
  } catch (const std::system_error& error) {
    return fail(ErrorCode::exhausted, "the system gives no thread for a stream: ", error.what());
  }
  return Stream(std::move(impl));
}

void Stream::submit(std::function<Result<void>()> work) { impl_->push({std::move(work), nullptr, false}); }

void Stream::record(Event& event) {
  auto moment = std::make_shared<Moment>();
  event.moment_ = moment;
  impl_->push({nullptr, std::move(moment), false});
}

Result<void> Stream::wait(const Event& event) {
  if (!event.recorded())
    return fail(ErrorCode::invalid_argument, "a stream cannot wait for an event that was never recorded");
  submit([moment = event.moment_] { return moment->wait(); });
  return {};
}

Result<void> Stream::synchronize() {
  if (std::this_thread::get_id() == impl_->worker.get_id())
    return fail(ErrorCode::invalid_argument, "work on a stream cannot wait for the stream it runs on");
  const auto moment = std::make_shared<Moment>();
  impl_->push({nullptr, moment, true});
  return moment->wait();
}

}  // namespace neuract::memory
