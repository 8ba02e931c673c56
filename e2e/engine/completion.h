// OpenAI's completion and chat-completion API: what a client sends, and what it gets back, as text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "engine/scheduler.h"

namespace tokenscaler::engine {

enum class CompletionApi { Completions, ChatCompletions };

/// An error in OpenAI's shape.
struct ApiError {
  int status = 400;
  std::string message;
  std::string param;  ///< The field that is wrong, or empty.

  /// `{"error": {"message", "type", "param", "code"}}` with vLLM's type names.
  [[nodiscard]] std::string body() const;
};

/// One request, understood.
///
/// Prompt tokens: an array of token ids counts its ids; text counts one token for each four bytes,
/// rounded up (and four more for each chat message, for the template). The vendor extension
///   "tokenscaler": {"prompt_tokens": N, "cached_tokens": M, "stop_after": K}
/// says it directly and cheaply; cached_tokens are those a prefix cache holds, and the model stops
/// by itself after K tokens.
///
/// Generated tokens: max_tokens (or max_completion_tokens), as if the model never stopped. Without
/// either, the model stops after kDefaultAnswerTokens, or with ignore_eos fills the context.
struct CompletionRequest {
  CompletionApi api = CompletionApi::Completions;
  RequestSpec spec;
  bool include_usage = false;
};

inline constexpr std::int64_t kDefaultAnswerTokens = 256;
/// vLLM's and OpenAI's default of /v1/completions.
inline constexpr std::int64_t kDefaultCompletionTokens = 16;
/// Larger bodies get 413. A million token ids of seven digits fit.
inline constexpr std::size_t kMaxBodyBytes = 8U * 1024U * 1024U;

[[nodiscard]] std::variant<CompletionRequest, ApiError> parse_completion(
    CompletionApi api, std::string_view body, std::string_view served_model_name,
    std::int64_t max_model_len);

/// Writes the answers to one request.
class CompletionWriter {
 public:
  CompletionWriter(const CompletionRequest& request, std::string_view served_model_name,
                   std::string_view id, std::int64_t created_unix_seconds);

  /// The SSE event with the next `tokens` tokens; `first` adds the role to a chat's first event.
  [[nodiscard]] std::string event(std::int64_t tokens, bool first) const;
  /// The last events: finish reason with the last tokens, usage if asked for, `data: [DONE]`.
  [[nodiscard]] std::string last_events(std::int64_t tokens, bool first,
                                        const FinishedRequest& finished) const;
  /// The whole answer of a request without streaming.
  [[nodiscard]] std::string whole(const FinishedRequest& finished) const;

 private:
  [[nodiscard]] std::string choice_event(std::int64_t tokens, bool role,
                                         std::string_view finish_reason) const;
  [[nodiscard]] std::string head(std::string_view object) const;

  CompletionRequest request_;
  std::string model_;  // quoted
  std::string id_;
  std::int64_t created_;
};

[[nodiscard]] std::string_view to_string(FinishReason reason);

}  // namespace tokenscaler::engine
