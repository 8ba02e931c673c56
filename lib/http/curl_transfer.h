// One call on libcurl: what the caller and the event thread share. Only lib/http includes this.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include <curl/curl.h>

#include "base/clock.h"
#include "base/result.h"
#include "http/client.h"
#include "http/curl_client.h"
#include "http/tls_files.h"

namespace tokenscaler::http {

struct EasyFree {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct SlistFree {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using EasyPtr = std::unique_ptr<CURL, EasyFree>;
using SlistPtr = std::unique_ptr<curl_slist, SlistFree>;

/// Made by the caller; from start to finish libcurl calls it on the event thread; then the caller
/// takes the outcome. `request` outlives it, since the caller blocks.
class CurlTransfer {
 public:
  CurlTransfer(const ClientRequest& request, const CurlClientOptions& options, bool streaming,
               SteadyTime deadline);

  /// Checks the request and sets up the handle. Errors: Invalid, with nothing sent.
  [[nodiscard]] Status prepare(const TlsPem& pem, const std::string& default_ca_file);

  // Event thread.
  [[nodiscard]] CURL* easy() const { return easy_.get(); }
  [[nodiscard]] SteadyTime deadline() const { return deadline_; }
  /// Ends with curl's own outcome.
  void finish(CURLcode code);
  /// Ends with `error`, or with a timeout that names the phase.
  void finish(Error error);
  void finish_timed_out();
  /// Lets a body that was held back flow again.
  void resume();

  // Caller.
  [[nodiscard]] Result<ClientResponse> wait();
  /// Waits for the next part of a streamed body. Empty at its end. `held_back` tells whether
  /// resume() is due.
  [[nodiscard]] std::string next_part(bool& held_back);
  /// METHOD and redacted URL.
  [[nodiscard]] std::string where() const;

 private:
  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
  std::size_t take_header(std::string_view line);
  std::size_t take_body(std::string_view bytes);
  [[nodiscard]] Status check_request() const;
  [[nodiscard]] Status set_headers();
  void set_method_and_body();
  void set_tls(const TlsPem& pem, const std::string& default_ca_file);
  [[nodiscard]] Status set_server_name();
  void release(Result<ClientResponse> outcome);
  template <class T>
  void set(CURLoption option, T value);

  const ClientRequest& request_;
  const CurlClientOptions& options_;
  const bool streaming_;
  const SteadyTime deadline_;
  EasyPtr easy_;
  SlistPtr headers_;
  SlistPtr connect_to_;
  CURLcode setup_ = CURLE_OK;
  char error_text_[CURL_ERROR_SIZE] = {};

  // Event thread only, until `outcome_` is set.
  ClientResponse response_;
  std::optional<Error> own_error_;  ///< Why a callback of ours ended the call.
  std::size_t header_bytes_ = 0;
  bool head_done_ = false;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::string parts_;       ///< Streamed bytes that wait for the sink.
  bool held_back_ = false;  ///< curl is paused since parts_ is full.
  std::optional<Result<ClientResponse>> outcome_;
};

}  // namespace tokenscaler::http
