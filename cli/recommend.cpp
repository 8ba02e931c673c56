#include "recommend.h"

#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "decision_text.h"
#include "fleet_advisor.h"
#include "http/curl_client.h"
#include "json/decision_record.h"
#include "json/write.h"
#include "manifests.h"

namespace tokenscaler::cli {

namespace {

/// A watch repeats its header, so that it is still on a screen of the usual 24 lines.
constexpr std::size_t kRowsBetweenHeaders = 20;

/// Prints evaluations in the form that was asked for.
class Printer {
 public:
  Printer(const RecommendCommand& command, const model::TokenScaler& object, std::ostream& output,
          std::ostream& errors)
      : command_(command), object_(object), output_(output), errors_(errors) {}

  void print(const Advice& advice) {
    if (command_.output == OutputFormat::Json) {
      print_json(advice);
    } else if (command_.watch) {
      print_row(advice);
    } else {
      output_ << explain(object_, advice);
    }
    output_.flush();
  }

  void print_failure(const Error& error, std::string_view time) {
    errors_ << "tokenscaler: " << time << (time.empty() ? "" : " ") << error.to_string() << "\n";
    errors_.flush();
  }

 private:
  void print_json(const Advice& advice) {
    json::Value record = json::encode(advice.decision);
    record.object()->set("tokenScaler", object_.metadata.name);
    record.object()->set("namespace", object_.metadata.name_space);
    record.object()->set("targetSource", to_string(advice.source));
    const auto text =
        json::write(record, command_.watch ? json::Layout::Compact : json::Layout::Indented);
    if (!text) {
      print_failure(text.error(), "");
      return;
    }
    output_ << *text << "\n";
  }

  void print_row(const Advice& advice) {
    if (rows_++ % kRowsBetweenHeaders == 0) output_ << table_header();
    output_ << table_row(advice);
    // The reasons are printed when they are news: their figures change every time, their words not.
    std::vector<scaling::ReasonCode> codes;
    for (const scaling::Reason& reason : advice.decision.reasons) codes.push_back(reason.code);
    const bool news = codes != last_codes_ || advice.decision.verdict != scaling::Verdict::Hold;
    if (news) output_ << reason_lines(advice.decision);
    last_codes_ = std::move(codes);
  }

  const RecommendCommand& command_;
  const model::TokenScaler& object_;
  std::ostream& output_;
  std::ostream& errors_;
  std::size_t rows_ = 0;
  std::vector<scaling::ReasonCode> last_codes_;
};

/// Evaluates at a steady pace. An evaluation that took longer than the interval is followed by the
/// next one at the next beat, not by several at once.
class Watch {
 public:
  Watch(const RecommendCommand& command, Clock& clock)
      : interval_(command.interval), clock_(clock), next_(clock.steady()) {}

  /// Waits for the next beat. False when stopped.
  bool wait(const std::stop_token& stop) {
    const SteadyTime now = clock_.steady();
    do {
      next_ += interval_;
    } while (next_ <= now);
    return clock_.wait_until(stop, next_);
  }

 private:
  std::chrono::milliseconds interval_;
  Clock& clock_;
  SteadyTime next_;
};

}  // namespace

ExitStatus run_recommend(const RecommendCommand& command, std::istream& input, std::ostream& output,
                         std::ostream& errors, Clock& clock, const std::stop_token& stop) {
  const Result<model::TokenScaler> object =
      load_token_scaler(command.file, command.name, input, errors);
  if (!object) {
    errors << "tokenscaler: " << object.error().to_string() << "\n";
    return ExitStatus::BadInput;
  }
  http::CurlClientOptions options;
  options.tls = command.server.tls;
  const Result<std::unique_ptr<http::Client>> client = http::make_curl_client(std::move(options));
  if (!client) {
    errors << "tokenscaler: " << client.error().to_string() << "\n";
    return ExitStatus::BadInput;
  }

  FleetAdvisor advisor(*object, command.server, command.replicas, **client, clock);
  Printer printer(command, *object, output, errors);
  Watch watch(command, clock);
  for (std::size_t cycle = 1;; ++cycle) {
    const Result<Advice> advice = advisor.evaluate(stop);
    if (stop.stop_requested()) return ExitStatus::Done;
    if (advice) {
      printer.print(*advice);
    } else {
      printer.print_failure(advice.error(),
                            command.watch ? json::format_time(clock.wall()) : std::string());
    }
    // The reader has gone.
    if (!output) return ExitStatus::Done;
    if (!command.watch || cycle == command.cycles) {
      // Held for want of metrics is an answer that scripts have to be able to tell from advice.
      const bool known = advice && advice->decision.recommendation.has_value();
      return known ? ExitStatus::Done : ExitStatus::Unreachable;
    }
    if (!watch.wait(stop)) return ExitStatus::Done;
  }
}

}  // namespace tokenscaler::cli
