// tokenscaler-e2e-engine: one LLM engine, as a process or a pod.
#include <csignal>
#include <cstdio>
#include <iostream>
#include <optional>
#include <string>

#include <boost/program_options.hpp>
#include <fmt/format.h>

#include "base/clock.h"
#include "engine/engine.h"
#include "engine/engine_api.h"
#include "engine/engine_config.h"
#include "engine/open_files.h"
#include "engine/replace_file.h"
#include "engine/signals.h"
#include "http/server.h"

namespace {

namespace po = boost::program_options;
using namespace tokenscaler;          // NOLINT(google-build-using-namespace)
using namespace tokenscaler::engine;  // NOLINT(google-build-using-namespace)

struct Arguments {
  std::string preset;
  std::string model;
  std::string metrics;
  std::string host;
  std::uint16_t port = 0;
  std::string port_file;
  std::optional<std::int64_t> max_num_batched_tokens;
  std::optional<std::int64_t> max_num_seqs;
  std::optional<std::int64_t> num_gpu_blocks;
  std::optional<std::int64_t> max_model_len;
  std::optional<double> cold_start_seconds;
  bool no_prefix_caching = false;
  std::size_t data_parallel_size = 1;
  double speed = 1;
  int delivery_milliseconds = 10;
  int drain_seconds = 30;
};

// po::value cannot hold std::optional.
template <class T>
std::optional<T> optional_of(const po::variables_map& values, const char* name) {
  return values.count(name) == 0 ? std::nullopt : std::optional(values[name].as<T>());
}

po::options_description describe(Arguments& arguments) {
  std::string presets = "model and hardware:";
  for (const EnginePreset& preset : engine_presets()) {
    presets += fmt::format("\n  {}: {}", preset.name, preset.description);
  }
  po::options_description options("tokenscaler-e2e-engine: a stand-in for an LLM engine", 100);
  auto add = options.add_options();
  add("help,h", "show this help");
  add("preset", po::value(&arguments.preset)->default_value("llama-8b-h100"), presets.c_str());
  add("model", po::value(&arguments.model), "served model name (default: of the preset)");
  add("metrics", po::value(&arguments.metrics)->default_value("vllm"),
      "names on /metrics: vllm, vllm-v0, sglang or tgi");
  add("host", po::value(&arguments.host)->default_value("127.0.0.1"), "address to listen on");
  add("port", po::value(&arguments.port)->default_value(8000), "port to listen on; 0: any");
  add("port-file", po::value(&arguments.port_file), "write the port here once it listens");
  add("max-num-batched-tokens", po::value<std::int64_t>(), "tokens of one iteration");
  add("max-num-seqs", po::value<std::int64_t>(), "requests in the batch");
  add("num-gpu-blocks", po::value<std::int64_t>(), "KV-cache blocks of 16 tokens");
  add("max-model-len", po::value<std::int64_t>(), "context length");
  add("no-prefix-caching", po::bool_switch(&arguments.no_prefix_caching),
      "ignore what requests say of cached tokens");
  add("data-parallel-size", po::value(&arguments.data_parallel_size)->default_value(1),
      "engine cores, each with its own queue and its own `engine` label");
  add("cold-start-seconds", po::value<double>(),
      "engine seconds from start to ready (default: of the preset)");
  add("speed", po::value(&arguments.speed)->default_value(1),
      "engine seconds for each second of the clock");
  add("delivery-milliseconds", po::value(&arguments.delivery_milliseconds)->default_value(10),
      "shortest time between two events of one stream");
  add("drain-seconds", po::value(&arguments.drain_seconds)->default_value(30),
      "seconds that running requests get after SIGTERM");
  return options;
}

Error invalid(std::string message) {
  return make_error(ErrorCode::Invalid, std::move(message)).advise("see --help");
}

Result<std::optional<Arguments>> parse_arguments(int argc, char** argv) {
  Arguments arguments;
  const po::options_description options = describe(arguments);
  po::variables_map values;
  try {
    po::store(po::command_line_parser(argc, argv)
                  .options(options)
                  .positional(po::positional_options_description())
                  .run(),
              values);
    po::notify(values);
  } catch (const po::error& error) {
    return invalid(error.what());
  }
  if (values.count("help") != 0) {
    std::cout << options;
    return std::optional<Arguments>();
  }
  arguments.max_num_batched_tokens = optional_of<std::int64_t>(values, "max-num-batched-tokens");
  arguments.max_num_seqs = optional_of<std::int64_t>(values, "max-num-seqs");
  arguments.num_gpu_blocks = optional_of<std::int64_t>(values, "num-gpu-blocks");
  arguments.max_model_len = optional_of<std::int64_t>(values, "max-model-len");
  arguments.cold_start_seconds = optional_of<double>(values, "cold-start-seconds");
  if (!(arguments.speed > 0 && arguments.speed <= 1000)) {
    return invalid("--speed must be above 0 and at most 1000");
  }
  if (arguments.delivery_milliseconds < 0 || arguments.delivery_milliseconds > 1000) {
    return invalid("--delivery-milliseconds must be 0 to 1000");
  }
  if (arguments.drain_seconds < 0) return invalid("--drain-seconds must not be negative");
  if (arguments.cold_start_seconds.value_or(0) < 0) {
    return invalid("--cold-start-seconds must not be negative");
  }
  if (arguments.data_parallel_size < 1 || arguments.data_parallel_size > 64) {
    return invalid("--data-parallel-size must be 1 to 64");
  }
  return std::optional(std::move(arguments));
}

Result<EngineOptions> engine_options(const Arguments& arguments, const EnginePreset& preset) {
  EngineOptions options;
  options.iteration = preset.iteration;
  options.scheduler = preset.scheduler;
  SchedulerConfig& scheduler = options.scheduler;
  scheduler.max_num_batched_tokens =
      arguments.max_num_batched_tokens.value_or(scheduler.max_num_batched_tokens);
  scheduler.max_num_seqs = arguments.max_num_seqs.value_or(scheduler.max_num_seqs);
  scheduler.num_gpu_blocks = arguments.num_gpu_blocks.value_or(scheduler.num_gpu_blocks);
  scheduler.max_model_len = arguments.max_model_len.value_or(scheduler.max_model_len);
  scheduler.enable_prefix_caching = !arguments.no_prefix_caching;
  RETURN_IF_ERROR(scheduler.validate());
  options.model_name =
      arguments.model.empty() ? std::string(preset.served_model_name) : arguments.model;
  ASSIGN_OR_RETURN(options.dialect, parse_metric_dialect(arguments.metrics));
  options.data_parallel_size = arguments.data_parallel_size;
  options.speed = arguments.speed;
  options.delivery_interval = std::chrono::milliseconds(arguments.delivery_milliseconds);
  return options;
}

http::ServerOptions server_options(const Arguments& arguments) {
  http::ServerOptions options;
  options.address = arguments.host;
  options.port = arguments.port;
  options.io_threads = 1;
  options.worker_threads = 1;
  // A thousand streams and more on one engine are normal.
  options.limits.max_connections = 8192;
  options.limits.max_queued_requests = 8192;
  options.limits.max_body_bytes = 2 * kMaxBodyBytes;  // so that we can answer 413 in our own shape
  options.limits.max_total_body_bytes = 16 * kMaxBodyBytes;
  // A request without streaming is answered when its last token is there.
  options.limits.handler_timeout = std::chrono::hours(1);
  options.report = [](const Error& error) {
    std::fprintf(stderr, "engine: %s\n", error.to_string().c_str());
  };
  return options;
}

// The engine lets what runs end; returns how many requests it had to cut.
std::size_t drain(EngineApi& api, const Engine& engine, Clock& clock, std::chrono::seconds grace) {
  api.drain();
  const Deadline deadline(clock, grace);
  const std::stop_token never;
  while (engine.in_flight() > 0 && !deadline.passed(clock)) {
    clock.wait_until(never, clock.steady() + std::chrono::milliseconds(20));
  }
  return engine.in_flight();
}

Status run(const Arguments& arguments) {
  // Before any thread: they all inherit the mask, and only this one takes the signals.
  const SignalWaiter signals({SIGTERM, SIGINT});
  SystemClock clock;
  ASSIGN_OR_RETURN(const EnginePreset preset, find_engine_preset(arguments.preset));
  ASSIGN_OR_RETURN(EngineOptions options, engine_options(arguments, preset));
  const Seconds cold_start(arguments.cold_start_seconds.value_or(preset.cold_start.count()));
  const SteadyTime ready_at = clock.steady() + std::chrono::duration_cast<SteadyTime::duration>(
                                                   cold_start / arguments.speed);
  Engine engine(std::move(options), clock);
  EngineApi api(engine, clock, ready_at);
  ASSIGN_OR_RETURN(
      const auto server,
      http::Server::start(server_options(arguments),
                          [&api](const http::Request& request, http::Responder responder) {
                            api.handle(request, std::move(responder));
                          }));
  std::printf("engine: %s listens on %s, ready in %.1f s\n", arguments.preset.c_str(),
              server->url().c_str(), cold_start.count() / arguments.speed);
  std::fflush(stdout);
  if (!arguments.port_file.empty()) {
    RETURN_IF_ERROR(write_port_file(arguments.port_file, server->port()));
  }
  signals.wait();
  const std::size_t cut = drain(api, engine, clock, std::chrono::seconds(arguments.drain_seconds));
  std::printf("engine: drained, %zu requests cut\n", cut);
  server->stop(std::chrono::milliseconds(500));
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  raise_open_file_limit();
  const auto arguments = parse_arguments(argc, argv);
  if (!arguments) {
    std::fprintf(stderr, "tokenscaler-e2e-engine: %s\n", arguments.error().to_string().c_str());
    return 2;
  }
  if (!*arguments) return 0;
  const Status status = run(**arguments);
  if (!status) {
    std::fprintf(stderr, "tokenscaler-e2e-engine: %s\n", status.error().to_string().c_str());
    return 1;
  }
  return 0;
}
