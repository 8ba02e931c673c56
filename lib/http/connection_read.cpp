#include <algorithm>
#include <cstring>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/beast/http/error.hpp>
#include <fmt/format.h>

#include "http/connection.h"

namespace tokenscaler::http {
namespace {

namespace beast_http = boost::beast::http;

/// Room beyond the header limit, for what follows a header in the same packets: the beginning of
/// its body, or pipelined requests.
constexpr std::size_t kBufferBeyondHeader = 32U * 1024U;

std::string text_of(const asio::ip::tcp::endpoint& endpoint) {
  const bool v6 = endpoint.address().is_v6();
  return fmt::format("{}{}{}:{}", v6 ? "[" : "", endpoint.address().to_string(), v6 ? "]" : "",
                     endpoint.port());
}

std::string copy(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace

Connection::Connection(std::unique_ptr<Transport> transport, ConnectionHost& host,
                       std::uint64_t client_ca_generation)
    : host_(host),
      client_ca_generation_(client_ca_generation),
      transport_(std::move(transport)),
      timer_(transport_->socket().get_executor()),
      buffer_(host.limits.max_header_bytes + kBufferBeyondHeader) {
  ErrorCodeOf ignored;
  peer_address_ = text_of(transport_->socket().remote_endpoint(ignored));
}

Connection::~Connection() {
  // An exception out of a step drops its callback, and with it the connection. stop() waits until
  // every connection is forgotten.
  if (phase_ != Phase::Closed && host_.closed) host_.closed(this);
}

void Connection::start() {
  asio::post(transport_->socket().get_executor(),
             [self = shared_from_this()] { self->handshake(); });
}

void Connection::drain() {
  asio::post(transport_->socket().get_executor(), [self = shared_from_this()] {
    if (self->phase_ == Phase::Idle || self->phase_ == Phase::Handshake) self->close_now();
  });
}

void Connection::abort() {
  asio::post(transport_->socket().get_executor(),
             [self = shared_from_this()] { self->close_now(); });
}

std::optional<SteadyTime> Connection::idle_since() const {
  const SteadyTime::rep ticks = idle_since_;
  if (ticks == 0) return std::nullopt;
  return SteadyTime(SteadyTime::duration(ticks));
}

void Connection::handshake() {
  if (phase_ == Phase::Closed) return;
  arm(host_.limits.handshake_timeout);
  transport_->handshake([self = shared_from_this()](ErrorCodeOf error) {
    if (self->phase_ == Phase::Closed) return;
    if (error) return self->close_now();
    self->peer_certificate_ = self->transport_->peer_certificate();
    self->next_request();
    // The idle limit is for clients that have shown one request.
    if (self->phase_ == Phase::Idle) self->arm(self->host_.limits.header_timeout);
  });
}

void Connection::next_request() {
  head_ = {};
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(host_.limits.max_header_bytes));
  parser_->body_limit(host_.limits.max_body_bytes);
  parser_->eager(false);
  if (buffer_.size() == 0 && input_ended_) return close_now();
  phase_ = Phase::Idle;
  idle_since_ = host_.clock.steady().time_since_epoch().count();
  if (buffer_.size() == 0) {
    buffer_.shrink_to_fit();
    if (host_.draining) return close_now();
  }
  arm(host_.limits.idle_timeout);
  parse();
}

void Connection::parse() {
  for (;;) {
    if (buffer_.size() == 0) return read_more();
    if (phase_ == Phase::Idle) {
      phase_ = Phase::Header;
      idle_since_ = 0;
      arm(host_.limits.header_timeout);
    }
    // RFC 9112 2.2: an empty line before a request is ignored.
    const auto* bytes = static_cast<const char*>(buffer_.data().data());
    if (!parser_->got_some() && bytes[0] == '\r') {
      if (buffer_.size() == 1) return read_more();
      if (bytes[1] != '\n') return reply(400, "not a valid request");
      buffer_.consume(2);
      continue;
    }
    ErrorCodeOf error;
    const std::size_t body_before = parser_->get().body().size();
    const std::size_t used = parser_->put(buffer_.data(), error);
    buffer_.consume(used);
    if (error == beast_http::error::need_more) {
      if (buffer_.size() == buffer_.max_size()) return reply(400, "a line is too long");
      return read_more();
    }
    if (error) return refuse(error);
    if (!charge_body(parser_->get().body().size() - body_before)) return;
    if (phase_ == Phase::Header && parser_->is_header_done() && !accept_head()) return;
    if (parser_->is_done()) return hand_over();
  }
}

bool Connection::accept_head() {
  const auto& message = parser_->get();
  head_.version = static_cast<int>(message.version());
  head_.method = copy(message.method_string());
  head_.target = copy(message.target());
  for (const auto& field : message)
    head_.headers.add(copy(field.name_string()), copy(field.value()));
  if (const auto rejection = check_request_head(head_)) {
    reply(rejection->status, rejection->reason);
    return false;
  }
  phase_ = Phase::Body;
  arm(host_.limits.body_timeout);
  if (!parser_->is_done() && buffer_.size() == 0 && expects_continue(head_)) {
    send_continue();
    return false;
  }
  return true;
}

/// The bytes were read already (at most one buffer of them): the limit is on what accumulates.
bool Connection::charge_body(std::size_t bytes) {
  charged_body_bytes_ += bytes;
  if (host_.body_bytes.fetch_add(bytes) + bytes <= host_.limits.max_total_body_bytes) return true;
  reply(503, "too many request bodies are being read");
  return false;
}

void Connection::release_body() {
  host_.body_bytes.fetch_sub(std::exchange(charged_body_bytes_, 0));
}

void Connection::send_continue() {
  out_head_ = "HTTP/1.1 100 Continue\r\n\r\n";
  writing_ = true;
  transport_->write({asio::buffer(out_head_), asio::const_buffer()},
                    [self = shared_from_this()](ErrorCodeOf error) {
                      self->writing_ = false;
                      if (self->phase_ != Phase::Body) return;
                      if (error) return self->close_now();
                      self->parse();
                    });
}

void Connection::refuse(ErrorCodeOf error) {
  if (error == beast_http::error::body_limit) return reply(413, "the body is too large");
  if (error == beast_http::error::header_limit) return reply(431, "the headers are too large");
  return reply(400, "not a valid request: " + error.message());
}

void Connection::hand_over() {
  phase_ = Phase::Handling;
  arm(host_.limits.handler_timeout);
  const auto wake = [weak = weak_from_this()] {
    auto self = weak.lock();
    if (!self) return;
    // The copy inside the handler is the only one left: a connection must not end on the thread
    // that answers.
    const auto executor = self->transport_->socket().get_executor();
    asio::post(executor, [self = std::move(self)] { self->on_news(); });
  };
  exchange_ = std::make_shared<Exchange>(wake, host_.limits.stream_buffer_bytes);
  Request request;
  request.method = head_.method;
  request.target = head_.target;
  request.headers = std::move(head_.headers);
  request.body = std::move(parser_->get().body());
  request.peer_address = peer_address_;
  request.tls = transport_->is_tls();
  request.peer_certificate = peer_certificate_;
  request.stop = exchange_->stop_token();
  close_after_write_ = head_.version < 11 || !parser_->keep_alive();
  BodyCharge charge(host_.body_bytes, std::exchange(charged_body_bytes_, 0));
  if (!host_.workers->submit({std::move(request), exchange_, std::move(charge)})) {
    end_exchange();
    Response busy = Response::text(503, "all workers are busy\n");
    busy.headers.add("Retry-After", "1");
    return write_response(std::move(busy));
  }
  if (input_ended_) return on_end_of_input();
  read_more();
}

void Connection::read_more() {
  if (reading_ || phase_ == Phase::Closed) return;
  if (input_ended_) return on_end_of_input();
  const std::size_t room = std::min(read_area_.size(), buffer_.max_size() - buffer_.size());
  if (room == 0) return;
  reading_ = true;
  transport_->read_some(asio::buffer(read_area_.data(), room),
                        [self = shared_from_this()](ErrorCodeOf error, std::size_t bytes) {
                          self->on_read(error, bytes);
                        });
}

void Connection::on_read(ErrorCodeOf error, std::size_t bytes) {
  reading_ = false;
  if (phase_ == Phase::Closed || phase_ == Phase::Closing) return;
  if (error) {
    input_ended_ = true;
    return on_end_of_input();
  }
  const auto area = buffer_.prepare(bytes);
  std::memcpy(area.data(), read_area_.data(), bytes);
  buffer_.commit(bytes);
  const bool between_requests =
      phase_ == Phase::Idle || phase_ == Phase::Header || phase_ == Phase::Body;
  // `100 Continue` may still be on its way; its completion parses on.
  if (between_requests && !writing_) return parse();
  read_more();
}

void Connection::on_end_of_input() {
  switch (phase_) {
    case Phase::Handling:  // A client may close its sending side only and still read.
    case Phase::Writing:
      if (exchange_) exchange_->client_closed();
      close_after_write_ = true;
      return;
    default:
      return close_now();
  }
}

}  // namespace tokenscaler::http
