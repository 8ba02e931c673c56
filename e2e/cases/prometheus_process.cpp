#include "cases/prometheus_process.h"

#include <algorithm>
#include <arpa/inet.h>
#include <filesystem>
#include <netinet/in.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "json/write.h"

namespace tokenscaler::e2e {

namespace {

constexpr std::chrono::milliseconds kReadyLimit{60'000};
constexpr std::chrono::milliseconds kReadyPoll{100};
constexpr int kPortAttempts = 5;
constexpr std::size_t kLogTail = 2'000;

/// A port that was free a moment ago.
Result<std::uint16_t> free_port() {
  const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  const bool bound =
      probe >= 0 && ::bind(probe, generic, size) == 0 && ::getsockname(probe, generic, &size) == 0;
  if (probe >= 0) ::close(probe);
  if (!bound) return make_error(ErrorCode::Unavailable, "no free port on the loopback");
  return ntohs(address.sin_port);
}

std::string milliseconds_text(std::chrono::milliseconds time) {
  return fmt::format("{}ms", time.count());
}

json::Value to_json(const std::map<std::string, std::string>& labels) {
  json::Object object;
  for (const auto& [name, value] : labels) object.set(name, value);
  return object;
}

json::Value to_json(const std::vector<ScrapeTarget>& targets) {
  json::Array groups;
  for (const ScrapeTarget& target : targets) {
    std::map<std::string, std::string> labels = target.labels;
    labels["__metrics_path__"] = target.path;
    groups.emplace_back(
        json::Object{{"targets", json::Array{target.address}}, {"labels", to_json(labels)}});
  }
  return groups;
}

json::Value to_json(const ScrapeJob& job, const std::filesystem::path& folder) {
  const std::string targets = (folder / (job.name + ".json")).string();
  return json::Object{
      {"job_name", job.name},
      {"scrape_interval", milliseconds_text(job.interval)},
      {"scrape_timeout", milliseconds_text(job.timeout.value_or(job.interval))},
      {"honor_labels", job.honor_labels},
      {"metric_relabel_configs", job.metric_relabel},
      {"file_sd_configs", json::Array{json::Object{{"files", json::Array{targets}}}}},
  };
}

/// JSON is YAML, so this writes every file of Prometheus.
Status write_json(const std::filesystem::path& file, const json::Value& value) {
  ASSIGN_OR_RETURN(const std::string text, json::write(value, json::Layout::Indented));
  return replace_file(file, text + "\n");
}

}  // namespace

PrometheusProcess::PrometheusProcess(PrometheusOptions options, TemporaryFolder folder,
                                     std::uint16_t port, http::Client& client)
    : options_(std::move(options)), folder_(std::move(folder)), port_(port), client_(client) {}

Result<std::unique_ptr<PrometheusProcess>> PrometheusProcess::start(
    const PrometheusOptions& options, http::Client& client, Clock& clock) {
  Error last = make_error(ErrorCode::Unavailable, "Prometheus was not started");
  for (int attempt = 0; attempt < kPortAttempts; ++attempt) {
    ASSIGN_OR_RETURN(const std::uint16_t port, free_port());
    ASSIGN_OR_RETURN(TemporaryFolder folder, TemporaryFolder::make());
    std::unique_ptr<PrometheusProcess> process(
        new PrometheusProcess(options, std::move(folder), port, client));
    RETURN_IF_ERROR(process->write_configuration());
    RETURN_IF_ERROR(process->launch());
    Status ready = process->wait_until_ready(clock);
    if (ready) return process;
    last = std::move(ready).error();
    // Somebody else took the port in between.
    if (process->log().find("address already in use") == std::string::npos) break;
  }
  return last;
}

std::string PrometheusProcess::url() const {
  return fmt::format("http://127.0.0.1:{}", port_);
}

Status PrometheusProcess::write_configuration() const {
  const std::filesystem::path& folder = folder_.path();
  json::Array jobs;
  for (const ScrapeJob& job : options_.jobs) {
    jobs.push_back(to_json(job, folder));
    RETURN_IF_ERROR(write_json(folder / (job.name + ".json"), to_json(job.targets)));
  }
  return write_json(
      folder / "prometheus.yml",
      json::Object{{"global", json::Object{{"external_labels", to_json(options_.external_labels)}}},
                   {"scrape_configs", std::move(jobs)}});
}

Status PrometheusProcess::set_targets(const std::string& job,
                                      const std::vector<ScrapeTarget>& targets) {
  const auto found = std::find_if(options_.jobs.begin(), options_.jobs.end(),
                                  [&](const ScrapeJob& known) { return known.name == job; });
  if (found == options_.jobs.end()) {
    return make_error(ErrorCode::Invalid, "there is no such scrape job").at(job);
  }
  found->targets = targets;
  return write_json(folder_.path() / (job + ".json"), to_json(targets));
}

Status PrometheusProcess::launch() {
  const std::filesystem::path folder = folder_.path();
  // One scheduler thread: the tests' machine has few cores, and the load is small.
  ASSIGN_OR_RETURN(
      ChildProcess process,
      ChildProcess::start({
          .arguments = {"prometheus", "--config.file=" + (folder / "prometheus.yml").string(),
                        "--storage.tsdb.path=" + (folder / "data").string(),
                        "--storage.tsdb.retention.time=1h",
                        fmt::format("--web.listen-address=127.0.0.1:{}", port_),
                        "--log.level=warn"},
          .input = {},
          .output = {},
          .errors = folder / "log",
          .output_descriptor = {},
          .environment = {"GOMAXPROCS=1"},
      }));
  process_.emplace(std::move(process));
  return {};
}

bool PrometheusProcess::ready() const {
  http::ClientRequest request;
  request.url = url() + "/-/ready";
  request.limits.total_timeout = std::chrono::milliseconds(1'000);
  const auto response = client_.send(request, {});
  return response && response->status == 200;
}

Status PrometheusProcess::wait_until_ready(Clock& clock) {
  const Deadline deadline(clock, kReadyLimit);
  while (!deadline.passed(clock)) {
    if (ready()) return {};
    if (process_->poll()) {
      return make_error(ErrorCode::Internal, "Prometheus ended at once: " + log()).at(url());
    }
    clock.wait_until({}, clock.steady() + kReadyPoll);
  }
  return make_error(ErrorCode::Timeout, "Prometheus did not become ready: " + log()).at(url());
}

void PrometheusProcess::kill() {
  process_.reset();
}

Status PrometheusProcess::begin_empty() {
  kill();
  std::error_code error;
  std::filesystem::remove_all(folder_.path() / "data", error);
  if (error) return make_error(ErrorCode::Unavailable, error.message());
  return launch();
}

std::string PrometheusProcess::log() const {
  std::string text = read_file(folder_.path() / "log");
  if (text.size() > kLogTail) text.erase(0, text.size() - kLogTail);
  return text;
}

}  // namespace tokenscaler::e2e
