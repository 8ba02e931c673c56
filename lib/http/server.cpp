#include "http/server.h"

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <exception>
#include <fcntl.h>
#include <future>
#include <mutex>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <unordered_map>
#include <utility>
#include <vector>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include "http/connection.h"
#include "http/tls_server.h"
#include "http/transport.h"
#include "http/url.h"
#include "http/worker_pool.h"

namespace tokenscaler::http {
namespace {

using asio::ip::tcp;

/// The pause after an accept that failed: a busy loop would only take CPU from those who could
/// free descriptors.
constexpr std::chrono::milliseconds kAcceptBackOff{100};
/// Connections beyond the limit while as many idle ones are being closed.
constexpr std::size_t kMaxGivingWay = 8;
/// A shortage lasts; telling of it once a second is enough.
constexpr std::chrono::milliseconds kReportInterval{1'000};

void set_socket_options(tcp::socket& socket) {
  ErrorCodeOf ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  // Ends streams whose client vanished without a FIN, after about two minutes.
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
  const int idle_seconds = 60;
  const int interval_seconds = 15;
  const int probes = 4;
  const int fd = socket.native_handle();
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_seconds, sizeof idle_seconds);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_seconds, sizeof interval_seconds);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

/// A descriptor kept aside. When there is none left, it makes room to accept one connection and
/// close it, so that a client learns at once that it has to go elsewhere.
class ReserveDescriptor {
 public:
  ReserveDescriptor() { open(); }
  ~ReserveDescriptor() { close(); }
  ReserveDescriptor(const ReserveDescriptor&) = delete;
  ReserveDescriptor& operator=(const ReserveDescriptor&) = delete;

