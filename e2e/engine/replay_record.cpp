#include "engine/replay_record.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "engine/json_reader.h"

namespace tokenscaler::engine {

namespace {

std::string optional_seconds(const std::optional<Seconds>& value) {
  return value ? fmt::format("{:.6f}", value->count()) : std::string();
}

std::string csv_text(std::string text) {
  std::erase_if(text, [](char c) { return c == '\n' || c == '\r'; });
  for (std::size_t at = 0; (at = text.find('"', at)) != std::string::npos; at += 2) {
    text.insert(at, 1, '"');
  }
  return text.empty() ? text : "\"" + text + "\"";
}

std::string json_percentiles(const std::optional<Percentiles>& value) {
  if (!value) return "null";
  return fmt::format(R"({{"p50":{:.6f},"p90":{:.6f},"p99":{:.6f},"max":{:.6f},"mean":{:.6f}}})",
                     value->p50, value->p90, value->p99, value->max, value->mean);
}

std::string text_percentiles(std::string_view name, const std::optional<Percentiles>& value,
                             double unit, std::string_view unit_name) {
  if (!value) return fmt::format("{:<22} no data\n", name);
  return fmt::format("{:<22} p50 {:.3g} {}  p90 {:.3g} {}  p99 {:.3g} {}  max {:.3g} {}\n", name,
                     value->p50 * unit, unit_name, value->p90 * unit, unit_name, value->p99 * unit,
                     unit_name, value->max * unit, unit_name);
}

double rate(std::int64_t tokens, Seconds duration) {
  return duration.count() > 0 ? static_cast<double>(tokens) / duration.count() : 0;
}

}  // namespace

std::string_view to_string(ReplayOutcome outcome) {
  switch (outcome) {
    case ReplayOutcome::Completed:
      return "completed";
    case ReplayOutcome::NoEndpoint:
      return "no_endpoint";
    case ReplayOutcome::Rejected:
      return "rejected";
    case ReplayOutcome::Broken:
      return "broken";
    case ReplayOutcome::TimedOut:
      return "timed_out";
    case ReplayOutcome::ClientLimit:
      return "client_limit";
    case ReplayOutcome::Cut:
      return "cut";
  }
  return "unknown";
}

std::string csv_header() {
  return "request,arrival_seconds,endpoint,status,outcome,refusals,prompt_tokens,wanted_tokens,"
         "generated_tokens,time_to_first_token_seconds,time_per_output_token_seconds,e2e_seconds,"
         "error\n";
}

std::string csv_row(const ReplayRecord& record) {
  return fmt::format(
      "{},{:.6f},{},{},{},{},{},{},{},{},{},{:.6f},{}\n", record.request, record.arrival.count(),
      record.endpoint, record.status, to_string(record.outcome), record.refusals,
      record.prompt_tokens, record.wanted_tokens, record.generated_tokens,
      optional_seconds(record.time_to_first_token), optional_seconds(record.time_per_output_token),
      record.e2e.count(), csv_text(record.error));
}

std::optional<Percentiles> percentiles(std::vector<double> values) {
  if (values.empty()) return std::nullopt;
  std::sort(values.begin(), values.end());
  const auto size = static_cast<double>(values.size());
  const auto at = [&](double share) {
    const auto rank = static_cast<std::size_t>(std::ceil(share * size));
    return values[std::max<std::size_t>(rank, 1) - 1];
  };
  return Percentiles{at(0.5), at(0.9), at(0.99), values.back(),
                     std::accumulate(values.begin(), values.end(), 0.0) / size};
}

ReplaySummary summarize(const std::vector<ReplayRecord>& records) {
  ReplaySummary summary;
  std::vector<double> first;
  std::vector<double> per_token;
  std::vector<double> e2e;
  for (const ReplayRecord& record : records) {
    ++summary.requests;
    ++summary.outcomes[std::string(to_string(record.outcome))];
    summary.refusals += static_cast<std::size_t>(record.refusals);
    summary.duration = std::max(summary.duration, record.arrival + record.e2e);
    if (record.time_to_first_token) first.push_back(record.time_to_first_token->count());
    if (record.time_per_output_token) per_token.push_back(record.time_per_output_token->count());
    if (record.outcome != ReplayOutcome::Completed) continue;
    summary.prompt_tokens += record.prompt_tokens;
    summary.generated_tokens += record.generated_tokens;
    e2e.push_back(record.e2e.count());
  }
  summary.time_to_first_token = percentiles(std::move(first));
  summary.time_per_output_token = percentiles(std::move(per_token));
  summary.e2e = percentiles(std::move(e2e));
  return summary;
}

std::string to_json(const ReplaySummary& summary) {
  std::string outcomes;
  for (const auto& [name, count] : summary.outcomes) {
    outcomes += fmt::format("{}{}:{}", outcomes.empty() ? "" : ",", json_quoted(name), count);
  }
  return fmt::format(
      R"({{"requests":{},"outcomes":{{{}}},"refusals":{},"durationSeconds":{:.3f},"promptTokens":{},)"
      R"("generatedTokens":{},"promptTokensPerSecond":{:.3f},"generatedTokensPerSecond":{:.3f},)"
      R"("timeToFirstTokenSeconds":{},"timePerOutputTokenSeconds":{},"e2eSeconds":{}}})"
      "\n",
      summary.requests, outcomes, summary.refusals, summary.duration.count(), summary.prompt_tokens,
      summary.generated_tokens, rate(summary.prompt_tokens, summary.duration),
      rate(summary.generated_tokens, summary.duration),
      json_percentiles(summary.time_to_first_token),
      json_percentiles(summary.time_per_output_token), json_percentiles(summary.e2e));
}

std::string to_text(const ReplaySummary& summary) {
  std::string out =
      fmt::format("{} requests in {:.0f} s:", summary.requests, summary.duration.count());
  for (const auto& [name, count] : summary.outcomes) out += fmt::format(" {} {}", count, name);
  out += fmt::format(", {} refusals retried\n", summary.refusals);
  out += fmt::format("{:<22} prompt {:.0f} tokens/s, generated {:.0f} tokens/s\n", "throughput",
                     rate(summary.prompt_tokens, summary.duration),
                     rate(summary.generated_tokens, summary.duration));
  out += text_percentiles("time to first token", summary.time_to_first_token, 1, "s");
  out += text_percentiles("time per output token", summary.time_per_output_token, 1000, "ms");
  out += text_percentiles("end to end", summary.e2e, 1, "s");
  return out;
}

}  // namespace tokenscaler::engine
