#pragma once

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <variant>

#include "neuract/memory/error.hpp"

/// Result<T>: a value or an Error, with the interface of std::expected (which C++20 lacks).
///
///   value()     throws BadResultAccess when there is an error: for constructors at start-up and for tests.
///   *r, r->     abort with the error's text when there is one: for code that has checked.
///   and_then, transform, or_else, transform_error   as in the standard.
///
/// For early return inside a function that itself returns a Result:
///   NEURACT_TRY(check(shape));
///   NEURACT_TRY_ASSIGN(auto tensor, Tensor::zeros(dtype, shape));

namespace neuract {

template <class T>
class Result;

/// Thrown by Result::value() on an error.
class BadResultAccess : public std::runtime_error {
 public:
  explicit BadResultAccess(Error error) : std::runtime_error(error.to_string()), error_(std::move(error)) {}
  [[nodiscard]] const Error& error() const noexcept { return error_; }

 private:
  Error error_;
};

namespace detail {

[[noreturn]] inline void abort_on_missing_value(const Error& error) {
  std::fprintf(stderr, "neuract: a result was used without checking it: %s\n", error.to_string().c_str());
  std::abort();
}

[[noreturn]] inline void abort_on_missing_error() {
  std::fprintf(stderr, "neuract: the error of a successful result was asked for\n");
  std::abort();
}

template <class T>
inline constexpr bool is_result = false;
template <class T>
inline constexpr bool is_result<Result<T>> = true;
template <class T>
inline constexpr bool is_unexpected = false;
template <class E>
inline constexpr bool is_unexpected<Unexpected<E>> = true;

}  // namespace detail

template <class T>
class [[nodiscard]] Result {
  static_assert(std::is_object_v<T> && !std::is_array_v<T>, "Result holds objects or void");
  static_assert(!std::is_same_v<std::remove_cv_t<T>, Error>, "Result<Error> could not tell its two sides apart");

 public:
  using value_type = T;
  using error_type = Error;

  Result() requires std::is_default_constructible_v<T> : state_(std::in_place_index<0>) {}

  template <class U = T>
  requires(std::is_constructible_v<T, U> && !std::is_same_v<std::remove_cvref_t<U>, Result> &&
           !std::is_same_v<std::remove_cvref_t<U>, std::in_place_t> && !std::is_same_v<std::remove_cvref_t<U>, Error> &&
           !detail::is_unexpected<std::remove_cvref_t<U>>) explicit(!std::is_convertible_v<U, T>) Result(U&& value)
      : state_(std::in_place_index<0>, std::forward<U>(value)) {}

  template <class... Args>
  requires std::is_constructible_v<T, Args...>
  explicit Result(std::in_place_t, Args&&... args) : state_(std::in_place_index<0>, std::forward<Args>(args)...) {}

  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}
  Result(Unexpected<Error> unexpected) : state_(std::in_place_index<1>, std::move(unexpected).error()) {}

  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
  [[nodiscard]] explicit operator bool() const noexcept { return has_value(); }

  [[nodiscard]] T& value() & { return value_or_throw(state_); }
  [[nodiscard]] const T& value() const& { return value_or_throw(state_); }
  [[nodiscard]] T&& value() && { return std::move(value_or_throw(state_)); }

  [[nodiscard]] T& operator*() & noexcept { return value_or_abort(state_); }
  [[nodiscard]] const T& operator*() const& noexcept { return value_or_abort(state_); }
  [[nodiscard]] T&& operator*() && noexcept { return std::move(value_or_abort(state_)); }
  [[nodiscard]] T* operator->() noexcept { return &value_or_abort(state_); }
  [[nodiscard]] const T* operator->() const noexcept { return &value_or_abort(state_); }

  [[nodiscard]] Error& error() & noexcept { return error_or_abort(state_); }
  [[nodiscard]] const Error& error() const& noexcept { return error_or_abort(state_); }
  [[nodiscard]] Error&& error() && noexcept { return std::move(error_or_abort(state_)); }

  template <class U>
  [[nodiscard]] T value_or(U&& other) const& {
    return has_value() ? **this : static_cast<T>(std::forward<U>(other));
  }
  template <class U>
  [[nodiscard]] T value_or(U&& other) && {
    return has_value() ? std::move(**this) : static_cast<T>(std::forward<U>(other));
  }

  /// f: T -> Result<U>
  template <class F>
  auto and_then(F&& f) & {
    return and_then_impl(*this, std::forward<F>(f));
  }
  template <class F>
  auto and_then(F&& f) const& {
    return and_then_impl(*this, std::forward<F>(f));
  }
  template <class F>
  auto and_then(F&& f) && {
    return and_then_impl(std::move(*this), std::forward<F>(f));
  }

  /// f: T -> U (or void)
  template <class F>
  auto transform(F&& f) & {
    return transform_impl(*this, std::forward<F>(f));
  }
  template <class F>
  auto transform(F&& f) const& {
    return transform_impl(*this, std::forward<F>(f));
  }
  template <class F>
  auto transform(F&& f) && {
    return transform_impl(std::move(*this), std::forward<F>(f));
  }

  /// f: Error -> Result<T>
  template <class F>
  Result or_else(F&& f) const& {
    return has_value() ? *this : std::invoke(std::forward<F>(f), error());
  }
  template <class F>
  Result or_else(F&& f) && {
    return has_value() ? std::move(*this) : std::invoke(std::forward<F>(f), std::move(*this).error());
  }

