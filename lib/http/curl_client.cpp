#include "http/curl_client.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <pthread.h>
#include <thread>
#include <utility>
#include <vector>

#include "http/curl_transfer.h"

namespace tokenscaler::http {
namespace {

using TransferPtr = std::shared_ptr<CurlTransfer>;

struct MultiFree {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};

/// The longest sleep of an event thread with nothing to do; it is woken for anything new.
constexpr std::chrono::milliseconds kMaxPoll{60'000};

/// libcurl's process-wide set-up; it is never undone, as other users of libcurl may live longer.
bool curl_is_ready() {
  static const bool ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return ready;
}

class CurlClient final : public Client {
 public:
  CurlClient(CurlClientOptions options, std::unique_ptr<TlsFiles> files,
             std::unique_ptr<CURLM, MultiFree> multi)
      : options_(std::move(options)), files_(std::move(files)), multi_(std::move(multi)) {
    if (const char* file = std::getenv("SSL_CERT_FILE"); file != nullptr) default_ca_file_ = file;
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }

  ~CurlClient() override {
    thread_.request_stop();
    curl_multi_wakeup(multi_.get());
    thread_.join();
  }

  CurlClient(const CurlClient&) = delete;
  CurlClient& operator=(const CurlClient&) = delete;

  Result<ClientResponse> send(const ClientRequest& request, const std::stop_token& stop) override {
    const TransferPtr transfer = make_transfer(request, false);
    RETURN_IF_ERROR(start(transfer));
    const std::stop_callback on_stop(stop, [&] { order(Kind::Cancel, transfer); });
    return transfer->wait();
  }

  Result<ClientResponse> stream(const ClientRequest& request, const BodySink& sink,
                                const std::stop_token& stop) override {
    const TransferPtr transfer = make_transfer(request, true);
    RETURN_IF_ERROR(start(transfer));
    const std::stop_callback on_stop(stop, [&] { order(Kind::Cancel, transfer); });
    for (;;) {
      bool held_back = false;
      const std::string part = transfer->next_part(held_back);
      if (part.empty()) return transfer->wait();
      bool more = false;
      std::string failure = "the receiver ended the call";
      try {
        more = sink(part);
      } catch (const std::exception& exception) {
        failure = std::string("the receiver failed: ") + exception.what();
      }
      if (!more) {
        order(Kind::Cancel, transfer);
        static_cast<void>(transfer->wait());
        return make_error(ErrorCode::Cancelled, std::move(failure)).at(transfer->where());
      }
      // After the sink has taken the part: what waits stays within one buffer.
      if (held_back) order(Kind::Resume, transfer);
    }
  }

 private:
  enum class Kind { Start, Cancel, Resume };
  struct Order {
    Kind kind;
    TransferPtr transfer;
  };

  TransferPtr make_transfer(const ClientRequest& request, bool streaming) {
    return std::make_shared<CurlTransfer>(request, options_, streaming,
                                          clock_.steady() + request.limits.total_timeout);
  }

  Status start(const TransferPtr& transfer) {
    const auto pem = files_->current(options_.tls_refresh_interval);
    RETURN_IF_ERROR(transfer->prepare(*pem, default_ca_file_));
    order(Kind::Start, transfer);
    return {};
  }

  void order(Kind kind, const TransferPtr& transfer) {
    {
      const std::lock_guard lock(mutex_);
      orders_.push_back({kind, transfer});
    }
    curl_multi_wakeup(multi_.get());
  }

  // From here on: the event thread.

  void run(const std::stop_token& stop) {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, nullptr);  // SIGPIPE too: OpenSSL may write to a dead peer.
    while (!stop.stop_requested()) {
      obey_orders();
      int running = 0;
      curl_multi_perform(multi_.get(), &running);
      reap();
      end_overdue();
      curl_multi_poll(multi_.get(), nullptr, 0, next_wait_ms(), nullptr);
    }
    obey_orders();
    while (!active_.empty()) cancel(active_.back());
  }

  void obey_orders() {
    std::vector<Order> orders;
    {
      const std::lock_guard lock(mutex_);
      orders.swap(orders_);
    }
    for (const Order& order : orders) {
      const bool active = find(order.transfer->easy()) != active_.end();
      if (order.kind == Kind::Start) {
        begin(order.transfer);
      } else if (active && order.kind == Kind::Cancel) {
        cancel(order.transfer);
      } else if (active && order.kind == Kind::Resume) {
        order.transfer->resume();
      }
    }
  }

  void begin(const TransferPtr& transfer) {
    active_.push_back(transfer);
    if (curl_multi_add_handle(multi_.get(), transfer->easy()) != CURLM_OK) {
      const TransferPtr taken = take(transfer->easy());
      taken->finish(make_error(ErrorCode::Internal, "libcurl does not take the call"));
    }
  }

  void cancel(const TransferPtr& transfer) {
    take(transfer->easy())->finish(make_error(ErrorCode::Cancelled, "the call was cancelled"));
  }

  void reap() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const CURLcode code = message->data.result;
      take(message->easy_handle)->finish(code);
    }
  }

