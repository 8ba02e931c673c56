// What an error tells: to a program what to do next, to a person what is wrong, where, and how to
// mend it.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace tokenscaler {

/// What went wrong. The set is closed: every boundary (HTTP, Kubernetes, Prometheus, files) maps
/// its own codes onto it.
enum class ErrorCode {
  Invalid,          ///< The input is wrong; the same input fails again.
  NotFound,         ///< The thing asked for does not exist.
  Conflict,         ///< It was changed by somebody else since it was read.
  Gone,             ///< The history asked for is no longer kept (HTTP 410).
  Unauthenticated,  ///< Credentials are missing or refused (HTTP 401, TLS client certificate).
  Forbidden,        ///< Known caller without the right (HTTP 403).
  Throttled,        ///< The peer asks for fewer requests (HTTP 429).
  Timeout,          ///< The deadline passed.
  Unavailable,      ///< The peer cannot be reached or answers that it cannot serve now.
  Cancelled,        ///< We stopped it ourselves.
  LimitExceeded,    ///< A stated limit of ours on size, depth or count was passed.
  Internal,         ///< A broken expectation inside this program or its peer.
};

/// What the caller does next.
enum class Action {
  FixInput,  ///< A person has to change the input; retrying is useless.
  Retry,     ///< Retry with back-off.
  Relist,    ///< Read everything again (after Gone).
  GiveUp,    ///< Neither retry nor input helps: report it.
};

/// One error. `message` is a phrase without a full stop.
struct Error {
  ErrorCode code = ErrorCode::Internal;
  Action action = Action::GiveUp;
  std::string message;  ///< What is wrong.
  std::string where;    ///< `file:line: field`, an address without secrets, or empty.
  std::string advice;   ///< What a person can do about it, or empty.
  std::optional<std::chrono::milliseconds>
      retry_after;  ///< The peer's Retry-After, if it sent one.

  /// `where: message (advice)`, the form in which every tool prints an error.
  [[nodiscard]] std::string to_string() const;

  /// Puts `prefix` before `where`, for a caller that knows the wider place.
  [[nodiscard]] Error within(std::string_view prefix) &&;
  /// Sets `where`.
  [[nodiscard]] Error at(std::string place) &&;
  /// Sets `advice`.
  [[nodiscard]] Error advise(std::string text) &&;

  bool operator==(const Error&) const = default;
};

/// The action that follows from `code` unless the maker of the error knows better.
[[nodiscard]] Action default_action(ErrorCode code);

/// An error with the default action of `code`.
[[nodiscard]] Error make_error(ErrorCode code, std::string message);

[[nodiscard]] std::string_view to_string(ErrorCode code);
[[nodiscard]] std::string_view to_string(Action action);

}  // namespace tokenscaler