  void turn_one_away(int listening) {
    if (fd_ < 0) return open();
    close();
    const int refused = ::accept4(listening, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (refused >= 0) ::close(refused);
    open();
  }

 private:
  void open() { fd_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC); }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  int fd_ = -1;
};

bool is_shortage(ErrorCodeOf error) {
  return error == asio::error::no_descriptors || error.value() == ENFILE ||
         error == asio::error::no_buffer_space || error == asio::error::no_memory;
}

}  // namespace

class Server::Impl {
 public:
  Impl(ServerOptions options, Handler handler, std::unique_ptr<TlsServer> tls);
  ~Impl() { stop(std::chrono::milliseconds(0)); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Status listen();
  void run();
  void stop(std::chrono::milliseconds grace);

  [[nodiscard]] std::uint16_t port() const { return endpoint_.port(); }
  [[nodiscard]] std::string url() const;
  [[nodiscard]] std::size_t connections() const {
    const std::lock_guard lock(mutex_);
    return connections_.size();
  }

 private:
  using Strand = asio::strand<asio::io_context::executor_type>;

  void accept();
  void on_accept(ErrorCodeOf error, tcp::socket socket);
  void welcome(tcp::socket socket);
  void report_shortage(ErrorCodeOf error);
  void forget(const Connection* connection);
  [[nodiscard]] bool make_room();
  std::vector<std::shared_ptr<Connection>> living() const;

  const ServerOptions options_;
  asio::io_context io_;
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  Strand accept_strand_{io_.get_executor()};
  tcp::acceptor acceptor_{accept_strand_};
  asio::steady_timer back_off_{accept_strand_};
  tcp::endpoint endpoint_;
  ReserveDescriptor reserve_;
  SteadyTime shortage_told_{};

  ConnectionHost host_;
  std::unique_ptr<TlsServer> tls_;
  WorkerPool workers_;

  mutable std::mutex mutex_;
  std::condition_variable all_closed_;
  bool stopped_ = false;
  std::unordered_map<const Connection*, std::weak_ptr<Connection>> connections_;
  std::vector<std::jthread> io_threads_;
};

Server::Impl::Impl(ServerOptions options, Handler handler, std::unique_ptr<TlsServer> tls)
    : options_(std::move(options)),
      tls_(std::move(tls)),
      workers_(std::max<std::size_t>(options_.worker_threads, 1),
               options_.limits.max_queued_requests, std::move(handler), options_.report) {
  host_.limits = options_.limits;
  host_.workers = &workers_;
  host_.report = options_.report;
  host_.closed = [this](const Connection* connection) { forget(connection); };
  if (tls_) host_.client_ca_generation = [this] { return tls_->client_ca_generation(); };
}

Status Server::Impl::listen() {
  const std::string where = options_.address + ":" + std::to_string(options_.port);
  ErrorCodeOf error;
  const auto address = asio::ip::make_address(options_.address, error);
  if (error) {
    return make_error(ErrorCode::Invalid, "not an IP address: " + printable(options_.address))
        .advise("write for example 0.0.0.0, :: or 127.0.0.1, without brackets or port");
  }
  const tcp::endpoint wanted(address, options_.port);
  const auto failed = [&](std::string_view step) {
    return make_error(ErrorCode::Unavailable, std::string(step) + ": " + error.message())
        .at(where)
        .advise(error == asio::error::address_in_use ? "stop what uses the port, or take another"
                                                     : "check the address and the permissions");
  };
  acceptor_.open(wanted.protocol(), error);
  if (error) return failed("cannot open a socket");
  acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  // `::` is every address of the machine; whether the system splits the families is its setting.
  if (address.is_v6()) acceptor_.set_option(asio::ip::v6_only(false), error);
  acceptor_.bind(wanted, error);
  if (error) return failed("cannot listen");
  acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (error) return failed("cannot listen");
  acceptor_.non_blocking(true, error);
  endpoint_ = acceptor_.local_endpoint(error);
  if (error) return failed("cannot tell the port");
  return {};
}

void Server::Impl::run() {
  asio::post(accept_strand_, [this] { accept(); });
  for (std::size_t i = 0; i < std::max<std::size_t>(options_.io_threads, 1); ++i) {
    io_threads_.emplace_back([this] {
      sigset_t all;
      sigfillset(&all);
      pthread_sigmask(SIG_SETMASK, &all, nullptr);  // Signals are the program's own business.
      for (;;) {
        try {
          io_.run();
          return;
        } catch (const std::exception& exception) {
          // Only memory can be short here. The deadline of the connection concerned ends it.
          if (options_.report) {
            options_.report(make_error(ErrorCode::Internal, exception.what()).at("HTTP server"));
          }
        }
      }
    });
  }
}

void Server::Impl::accept() {
  if (!acceptor_.is_open()) return;
  acceptor_.async_accept(
      asio::make_strand(io_),
      asio::bind_executor(accept_strand_, [this](ErrorCodeOf error, tcp::socket socket) {
        on_accept(error, std::move(socket));
      }));
}

void Server::Impl::on_accept(ErrorCodeOf error, tcp::socket socket) {
  if (error == asio::error::operation_aborted || !acceptor_.is_open()) return;
  if (!error) {
    // Memory may be short. One connection is lost by that; the listener must not be.
    try {
      welcome(std::move(socket));
    } catch (const std::exception& exception) {
      accept();  // First: a report takes memory too.
      if (!options_.report) return;
      const std::string told = std::string("a connection is dropped: ") + exception.what();
      return options_.report(make_error(ErrorCode::Internal, told).at(url()));
    }
    return accept();
  }
  if (is_shortage(error)) {
    reserve_.turn_one_away(acceptor_.native_handle());
    report_shortage(error);
  }
  back_off_.expires_after(kAcceptBackOff);
  back_off_.async_wait([this](ErrorCodeOf cancelled) {
    if (!cancelled) accept();
  });
}

void Server::Impl::report_shortage(ErrorCodeOf error) {
  const SteadyTime now = host_.clock.steady();
  if (!options_.report || now - shortage_told_ < kReportInterval) return;
  shortage_told_ = now;
  options_.report(make_error(ErrorCode::Unavailable, "cannot accept: " + error.message())
                      .at(url())
                      .advise("raise the limit on open files"));
}

void Server::Impl::welcome(tcp::socket socket) {
  static constexpr std::string_view kBusy =
      "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n"
      "Connection: close\r\n\r\n";
  set_socket_options(socket);
  if (!make_room()) {
    if (!tls_) ::send(socket.native_handle(), kBusy.data(), kBusy.size(), MSG_NOSIGNAL);
    return;  // The socket closes itself.
  }
  // The generation first: a connection may end too early by a rotation in between, never too late.
  const std::uint64_t client_ca_generation = tls_ ? tls_->client_ca_generation() : 0;
  auto transport = make_transport(std::move(socket), tls_ ? tls_->context() : nullptr);
  const auto connection =
      std::make_shared<Connection>(std::move(transport), host_, client_ca_generation);
  {
    const std::lock_guard lock(mutex_);
    connections_.emplace(connection.get(), connection);
  }
  connection->start();
}

/// At the limit, the connection that has been idle longest gives way: else one peer could hold all
/// of them for as long as idle_timeout allows.
bool Server::Impl::make_room() {
  const std::size_t open = connections();
  if (open < options_.limits.max_connections) return true;
  // Those that give way still close; a flood of connections must not outrun them.
  if (open >= options_.limits.max_connections + kMaxGivingWay) return false;
  std::shared_ptr<Connection> longest_idle;
  SteadyTime longest_since{};
  // Without the lock: the last owner of a connection, which may be this loop, tells of its end.
  for (auto& connection : living()) {
    const auto since = connection->idle_since();
    if (!since || (longest_idle && *since >= longest_since)) continue;
    longest_since = *since;
    longest_idle = std::move(connection);
  }
  if (!longest_idle) return false;
  longest_idle->drain();
  return true;
}

void Server::Impl::forget(const Connection* connection) {
  const std::lock_guard lock(mutex_);
  connections_.erase(connection);
  if (connections_.empty()) all_closed_.notify_all();
}

std::vector<std::shared_ptr<Connection>> Server::Impl::living() const {
  std::vector<std::shared_ptr<Connection>> living;
  const std::lock_guard lock(mutex_);
  for (const auto& [key, weak] : connections_) {
    if (auto connection = weak.lock()) living.push_back(std::move(connection));
  }
  return living;
}

void Server::Impl::stop(std::chrono::milliseconds grace) {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(stopped_, true)) return;
  }
  host_.draining = true;
  // On the strand, and waited for: no connection is accepted after this.
  std::promise<void> closed;
  if (!io_threads_.empty()) {
    asio::post(accept_strand_, [&] {
      ErrorCodeOf ignored;
      acceptor_.close(ignored);
      back_off_.cancel();
      closed.set_value();
    });
    closed.get_future().wait();
  }
  for (const auto& connection : living()) connection->drain();
  {
    std::unique_lock lock(mutex_);
    all_closed_.wait_for(lock, grace, [&] { return connections_.empty(); });
  }
  for (const auto& connection : living()) connection->abort();
  {
    // So that no handler works for a client that has been cut.
    std::unique_lock lock(mutex_);
    if (!io_threads_.empty()) all_closed_.wait(lock, [&] { return connections_.empty(); });
  }
  workers_.stop();
  work_.reset();
  io_threads_.clear();
}

