#pragma once

#include <caf/action.hpp>
#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/binary_deserializer.hpp>
#include <caf/binary_serializer.hpp>
#include <caf/byte_buffer.hpp>
#include <caf/byte_span.hpp>
#include <caf/error.hpp>
#include <caf/exit_reason.hpp>
#include <caf/init_global_meta_objects.hpp>
#include <caf/result.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/type_id.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <tuple>
#include <utility>

#if CAF_MAJOR_VERSION >= 1
#include <caf/actor_from_state.hpp>
#include <caf/anon_mail.hpp>
#include <caf/event_based_mail.hpp>
#endif

/// The one place that knows CAF versions: code in actors/ reads as CAF 1.x and compiles with 0.18.7, too.
///
///   mail(self, message).send(receiver);                  mail(self, message).delay(50ms).send(receiver);
///   anon_mail(message).send(receiver);                   // from outside of any actor
///   monitor(self, handle, [](const caf::error& reason) { … });
///   auto handle = spawn<State>(system, arguments…);      // State: Handle, name, State(Handle::pointer, arguments…),
///   make_behavior() auto handle = spawn_detached<State>(system, …);      // with a thread of its own
namespace neuract::actors {

#if CAF_MAJOR_VERSION < 1

using Byte = caf::byte;

/// A message on its way; needs a send(), as in CAF 1.x.
template <class Self, class... Ts>
class [[nodiscard]] Mail {
 public:
  template <class... Us>
  explicit Mail(Self self, Us&&... content) : self_(self), content_(std::forward<Us>(content)...) {}

  template <class Duration>
  [[nodiscard]] Mail&& delay(Duration duration) && {
    delay_ = std::chrono::duration_cast<caf::timespan>(duration);
    return std::move(*this);
  }

  template <class Handle>
  void send(const Handle& receiver) && {
    std::apply(
        [&](Ts&... content) {
          if (delay_.count() > 0) {
            self_->delayed_send(receiver, delay_, std::move(content)...);
          } else {
            self_->send(receiver, std::move(content)...);
          }
        },
        content_);
  }

 private:
  Self self_;
  caf::timespan delay_{0};
  std::tuple<Ts...> content_;
};

template <class... Ts>
class [[nodiscard]] AnonMail {
 public:
  template <class... Us>
  explicit AnonMail(std::in_place_t, Us&&... content) : content_(std::forward<Us>(content)...) {}

  template <class Handle>
  void send(const Handle& receiver) && {
    std::apply([&](Ts&... content) { caf::anon_send(receiver, std::move(content)...); }, content_);
  }

 private:
  std::tuple<Ts...> content_;
};

template <class Self, class... Ts>
[[nodiscard]] auto mail(Self* self, Ts&&... content) {
  return Mail<Self*, std::decay_t<Ts>...>(self, std::forward<Ts>(content)...);
}

template <class... Ts>
[[nodiscard]] auto anon_mail(Ts&&... content) {
  return AnonMail<std::decay_t<Ts>...>(std::in_place, std::forward<Ts>(content)...);
}

/// Calls `callback(reason)` as a message of `self` when the actor behind `handle` has ended (at once if it has
/// already).
template <class Self, class Handle, class F>
void monitor(Self* self, const Handle& handle, F callback) {
  // A functor at the watched actor rather than CAF 0.18's monitor(): that has one handler for all, which says who but
  // not what for.
  handle->attach_functor([observer = self->address(), callback = std::move(callback)](const caf::error& reason) {
    if (auto strong = caf::actor_cast<caf::strong_actor_ptr>(observer)) {
      caf::anon_send(caf::actor_cast<caf::actor>(strong),
                     caf::make_action([callback, reason]() mutable { callback(reason); }));
    }
  });
}

template <class State, class... Ts>
typename State::Handle spawn(caf::actor_system& system, Ts&&... arguments) {
  return system.spawn<typename State::Handle::template stateful_impl<State>>(std::forward<Ts>(arguments)...);
}

template <class State, class... Ts>
typename State::Handle spawn_detached(caf::actor_system& system, Ts&&... arguments) {
  return system.spawn<typename State::Handle::template stateful_impl<State>, caf::detached>(
      std::forward<Ts>(arguments)...);
}

#else

using Byte = std::byte;

template <class Self, class... Ts>
[[nodiscard]] auto mail(Self* self, Ts&&... content) {
  return self->mail(std::forward<Ts>(content)...);
}

template <class... Ts>
[[nodiscard]] auto anon_mail(Ts&&... content) {
  return caf::anon_mail(std::forward<Ts>(content)...);
}

template <class Self, class Handle, class F>
void monitor(Self* self, const Handle& handle, F callback) {
  self->monitor(handle, std::move(callback));
}

template <class State, class... Ts>
typename State::Handle spawn(caf::actor_system& system, Ts&&... arguments) {
  return system.spawn(caf::actor_from_state<State>, std::forward<Ts>(arguments)...);
}

template <class State, class... Ts>
typename State::Handle spawn_detached(caf::actor_system& system, Ts&&... arguments) {
  return system.spawn<caf::detached>(caf::actor_from_state<State>, std::forward<Ts>(arguments)...);
}

#endif

/// The bytes of `count` values, as CAF's inspectors take them.
template <class T>
caf::byte_span bytes_of(T* values, std::size_t count) {
  return {reinterpret_cast<Byte*>(values), count * sizeof(T)};
}
template <class T>
caf::const_byte_span bytes_of(const T* values, std::size_t count) {
  return {reinterpret_cast<const Byte*>(values), count * sizeof(T)};
}

/// An error that says something (CAF 1.x no longer converts to bool in all places).
inline bool failed(const caf::error& error) { return !error.empty(); }

struct SystemOptions {
  std::size_t scheduler_threads = 1;  ///< population and recorder actors have threads of their own
  std::string policy = "sharing";  ///< "stealing" polls at up to 10 ms intervals when idle; "sharing" wakes up at once
};

inline void configure(caf::actor_system_config& config, const SystemOptions& options) {
  config.set("caf.scheduler.max-threads", static_cast<std::int64_t>(options.scheduler_threads));
  config.set("caf.scheduler.policy", options.policy);
}

}  // namespace neuract::actors
