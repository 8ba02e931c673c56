#include "unit/prom/fake_prometheus.h"

#include <cmath>

#include <fmt/format.h>

namespace tokenscaler::prom::testing {

Result<http::ClientResponse> FakeHttpClient::send(const http::ClientRequest& request,
                                                  const std::stop_token&) {
  {
    const std::scoped_lock lock(mutex_);
    requests_.push_back(request);
  }
  return handler_(request);
}

Result<http::ClientResponse> FakeHttpClient::stream(const http::ClientRequest&,
                                                    const http::BodySink&, const std::stop_token&) {
  return make_error(ErrorCode::Internal, "nothing here streams");
}

std::vector<http::ClientRequest> FakeHttpClient::requests() const {
  const std::scoped_lock lock(mutex_);
  return requests_;
}

http::ClientResponse json_response(std::string body, int status) {
  return {
      .status = status, .headers = {{"Content-Type", "application/json"}}, .body = std::move(body)};
}

std::string vector_answer(const std::string& rows) {
  return R"({"status":"success","data":{"resultType":"vector","result":[)" + rows + "]}}";
}

std::string form_field(const http::ClientRequest& request, const std::string& name) {
  const std::string body = "&" + request.body;
  const auto start = body.find("&" + name + "=");
  if (start == std::string::npos) return "";
  const auto from = start + name.size() + 2;
  const std::string text = body.substr(from, body.find('&', from) - from);
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      decoded += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

std::string FakePrometheus::kind_of(const std::string& query) const {
  const auto has = [&](const char* text) { return query.find(text) != std::string::npos; };
  if (custom.contains(query)) return "custom";
  if (query == "time()") return "time";
  if (query.starts_with("count by (__name__")) return "detection";
  if (query.starts_with("min by (namespace, pod, job")) return "up";
  if (query.ends_with("s]")) return "heartbeats";
  if (has("delta(") || has(" unless count")) return "changes";
  if (has(" / sum by")) return "means";
  if (has("last_over_time(")) return "gauges";
  if (has("rate(")) return "rates";
  return "unknown: " + query;
}

http::ClientResponse FakePrometheus::answer(const http::ClientRequest& request) const {
  const std::string query = form_field(request, "query");
  const std::string kind = kind_of(query);
  if (const auto failure = failures.find(kind); failure != failures.end()) return failure->second;
  const auto success = [&](const std::string& type, const std::string& result) {
    return json_response(
        fmt::format(R"({{"status":"success",{}"data":{{"resultType":"{}","result":{}}}}})",
                    extra_fields, type, result));
  };
  if (kind == "time") return success("scalar", fmt::format("[{0:.3f},\"{0:.3f}\"]", now));
  if (kind == "detection") return success("vector", "[" + detection + "]");
  if (kind == "up") return success("vector", "[" + up + "]");
  if (kind == "heartbeats") return success("matrix", "[" + heartbeats + "]");
  if (kind == "changes") return success("vector", "[" + changes + "]");
  if (kind == "means") return success("vector", "[" + means + "]");
  if (kind == "gauges") return success("vector", "[" + gauges + "]");
  if (kind == "rates") return success("vector", "[" + rates + "]");
  if (kind == "custom") return success("vector", "[" + custom.at(query) + "]");
  return json_response(R"({"status":"error","errorType":"bad_data","error":"unknown query"})", 400);
}

WallTime FakePrometheus::wall() const {
  return WallTime(std::chrono::milliseconds(std::llround(now * 1000.0)));
}

std::string FakePrometheus::row(const std::string& labels, const std::string& value) const {
  return fmt::format(R"({{"metric":{{{}}},"value":[{:.3f},"{}"]}})", labels, now, value);
}

std::string FakePrometheus::marked(const std::string& pod, const std::string& mark,
                                   const std::string& value) const {
  return row(fmt::format(R"("namespace":"ml","pod":"{}","tks_signal":"{}")", pod, mark), value);
}

std::string FakePrometheus::beats(const std::string& pod, double age, double interval, int count,
                                  const std::string& more_labels) const {
  std::string samples;
  for (int i = count - 1; i >= 0; --i) {
    samples +=
        fmt::format("{}[{:.3f},\"1\"]", samples.empty() ? "" : ",", now - age - interval * i);
  }
  return fmt::format(R"({{"metric":{{"namespace":"ml","pod":"{}"{}}},"values":[{}]}})", pod,
                     more_labels, samples);
}

std::string rows(const std::vector<std::string>& all) {
  std::string text;
  for (const std::string& one : all) text += (text.empty() ? "" : ",") + one;
  return text;
}

}  // namespace tokenscaler::prom::testing
