#pragma once

#include <exception>
#include <new>
#include <string>

#include "neuract/actors/inspect.hpp"

namespace neuract::actors {

inline Error error_of(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const std::bad_alloc&) {
    return {ErrorCode::out_of_memory, "there is not enough memory", {}};
  } catch (const std::exception& e) {
    return {ErrorCode::internal, e.what(), {}};
  } catch (...) {
    return {ErrorCode::internal, "an exception of unknown type", {}};
  }
}

/// An exception in a handler ends the actor and reaches the supervisor as an Error; when the supervisor has gone, so
/// has the actor.
template <class Self>
void report_failures(Self* self, const SupervisorActor& supervisor, const std::string& who) {
  self->set_exception_handler([self, supervisor, who](std::exception_ptr& exception) -> caf::error {
    mail(self, Failed{error_of(exception).with_context(who)}).send(supervisor);
    return caf::make_error(caf::sec::runtime_error, who);
  });
  monitor(self, supervisor, [self](const caf::error&) { self->quit(caf::exit_reason::user_shutdown); });
}

}  // namespace neuract::actors