std::string Server::Impl::url() const {
  auto address = endpoint_.address();
  if (address.is_unspecified()) {
    if (address.is_v6()) {
      address = asio::ip::address_v6::loopback();
    } else {
      address = asio::ip::address_v4::loopback();
    }
  }
  const std::string host = address.is_v6() ? "[" + address.to_string() + "]" : address.to_string();
  return (tls_ ? "https://" : "http://") + host + ":" + std::to_string(port());
}

Result<std::unique_ptr<Server>> Server::start(ServerOptions options, Handler handler) {
  std::unique_ptr<TlsServer> tls;
  if (options.tls) {
    ASSIGN_OR_RETURN(tls, TlsServer::open(*options.tls, options.tls_poll_interval, options.report));
  }
  auto impl = std::make_unique<Impl>(std::move(options), std::move(handler), std::move(tls));
  RETURN_IF_ERROR(impl->listen());
  impl->run();
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;
std::uint16_t Server::port() const {
  return impl_->port();
}
std::string Server::url() const {
  return impl_->url();
}
std::size_t Server::connections() const {
  return impl_->connections();
}
void Server::stop(std::chrono::milliseconds grace) {
  impl_->stop(grace);
}

std::string_view Request::path() const {
  return std::string_view(target).substr(0, target.find('?'));
}

std::string_view Request::query() const {
  const auto question = target.find('?');
  return question == std::string::npos ? std::string_view()
                                       : std::string_view(target).substr(question + 1);
}

Response Response::text(int status, std::string body) {
  return {status, {{"Content-Type", "text/plain; charset=utf-8"}}, std::move(body)};
}

Response Response::json(int status, std::string body) {
  return {status, {{"Content-Type", "application/json"}}, std::move(body)};
}

Handler answer_with(std::function<Response(const Request&)> handler) {
  return [handler = std::move(handler)](const Request& request, Responder responder) {
    std::move(responder).send(handler(request));
  };
}

}  // namespace tokenscaler::http
