#include "engine/completion.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "engine/json_reader.h"

namespace tokenscaler::engine {

namespace {

constexpr std::int64_t kBytesPerToken = 4;
constexpr std::int64_t kTemplateTokensPerMessage = 4;
// What every generated token reads as.
constexpr std::string_view kTokenText = " token";

ApiError bad(std::string message, std::string param = {}) {
  return {.status = 400, .message = std::move(message), .param = std::move(param)};
}

std::int64_t text_tokens(std::string_view text) {
  return (static_cast<std::int64_t>(text.size()) + kBytesPerToken - 1) / kBytesPerToken;
}

// Reads optional fields and keeps the first complaint.
class Fields {
 public:
  explicit Fields(const JsonValue& object) : object_(object) {}

  std::optional<std::int64_t> integer(std::string_view name, std::int64_t at_least) {
    const JsonValue* value = present(name);
    if (value == nullptr) return std::nullopt;
    const auto number = value->integer();
    if (!number || *number < at_least) {
      complain(fmt::format("{} must be a whole number of at least {}", name, at_least), name);
      return std::nullopt;
    }
    return number;
  }
  bool boolean(std::string_view name) {
    const JsonValue* value = present(name);
    if (value == nullptr) return false;
    const auto flag = value->boolean();
    if (!flag) complain(fmt::format("{} must be true or false", name), name);
    return flag.value_or(false);
  }
  const JsonValue* present(std::string_view name) const {
    const JsonValue* value = object_.find(name);
    return value == nullptr || value->is_null() ? nullptr : value;
  }
  void complain(std::string message, std::string_view param) {
    if (!error_) error_ = bad(std::move(message), std::string(param));
  }
  [[nodiscard]] const std::optional<ApiError>& error() const { return error_; }

