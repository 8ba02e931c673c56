// tokenscaler-e2e-fleet: keeps N engines running, as a Deployment does.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <optional>
#include <random>
#include <string>
#include <unistd.h>

#include <boost/program_options.hpp>
#include <fmt/format.h>

#include "base/clock.h"
#include "engine/engine_config.h"
#include "engine/fleet.h"
#include "engine/open_files.h"
#include "engine/replace_file.h"
#include "engine/signals.h"
#include "http/curl_client.h"
#include "http/server.h"

namespace {

namespace po = boost::program_options;
using namespace tokenscaler;          // NOLINT(google-build-using-namespace)
using namespace tokenscaler::engine;  // NOLINT(google-build-using-namespace)

constexpr std::chrono::milliseconds kRound{100};

struct Arguments {
  FleetOptions fleet;
  std::string preset;
  std::string model;
  std::string metrics;
  std::optional<double> cold_start_seconds;
  double speed = 1;
  std::vector<std::string> extra;
  std::uint16_t port = 0;
  std::string port_file;
  int drain_seconds = 30;
};

Error invalid(std::string message) {
  return make_error(ErrorCode::Invalid, std::move(message)).advise("see --help");
}

// The engine is installed beside the fleet.
std::string engine_beside_us() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? "tokenscaler-e2e-engine"
               : (self.parent_path() / "tokenscaler-e2e-engine").string();
}

po::options_description describe(Arguments& arguments) {
  FleetOptions& fleet = arguments.fleet;
  DeploymentOptions& deployment = fleet.deployment;
  po::options_description options(
      "tokenscaler-e2e-fleet: a Deployment of engine stand-ins on this machine", 100);
  auto add = options.add_options();
  add("help,h", "show this help");
  add("name", po::value(&deployment.name)->default_value("llama"), "of the Deployment");
  add("namespace", po::value(&deployment.namespace_name)->default_value("default"),
      "its namespace");
  add("container", po::value(&deployment.container)->default_value("vllm"), "container name");
  add("node", po::value(&deployment.node)->default_value("gpu-node-0"), "node name");
  add("replicas", po::value(&fleet.replicas)->default_value(1), "at the start");
  add("max-replicas", po::value(&deployment.max_replicas)->default_value(64),
      "engines that this machine can carry");
  add("gpus-on-node", po::value(&deployment.gpus_on_node)->default_value(1'000'000),
      "pods beyond stay Pending, unschedulable");
  add("preset", po::value(&arguments.preset)->default_value("llama-8b-h100"), "of the engines");
  add("model", po::value(&arguments.model), "served model name (default: of the preset)");
  add("metrics", po::value(&arguments.metrics)->default_value("vllm"), "of the engines");
  add("cold-start-seconds", po::value<double>(), "of the engines (default: of the preset)");
  add("speed", po::value(&arguments.speed)->default_value(1), "of the engines");
  add("engine-arg", po::value(&arguments.extra)->composing(),
      "further argument of the engines, as --engine-arg=--max-num-seqs=16 (repeatable)");
  add("engine", po::value(&fleet.engine_program)->default_value(engine_beside_us()), "program");
  add("port", po::value(&arguments.port)->default_value(8081), "of /scale and /metrics; 0: any");
  add("port-file", po::value(&arguments.port_file), "write the port here once it listens");
  add("file-sd", po::value(&fleet.file_sd), "write Prometheus targets here (JSON)");
  add("endpoints-file", po::value(&fleet.endpoints_file), "write ready engines here, one a line");
  add("state-dir", po::value(&fleet.state_dir),
      "port files and logs of the engines (default: a new directory, removed at the end)");
  add("drain-seconds", po::value(&arguments.drain_seconds)->default_value(30),
      "clock seconds from SIGTERM to SIGKILL of an engine");
  add("seed", po::value(&deployment.seed), "of pod names (default: random)");
  return options;
}

