#include "cases/metrics_endpoint.h"

#include <utility>

#include <fmt/format.h>

namespace tokenscaler::e2e {

namespace {

http::Response exposition(std::string text) {
  http::Response response;
  response.headers.add("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
  response.body = std::move(text);
  return response;
}

}  // namespace

Result<std::unique_ptr<MetricsEndpoint>> MetricsEndpoint::start() {
  std::unique_ptr<MetricsEndpoint> endpoint(new MetricsEndpoint());
  http::ServerOptions options;
  options.io_threads = 1;
  options.worker_threads = 2;
  ASSIGN_OR_RETURN(endpoint->server_,
                   http::Server::start(options, [raw = endpoint.get()](const http::Request& request,
                                                                       http::Responder responder) {
                     raw->answer(request, std::move(responder));
                   }));
  return endpoint;
}

MetricsEndpoint::~MetricsEndpoint() {
  {
    const std::scoped_lock lock(mutex_);
    hanging_.clear();
  }
  server_.reset();
}

ScrapeTarget MetricsEndpoint::target_of(const std::string& path) const {
  return {.address = fmt::format("127.0.0.1:{}", server_->port()), .path = path, .labels = {}};
}

ScrapeTarget MetricsEndpoint::add(std::shared_ptr<ScriptedEngine> engine) {
  const EngineIdentity& who = engine->identity();
  const std::string path = fmt::format("/{}/{}", who.name_space, who.pod);
  ScrapeTarget target = target_of(path);
  target.labels = {{"namespace", who.name_space}, {"pod", who.pod}};
  const std::scoped_lock lock(mutex_);
  engines_[path] = std::move(engine);
  return target;
}

ScrapeTarget MetricsEndpoint::add_page(const std::string& name, std::function<std::string()> page) {
  const std::string path = "/pages/" + name;
  const std::scoped_lock lock(mutex_);
  pages_[path] = std::move(page);
  return target_of(path);
}

void MetricsEndpoint::answer(const http::Request& request, http::Responder responder) {
  std::shared_ptr<ScriptedEngine> engine;
  std::function<std::string()> page;
  {
    const std::scoped_lock lock(mutex_);
    const std::string path(request.path());
    if (const auto found = engines_.find(path); found != engines_.end()) engine = found->second;
    if (const auto found = pages_.find(path); found != pages_.end()) page = found->second;
  }
  if (page) return std::move(responder).send(exposition(page()));
  if (!engine) return std::move(responder).send(http::Response::text(404, "no such exporter\n"));
  switch (engine->fault()) {
    case ScrapeFault::None:
      return std::move(responder).send(exposition(engine->page()));
    case ScrapeFault::ServerError:
      return std::move(responder).send(http::Response::text(500, "the engine core died\n"));
    case ScrapeFault::Garbage:
      return std::move(responder).send(exposition("<html>{{{ not = an \x01 exposition\n"));
    case ScrapeFault::Hang: {
      const std::scoped_lock lock(mutex_);
      hanging_.push_back(std::move(responder));
      return;
    }
  }
}

}  // namespace tokenscaler::e2e
