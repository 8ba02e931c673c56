#include "engine/replayer.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "engine/json_reader.h"

namespace tokenscaler::engine {

namespace {

constexpr std::chrono::milliseconds kEndpointsInterval{500};
// How long a request waits when every engine has refused it or there is none.
constexpr std::chrono::milliseconds kRetryPause{100};
// The longest sleep: a stop signal is seen this soon.
constexpr std::chrono::milliseconds kLongestWait{200};

}  // namespace

Replayer::Replayer(ReplayOptions options, const Clock& clock, OnRecord on_record)
    : options_(std::move(options)),
      clock_(clock),
      on_record_(std::move(on_record)),
      router_(options_.routing),
      client_(clock) {
  router_.set_endpoints(options_.endpoints);
}

SteadyTime Replayer::when(Seconds trace_time) const {
  return start_ + std::chrono::duration_cast<SteadyTime::duration>(trace_time / options_.speed);
}

Seconds Replayer::trace_seconds(SteadyTime::duration time) const {
  return Seconds(time) * options_.speed;
}

std::string Replayer::body(const ReplayRecord& record) const {
  std::string model;
  if (!options_.model.empty()) model = fmt::format("\"model\":{},", json_quoted(options_.model));
  std::string prompt;
  if (options_.prompt_form == PromptForm::Counted) {
    const auto cached = cached_tokens_.find(record.request);
    prompt = fmt::format(R"("prompt":"","tokenscaler":{{"prompt_tokens":{},"cached_tokens":{}}})",
                         record.prompt_tokens, cached == cached_tokens_.end() ? 0 : cached->second);
  } else {
    prompt = "\"prompt\":[1";
    for (std::int64_t i = 1; i < record.prompt_tokens; ++i) prompt += ",1";
    prompt += ']';
  }
  return fmt::format(
      R"({{{}{},"max_tokens":{},"ignore_eos":true,"stream":true,"stream_options":{{"include_usage":true}}}})",
      model, prompt, record.wanted_tokens);
}

void Replayer::read_endpoints() {
  if (options_.endpoints_file.empty() || clock_.steady() < endpoints_due_) return;
  endpoints_due_ = clock_.steady() + kEndpointsInterval;
  std::ifstream in(options_.endpoints_file);
  if (!in) return;  // not written yet: no engine is ready
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  router_.set_endpoints(parse_endpoints(text));
}

void Replayer::begin(std::size_t index, const TraceRequest& request) {
  Pending pending;
  pending.arrival = when(request.arrival);
  pending.deadline = when(request.arrival + options_.timeout);
  pending.record.request = index;
  pending.record.arrival = request.arrival;
  // An engine takes no empty prompt and makes at least one token.
  pending.record.prompt_tokens = std::max<std::int64_t>(1, request.prompt_tokens);
  pending.record.wanted_tokens = std::max<std::int64_t>(1, request.generated_tokens);
  if (request.cached_tokens > 0) cached_tokens_[index] = request.cached_tokens;
  const auto [place, added] = pending_.emplace(index, std::move(pending));
  if (pending_.size() > options_.max_in_flight) {
    finish(index, place->second, ReplayOutcome::ClientLimit);
  } else {
    attempt(index, place->second);
  }
}

void Replayer::attempt(std::uint64_t id, Pending& pending) {
  const SteadyTime now = clock_.steady();
  if (now >= pending.deadline) {
    finish(id, pending, ReplayOutcome::NoEndpoint);
    return;
  }
  const auto endpoint = router_.choose(pending.refused);
  if (!endpoint) {
    pending.refused.clear();
    retries_.emplace_back(now + kRetryPause, id);
    return;
  }
  pending.record.endpoint = *endpoint;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(pending.deadline - now);
  client_.start(id, *endpoint + "/v1/completions", body(pending.record), left);
}

void Replayer::take(const StreamResult& result) {
  const auto found = pending_.find(result.id);
  if (found == pending_.end()) return;
  Pending& pending = found->second;
  ReplayRecord& record = pending.record;
  router_.release(record.endpoint);
  record.status = result.status;
  record.error = result.error;
  const bool unreachable = !result.connected && clock_.steady() < pending.deadline;
  if (result.status == 503 || unreachable) {
    ++record.refusals;
    pending.refused.insert(record.endpoint);
    attempt(result.id, pending);
    return;
  }
  record.generated_tokens = result.tokens;
  if (result.tokens > 0) {
    record.time_to_first_token = trace_seconds(result.first_token - pending.arrival);
  }
  if (result.tokens > 1) {
    record.time_per_output_token = trace_seconds(result.last_token - result.first_token) /
                                   static_cast<double>(result.tokens - 1);
  }
  if (result.timed_out) {
    finish(result.id, pending, ReplayOutcome::TimedOut);
  } else if (result.status != 200) {
    finish(result.id, pending, ReplayOutcome::Rejected);
  } else {
    finish(result.id, pending, result.complete ? ReplayOutcome::Completed : ReplayOutcome::Broken);
  }
}

// Ends a request; `pending` is gone afterwards.
void Replayer::finish(std::uint64_t id, Pending& pending, ReplayOutcome outcome) {
  pending.record.outcome = outcome;
  pending.record.e2e = trace_seconds(clock_.steady() - pending.arrival);
  on_record_(pending.record);
  records_.push_back(std::move(pending.record));
  cached_tokens_.erase(id);
  pending_.erase(id);
}

void Replayer::retry_due() {
  const SteadyTime now = clock_.steady();
  // Those that fail again are put at the end with a later time.
  while (!retries_.empty() && retries_.front().first <= now) {
    const std::uint64_t id = retries_.front().second;
    retries_.pop_front();
    const auto found = pending_.find(id);
    if (found != pending_.end()) attempt(id, found->second);
  }
}

std::chrono::milliseconds Replayer::wait_time(const std::vector<TraceRequest>& trace,
                                              std::size_t next) const {
  SteadyTime until = clock_.steady() + kLongestWait;
  if (next < trace.size()) until = std::min(until, when(trace[next].arrival));
  if (!retries_.empty()) until = std::min(until, retries_.front().first);
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(until - clock_.steady());
  return std::max(wait, std::chrono::milliseconds(0));
}

void Replayer::show_progress(std::size_t sent, std::size_t total) {
  const SteadyTime now = clock_.steady();
  if (options_.progress_interval.count() == 0 || now < progress_due_) return;
  progress_due_ = now + options_.progress_interval;
  std::fprintf(stderr, "replay: %.0f s, %zu of %zu sent, %zu in flight, %zu ended, %zu engines\n",
               trace_seconds(now - start_).count(), sent, total, pending_.size(), records_.size(),
               router_.size());
}

std::vector<ReplayRecord> Replayer::run(const std::vector<TraceRequest>& trace,
                                        const volatile std::sig_atomic_t& stop) {
  start_ = clock_.steady();
  std::size_t next = 0;
  while (stop == 0 && (next < trace.size() || !pending_.empty())) {
    read_endpoints();
    while (next < trace.size() && when(trace[next].arrival) <= clock_.steady()) {
      begin(next, trace[next]);
      ++next;
    }
    retry_due();
    for (const StreamResult& result : client_.poll(wait_time(trace, next))) take(result);
    show_progress(next, trace.size());
  }
  while (!pending_.empty()) {
    finish(pending_.begin()->first, pending_.begin()->second, ReplayOutcome::Cut);
  }
  return std::exchange(records_, {});
}

}  // namespace tokenscaler::engine