Result<std::optional<Arguments>> parse_arguments(int argc, char** argv) {
  Arguments arguments;
  const po::options_description options = describe(arguments);
  po::variables_map values;
  try {
    po::store(po::parse_command_line(argc, argv, options), values);
    po::notify(values);
  } catch (const po::error& error) {
    return invalid(error.what());
  }
  if (values.count("help") != 0) {
    std::cout << options;
    return std::optional<Arguments>();
  }
  if (values.count("seed") == 0) arguments.fleet.deployment.seed = std::random_device()();
  if (values.count("cold-start-seconds") != 0) {
    arguments.cold_start_seconds = values["cold-start-seconds"].as<double>();
  }
  ASSIGN_OR_RETURN(const EnginePreset preset, find_engine_preset(arguments.preset));
  FleetOptions& fleet = arguments.fleet;
  if (fleet.deployment.max_replicas < 1 || fleet.deployment.max_replicas > 1000) {
    return invalid("--max-replicas must be 1 to 1000");
  }
  if (fleet.replicas < 0 || fleet.replicas > fleet.deployment.max_replicas) {
    return invalid("--replicas must be 0 to --max-replicas");
  }
  if (!(arguments.speed > 0 && arguments.speed <= 1000)) {
    return invalid("--speed must be above 0 and at most 1000");
  }
  if (arguments.drain_seconds < 0) return invalid("--drain-seconds must not be negative");
  fleet.deployment.gpus_per_replica = preset.gpus;
  fleet.deployment.termination_grace = std::chrono::seconds(arguments.drain_seconds);
  fleet.deployment.restart_backoff =
      std::chrono::milliseconds(static_cast<std::int64_t>(10'000 / std::max(arguments.speed, 1.0)));
  fleet.engine_args = {"--preset",        arguments.preset,
                       "--metrics",       arguments.metrics,
                       "--speed",         fmt::format("{}", arguments.speed),
                       "--drain-seconds", std::to_string(std::max(0, arguments.drain_seconds - 1))};
  if (!arguments.model.empty())
    fleet.engine_args.insert(fleet.engine_args.end(), {"--model", arguments.model});
  if (arguments.cold_start_seconds) {
    fleet.engine_args.insert(
        fleet.engine_args.end(),
        {"--cold-start-seconds", fmt::format("{}", *arguments.cold_start_seconds)});
  }
  fleet.engine_args.insert(fleet.engine_args.end(), arguments.extra.begin(), arguments.extra.end());
  return std::optional(std::move(arguments));
}

// A directory of our own, removed with everything in it.
class StateDirectory {
 public:
  static Result<StateDirectory> make(std::string wanted) {
    std::error_code error;
    if (!wanted.empty()) {
      std::filesystem::create_directories(wanted, error);
      if (error) return make_error(ErrorCode::Internal, error.message()).at(wanted);
      return StateDirectory(std::move(wanted), false);
    }
    std::string pattern =
        (std::filesystem::temp_directory_path(error) / "tokenscaler-fleet-XXXXXX").string();
    if (error || mkdtemp(pattern.data()) == nullptr) {
      return make_error(ErrorCode::Internal, "cannot make a directory").at(pattern);
    }
    return StateDirectory(std::move(pattern), true);
  }
  ~StateDirectory() {
    std::error_code ignored;
    if (temporary_) std::filesystem::remove_all(path_, ignored);
  }
  StateDirectory(StateDirectory&& other) noexcept
      : path_(std::move(other.path_)), temporary_(std::exchange(other.temporary_, false)) {}
  StateDirectory& operator=(StateDirectory&&) = delete;
  StateDirectory(const StateDirectory&) = delete;
  StateDirectory& operator=(const StateDirectory&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  StateDirectory(std::string path, bool temporary)
      : path_(std::move(path)), temporary_(temporary) {}
  std::string path_;
  bool temporary_;
};

void report(const Status& status) {
  if (!status) std::fprintf(stderr, "fleet: %s\n", status.error().to_string().c_str());
}

Status run(Arguments arguments) {
  const SignalWaiter signals({SIGTERM, SIGINT});  // before any thread
  if (access(arguments.fleet.engine_program.c_str(), X_OK) != 0) {
    return make_error(ErrorCode::NotFound, "cannot run the engine")
        .at(arguments.fleet.engine_program)
        .advise("give --engine");
  }
  ASSIGN_OR_RETURN(const StateDirectory state, StateDirectory::make(arguments.fleet.state_dir));
  arguments.fleet.state_dir = state.path();
  const SystemClock clock;
  http::CurlClientOptions client_options;
  ASSIGN_OR_RETURN(auto client, http::make_curl_client(std::move(client_options)));
  Fleet fleet(arguments.fleet, clock, std::move(client));
  http::ServerOptions options;
  options.port = arguments.port;
  options.io_threads = 1;
  options.worker_threads = 1;
  ASSIGN_OR_RETURN(const auto server,
                   http::Server::start(std::move(options),
                                       http::answer_with([&fleet](const http::Request& request) {
                                         return fleet.handle(request);
                                       })));
  std::printf("fleet: %s/%s is at %s\n", arguments.fleet.deployment.namespace_name.c_str(),
              arguments.fleet.deployment.name.c_str(), server->url().c_str());
  std::fflush(stdout);
  if (!arguments.port_file.empty()) {
    RETURN_IF_ERROR(write_port_file(arguments.port_file, server->port()));
  }
  do {
    report(fleet.step());
  } while (!signals.wait_for(kRound));
  fleet.shut_down();
  // A second signal, or the engines' own grace, ends it; Deployment sends SIGKILL after the grace.
  do {
    report(fleet.step());
  } while (!fleet.empty() && !signals.wait_for(kRound));
  server->stop(std::chrono::milliseconds(100));
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  raise_open_file_limit();
  const auto arguments = parse_arguments(argc, argv);
  if (!arguments) {
    std::fprintf(stderr, "tokenscaler-e2e-fleet: %s\n", arguments.error().to_string().c_str());
    return 2;
  }
  if (!*arguments) return 0;
  const Status status = run(**arguments);
  if (!status) {
    std::fprintf(stderr, "tokenscaler-e2e-fleet: %s\n", status.error().to_string().c_str());
    return 1;
  }
  return 0;
}
