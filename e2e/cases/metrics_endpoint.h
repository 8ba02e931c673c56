// The web server behind all scripted exporters of a test: one path for each.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "cases/prometheus_process.h"
#include "cases/scripted_engine.h"
#include "http/server.h"

namespace tokenscaler::e2e {

class MetricsEndpoint {
 public:
  [[nodiscard]] static Result<std::unique_ptr<MetricsEndpoint>> start();
  ~MetricsEndpoint();
  MetricsEndpoint(const MetricsEndpoint&) = delete;
  MetricsEndpoint& operator=(const MetricsEndpoint&) = delete;

  /// Serves `engine` and tells how to scrape it: with the labels `namespace` and `pod`.
  [[nodiscard]] ScrapeTarget add(std::shared_ptr<ScriptedEngine> engine);
  /// Serves a page at a path of its own.
  [[nodiscard]] ScrapeTarget add_page(const std::string& name, std::function<std::string()> page);

 private:
  MetricsEndpoint() = default;
  void answer(const http::Request& request, http::Responder responder);
  [[nodiscard]] ScrapeTarget target_of(const std::string& path) const;

  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<ScriptedEngine>> engines_;
  std::map<std::string, std::function<std::string()>> pages_;
  /// Scrapes that are never answered.
  std::vector<http::Responder> hanging_;
  /// The last, so that no request comes after the rest is gone.
  std::unique_ptr<http::Server> server_;
};

}  // namespace tokenscaler::e2e
