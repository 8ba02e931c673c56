#include "engine/engine_api.h"

#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "engine/exposition.h"
#include "engine/json_reader.h"

namespace tokenscaler::engine {

namespace {

// A reader so slow that this much text waits for it is taken for gone.
constexpr std::size_t kMaxUnsentBytes = 4U * 1024U * 1024U;

http::Response error_response(const ApiError& error) {
  http::Response response = http::Response::json(error.status, error.body());
  if (error.status == 503) response.headers.add("Retry-After", "1");
  return response;
}

ApiError unavailable(std::string message) {
  return {.status = 503, .message = std::move(message), .param = {}};
}

// Aborts the request in the engine when its client goes away. The callback may come before the
// engine has told its handle: then the request is aborted as soon as the handle is there.
class AbortOnStop {
 public:
  AbortOnStop(Engine& engine, std::stop_token stop)
      : engine_(engine), callback_(std::in_place, std::move(stop), [this] { client_gone(); }) {}

  void watch(const Engine::Handle& handle) {
    bool gone = false;
    {
      const std::scoped_lock lock(mutex_);
      handle_ = handle;
      gone = gone_;
    }
    if (gone) engine_.abort(handle);
  }

 private:
  void client_gone() {
    std::optional<Engine::Handle> handle;
    {
      const std::scoped_lock lock(mutex_);
      gone_ = true;
      handle = handle_;
    }
    if (handle) engine_.abort(*handle);  // may destroy *this: nothing of it is used any more
  }

  Engine& engine_;
  std::mutex mutex_;
  std::optional<Engine::Handle> handle_;
  bool gone_ = false;
  std::optional<std::stop_callback<std::function<void()>>> callback_;
};

// One streamed answer.
class StreamSession {
 public:
  StreamSession(std::shared_ptr<http::ResponseStream> stream, CompletionWriter writer)
      : stream_(std::move(stream)), writer_(std::move(writer)) {}

  // Called from the engine's thread only.
  void on_progress(const Progress& progress) {
    if (!stream_) return;
    unsent_ += progress.finished
                   ? writer_.last_events(progress.tokens, progress.first, *progress.finished)
                   : writer_.event(progress.tokens, progress.first);
    const bool full = stream_->write(unsent_) == http::ResponseStream::Write::Full;
    if (!full) unsent_.clear();
    if (progress.finished && !full) stream_->finish();
    // Dropping the stream unfinished cuts the connection: a client that reads too slowly sees a
    // broken answer, never a part of one that looks whole.
    if (progress.finished || unsent_.size() > kMaxUnsentBytes) stream_.reset();
  }

