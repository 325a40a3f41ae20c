#pragma once

#include <cstdint>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace neuract {

/// What kind of thing went wrong; the message says what exactly. There is no "ok": a value says that.
enum class ErrorCode : std::uint8_t {
  invalid_argument,  ///< the caller gave something that can never work
  out_of_memory,     ///< the machine or the device does not have the bytes
  not_found,         ///< a name, file or device does not exist
  already_exists,    ///< it exists and must not
  busy,              ///< somebody else holds it
  stale,             ///< the caller works from an outdated version
  exhausted,         ///< a configured limit is used up; trying again later may succeed
  unsupported,       ///< this machine, build or device cannot do it
  io,                ///< a file, disk or network operation failed
  parse,             ///< text or bytes are not in the expected format
  cancelled,         ///< somebody asked for the work to stop
  device,            ///< an accelerator or its driver reported an error
  internal,          ///< a defect in this program
};

/// The enumerator's own name, for logs and machine-readable output.
[[nodiscard]] constexpr std::string_view name_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::invalid_argument: return "invalid_argument";
    case ErrorCode::out_of_memory: return "out_of_memory";
    case ErrorCode::not_found: return "not_found";
    case ErrorCode::already_exists: return "already_exists";
    case ErrorCode::busy: return "busy";
    case ErrorCode::stale: return "stale";
    case ErrorCode::exhausted: return "exhausted";
    case ErrorCode::unsupported: return "unsupported";
    case ErrorCode::io: return "io";
    case ErrorCode::parse: return "parse";
    case ErrorCode::cancelled: return "cancelled";
    case ErrorCode::device: return "device";
    case ErrorCode::internal: return "internal";
  }
  return "unknown";
}

/// A sentence for a human who sees nothing but the code.
[[nodiscard]] constexpr std::string_view describe(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::invalid_argument: return "an argument is not acceptable";
    case ErrorCode::out_of_memory: return "there is not enough memory";
    case ErrorCode::not_found: return "it does not exist";
    case ErrorCode::already_exists: return "it exists already";
    case ErrorCode::busy: return "somebody else is using it";
    case ErrorCode::stale: return "the data it is based on is out of date";
    case ErrorCode::exhausted: return "a configured limit is used up";
    case ErrorCode::unsupported: return "it is not supported here";
    case ErrorCode::io: return "reading or writing failed";
    case ErrorCode::parse: return "the input is not in the expected format";
    case ErrorCode::cancelled: return "it was cancelled";
    case ErrorCode::device: return "a device reported an error";
    case ErrorCode::internal: return "this is a defect in neuract";
  }
  return "unknown error";
}

/// A failure on its way to whoever can act on it. Every layer it passes may add where it happened.
struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;
  std::vector<std::string> context;  ///< innermost first

  /// Adds the next outer place, as in `error.with_context("population \"E\"")`.
  Error& with_context(std::string where) & {
    context.push_back(std::move(where));
    return *this;
  }
  [[nodiscard]] Error&& with_context(std::string where) && {
    context.push_back(std::move(where));
    return std::move(*this);
  }

  /// "outermost: …: innermost: message", one line, fit to be shown to a user.
  [[nodiscard]] std::string to_string() const {
    std::string text;
    for (auto where = context.rbegin(); where != context.rend(); ++where) {
      text += *where;
      text += ": ";
    }
    text += message.empty() ? std::string(describe(code)) : message;
    return text;
  }

  friend bool operator==(const Error&, const Error&) = default;
};

inline std::ostream& operator<<(std::ostream& out, ErrorCode code) { return out << name_of(code); }
inline std::ostream& operator<<(std::ostream& out, const Error& error) { return out << error.to_string(); }

/// Marks a value as the error of a Result, as std::unexpected does.
template <class E>
class Unexpected {
 public:
  explicit Unexpected(E error) : error_(std::move(error)) {}
  [[nodiscard]] E& error() & noexcept { return error_; }
  [[nodiscard]] const E& error() const& noexcept { return error_; }
  [[nodiscard]] E&& error() && noexcept { return std::move(error_); }

 private:
  E error_;
};

namespace detail {

/// Streams print one-byte integers as characters; in a message they are numbers.
template <class T>
[[nodiscard]] decltype(auto) printable(const T& part) {
  if constexpr (std::is_same_v<T, unsigned char> || std::is_same_v<T, signed char>)
    return static_cast<int>(part);
  else
    return (part);
}

}  // namespace detail

/// `return fail(ErrorCode::invalid_argument, "n is ", n, ", expected at least 1");`
/// The parts are anything that a stream can print.
template <class... Parts>
[[nodiscard]] Unexpected<Error> fail(ErrorCode code, const Parts&... parts) {
  std::ostringstream text;
  (text << ... << detail::printable(parts));
  return Unexpected<Error>(Error{code, text.str(), {}});
}

}  // namespace neuract
