#include "engine/stream_client.h"

#include <map>
#include <string_view>

#include <curl/curl.h>

#include "engine/json_reader.h"

namespace tokenscaler::engine {

namespace {

// An event of a thousand tokens has some 6 KB; more without an event's end is no event stream.
constexpr std::size_t kMaxEventBytes = 1U << 20U;
constexpr std::size_t kMaxErrorBytes = 512;
constexpr std::chrono::milliseconds kConnectTimeout{2'000};

struct CleanEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
using Easy = std::unique_ptr<CURL, CleanEasy>;

struct Transfer {
  Easy easy;
  std::string body;
  std::string unread;
  std::int64_t text_events = 0;
  std::int64_t usage_tokens = -1;
  StreamResult result;
  const Clock* clock = nullptr;

  void take_event(std::string_view event) {
    if (!event.starts_with("data:")) return;
    event.remove_prefix(5);
    while (event.starts_with(' ')) event.remove_prefix(1);
    if (event.starts_with("[DONE]")) {
      result.complete = true;
      return;
    }
    const bool text = (event.find("\"text\":\"") != std::string_view::npos &&
                       event.find("\"text\":\"\"") == std::string_view::npos) ||
                      (event.find("\"content\":\"") != std::string_view::npos &&
                       event.find("\"content\":\"\"") == std::string_view::npos);
    if (text) {
      const SteadyTime now = clock->steady();
      if (text_events++ == 0) result.first_token = now;
      result.last_token = now;
    } else if (event.find("\"usage\":{") != std::string_view::npos) {
      if (const auto document = read_json(event)) {
        const JsonValue* usage = document->find("usage");
        const JsonValue* tokens = usage == nullptr ? nullptr : usage->find("completion_tokens");
        if (tokens != nullptr) usage_tokens = tokens->integer().value_or(-1);
      }
    }
  }

  bool take(std::string_view bytes) {
    result.connected = true;
    unread += bytes;
    std::size_t start = 0;
    for (std::size_t end = unread.find("\n\n"); end != std::string::npos;
         end = unread.find("\n\n", start)) {
      take_event(std::string_view(unread).substr(start, end - start));
      start = end + 2;
    }
    unread.erase(0, start);
    return unread.size() <= kMaxEventBytes;
  }
};

std::size_t on_bytes(char* data, std::size_t size, std::size_t count, void* user) {
  const bool ok = static_cast<Transfer*>(user)->take({data, size * count});
  return ok ? size * count : 0;
}

curl_slist* request_headers() {
  curl_slist* const headers = curl_slist_append(nullptr, "Content-Type: application/json");
  return curl_slist_append(headers, "Expect:");  // no round trip before the body
}

}  // namespace

class StreamClient::Impl {
 public:
  explicit Impl(const Clock& clock)
      : clock_(clock), multi_(curl_multi_init()), headers_(request_headers()) {
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, 1024L);
  }
  ~Impl() {
    for (auto& [easy, transfer] : active_) curl_multi_remove_handle(multi_, easy);
    active_.clear();
    idle_.clear();
    curl_multi_cleanup(multi_);
    curl_slist_free_all(headers_);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void start(std::uint64_t id, const std::string& url, std::string body,
             std::chrono::milliseconds timeout) {
    auto transfer = std::make_unique<Transfer>();
    transfer->easy = take_easy();
    transfer->body = std::move(body);
    transfer->clock = &clock_;
    transfer->result.id = id;
    CURL* const easy = transfer->easy.get();
    curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers_);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, transfer->body.c_str());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(transfer->body.size()));
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &on_bytes);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer.get());
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, long{timeout.count()});
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, long{kConnectTimeout.count()});
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_multi_add_handle(multi_, easy);
    active_.emplace(easy, std::move(transfer));
  }

  std::vector<StreamResult> poll(std::chrono::milliseconds wait) {
    int running = 0;
    curl_multi_perform(multi_, &running);
    std::vector<StreamResult> results = collect();
    if (!results.empty() || wait.count() <= 0) return results;
    curl_multi_poll(multi_, nullptr, 0, static_cast<int>(wait.count()), nullptr);
    curl_multi_perform(multi_, &running);
    return collect();
  }

  [[nodiscard]] std::size_t active() const { return active_.size(); }

 private:
  Easy take_easy() {
    if (idle_.empty()) return Easy(curl_easy_init());
    Easy easy = std::move(idle_.back());
    idle_.pop_back();
    return easy;
  }

  std::vector<StreamResult> collect() {
    std::vector<StreamResult> results;
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      CURL* const easy = message->easy_handle;
      const CURLcode code = message->data.result;
      curl_multi_remove_handle(multi_, easy);
      const auto found = active_.find(easy);
      Transfer& transfer = *found->second;
      results.push_back(finish(transfer, code));
      curl_easy_reset(easy);
      idle_.push_back(std::move(transfer.easy));
      active_.erase(found);
    }
    return results;
  }

  StreamResult finish(Transfer& transfer, CURLcode code) {
    StreamResult result = std::move(transfer.result);
    long status = 0;
    curl_easy_getinfo(transfer.easy.get(), CURLINFO_RESPONSE_CODE, &status);
    result.status = static_cast<int>(status);
    result.connected = result.connected || status != 0;
    result.timed_out = code == CURLE_OPERATION_TIMEDOUT;
    result.tokens = transfer.usage_tokens >= 0 ? transfer.usage_tokens : transfer.text_events;
    if (transfer.text_events == 0) result.tokens = 0;
    result.end = clock_.steady();
    if (code != CURLE_OK) {
      result.error = curl_easy_strerror(code);
      result.complete = false;
    } else if (status != 200) {
      result.error = transfer.unread.substr(0, kMaxErrorBytes);
    }
    return result;
  }

  const Clock& clock_;
  CURLM* multi_;
  curl_slist* headers_ = nullptr;
  std::map<CURL*, std::unique_ptr<Transfer>> active_;
  std::vector<Easy> idle_;
};

StreamClient::StreamClient(const Clock& clock) : impl_(std::make_unique<Impl>(clock)) {}
StreamClient::~StreamClient() = default;

void StreamClient::start(std::uint64_t id, const std::string& url, std::string body,
                         std::chrono::milliseconds timeout) {
  impl_->start(id, url, std::move(body), timeout);
}

std::vector<StreamResult> StreamClient::poll(std::chrono::milliseconds wait) {
  return impl_->poll(wait);
}

std::size_t StreamClient::active() const {
  return impl_->active();
}

}  // namespace tokenscaler::engine
