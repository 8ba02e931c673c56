// The engine's HTTP API: OpenAI's completions, vLLM's health, version and metrics endpoints.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.h"
#include "engine/completion.h"
#include "engine/engine.h"
#include "http/server.h"

namespace tokenscaler::engine {

/// Routes requests to the engine:
///   POST /v1/completions, /v1/chat/completions   JSON in; JSON or SSE out
///   GET  /v1/models, /version
///   GET  /health    200 when ready; 503 while it starts or drains
///   GET  /metrics   503 while it starts, as nothing would listen yet
/// Other errors have OpenAI's shape: 400, 404, 405, 413, and 503 while it starts or drains.
class EngineApi {
 public:
  /// `engine` and `clock` outlive the server that calls handle(). `ready_at`: end of the cold
  /// start.
  EngineApi(Engine& engine, const Clock& clock, SteadyTime ready_at);

  void handle(const http::Request& request, http::Responder responder);

  /// From now on completions get 503 and /health says so; what runs goes on.
  void drain() { draining_.store(true); }
  [[nodiscard]] bool ready() const;

 private:
  /// Everything but completions.
  [[nodiscard]] http::Response answer(const http::Request& request);
  void complete(CompletionApi api, const http::Request& request, http::Responder responder);
  void answer_whole(const CompletionRequest& request, std::stop_token stop,
                    http::Responder responder);
  void answer_stream(const CompletionRequest& request, http::Responder responder);
  [[nodiscard]] CompletionWriter writer(const CompletionRequest& request);
  [[nodiscard]] http::Response models() const;

  Engine& engine_;
  const Clock& clock_;
  const SteadyTime ready_at_;
  std::atomic<bool> draining_{false};
  std::atomic<std::uint64_t> last_id_{0};
};

}  // namespace tokenscaler::engine
