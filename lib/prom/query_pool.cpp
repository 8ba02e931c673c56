#include "prom/query_pool.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <thread>

namespace tokenscaler::prom {

namespace {

Result<Answer> send_one(const ApiClient& api, const std::string& query, std::optional<WallTime> at,
                        const Deadline& deadline, const std::stop_token& stop) {
  if (stop.stop_requested()) return make_error(ErrorCode::Cancelled, "the read was stopped");
  // Memory may run out over a huge answer; that costs this answer and not the process.
  try {
    return api.query(query, at, deadline, stop);
  } catch (const std::exception& exception) {
    return make_error(ErrorCode::Internal, std::string("a query failed: ") + exception.what());
  }
}

}  // namespace

std::vector<Result<Answer>> send_all(const ApiClient& api, std::span<const std::string> queries,
                                     std::optional<WallTime> at, const Deadline& deadline,
                                     const std::stop_token& stop) {
  std::vector<Result<Answer>> answers(queries.size(),
                                      make_error(ErrorCode::Internal, "the query was not sent"));
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < queries.size(); i = next++) {
      answers[i] = send_one(api, queries[i], at, deadline, stop);
    }
  };
  const std::size_t workers = std::min(queries.size(), api.server().max_concurrent_queries);
  {
    // The caller works too. Should the machine refuse threads, those there are do it.
    std::vector<std::jthread> threads;
    try {
      for (std::size_t i = 1; i < workers; ++i) threads.emplace_back(work);
    } catch (const std::system_error&) {
    }
    work();
  }
  return answers;
}

}  // namespace tokenscaler::prom
