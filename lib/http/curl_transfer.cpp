#include "http/curl_transfer.h"

#include <array>
#include <exception>
#include <new>
#include <utility>

#include <fmt/format.h>

#include "http/curl_error.h"
#include "http/url.h"

namespace tokenscaler::http {
namespace {

/// A longer URL is a mistake; PromQL of grouped queries goes into POST bodies.
constexpr std::size_t kMaxUrlBytes = 64U * 1024U;

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

/// Headers that say where the body ends are curl's own: another value would let one connection's
/// requests run into each other.
bool is_framing_header(std::string_view name) {
  return equal_ignoring_case(name, "Content-Length") ||
         equal_ignoring_case(name, "Transfer-Encoding");
}

struct UrlFree {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
struct CurlFree {
  void operator()(char* text) const { curl_free(text); }
};
using UrlPtr = std::unique_ptr<CURLU, UrlFree>;
using CurlText = std::unique_ptr<char, CurlFree>;

CurlText url_part(CURLU* url, CURLUPart part, unsigned flags) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return nullptr;
  return CurlText(text);
}

bool append(SlistPtr& list, const std::string& line) {
  curl_slist* grown = curl_slist_append(list.get(), line.c_str());
  if (grown == nullptr) return false;
  static_cast<void>(list.release());
  list.reset(grown);
  return true;
}

Error out_of_memory() {
  return make_error(ErrorCode::Internal, "out of memory");
}

}  // namespace

CurlTransfer::CurlTransfer(const ClientRequest& request, const CurlClientOptions& options,
                           bool streaming, SteadyTime deadline)
    : request_(request),
      options_(options),
      streaming_(streaming),
      deadline_(deadline),
      easy_(curl_easy_init()) {}

std::string CurlTransfer::where() const {
  return printable(request_.method, 16) + " " + redacted_url(request_.url);
}

template <class T>
void CurlTransfer::set(CURLoption option, T value) {
  if (setup_ == CURLE_OK) setup_ = curl_easy_setopt(easy_.get(), option, value);
}

Status CurlTransfer::check_request() const {
  const auto invalid = [](std::string message) {
    return make_error(ErrorCode::Invalid, std::move(message));
  };
  if (!is_token(request_.method)) return invalid("the method is not an HTTP token");
  if (request_.method == "CONNECT") return invalid("CONNECT is not served");
  if (request_.url.size() > kMaxUrlBytes) return invalid("the URL is longer than 64 KiB");
  for (const char c : request_.url) {
    if (c <= 0x20 || c == 0x7F) {
      return invalid("the URL holds a space, control or non-ASCII character")
          .advise("percent-encode it");
    }
  }
  for (const Header& header : request_.headers) {
    if (!is_token(header.name)) {
      return invalid("the header name `" + printable(header.name, 64) + "` is not an HTTP token");
    }
    if (!is_header_value(header.value)) {
      return invalid("the value of header " + header.name + " holds a control character")
          .advise("a line end in a token file's content is the usual cause");
    }
    if (is_framing_header(header.name)) {
      return invalid("the header " + header.name + " is set by the client itself");
    }
  }
  return {};
}

Status CurlTransfer::set_headers() {
  bool content_type = false;
  bool complete = true;
  for (const Header& header : request_.headers) {
    content_type = content_type || equal_ignoring_case(header.name, "Content-Type");
    // curl's form of a header without a value; `Name:` would remove it.
    complete =
        complete && append(headers_, header.value.empty() ? header.name + ";"
                                                          : header.name + ": " + header.value);
  }
  // curl would wait a second for `100 Continue` before larger bodies, and call bodies forms.
  complete = complete && append(headers_, "Expect:");
  if (!content_type) complete = complete && append(headers_, "Content-Type:");
  if (!complete) return out_of_memory();
  set(CURLOPT_HTTPHEADER, headers_.get());
  return {};
}

void CurlTransfer::set_method_and_body() {
  const bool expects_body =
      request_.method == "POST" || request_.method == "PUT" || request_.method == "PATCH";
  if (!request_.body.empty() || expects_body) {
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    set(CURLOPT_POSTFIELDS, request_.body.data());
  } else if (request_.method == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
  } else {
    set(CURLOPT_HTTPGET, 1L);
  }
  if (request_.method != "HEAD") set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
}

void CurlTransfer::set_tls(const TlsPem& pem, const std::string& default_ca_file) {
  set(CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
  const long verify = options_.tls.insecure_skip_verify ? 0L : 1L;
  set(CURLOPT_SSL_VERIFYPEER, verify);
  set(CURLOPT_SSL_VERIFYHOST, 2L * verify);
  // A resumed session would carry an old identity past a rotation.
  set(CURLOPT_SSL_SESSIONID_CACHE, 0L);
  // As contents, not names: curl compares them when it looks for a pooled connection, so that
  // none with an older identity or older roots is used.
  const auto blob = [](const std::string& text) {
    return curl_blob{const_cast<char*>(text.data()), text.size(), CURL_BLOB_COPY};
  };
  if (!pem.ca.empty()) {
    curl_blob ca = blob(pem.ca);
    set(CURLOPT_CAINFO_BLOB, &ca);
    set(CURLOPT_CAINFO, static_cast<char*>(nullptr));
    set(CURLOPT_CAPATH, static_cast<char*>(nullptr));
  } else if (!default_ca_file.empty()) {
    set(CURLOPT_CAINFO, default_ca_file.c_str());
#if LIBCURL_VERSION_NUM >= 0x075700
    // Else libcurl keeps what it read for a day, whatever the file says since.
    set(CURLOPT_CA_CACHE_TIMEOUT, 0L);
#endif
    set(CURLOPT_CAPATH, static_cast<char*>(nullptr));
  }
  if (!pem.certificate.empty()) {
    curl_blob certificate = blob(pem.certificate);
    curl_blob key = blob(pem.key);
    set(CURLOPT_SSLCERT_BLOB, &certificate);
    set(CURLOPT_SSLKEY_BLOB, &key);
  }
}

Status CurlTransfer::set_server_name() {
  const UrlPtr url(curl_url());
  if (!url) return out_of_memory();
  const CURLUcode parsed = curl_url_set(url.get(), CURLUPART_URL, request_.url.c_str(), 0);
  if (parsed != CURLUE_OK) {
    return make_error(ErrorCode::Invalid,
                      std::string("not a valid URL: ") + curl_url_strerror(parsed))
        .advise("write http:// or https://, a host and a port, IPv6 addresses in brackets");
  }
  const std::string& name = options_.tls.server_name;
  const CurlText scheme = url_part(url.get(), CURLUPART_SCHEME, 0);
  if (name.empty() || !scheme || std::string_view(scheme.get()) != "https") return {};

  const CurlText host = url_part(url.get(), CURLUPART_HOST, 0);
  const CurlText port = url_part(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
  const CurlText explicit_port = url_part(url.get(), CURLUPART_PORT, CURLU_NO_DEFAULT_PORT);
  if (!host || !port) return make_error(ErrorCode::Invalid, "the URL has no host");
  // curl takes SNI and the name to verify from the URL. So the URL gets the name, and the
  // connection and the Host header keep the host.
  if (curl_url_set(url.get(), CURLUPART_HOST, name.c_str(), 0) != CURLUE_OK) {
    return make_error(ErrorCode::Invalid,
                      "the TLS server name `" + printable(name) + "` is not a host name");
  }
  const std::string authority =
      std::string(host.get()) + (explicit_port ? ":" + std::string(explicit_port.get()) : "");
  const CurlText renamed = url_part(url.get(), CURLUPART_URL, 0);
  if (!renamed ||
      !append(connect_to_, fmt::format("{}:{}:{}:{}", name, port.get(), host.get(), port.get()))) {
    return out_of_memory();
  }
  if (!request_.headers.find("Host") && !append(headers_, "Host: " + authority)) {
    return out_of_memory();
  }
  set(CURLOPT_CONNECT_TO, connect_to_.get());
  set(CURLOPT_URL, renamed.get());
  return {};
}

Status CurlTransfer::prepare(const TlsPem& pem, const std::string& default_ca_file) {
  if (!easy_) return out_of_memory().within(where());
  if (Status checked = check_request(); !checked) return std::move(checked).error().at(where());
  set(CURLOPT_ERRORBUFFER, static_cast<char*>(error_text_));
  set(CURLOPT_NOSIGNAL, 1L);
  // Else ending a call would wait for a resolver that hangs, and every other call with it.
  set(CURLOPT_QUICK_EXIT, 1L);
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  set(CURLOPT_HTTP09_ALLOWED, 0L);
  set(CURLOPT_PROXY, options_.proxy.c_str());
  set(CURLOPT_NOPROXY, "");
  set(CURLOPT_USERAGENT, options_.user_agent.c_str());
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_CONNECTTIMEOUT_MS, long{request_.limits.connect_timeout.count()});
  set(CURLOPT_URL, request_.url.c_str());
  if (!streaming_) {
    // A streamed body stays plain: what a paused decoder holds has no bound.
    set(CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
    set(CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(request_.limits.max_body_bytes));
  }
  set(CURLOPT_HEADERFUNCTION, &CurlTransfer::on_header);
  set(CURLOPT_HEADERDATA, static_cast<void*>(this));
  set(CURLOPT_WRITEFUNCTION, &CurlTransfer::on_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(this));
  set_method_and_body();
  set_tls(pem, default_ca_file);
  if (Status named = set_server_name(); !named) return std::move(named).error().at(where());
  if (Status headers = set_headers(); !headers) return std::move(headers).error().at(where());
  if (setup_ != CURLE_OK) {
    return curl_error(easy_.get(), setup_, curl_easy_strerror(setup_), request_.limits).at(where());
  }
  return {};
}

std::size_t CurlTransfer::on_header(char* data, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  try {
    return transfer.take_header({data, size * count});
  } catch (const std::exception&) {
    transfer.own_error_ = out_of_memory();
    return 0;
  }
}

std::size_t CurlTransfer::on_body(char* data, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  try {
    return transfer.take_body({data, size * count});
  } catch (const std::exception&) {
    transfer.own_error_ = out_of_memory();
    return CURL_WRITEFUNC_ERROR;
  }
}

std::size_t CurlTransfer::take_header(std::string_view line) {
  // Interim responses and trailers count too: an endless row of `100 Continue` is an attack.
  header_bytes_ += line.size();
  if (header_bytes_ > request_.limits.max_header_bytes) {
    own_error_ = make_error(
        ErrorCode::LimitExceeded,
        fmt::format("the headers are larger than {} bytes", request_.limits.max_header_bytes));
    return 0;
  }
  if (head_done_) return line.size();  // A trailer.
  if (line.starts_with("HTTP/")) {
    response_.headers = {};
    return line.size();
  }
  if (trim(line).empty()) {
    long status = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    head_done_ = status >= 200;
    return line.size();
  }
  const auto colon = line.find(':');
  const std::string_view name = line.substr(0, colon);
  if (colon != std::string_view::npos && is_token(name)) {
    response_.headers.add(std::string(name), std::string(trim(line.substr(colon + 1))));
  }
  return line.size();
}

std::size_t CurlTransfer::take_body(std::string_view bytes) {
  if (!streaming_) {
    if (bytes.size() > request_.limits.max_body_bytes - response_.body.size()) {
      own_error_ = make_error(
          ErrorCode::LimitExceeded,
          fmt::format("the body is larger than {} bytes", request_.limits.max_body_bytes));
      return CURL_WRITEFUNC_ERROR;
    }
    response_.body.append(bytes);
    return bytes.size();
  }
  {
    const std::lock_guard lock(mutex_);
    if (!parts_.empty() && parts_.size() + bytes.size() > options_.stream_buffer_bytes) {
      held_back_ = true;
      return CURL_WRITEFUNC_PAUSE;
    }
    parts_.append(bytes);
  }
  changed_.notify_one();
  return bytes.size();
}

void CurlTransfer::resume() {
  {
    const std::lock_guard lock(mutex_);
    if (!held_back_ || outcome_) return;
    held_back_ = false;
  }
  curl_easy_pause(easy_.get(), CURLPAUSE_CONT);
}

void CurlTransfer::release(Result<ClientResponse> outcome) {
  easy_.reset();  // On the event thread, which owns all of curl's sockets.
  const std::lock_guard lock(mutex_);
  if (!outcome && outcome.error().code == ErrorCode::Cancelled) parts_.clear();
  outcome_ = std::move(outcome);
  changed_.notify_one();
}

void CurlTransfer::finish(CURLcode code) {
  if (own_error_) return finish(std::move(*own_error_));
  if (code != CURLE_OK) {
    return finish(
        curl_error(easy_.get(), code, static_cast<const char*>(error_text_), request_.limits));
  }
  long status = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
  if (!head_done_) {
    return finish(make_error(ErrorCode::Internal, "the answer has no final status"));
  }
  response_.status = static_cast<int>(status);
  if (!streaming_ && response_.headers.find("Content-Encoding")) {
    // The body was decoded: these no longer describe it.
    response_.headers.remove("Content-Encoding");
    response_.headers.remove("Content-Length");
  }
  release(std::move(response_));
}

void CurlTransfer::finish(Error error) {
  release(std::move(error).at(where()));
}

void CurlTransfer::finish_timed_out() {
  finish(total_timeout_error(easy_.get(), request_.limits));
}

Result<ClientResponse> CurlTransfer::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return outcome_.has_value(); });
  return std::move(*outcome_);
}

std::string CurlTransfer::next_part(bool& held_back) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return outcome_.has_value() || !parts_.empty(); });
  held_back = held_back_;
  return std::exchange(parts_, {});
}

}  // namespace tokenscaler::http