  void end_overdue() {
    const SteadyTime now = clock_.steady();
    std::vector<TransferPtr> overdue;
    std::copy_if(active_.begin(), active_.end(), std::back_inserter(overdue),
                 [&](const TransferPtr& transfer) { return transfer->deadline() <= now; });
    for (const TransferPtr& transfer : overdue) take(transfer->easy())->finish_timed_out();
  }

  int next_wait_ms() const {
    auto wait = kMaxPoll;
    const SteadyTime now = clock_.steady();
    for (const TransferPtr& transfer : active_) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(transfer->deadline() - now);
      wait = std::clamp(left, std::chrono::milliseconds(0), wait);
    }
    return static_cast<int>(wait.count());
  }

  std::vector<TransferPtr>::iterator find(CURL* easy) {
    return std::find_if(active_.begin(), active_.end(), [&](const TransferPtr& transfer) {
      return easy != nullptr && transfer->easy() == easy;
    });
  }

  /// Takes the call out of libcurl. One that has not ended loses its connection.
  TransferPtr take(CURL* easy) {
    const auto found = find(easy);
    TransferPtr transfer = std::move(*found);
    active_.erase(found);
    curl_multi_remove_handle(multi_.get(), easy);
    return transfer;
  }

  const CurlClientOptions options_;
  const std::unique_ptr<TlsFiles> files_;
  const SystemClock clock_;
  std::string default_ca_file_;
  std::unique_ptr<CURLM, MultiFree> multi_;
  std::mutex mutex_;
  std::vector<Order> orders_;
  std::vector<TransferPtr> active_;  ///< Event thread only.
  std::jthread thread_;
};

}  // namespace

Result<std::unique_ptr<Client>> make_curl_client(CurlClientOptions options) {
  ASSIGN_OR_RETURN(auto files, TlsFiles::open(options.tls.ca_file, options.tls.certificate_file,
                                              options.tls.key_file));
  std::unique_ptr<CURLM, MultiFree> multi(curl_is_ready() ? curl_multi_init() : nullptr);
  // Without descriptors libcurl makes a handle that cannot be woken: its thread would sleep through
  // every call.
  if (!multi || curl_multi_wakeup(multi.get()) != CURLM_OK) {
    return make_error(ErrorCode::Unavailable, "cannot set up libcurl")
        .advise("check the limits on memory and open files");
  }
  const auto connections = static_cast<long>(options.max_connections);
  curl_multi_setopt(multi.get(), CURLMOPT_MAX_TOTAL_CONNECTIONS, connections);
  curl_multi_setopt(multi.get(), CURLMOPT_MAXCONNECTS, connections);
  return std::unique_ptr<Client>(
      std::make_unique<CurlClient>(std::move(options), std::move(files), std::move(multi)));
}

}  // namespace tokenscaler::http