 private:
  std::shared_ptr<http::ResponseStream> stream_;
  CompletionWriter writer_;
  std::string unsent_;
};

}  // namespace

EngineApi::EngineApi(Engine& engine, const Clock& clock, SteadyTime ready_at)
    : engine_(engine), clock_(clock), ready_at_(ready_at) {}

bool EngineApi::ready() const {
  return !draining_.load() && clock_.steady() >= ready_at_;
}

void EngineApi::handle(const http::Request& request, http::Responder responder) {
  const std::string_view path = request.path();
  const bool completions = path == "/v1/completions";
  if (completions || path == "/v1/chat/completions") {
    if (request.method != "POST") {
      std::move(responder).send(
          error_response({.status = 405, .message = "Method Not Allowed", .param = {}}));
      return;
    }
    const auto api = completions ? CompletionApi::Completions : CompletionApi::ChatCompletions;
    complete(api, request, std::move(responder));
    return;
  }
  std::move(responder).send(answer(request));
}

http::Response EngineApi::answer(const http::Request& request) {
  const std::string_view path = request.path();
  const bool known =
      path == "/v1/models" || path == "/health" || path == "/version" || path == "/metrics";
  if (!known) return error_response({.status = 404, .message = "Not Found", .param = {}});
  if (request.method != "GET" && request.method != "HEAD") {
    return error_response({.status = 405, .message = "Method Not Allowed", .param = {}});
  }
  if (path == "/v1/models") return models();
  if (path == "/health") return http::Response::text(ready() ? 200 : 503, "");
  if (path == "/version") {
    return http::Response::json(200, R"({"version":"tokenscaler-engine-stand-in"})");
  }
  if (clock_.steady() < ready_at_) return http::Response::text(503, "the engine is starting\n");
  http::Response response{.status = 200, .headers = {}, .body = engine_.metrics_text()};
  response.headers.add("Content-Type", std::string(kExpositionContentType));
  return response;
}

http::Response EngineApi::models() const {
  const EngineOptions& options = engine_.options();
  const std::string model = json_quoted(options.model_name);
  return http::Response::json(
      200,
      fmt::format(
          R"({{"object":"list","data":[{{"id":{},"object":"model","created":{},"owned_by":"vllm","root":{},"parent":null,"max_model_len":{}}}]}})",
          model,
          std::chrono::duration_cast<std::chrono::seconds>(clock_.wall().time_since_epoch())
              .count(),
          model, options.scheduler.max_model_len));
}

CompletionWriter EngineApi::writer(const CompletionRequest& request) {
  const auto created =
      std::chrono::duration_cast<std::chrono::seconds>(clock_.wall().time_since_epoch());
  return {request, engine_.options().model_name, fmt::format("{:016x}", ++last_id_),
          created.count()};
}

void EngineApi::complete(CompletionApi api, const http::Request& request,
                         http::Responder responder) {
  if (!ready()) {
    std::move(responder).send(error_response(
        unavailable(draining_.load() ? "the engine is draining" : "the engine is starting")));
    return;
  }
  const auto parsed = parse_completion(api, request.body, engine_.options().model_name,
                                       engine_.options().scheduler.max_model_len);
  if (const auto* error = std::get_if<ApiError>(&parsed)) {
    std::move(responder).send(error_response(*error));
    return;
  }
  const auto& completion = std::get<CompletionRequest>(parsed);
  if (completion.spec.streaming) {
    answer_stream(completion, std::move(responder));
  } else {
    answer_whole(completion, request.stop, std::move(responder));
  }
}

void EngineApi::answer_whole(const CompletionRequest& request, std::stop_token stop,
                             http::Responder responder) {
  auto answer = std::make_shared<std::optional<http::Responder>>(std::move(responder));
  auto abort = std::make_shared<AbortOnStop>(engine_, std::move(stop));
  const auto submitted = engine_.submit(
      request.spec, [answer, abort, writer = writer(request)](const Progress& progress) {
        if (!progress.finished || !*answer) return;
        std::move(**answer).send(http::Response::json(200, writer.whole(*progress.finished)));
        answer->reset();
      });
  if (!submitted) {
    std::move(**answer).send(
        error_response({.status = 400, .message = submitted.error().message, .param = {}}));
    return;
  }
  abort->watch(*submitted);
}

void EngineApi::answer_stream(const CompletionRequest& request, http::Responder responder) {
  // The head of a streamed answer cannot be taken back, so whatever refuses the request comes
  // first.
  const auto& limits = engine_.options().scheduler;
  if (request.spec.prompt_tokens > limits.max_model_len ||
      request.spec.max_tokens > limits.max_model_len - request.spec.prompt_tokens) {
    answer_whole(request, {}, std::move(responder));  // gives the engine's own error
    return;
  }
  auto stream = std::move(responder).stream(
      200, {{"Content-Type", "text/event-stream; charset=utf-8"}, {"Cache-Control", "no-cache"}});
  auto abort = std::make_shared<AbortOnStop>(engine_, stream->stop());
  auto session = std::make_shared<StreamSession>(std::move(stream), writer(request));
  const auto submitted = engine_.submit(
      request.spec, [session, abort](const Progress& progress) { session->on_progress(progress); });
  if (submitted) abort->watch(*submitted);
}

}  // namespace tokenscaler::engine
