#include "contract/raw_peer.h"

#include <arpa/inet.h>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include "base/clock.h"

namespace tokenscaler::contract {
namespace {

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

Address loopback(const char* host, std::uint16_t port) {
  Address address;
  if (std::strchr(host, ':') != nullptr) {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    ::inet_pton(AF_INET6, host, &v6->sin6_addr);
    address.size = sizeof *v6;
  } else {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    ::inet_pton(AF_INET, host, &v4->sin_addr);
    address.size = sizeof *v4;
  }
  return address;
}

sockaddr* generic(Address& address) {
  return reinterpret_cast<sockaddr*>(&address.storage);
}

bool ready(int fd, short events, milliseconds wait) {
  pollfd entry{fd, events, 0};
  return ::poll(&entry, 1, static_cast<int>(wait.count())) == 1;
}

}  // namespace

RawSocket::~RawSocket() {
  close();
}
RawSocket::RawSocket(RawSocket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

RawSocket RawSocket::connect(std::uint16_t port, const char* host, int receive_buffer) {
  Address address = loopback(host, port);
  RawSocket socket(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (receive_buffer > 0) {
    ::setsockopt(socket.fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  }
  const int on = 1;
  ::setsockopt(socket.fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(socket.fd_, generic(address), address.size) != 0) socket.close();
  return socket;
}

bool RawSocket::send(std::string_view bytes, milliseconds wait) const {
  while (!bytes.empty()) {
    if (!ready(fd_, POLLOUT, wait)) return false;
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EAGAIN) continue;
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::string RawSocket::receive(milliseconds wait, std::size_t max) const {
  std::string bytes(max, '\0');
  if (!ready(fd_, POLLIN, wait)) return {};
  const ssize_t got = ::recv(fd_, bytes.data(), bytes.size(), 0);
  bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return bytes;
}

std::string RawSocket::receive_until(std::string_view text, milliseconds wait) const {
  const SystemClock clock;
  const Deadline deadline(clock, wait);
  std::string all;
  while (text.empty() || all.find(text) == std::string::npos) {
    const std::string more = receive(deadline.remaining(clock));
    if (more.empty()) break;
    all += more;
  }
  return all;
}

std::string RawSocket::receive_all(milliseconds wait) const {
  return receive_until("", wait);
}

RawSocket::End RawSocket::end_within(milliseconds wait) const {
  const SystemClock clock;
  const Deadline deadline(clock, wait);
  char scrap[4096];
  while (ready(fd_, POLLIN, deadline.remaining(clock))) {
    const ssize_t got = ::recv(fd_, scrap, sizeof scrap, 0);
    if (got <= 0) return got == 0 ? End::Closed : End::Reset;
  }
  return End::None;
}

void RawSocket::finish_sending() const {
  ::shutdown(fd_, SHUT_WR);
}

void RawSocket::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

void RawSocket::reset() {
  const linger abort_now{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &abort_now, sizeof abort_now);
  close();
}

RawServer::RawServer(Script script, const char* host)
    : script_(std::move(script)), v6_(std::strchr(host, ':') != nullptr) {
  Address address = loopback(host, 0);
  fd_ = ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::bind(fd_, generic(address), address.size) != 0 || ::listen(fd_, 64) != 0) {
    throw std::runtime_error("no loopback port to listen on");
  }
  ::getsockname(fd_, generic(address), &address.size);
  port_ = ntohs(v6_ ? reinterpret_cast<sockaddr_in6*>(&address.storage)->sin6_port
                    : reinterpret_cast<sockaddr_in*>(&address.storage)->sin_port);
  acceptor_ = std::jthread([this](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      if (!ready(fd_, POLLIN, milliseconds(20))) continue;
      const int accepted = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
      if (accepted < 0) continue;
      ++accepted_;
      const std::lock_guard lock(mutex_);
      scripts_.emplace_back([this, accepted](const std::stop_token& script_stop) {
        RawSocket socket(accepted);
        script_(socket, script_stop);
      });
    }
  });
}

RawServer::~RawServer() {
  acceptor_.request_stop();
  acceptor_.join();
  for (std::jthread& script : scripts_) script.request_stop();
  scripts_.clear();
  ::close(fd_);
}

std::string RawServer::url() const {
  return std::string("http://") + (v6_ ? "[::1]" : "127.0.0.1") + ":" + std::to_string(port_);
}

RawServer::Script answer_once(std::string answer) {
  return [answer = std::move(answer)](RawSocket& socket, const std::stop_token& stop) {
    static_cast<void>(socket.receive_until("\r\n\r\n"));
    socket.send(answer);
    socket.finish_sending();
    while (!stop.stop_requested() && !socket.closed_within(milliseconds(10))) {
    }
  };
}

std::size_t flood(RawSocket& socket, std::string_view bytes, std::size_t total,
                  const std::stop_token& stop) {
  std::size_t sent = 0;
  while (sent < total && !stop.stop_requested() && socket.send(bytes, milliseconds(2'000))) {
    sent += bytes.size();
  }
  return sent;
}

}  // namespace tokenscaler::contract
