// Result<T>: a value or an Error, with the interface of C++23's std::expected, which GCC 12 does
// not have in C++20 mode.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/error.h"

namespace tokenscaler {

namespace detail {
/// A Result was read as the wrong kind: a defect of the caller, so the process stops with the
/// reason.
[[noreturn]] inline void bad_result_access(const char* what) noexcept {
  std::fputs("tokenscaler: defect: ", stderr);
  std::fputs(what, stderr);
  std::fputc('\n', stderr);
  std::abort();
}
}  // namespace detail

/// A value of type T, or the Error that says why there is none.
template <class T>
class [[nodiscard]] Result {
  static_assert(!std::is_reference_v<T> && !std::is_same_v<T, Error>);

 public:
  using value_type = T;

  // Implicit on purpose: `return value;` and `return error;` are the two ends of every function.
  // NOLINTBEGIN(google-explicit-constructor)
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}
  // NOLINTEND(google-explicit-constructor)

  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  /// The value; the caller has checked has_value().
  [[nodiscard]] T& value() & { return expect_value(), std::get<0>(state_); }
  [[nodiscard]] const T& value() const& { return expect_value(), std::get<0>(state_); }
  [[nodiscard]] T&& value() && { return expect_value(), std::get<0>(std::move(state_)); }
  [[nodiscard]] T& operator*() & { return value(); }
  [[nodiscard]] const T& operator*() const& { return value(); }
  [[nodiscard]] T&& operator*() && { return std::move(*this).value(); }
  [[nodiscard]] T* operator->() { return &value(); }
  [[nodiscard]] const T* operator->() const { return &value(); }

  /// The error; the caller has checked !has_value().
  [[nodiscard]] const Error& error() const& {
    if (has_value()) detail::bad_result_access("Result::error() of a value");
    return std::get<1>(state_);
  }
  [[nodiscard]] Error&& error() && {
    if (has_value()) detail::bad_result_access("Result::error() of a value");
    return std::move(std::get<1>(state_));
  }

  template <class U>
  [[nodiscard]] T value_or(U&& fallback) const& {
    return has_value() ? **this : static_cast<T>(std::forward<U>(fallback));
  }

  /// Calls `f(value)`, which returns a Result; an error passes through.
  template <class F>
  [[nodiscard]] auto and_then(F&& f) && -> std::invoke_result_t<F, T&&> {
    if (!has_value()) return std::move(*this).error();
    return std::invoke(std::forward<F>(f), std::move(*this).value());
  }

  /// Calls `f(value)`, which returns a plain value; an error passes through.
  template <class F>
  [[nodiscard]] auto transform(F&& f) && -> Result<std::invoke_result_t<F, T&&>> {
    if (!has_value()) return std::move(*this).error();
    return std::invoke(std::forward<F>(f), std::move(*this).value());
  }

  /// Calls `f(error)`, which returns an Error, to add to it; a value passes through.
  template <class F>
  [[nodiscard]] Result transform_error(F&& f) && {
    if (has_value()) return std::move(*this);
    return Result(std::invoke(std::forward<F>(f), std::move(*this).error()));
  }

 private:
  void expect_value() const {
    if (!has_value()) detail::bad_result_access("Result::value() of an error");
  }

  std::variant<T, Error> state_;
};

/// Success without a value, or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool has_value() const noexcept { return !error_.has_value(); }
  explicit operator bool() const noexcept { return has_value(); }

  [[nodiscard]] const Error& error() const& {
    if (!error_) detail::bad_result_access("Result::error() of a value");
    return *error_;
  }
  [[nodiscard]] Error&& error() && {
    if (!error_) detail::bad_result_access("Result::error() of a value");
    return std::move(*error_);
  }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

}  // namespace tokenscaler

// NOLINTBEGIN(bugprone-macro-parentheses): names and declarations cannot stand in parentheses.
#define TOKENSCALER_CONCAT_INNER(a, b) a##b
#define TOKENSCALER_CONCAT(a, b) TOKENSCALER_CONCAT_INNER(a, b)
#define TOKENSCALER_ASSIGN_OR_RETURN_INNER(result, declaration, expression) \
  auto result = (expression);                                               \
  if (!result) return std::move(result).error();                            \
  declaration = std::move(result).value()
// NOLINTEND(bugprone-macro-parentheses)

/// `ASSIGN_OR_RETURN(const auto x, f());` declares x as the value, or returns the error.
#define ASSIGN_OR_RETURN(declaration, expression)                                                \
  TOKENSCALER_ASSIGN_OR_RETURN_INNER(TOKENSCALER_CONCAT(result_of_line_, __LINE__), declaration, \
                                     expression)

/// Returns the error of `expression`, a Status, if it has one.
#define RETURN_IF_ERROR(expression)                                      \
  do {                                                                   \
    if (auto status_of_expression = (expression); !status_of_expression) \
      return std::move(status_of_expression).error();                    \
  } while (false)
