// What the client's tests share.
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock.h"
#include "contract/process_usage.h"
#include "contract/raw_peer.h"
#include "http/curl_client.h"

namespace tokenscaler::contract {

inline constexpr std::size_t kMiB = 1024U * 1024U;

inline std::unique_ptr<http::Client> make_client(http::CurlClientOptions options = {}) {
  auto client = http::make_curl_client(std::move(options));
  if (!client) throw std::runtime_error(client.error().to_string());
  return std::move(client).value();
}

inline http::ClientRequest get(std::string url, milliseconds total = milliseconds(15'000)) {
  http::ClientRequest request;
  request.url = std::move(url);
  request.limits.total_timeout = total;
  return request;
}

/// How long something took on the machine's clock.
class Stopwatch {
 public:
  [[nodiscard]] milliseconds elapsed() const {
    return std::chrono::duration_cast<milliseconds>(clock_.steady() - start_);
  }

 private:
  SystemClock clock_;
  SteadyTime start_ = clock_.steady();
};

/// Lets `time` pass, where a test needs a peer that is slow for that long.
inline void pass(milliseconds time) {
  SystemClock clock;
  static_cast<void>(clock.wait_until({}, clock.steady() + time));
}

/// The growth of resident memory since it was made. The bound is stated at each use.
class MemoryGrowth {
 public:
  [[nodiscard]] std::size_t bytes() const {
    const std::size_t now = resident_bytes();
    return kSanitized || now < before_ ? 0 : now - before_;
  }

 private:
  std::size_t before_ = resident_bytes();
};

/// An error's code and its words, which must tell `words`.
MATCHER_P2(FailsWith, code, words, "") {
  if (arg) {
    *result_listener << "was answered with " << arg->status;
    return false;
  }
  *result_listener << to_string(arg.error().code) << ": " << arg.error().to_string();
  return arg.error().code == code && arg.error().to_string().find(words) != std::string::npos;
}

}  // namespace tokenscaler::contract
