#include "engine/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/json_reader.h"

namespace tokenscaler::engine {
namespace {

constexpr std::int64_t kContext = 4096;

std::variant<CompletionRequest, ApiError> parse(const std::string& body,
                                                CompletionApi api = CompletionApi::Completions) {
  return parse_completion(api, body, "m", kContext);
}

CompletionRequest accepted(const std::string& body,
                           CompletionApi api = CompletionApi::Completions) {
  const auto parsed = parse(body, api);
  const auto* request = std::get_if<CompletionRequest>(&parsed);
  EXPECT_NE(request, nullptr) << body << ": " << std::get<ApiError>(parsed).message;
  return request == nullptr ? CompletionRequest{} : *request;
}

ApiError refused(const std::string& body, CompletionApi api = CompletionApi::Completions) {
  const auto parsed = parse(body, api);
  const auto* error = std::get_if<ApiError>(&parsed);
  EXPECT_NE(error, nullptr) << body;
  return error == nullptr ? ApiError{} : *error;
}

TEST(Completion, CountsPromptTokens) {
  EXPECT_EQ(accepted(R"({"prompt":"12345678"})").spec.prompt_tokens, 2);  // 8 bytes / 4
  EXPECT_EQ(accepted(R"({"prompt":"123456789"})").spec.prompt_tokens, 3);
  EXPECT_EQ(accepted(R"({"prompt":""})").spec.prompt_tokens, 1);
  EXPECT_EQ(accepted(R"({"prompt":[5,6,7]})").spec.prompt_tokens, 3);
  EXPECT_EQ(accepted(R"({"prompt":[[5,6,7]]})").spec.prompt_tokens, 3);
  EXPECT_EQ(accepted(R"({"prompt":["12345"]})").spec.prompt_tokens, 2);
  const auto counted = accepted(
      R"({"prompt":"x","tokenscaler":{"prompt_tokens":900,"cached_tokens":300,"stop_after":7}})");
  EXPECT_EQ(counted.spec.prompt_tokens, 900);
  EXPECT_EQ(counted.spec.cached_tokens, 300);
  EXPECT_EQ(counted.spec.stop_after, 7);
}

TEST(Completion, CountsChatMessages) {
  // 4 for the template of each message, and 8 bytes, 4 bytes of text.
  const auto request = accepted(
      R"({"messages":[{"role":"system","content":"12345678"},
                      {"role":"user","content":[{"type":"text","text":"1234"}]}]})",
      CompletionApi::ChatCompletions);
  EXPECT_EQ(request.spec.prompt_tokens, 4 + 2 + 4 + 1);
}

TEST(Completion, KnowsTheLengthOfTheAnswer) {
  EXPECT_EQ(accepted(R"({"prompt":"x"})").spec.max_tokens, kDefaultCompletionTokens);
  EXPECT_EQ(accepted(R"({"prompt":"x","max_tokens":9})").spec.max_tokens, 9);
  EXPECT_EQ(accepted(R"({"prompt":"x","max_tokens":9})").spec.stop_after, 0);
  const std::string chat = R"("messages":[{"role":"user","content":"1234"}])";
  const auto open = accepted("{" + chat + "}", CompletionApi::ChatCompletions);
  EXPECT_EQ(open.spec.max_tokens, kContext - 5);
  EXPECT_EQ(open.spec.stop_after, kDefaultAnswerTokens);
  const auto endless =
      accepted("{" + chat + R"(,"ignore_eos":true})", CompletionApi::ChatCompletions);
  EXPECT_EQ(endless.spec.stop_after, 0);
  EXPECT_EQ(accepted("{" + chat + R"(,"max_completion_tokens":3,"max_tokens":9})",
                     CompletionApi::ChatCompletions)
                .spec.max_tokens,
            3);
}

TEST(Completion, ReadsStreamOptions) {
  const auto request =
      accepted(R"({"prompt":"x","stream":true,"stream_options":{"include_usage":true}})");
  EXPECT_TRUE(request.spec.streaming);
  EXPECT_TRUE(request.include_usage);
  EXPECT_FALSE(accepted(R"({"prompt":"x","stream":true})").include_usage);
}

