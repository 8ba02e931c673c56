// A server for the reader's unit tests: answers the few kinds of query that lib/prom writes from
// rows that a test sets. What PromQL makes of them is tested on a real Prometheus in e2e/cases.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "http/client.h"

namespace tokenscaler::prom::testing {

/// An http::Client whose answers are a function of the request.
class FakeHttpClient final : public http::Client {
 public:
  using Handler = std::function<Result<http::ClientResponse>(const http::ClientRequest&)>;
  explicit FakeHttpClient(Handler handler) : handler_(std::move(handler)) {}

  Result<http::ClientResponse> send(const http::ClientRequest& request,
                                    const std::stop_token& stop) override;
  Result<http::ClientResponse> stream(const http::ClientRequest& request,
                                      const http::BodySink& sink,
                                      const std::stop_token& stop) override;
  [[nodiscard]] std::vector<http::ClientRequest> requests() const;

 private:
  Handler handler_;
  mutable std::mutex mutex_;
  std::vector<http::ClientRequest> requests_;
};

http::ClientResponse json_response(std::string body, int status = 200);
std::string vector_answer(const std::string& rows);

/// The value of a form field of a request, decoded.
std::string form_field(const http::ClientRequest& request, const std::string& name);

/// Rows by kind of query; each row is JSON.
struct FakePrometheus {
  double now = 1'700'000'000.0;
  std::string detection;
  std::string heartbeats;
  std::string up;
  std::string gauges;
  std::string rates;
  std::string changes;
  std::string means;
  /// Rows of queries that a test writes itself.
  std::map<std::string, std::string> custom;
  /// Put into every answer, as `"warnings":["..."],`.
  std::string extra_fields;
  /// Kinds that fail, with the answer they give.
  std::map<std::string, http::ClientResponse> failures;

  [[nodiscard]] std::string kind_of(const std::string& query) const;
  [[nodiscard]] http::ClientResponse answer(const http::ClientRequest& request) const;
  [[nodiscard]] WallTime wall() const;

  /// `{"metric":{...},"value":[now,"value"]}`; labels as `"pod":"a"`.
  [[nodiscard]] std::string row(const std::string& labels, const std::string& value) const;
  /// A row with namespace ml, the pod and the mark.
  [[nodiscard]] std::string marked(const std::string& pod, const std::string& mark,
                                   const std::string& value) const;
  /// Raw samples of a gauge of a pod in namespace ml: one each `interval` seconds, the newest `age`
  /// seconds ago, `count` in all.
  [[nodiscard]] std::string beats(const std::string& pod, double age, double interval, int count,
                                  const std::string& more_labels = "") const;
};

/// Joins rows with commas.
std::string rows(const std::vector<std::string>& all);

}  // namespace tokenscaler::prom::testing
