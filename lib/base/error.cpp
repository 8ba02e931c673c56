#include "base/error.h"

#include <utility>

namespace tokenscaler {

std::string Error::to_string() const {
  std::string text;
  if (!where.empty()) text += where + ": ";
  text += message;
  if (!advice.empty()) text += " (" + advice + ")";
  return text;
}

Error Error::within(std::string_view prefix) && {
  where = where.empty() ? std::string(prefix) : std::string(prefix) + ": " + where;
  return std::move(*this);
}

Error Error::at(std::string place) && {
  where = std::move(place);
  return std::move(*this);
}

Error Error::advise(std::string text) && {
  advice = std::move(text);
  return std::move(*this);
}

Action default_action(ErrorCode code) {
  switch (code) {
    case ErrorCode::Invalid:
    case ErrorCode::NotFound:
    case ErrorCode::Unauthenticated:
    case ErrorCode::Forbidden:
    case ErrorCode::LimitExceeded:
      return Action::FixInput;
    case ErrorCode::Conflict:
    case ErrorCode::Throttled:
    case ErrorCode::Timeout:
    case ErrorCode::Unavailable:
      return Action::Retry;
    case ErrorCode::Gone:
      return Action::Relist;
    case ErrorCode::Cancelled:
    case ErrorCode::Internal:
      return Action::GiveUp;
  }
  return Action::GiveUp;
}

Error make_error(ErrorCode code, std::string message) {
  return Error{.code = code,
               .action = default_action(code),
               .message = std::move(message),
               .where = {},
               .advice = {},
               .retry_after = std::nullopt};
}

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::Invalid:
      return "Invalid";
    case ErrorCode::NotFound:
      return "NotFound";
    case ErrorCode::Conflict:
      return "Conflict";
    case ErrorCode::Gone:
      return "Gone";
    case ErrorCode::Unauthenticated:
      return "Unauthenticated";
    case ErrorCode::Forbidden:
      return "Forbidden";
    case ErrorCode::Throttled:
      return "Throttled";
    case ErrorCode::Timeout:
      return "Timeout";
    case ErrorCode::Unavailable:
      return "Unavailable";
    case ErrorCode::Cancelled:
      return "Cancelled";
    case ErrorCode::LimitExceeded:
      return "LimitExceeded";
    case ErrorCode::Internal:
      return "Internal";
  }
  return "Internal";
}

std::string_view to_string(Action action) {
  switch (action) {
    case Action::FixInput:
      return "FixInput";
    case Action::Retry:
      return "Retry";
    case Action::Relist:
      return "Relist";
    case Action::GiveUp:
      return "GiveUp";
  }
  return "GiveUp";
}

}  // namespace tokenscaler
