#include "engine/fleet.h"

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <utility>

#include <fmt/format.h>

#include "engine/child_process.h"
#include "engine/deployment_pages.h"
#include "engine/exposition.h"
#include "engine/json_reader.h"
#include "engine/replace_file.h"

namespace tokenscaler::engine {

namespace {

http::Response refuse(int status, std::string_view message) {
  return http::Response::json(status, fmt::format("{{\"error\":{}}}\n", json_quoted(message)));
}

}  // namespace

Fleet::Fleet(FleetOptions options, const Clock& clock, std::unique_ptr<http::Client> client)
    : options_(std::move(options)),
      clock_(clock),
      client_(std::move(client)),
      deployment_(options_.deployment, options_.engine_args, clock.wall()) {
  deployment_.set_replicas(options_.replicas);
}

Fleet::~Fleet() {
  for (const Pod& pod : deployment_.pods()) {
    if (pod.pid) signal_process(*pod.pid, SIGKILL);
  }
}

std::string Fleet::port_file(const std::string& pod) const {
  return options_.state_dir + "/" + pod + ".port";
}

void Fleet::reap() {
  const std::vector<Pod> pods = deployment_.pods();
  for (const Pod& pod : pods) {
    if (!pod.pid || !reap_process(*pod.pid)) continue;
    if (pod.live()) std::fprintf(stderr, "fleet: %s ended by itself\n", pod.name.c_str());
    deployment_.on_exit(pod.name, clock_.steady());
    if (!pod.live()) {
      std::error_code ignored;  // it may never have been written
      std::filesystem::remove(port_file(pod.name), ignored);
    }
  }
}

void Fleet::read_ports() {
  const std::vector<Pod> pods = deployment_.pods();
  for (const Pod& pod : pods) {
    if (pod.port != 0 || !pod.pid) continue;
    std::ifstream in(port_file(pod.name));
    std::uint16_t port = 0;
    if (in >> port) deployment_.on_port(pod.name, port);
  }
}

void Fleet::probe(const std::stop_token& stop) {
  std::vector<Pod> pods;
  {
    const std::scoped_lock lock(mutex_);
    if (clock_.steady() < probe_due_) return;
    probe_due_ = clock_.steady() + options_.probe_interval;
    pods = deployment_.pods();
  }
  for (const Pod& pod : pods) {
    if (!pod.pid || pod.port == 0 || !pod.live()) continue;
    http::ClientRequest request;
    request.url = pod.endpoint() + "/health";
    request.limits.connect_timeout = options_.probe_timeout;
    request.limits.total_timeout = options_.probe_timeout;
    const auto response = client_->send(request, stop);  // without the lock: it may take a while
    const bool ready = response && response->status == 200;
    const std::scoped_lock lock(mutex_);
    deployment_.on_probe(pod.name, ready, clock_.wall());
  }
}

void Fleet::start(const Pod& pod) {
  std::vector<std::string> args = pod.args;
  // A container that restarts keeps its pod's address.
  args.insert(args.end(), {"--host", "127.0.0.1", "--port", std::to_string(pod.port), "--port-file",
                           port_file(pod.name)});
  const auto pid = start_process(options_.engine_program, args,
                                 fmt::format("{}/{}.log", options_.state_dir, pod.name));
  if (pid) {
    deployment_.on_started(pod.name, *pid, clock_.steady());
  } else {
    std::fprintf(stderr, "fleet: %s\n", pid.error().to_string().c_str());
    deployment_.on_exit(pod.name, clock_.steady());
  }
}

void Fleet::act(const PodAction& action) {
  for (const Pod& pod : std::vector<Pod>(deployment_.pods())) {
    if (pod.name != action.pod) continue;
    switch (action.kind) {
      case PodAction::Kind::Start:
        start(pod);
        break;
      case PodAction::Kind::Terminate:
        if (pod.pid) signal_process(*pod.pid, SIGTERM);
        break;
      case PodAction::Kind::Kill:
        if (pod.pid) signal_process(*pod.pid, SIGKILL);
        break;
    }
  }
}

Status Fleet::write_if_changed(const std::string& path, const std::string& content,
                               std::string& last) {
  if (path.empty() || content == last) return {};
  RETURN_IF_ERROR(replace_file(path, content));
  last = content;
  return {};
}

Status Fleet::write_files() {
  RETURN_IF_ERROR(write_if_changed(options_.file_sd, file_sd_json(deployment_), last_file_sd_));
  // A file without engines is not an empty content, so that it is written at the start.
  return write_if_changed(options_.endpoints_file,
                          "# ready engines\n" + ready_endpoints(deployment_), last_endpoints_);
}

Status Fleet::step() {
  probe({});
  const std::scoped_lock lock(mutex_);
  reap();
  read_ports();
  for (const PodAction& action : deployment_.reconcile(clock_.wall(), clock_.steady())) {
    act(action);
  }
  return write_files();
}

void Fleet::shut_down() {
  const std::scoped_lock lock(mutex_);
  shutting_down_ = true;
  deployment_.set_replicas(0);
}

bool Fleet::empty() const {
  const std::scoped_lock lock(mutex_);
  return deployment_.pods().empty();
}

http::Response Fleet::handle(const http::Request& request) {
  const std::scoped_lock lock(mutex_);
  const std::string_view path = request.path();
  if (path == "/scale" && request.method == "PUT") return put_scale(request.body);
  if (path == "/template" && request.method == "PUT") return put_template(request.body);
  if (request.method != "GET") return refuse(405, "use GET, or PUT for /scale and /template");
  if (path == "/scale") return http::Response::json(200, scale_json(deployment_));
  if (path == "/status") return http::Response::json(200, status_json(deployment_));
  if (path == "/healthz") return http::Response::text(200, "ok\n");
  if (path == "/metrics") {
    http::Response response{
        .status = 200, .headers = {}, .body = kube_state_metrics_text(deployment_)};
    response.headers.add("Content-Type", std::string(kExpositionContentType));
    return response;
  }
  return refuse(404, "there are /scale, /status, /template, /metrics and /healthz");
}

http::Response Fleet::put_scale(const std::string& body) {
  const auto document = read_json(body);
  if (!document) return refuse(400, document.error().message);
  const JsonValue* spec = document->find("spec");
  const JsonValue* replicas = (spec == nullptr ? &*document : spec)->find("replicas");
  const auto number = replicas == nullptr ? std::nullopt : replicas->integer();
  const std::int32_t most = deployment_.options().max_replicas;
  if (!number || *number < 0 || *number > most) {
    return refuse(400, fmt::format("replicas must be a whole number from 0 to {}, as "
                                   "{{\"replicas\": 3}} or in spec",
                                   most));
  }
  if (shutting_down_) return refuse(503, "the fleet is shutting down");
  deployment_.set_replicas(static_cast<std::int32_t>(*number));
  return http::Response::json(200, scale_json(deployment_));
}

http::Response Fleet::put_template(const std::string& body) {
  const auto document = read_json(body);
  if (!document) return refuse(400, document.error().message);
  const JsonValue* args = document->find("args");
  if (args == nullptr || args->array() == nullptr) {
    return refuse(400, "args must be a list of the engine's arguments");
  }
  std::vector<std::string> words;
  for (const JsonValue& word : *args->array()) {
    if (word.string() == nullptr) return refuse(400, "each of args must be text");
    words.push_back(*word.string());
  }
  const JsonValue* limit = document->find("limit");
  const auto most = limit == nullptr
                        ? std::optional<std::int64_t>(deployment_.options().max_replicas)
                        : limit->integer();
  if (!most || *most < 0 || *most > deployment_.options().max_replicas) {
    return refuse(400, "limit must be a whole number of replicas");
  }
  deployment_.set_template(std::move(words), static_cast<std::int32_t>(*most));
  return http::Response::json(200, status_json(deployment_));
}

}  // namespace tokenscaler::engine