 private:
  const JsonValue& object_;
  std::optional<ApiError> error_;
};

std::optional<std::int64_t> prompt_tokens(const JsonValue& prompt) {
  if (const std::string* text = prompt.string()) return text_tokens(*text);
  const JsonArray* items = prompt.array();
  if (items == nullptr || items->empty()) return std::nullopt;
  if (items->front().integer()) {
    const bool ids = std::all_of(items->begin(), items->end(), [](const JsonValue& item) {
      return item.integer().value_or(-1) >= 0;
    });
    return ids ? std::optional(static_cast<std::int64_t>(items->size())) : std::nullopt;
  }
  // A list of one prompt is that prompt.
  return items->size() == 1 && (items->front().string() || items->front().array())
             ? prompt_tokens(items->front())
             : std::nullopt;
}

std::optional<std::int64_t> message_tokens(const JsonValue& messages) {
  const JsonArray* list = messages.array();
  if (list == nullptr || list->empty()) return std::nullopt;
  std::int64_t tokens = 0;
  for (const JsonValue& message : *list) {
    const JsonValue* content = message.find("content");
    if (message.find("role") == nullptr || content == nullptr) return std::nullopt;
    tokens += kTemplateTokensPerMessage;
    if (const std::string* text = content->string()) {
      tokens += text_tokens(*text);
    } else if (const JsonArray* parts = content->array()) {
      for (const JsonValue& part : *parts) {
        const JsonValue* text_part = part.find("text");
        if (text_part != nullptr && text_part->string() != nullptr) {
          tokens += text_tokens(*text_part->string());
        }
      }
    } else if (!content->is_null()) {
      return std::nullopt;
    }
  }
  return tokens;
}

// Fills what the prompt says; an error if it says nothing usable.
std::optional<ApiError> read_prompt(CompletionApi api, Fields& fields, RequestSpec& spec) {
  if (const JsonValue* extension = fields.present("tokenscaler")) {
    if (extension->object() == nullptr) return bad("tokenscaler must be an object", "tokenscaler");
    Fields own(*extension);
    const auto prompt = own.integer("prompt_tokens", 1);
    spec.cached_tokens = own.integer("cached_tokens", 0).value_or(0);
    spec.stop_after = own.integer("stop_after", 1).value_or(0);
    if (own.error()) return own.error();
    if (prompt) {
      spec.prompt_tokens = *prompt;
      return std::nullopt;
    }
  }
  const bool chat = api == CompletionApi::ChatCompletions;
  const std::string_view name = chat ? "messages" : "prompt";
  const JsonValue* value = fields.present(name);
  if (value == nullptr) return bad(fmt::format("{} is missing", name), std::string(name));
  const auto tokens = chat ? message_tokens(*value) : prompt_tokens(*value);
  if (!tokens) {
    return bad(chat ? "messages must be a list of objects with role and content"
                    : "prompt must be text or one list of token ids; several prompts in one "
                      "request are not served",
               std::string(name));
  }
  spec.prompt_tokens = std::max<std::int64_t>(1, *tokens);
  return std::nullopt;
}

void read_output_length(CompletionApi api, Fields& fields, std::int64_t max_model_len,
                        RequestSpec& spec) {
  auto limit = fields.integer("max_completion_tokens", 1);
  if (!limit) limit = fields.integer("max_tokens", 1);
  const bool ignore_eos = fields.boolean("ignore_eos");
  if (!limit && api == CompletionApi::Completions) limit = kDefaultCompletionTokens;
  if (limit) {
    spec.max_tokens = *limit;
  } else {
    spec.max_tokens = std::max<std::int64_t>(1, max_model_len - spec.prompt_tokens);
    if (spec.stop_after == 0 && !ignore_eos) spec.stop_after = kDefaultAnswerTokens;
  }
  const auto min_tokens = fields.integer("min_tokens", 0).value_or(0);
  if (min_tokens > spec.max_tokens) {
    fields.complain(fmt::format("min_tokens must be at most max_tokens={}, got {}", spec.max_tokens,
                                min_tokens),
                    "min_tokens");
  }
  if (spec.stop_after > 0) spec.stop_after = std::max(spec.stop_after, min_tokens);
  if (ignore_eos) spec.stop_after = 0;
}

std::string usage(const FinishedRequest& finished) {
  return fmt::format(
      R"({{"prompt_tokens":{},"total_tokens":{},"completion_tokens":{},"prompt_tokens_details":{{"cached_tokens":{}}}}})",
      finished.prompt_tokens, finished.prompt_tokens + finished.generated_tokens,
      finished.generated_tokens, finished.cached_tokens);
}

std::string token_text(std::int64_t tokens) {
  std::string text;
  text.reserve(static_cast<std::size_t>(tokens) * kTokenText.size());
  for (std::int64_t i = 0; i < tokens; ++i) text += kTokenText;
  return text;
}

std::string_view error_type(int status) {
  switch (status) {
    case 404:
      return "NotFoundError";
    case 413:
      return "RequestEntityTooLargeError";
    case 503:
      return "ServiceUnavailableError";
    default:
      return status >= 500 ? "InternalServerError" : "BadRequestError";
  }
}

}  // namespace

std::string_view to_string(FinishReason reason) {
  switch (reason) {
    case FinishReason::Stop:
      return "stop";
    case FinishReason::Length:
      return "length";
    case FinishReason::Abort:
      return "abort";
  }
  return "abort";
}

std::string ApiError::body() const {
  return fmt::format(R"({{"error":{{"message":{},"type":"{}","param":{},"code":{}}}}})",
                     json_quoted(message), error_type(status),
                     param.empty() ? "null" : json_quoted(param), status);
}

std::variant<CompletionRequest, ApiError> parse_completion(CompletionApi api, std::string_view body,
                                                           std::string_view served_model_name,
                                                           std::int64_t max_model_len) {
  if (body.size() > kMaxBodyBytes) {
    return ApiError{.status = 413,
                    .message = fmt::format("the body has {} bytes; {} are the most", body.size(),
                                           kMaxBodyBytes),
                    .param = {}};
  }
  auto document = read_json(body);
  if (!document) return bad(document.error().message);
  if (document->object() == nullptr) return bad("the body must be a JSON object");
  Fields fields(*document);
  if (const JsonValue* model = fields.present("model")) {
    if (model->string() == nullptr) return bad("model must be text", "model");
    if (*model->string() != served_model_name) {
      return ApiError{.status = 404,
                      .message = fmt::format("The model `{}` does not exist.", *model->string()),
                      .param = "model"};
    }
  }
  CompletionRequest request;
  request.api = api;
  if (auto error = read_prompt(api, fields, request.spec)) return *error;
  read_output_length(api, fields, max_model_len, request.spec);
  if (fields.integer("n", 1).value_or(1) != 1) fields.complain("n must be 1", "n");
  request.spec.streaming = fields.boolean("stream");
  if (const JsonValue* options = fields.present("stream_options")) {
    if (!request.spec.streaming) {
      fields.complain("Stream options can only be defined when `stream=True`.", "stream_options");
    } else if (options->object() == nullptr) {
      fields.complain("stream_options must be an object", "stream_options");
    } else {
      Fields own(*options);
      request.include_usage = own.boolean("include_usage");
      if (own.error()) return *own.error();
    }
  }
  if (fields.error()) return *fields.error();
  return request;
}

CompletionWriter::CompletionWriter(const CompletionRequest& request,
                                   std::string_view served_model_name, std::string_view id,
                                   std::int64_t created_unix_seconds)
    : request_(request),
      model_(json_quoted(served_model_name)),
      id_(id),
      created_(created_unix_seconds) {}

std::string CompletionWriter::head(std::string_view object) const {
  const bool chat = request_.api == CompletionApi::ChatCompletions;
  return fmt::format(R"({{"id":"{}-{}","object":"{}","created":{},"model":{})",
                     chat ? "chatcmpl" : "cmpl", id_, object, created_, model_);
}

std::string CompletionWriter::choice_event(std::int64_t tokens, bool role,
                                           std::string_view finish_reason) const {
  const std::string reason = finish_reason.empty() ? "null" : fmt::format("\"{}\"", finish_reason);
  if (request_.api == CompletionApi::Completions) {
    return fmt::format(
        "data: {},\"choices\":[{{\"index\":0,\"text\":\"{}\",\"logprobs\":null,"
        "\"finish_reason\":{},\"stop_reason\":null}}]}}\n\n",
        head("text_completion"), token_text(tokens), reason);
  }
  return fmt::format(
      "data: {},\"choices\":[{{\"index\":0,\"delta\":{{{}\"content\":\"{}\"}},\"logprobs\":null,"
      "\"finish_reason\":{}}}]}}\n\n",
      head("chat.completion.chunk"), role ? "\"role\":\"assistant\"," : "", token_text(tokens),
      reason);
}

std::string CompletionWriter::event(std::int64_t tokens, bool first) const {
  if (!first || request_.api == CompletionApi::Completions) {
    return choice_event(tokens, false, {});
  }
  // A chat begins with an event that has the role and no text.
  return choice_event(0, true, {}) + choice_event(tokens, false, {});
}

std::string CompletionWriter::last_events(std::int64_t tokens, bool first,
                                          const FinishedRequest& finished) const {
  std::string out;
  if (first && request_.api == CompletionApi::ChatCompletions) out = choice_event(0, true, {});
  out += choice_event(tokens, false, to_string(finished.reason));
  if (request_.include_usage) {
    const bool chat = request_.api == CompletionApi::ChatCompletions;
    out += fmt::format("data: {},\"choices\":[],\"usage\":{}}}\n\n",
                       head(chat ? "chat.completion.chunk" : "text_completion"), usage(finished));
  }
  out += "data: [DONE]\n\n";
  return out;
}

std::string CompletionWriter::whole(const FinishedRequest& finished) const {
  const std::string text = token_text(finished.generated_tokens);
  if (request_.api == CompletionApi::Completions) {
    return fmt::format(
        R"({},"choices":[{{"index":0,"text":"{}","logprobs":null,"finish_reason":"{}","stop_reason":null}}],"usage":{}}})",
        head("text_completion"), text, to_string(finished.reason), usage(finished));
  }
  return fmt::format(
      R"({},"choices":[{{"index":0,"message":{{"role":"assistant","content":"{}"}},"logprobs":null,"finish_reason":"{}"}}],"usage":{}}})",
      head("chat.completion"), text, to_string(finished.reason), usage(finished));
}

}  // namespace tokenscaler::engine