  /// f: Error -> Error, usually to add context
  template <class F>
  Result transform_error(F&& f) const& {
    return has_value() ? *this : Result(Error(std::invoke(std::forward<F>(f), error())));
  }
  template <class F>
  Result transform_error(F&& f) && {
    return has_value() ? std::move(*this) : Result(Error(std::invoke(std::forward<F>(f), std::move(*this).error())));
  }

 private:
  // State is const or not, as the caller's.
  template <class State>
  static auto& value_or_throw(State& state) {
    auto* value = std::get_if<0>(&state);
    if (value == nullptr) throw BadResultAccess(*std::get_if<1>(&state));
    return *value;
  }
  template <class State>
  static auto& value_or_abort(State& state) noexcept {
    auto* value = std::get_if<0>(&state);
    if (value == nullptr) detail::abort_on_missing_value(*std::get_if<1>(&state));
    return *value;
  }
  template <class State>
  static auto& error_or_abort(State& state) noexcept {
    auto* error = std::get_if<1>(&state);
    if (error == nullptr) detail::abort_on_missing_error();
    return *error;
  }

  template <class Self, class F>
  static auto and_then_impl(Self&& self, F&& f) {
    using Next = std::remove_cvref_t<std::invoke_result_t<F, decltype(*std::forward<Self>(self))>>;
    static_assert(detail::is_result<Next>, "and_then needs a function that returns a Result");
    return self.has_value() ? std::invoke(std::forward<F>(f), *std::forward<Self>(self))
                            : Next(std::forward<Self>(self).error());
  }

  template <class Self, class F>
  static auto transform_impl(Self&& self, F&& f) {
    using U = std::remove_cvref_t<std::invoke_result_t<F, decltype(*std::forward<Self>(self))>>;
    if (!self.has_value()) return Result<U>(std::forward<Self>(self).error());
    if constexpr (std::is_void_v<U>) {
      std::invoke(std::forward<F>(f), *std::forward<Self>(self));
      return Result<U>();
    } else {
      return Result<U>(std::in_place, std::invoke(std::forward<F>(f), *std::forward<Self>(self)));
    }
  }

  std::variant<T, Error> state_;
};

/// Success without a value, or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;
  using error_type = Error;

  Result() noexcept = default;
  Result(Error error) : error_(std::move(error)) {}
  Result(Unexpected<Error> unexpected) : error_(std::move(unexpected).error()) {}

  [[nodiscard]] bool has_value() const noexcept { return !error_.has_value(); }
  [[nodiscard]] explicit operator bool() const noexcept { return has_value(); }

  void value() const {
    if (error_) throw BadResultAccess(*error_);
  }
  void operator*() const noexcept {
    if (error_) detail::abort_on_missing_value(*error_);
  }

  [[nodiscard]] Error& error() & noexcept { return abort_unless_error(), *error_; }
  [[nodiscard]] const Error& error() const& noexcept { return abort_unless_error(), *error_; }
  [[nodiscard]] Error&& error() && noexcept { return abort_unless_error(), std::move(*error_); }

  /// f: () -> Result<U>
  template <class F>
  auto and_then(F&& f) const {
    using Next = std::remove_cvref_t<std::invoke_result_t<F>>;
    static_assert(detail::is_result<Next>, "and_then needs a function that returns a Result");
    return has_value() ? std::invoke(std::forward<F>(f)) : Next(*error_);
  }

  /// f: () -> U (or void)
  template <class F>
  auto transform(F&& f) const {
    using U = std::remove_cvref_t<std::invoke_result_t<F>>;
    if (error_) return Result<U>(*error_);
    if constexpr (std::is_void_v<U>) {
      std::invoke(std::forward<F>(f));
      return Result<U>();
    } else {
      return Result<U>(std::in_place, std::invoke(std::forward<F>(f)));
    }
  }

  template <class F>
  Result or_else(F&& f) const {
    return has_value() ? *this : std::invoke(std::forward<F>(f), *error_);
  }

  template <class F>
  Result transform_error(F&& f) const {
    return has_value() ? *this : Result(Error(std::invoke(std::forward<F>(f), *error_)));
  }

 private:
  void abort_unless_error() const noexcept {
    if (!error_) detail::abort_on_missing_error();
  }

  std::optional<Error> error_;
};

}  // namespace neuract

#define NEURACT_DETAIL_JOIN_(a, b) a##b
#define NEURACT_DETAIL_JOIN(a, b) NEURACT_DETAIL_JOIN_(a, b)

/// Evaluates a Result and returns its error from the enclosing function, if it has one.
#define NEURACT_TRY(...)                                                                     \
  do {                                                                                       \
    if (auto neuract_try_result = (__VA_ARGS__); !neuract_try_result)                        \
      return ::neuract::Unexpected<::neuract::Error>(std::move(neuract_try_result).error()); \
  } while (false)

/// As NEURACT_TRY, and moves the value into the declaration: NEURACT_TRY_ASSIGN(auto file, open(path));
#define NEURACT_TRY_ASSIGN(declaration, ...) \
  NEURACT_DETAIL_TRY_ASSIGN(NEURACT_DETAIL_JOIN(neuract_try_result_, __COUNTER__), declaration, __VA_ARGS__)

#define NEURACT_DETAIL_TRY_ASSIGN(result, declaration, ...)                               \
  auto result = (__VA_ARGS__);                                                            \
  if (!result) return ::neuract::Unexpected<::neuract::Error>(std::move(result).error()); \
  declaration = *std::move(result)