TEST(Completion, RefusesWithStatusAndField) {
  EXPECT_EQ(refused("not json").status, 400);
  EXPECT_EQ(refused("[]").status, 400);
  EXPECT_EQ(refused("{}").param, "prompt");
  EXPECT_EQ(refused("{}", CompletionApi::ChatCompletions).param, "messages");
  EXPECT_EQ(refused(R"({"model":"other","prompt":"x"})").status, 404);
  EXPECT_EQ(refused(R"({"prompt":[]})").param, "prompt");
  EXPECT_EQ(refused(R"({"prompt":[1,"a"]})").param, "prompt");
  EXPECT_EQ(refused(R"({"prompt":["a","b"]})").param, "prompt");
  EXPECT_EQ(refused(R"({"prompt":"x","max_tokens":0})").param, "max_tokens");
  EXPECT_EQ(refused(R"({"prompt":"x","max_tokens":1.5})").param, "max_tokens");
  EXPECT_EQ(refused(R"({"prompt":"x","max_tokens":3,"min_tokens":4})").param, "min_tokens");
  EXPECT_EQ(refused(R"({"prompt":"x","n":2})").param, "n");
  EXPECT_EQ(refused(R"({"prompt":"x","stream":"yes"})").param, "stream");
  EXPECT_EQ(refused(R"({"prompt":"x","stream_options":{}})").param, "stream_options");
  EXPECT_EQ(refused(R"({"prompt":"x","tokenscaler":{"prompt_tokens":0}})").param, "prompt_tokens");
  EXPECT_EQ(refused(R"({"messages":[{"content":"x"}]})", CompletionApi::ChatCompletions).param,
            "messages");
  EXPECT_EQ(refused(std::string(kMaxBodyBytes + 1, ' ')).status, 413);
}

TEST(Completion, ErrorsHaveOpenAiShape) {
  const auto body = read_json(ApiError{404, "no \"x\"", "model"}.body());
  ASSERT_TRUE(body);
  const JsonValue* error = body->find("error");
  ASSERT_NE(error, nullptr);
  EXPECT_EQ(*error->find("message")->string(), "no \"x\"");
  EXPECT_EQ(*error->find("type")->string(), "NotFoundError");
  EXPECT_EQ(*error->find("param")->string(), "model");
  EXPECT_EQ(error->find("code")->integer(), 404);
  EXPECT_TRUE(
      read_json(ApiError{503, "later", ""}.body())->find("error")->find("param")->is_null());
}

std::vector<JsonValue> events(std::string_view stream) {
  std::vector<JsonValue> out;
  while (!stream.empty()) {
    const std::size_t end = stream.find("\n\n");
    EXPECT_NE(end, std::string_view::npos) << stream;
    std::string_view event = stream.substr(0, end);
    EXPECT_TRUE(event.starts_with("data: ")) << event;
    event.remove_prefix(6);
    if (event != "[DONE]") {
      auto document = read_json(event);
      EXPECT_TRUE(document) << event;
      if (document) out.push_back(*document);
    }
    stream.remove_prefix(end + 2);
  }
  return out;
}

const FinishedRequest kFinished = {
    .reason = FinishReason::Length, .prompt_tokens = 10, .cached_tokens = 4, .generated_tokens = 3};

TEST(CompletionWriter, StreamsACompletion) {
  const CompletionRequest request = {.spec = {.streaming = true}, .include_usage = true};
  const CompletionWriter writer(request, "m", "1", 99);
  const std::string stream = writer.event(2, true) + writer.last_events(1, false, kFinished);
  EXPECT_TRUE(stream.ends_with("data: [DONE]\n\n"));
  const auto all = events(stream);
  ASSERT_EQ(all.size(), 3U);
  const JsonValue& first = all[0].find("choices")->array()->front();
  EXPECT_EQ(*first.find("text")->string(), " token token");
  EXPECT_TRUE(first.find("finish_reason")->is_null());
  EXPECT_EQ(*all[1].find("choices")->array()->front().find("finish_reason")->string(), "length");
  EXPECT_TRUE(all[2].find("choices")->array()->empty());
  EXPECT_EQ(all[2].find("usage")->find("total_tokens")->integer(), 13);
  EXPECT_EQ(all[2].find("usage")->find("prompt_tokens_details")->find("cached_tokens")->integer(),
            4);
}

TEST(CompletionWriter, BeginsAChatWithTheRoleAndEndsWithoutUsageUnlessAsked) {
  const CompletionRequest request = {.api = CompletionApi::ChatCompletions,
                                     .spec = {.streaming = true}};
  const CompletionWriter writer(request, "m", "1", 99);
  const auto all = events(writer.event(1, true) + writer.last_events(1, false, kFinished));
  ASSERT_EQ(all.size(), 3U);
  const JsonValue* delta = all[0].find("choices")->array()->front().find("delta");
  EXPECT_EQ(*delta->find("role")->string(), "assistant");
  EXPECT_EQ(*delta->find("content")->string(), "");
  EXPECT_EQ(*all[0].find("object")->string(), "chat.completion.chunk");
}

TEST(CompletionWriter, AnswersWhole) {
  const CompletionWriter writer({.api = CompletionApi::ChatCompletions, .spec = {}}, "m", "1", 99);
  const auto body = read_json(writer.whole(kFinished));
  ASSERT_TRUE(body);
  EXPECT_EQ(*body->find("object")->string(), "chat.completion");
  const JsonValue& choice = body->find("choices")->array()->front();
  EXPECT_EQ(*choice.find("message")->find("content")->string(), " token token token");
  EXPECT_EQ(body->find("usage")->find("completion_tokens")->integer(), 3);
}

}  // namespace
}  // namespace tokenscaler::engine
