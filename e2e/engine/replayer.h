// Sends a trace to a set of engines, open loop: a request goes out when its time has come, whatever
// has become of those before it.
#pragma once

#include <chrono>
#include <csignal>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/replay_record.h"
#include "engine/router.h"
#include "engine/stream_client.h"
#include "engine/trace.h"

namespace tokenscaler::engine {

enum class PromptForm {
  Counted,   ///< The vendor extension says how many tokens: cheap, for the stand-in only.
  TokenIds,  ///< An array of token ids, as any vLLM takes it.
};

struct ReplayOptions {
  double speed = 1;   ///< Trace seconds for each second of the clock.
  std::string model;  ///< Left out of requests if empty.
  PromptForm prompt_form = PromptForm::Counted;
  RoutingPolicy routing = RoutingPolicy::LeastOutstanding;
  std::vector<std::string> endpoints;
  std::string endpoints_file;  ///< Read again every 500 ms; replaces `endpoints` if set.
  Seconds timeout{600};        ///< For each request, from its arrival; trace seconds.
  std::size_t max_in_flight = 4096;
  std::chrono::seconds progress_interval{0};  ///< 0: none.
};

class Replayer {
 public:
  using OnRecord = std::function<void(const ReplayRecord&)>;

  Replayer(ReplayOptions options, const Clock& clock, OnRecord on_record);

  /// Replays all of `trace` and waits for the last answer, or until `stop` is not 0.
  [[nodiscard]] std::vector<ReplayRecord> run(const std::vector<TraceRequest>& trace,
                                              const volatile std::sig_atomic_t& stop);

 private:
  struct Pending {
    ReplayRecord record;
    SteadyTime arrival{};
    SteadyTime deadline{};
    std::set<std::string> refused;
  };

  [[nodiscard]] SteadyTime when(Seconds trace_time) const;
  [[nodiscard]] Seconds trace_seconds(SteadyTime::duration time) const;
  [[nodiscard]] std::string body(const ReplayRecord& record) const;
  void read_endpoints();
  void begin(std::size_t index, const TraceRequest& request);
  void attempt(std::uint64_t id, Pending& pending);
  void take(const StreamResult& result);
  void finish(std::uint64_t id, Pending& pending, ReplayOutcome outcome);
  void retry_due();
  [[nodiscard]] std::chrono::milliseconds wait_time(const std::vector<TraceRequest>& trace,
                                                    std::size_t next) const;
  void show_progress(std::size_t sent, std::size_t total);

  ReplayOptions options_;
  const Clock& clock_;
  OnRecord on_record_;
  Router router_;
  StreamClient client_;
  SteadyTime start_{};
  SteadyTime endpoints_due_{};
  SteadyTime progress_due_{};
  std::map<std::uint64_t, Pending> pending_;
  std::deque<std::pair<SteadyTime, std::uint64_t>> retries_;  // in order of time
  std::map<std::uint64_t, std::int64_t> cached_tokens_;
  std::vector<ReplayRecord> records_;
};

}  // namespace tokenscaler::engine
