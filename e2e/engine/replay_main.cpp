// tokenscaler-e2e-replay: sends a request trace to engines and tells what the clients saw.
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include <boost/program_options.hpp>
#include <curl/curl.h>

#include "base/clock.h"
#include "engine/open_files.h"
#include "engine/replace_file.h"
#include "engine/replayer.h"

namespace {

namespace po = boost::program_options;
using namespace tokenscaler;          // NOLINT(google-build-using-namespace)
using namespace tokenscaler::engine;  // NOLINT(google-build-using-namespace)

volatile std::sig_atomic_t stop_requested = 0;

void on_signal(int) {
  stop_requested = 1;
}

struct Arguments {
  std::string trace;
  TraceSlice slice;
  ReplayOptions replay;
  std::string csv;
  std::string json;
};

Error invalid(std::string message) {
  return make_error(ErrorCode::Invalid, std::move(message)).advise("see --help");
}

Result<std::optional<Arguments>> parse_arguments(int argc, char** argv) {
  Arguments arguments;
  double start = 0;
  double duration = 0;
  double timeout = 0;
  int progress = 0;
  std::string routing;
  std::string prompt;
  po::options_description options(
      "tokenscaler-e2e-replay: sends a request trace to LLM engines, open loop", 100);
  auto add = options.add_options();
  add("help,h", "show this help");
  add("trace", po::value(&arguments.trace)->required(), "CSV or CSV.gz in the request shape");
  add("endpoint", po::value(&arguments.replay.endpoints)->composing(),
      "engine, http://host:port (repeatable)");
  add("endpoints-file", po::value(&arguments.replay.endpoints_file),
      "file with one engine a line, read again every 500 ms");
  add("speed", po::value(&arguments.replay.speed)->default_value(1),
      "trace seconds for each second of the clock; give engines the same --speed");
  add("start-seconds", po::value(&start)->default_value(0), "begin here in the trace");
  add("duration-seconds", po::value(&duration)->default_value(0), "trace seconds to send; 0: all");
  add("max-requests", po::value(&arguments.slice.max_requests)->default_value(10'000'000),
      "requests to send at most");
  add("timeout-seconds", po::value(&timeout)->default_value(600),
      "trace seconds from arrival to the last token");
  add("max-in-flight", po::value(&arguments.replay.max_in_flight)->default_value(4096),
      "requests at once; those beyond count as client_limit");
  add("routing", po::value(&routing)->default_value("least-outstanding"),
      "least-outstanding or round-robin");
  add("prompt", po::value(&prompt)->default_value("counted"),
      "counted: the stand-in's cheap extension; token-ids: any vLLM");
  add("model", po::value(&arguments.replay.model), "model to ask for (default: none)");
  add("csv", po::value(&arguments.csv), "write one row for each request here, as they end");
  add("json", po::value(&arguments.json), "write the summary here");
  add("progress-seconds", po::value(&progress)->default_value(0),
      "show progress on stderr every so many seconds; 0: never");
  po::variables_map values;
  try {
    po::store(po::parse_command_line(argc, argv, options), values);
    if (values.count("help") != 0) {
      std::cout << options;
      return std::optional<Arguments>();
    }
    po::notify(values);
  } catch (const po::error& error) {
    return invalid(error.what());
  }
  ReplayOptions& replay = arguments.replay;
  if (!(replay.speed > 0 && replay.speed <= 1000)) {
    return invalid("--speed must be above 0 and at most 1000");
  }
  if (start < 0 || duration < 0) return invalid("times must not be negative");
  if (!(timeout > 0 && timeout <= 86'400)) return invalid("--timeout-seconds must be 1 to 86400");
  if (progress < 0) return invalid("--progress-seconds must not be negative");
  if (replay.max_in_flight < 1) return invalid("--max-in-flight must be at least 1");
  if (replay.endpoints.empty() == replay.endpoints_file.empty()) {
    return invalid("give either --endpoint or --endpoints-file");
  }
  if (prompt != "counted" && prompt != "token-ids") {
    return invalid("--prompt must be counted or token-ids");
  }
  ASSIGN_OR_RETURN(replay.routing, parse_routing_policy(routing));
  replay.prompt_form = prompt == "counted" ? PromptForm::Counted : PromptForm::TokenIds;
  replay.timeout = Seconds(timeout);
  replay.progress_interval = std::chrono::seconds(progress);
  arguments.slice.start = Seconds(start);
  if (duration > 0) arguments.slice.length = Seconds(duration);
  return std::optional(std::move(arguments));
}

Status run(const Arguments& arguments) {
  ASSIGN_OR_RETURN(const auto trace, read_trace(arguments.trace, arguments.slice));
  std::ofstream csv;
  if (!arguments.csv.empty()) {
    csv.open(arguments.csv, std::ios::binary | std::ios::trunc);
    csv << csv_header();
    if (!csv) return make_error(ErrorCode::Internal, "cannot write the file").at(arguments.csv);
  }
  const SystemClock clock;
  Replayer replayer(arguments.replay, clock, [&csv](const ReplayRecord& record) {
    if (csv.is_open()) csv << csv_row(record);
  });
  const ReplaySummary summary = summarize(replayer.run(trace, stop_requested));
  csv.flush();
  if (csv.is_open() && !csv) {
    return make_error(ErrorCode::Internal, "cannot write the file").at(arguments.csv);
  }
  std::fputs(to_text(summary).c_str(), stdout);
  if (!arguments.json.empty()) {
    RETURN_IF_ERROR(replace_file(arguments.json, to_json(summary)));
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  raise_open_file_limit();
  const auto arguments = parse_arguments(argc, argv);
  if (!arguments) {
    std::fprintf(stderr, "tokenscaler-e2e-replay: %s\n", arguments.error().to_string().c_str());
    return 2;
  }
  if (!*arguments) return 0;
  std::signal(SIGTERM, on_signal);
  std::signal(SIGINT, on_signal);
  curl_global_init(CURL_GLOBAL_DEFAULT);
  const Status status = run(**arguments);
  curl_global_cleanup();
  if (!status) {
    std::fprintf(stderr, "tokenscaler-e2e-replay: %s\n", status.error().to_string().c_str());
    return 1;
  }
  return 0;
}
