#include <utility>

#include <fmt/format.h>

#include "http/connection.h"

namespace tokenscaler::http {

bool Connection::should_close() const {
  return close_after_write_ || input_ended_ || host_.draining || client_ca_is_replaced();
}

/// A client whose CA was taken out has to be checked anew, however long it keeps its connection.
bool Connection::client_ca_is_replaced() const {
  return host_.client_ca_generation && host_.client_ca_generation() != client_ca_generation_;
}

void Connection::on_news() {
  // A wake-up of an exchange that has ended finds another phase, or nothing new.
  if (!exchange_ || writing_) return;
  if (phase_ != Phase::Handling && phase_ != Phase::Streaming) return;
  Exchange::News news = exchange_->take();
  if (news.response) return write_response(std::move(*news.response));
  if (news.head) begin_stream(*news.head);
  if (phase_ == Phase::Streaming) write_part(std::move(news));
}

void Connection::reply(int status, const std::string& reason) {
  close_after_write_ = true;  // Where the next request would begin is not known for sure.
  Response response = Response::text(status, reason + "\n");
  if (status == 503) response.headers.add("Retry-After", "1");
  write_response(std::move(response));
}

void Connection::write_response(Response response) {
  phase_ = Phase::Writing;
  arm(host_.limits.write_timeout);
  if (!is_sendable(response.status, response.headers)) {
    if (host_.report) {
      host_.report(make_error(ErrorCode::Internal, "a handler's status or headers cannot be sent")
                       .at(head_.method + " " + head_.target));
    }
    response = Response::text(500, "the response cannot be sent\n");
  }
  const bool bodiless = status_forbids_body(response.status);
  ResponseHead head;
  head.status = response.status;
  head.headers = &response.headers;
  head.framing = bodiless ? BodyFraming::None : BodyFraming::ContentLength;
  head.content_length = response.body.size();
  head.close = close_after_write_ = should_close();
  out_head_ = format_response_head(head, host_.clock.wall());
  out_body_ = bodiless || head_.method == "HEAD" ? std::string() : std::move(response.body);
  write_out();
}

void Connection::begin_stream(const StreamHead& begun) {
  phase_ = Phase::Streaming;
  static const Headers kNoHeaders;
  const bool sendable = is_sendable(begun.status, begun.headers);
  ResponseHead head;
  head.status = sendable ? begun.status : 500;
  head.headers = sendable ? &begun.headers : &kNoHeaders;
  stream_is_chunked_ = head_.version >= 11;
  stream_has_body_ = sendable && head_.method != "HEAD" && !status_forbids_body(head.status);
  stream_ends_ = !sendable;
  stream_breaks_ = false;
  if (status_forbids_body(head.status)) {
    head.framing = BodyFraming::None;
  } else {
    head.framing = stream_is_chunked_ ? BodyFraming::Chunked : BodyFraming::UntilClose;
  }
  head.close = close_after_write_ = should_close() || !stream_is_chunked_ || !sendable;
  out_head_ = format_response_head(head, host_.clock.wall());
  if (!stream_has_body_) exchange_->client_closed();  // Nothing that is written can be sent.
}

void Connection::write_part(Exchange::News news) {
  stream_ends_ = stream_ends_ || news.finished || !stream_has_body_;
  stream_breaks_ = news.abandoned && !stream_ends_;
  out_body_.clear();
  if (stream_has_body_ && stream_is_chunked_) {
    if (!news.bytes.empty()) {
      out_head_ += fmt::format("{:x}\r\n", news.bytes.size());
      out_body_ = std::move(news.bytes);
      out_body_ += "\r\n";
    }
    if (stream_ends_) out_body_ += "0\r\n\r\n";
  } else if (stream_has_body_) {
    out_body_ = std::move(news.bytes);
  }
  if (out_head_.empty() && out_body_.empty()) {
    if (stream_ends_ || stream_breaks_) on_written({});
    return;
  }
  arm(host_.limits.write_timeout);
  write_out();
}

void Connection::write_out() {
  writing_ = true;
  transport_->write({asio::buffer(out_head_), asio::buffer(out_body_)},
                    [self = shared_from_this()](ErrorCodeOf error) { self->on_written(error); });
}

void Connection::on_written(ErrorCodeOf error) {
  writing_ = false;
  if (phase_ == Phase::Closed) return;
  out_head_.clear();
  out_body_.clear();
  if (stream_breaks_ && !stream_is_chunked_ && !transport_->is_tls()) {
    // The end of the connection is the end of this body: only a reset tells that it is not whole.
    // With TLS the missing close_notify does.
    ErrorCodeOf ignored;
    transport_->socket().set_option(asio::socket_base::linger(true, 0), ignored);
  }
  if (error || stream_breaks_) return close_now();
  if (phase_ == Phase::Streaming && !stream_ends_) {
    disarm();
    exchange_->sent();
    return on_news();
  }
  end_exchange();
  if (should_close()) return close_gently();
  next_request();
}

void Connection::arm(std::chrono::milliseconds limit) {
  const std::uint64_t generation = ++timer_generation_;
  timer_.expires_after(limit);
  timer_.async_wait([self = shared_from_this(), generation](ErrorCodeOf error) {
    if (!error && generation == self->timer_generation_) self->on_deadline();
  });
}

void Connection::disarm() {
  ++timer_generation_;
  timer_.cancel();
}

void Connection::on_deadline() {
  if (writing_) return close_now();  // The client does not read: nothing can be told to it.
  switch (phase_) {
    case Phase::Header:
      return reply(408, "the header took too long");
    case Phase::Body:
      return reply(408, "the body took too long");
    case Phase::Handling:
      end_exchange();
      return reply(504, "the handler took too long");
    default:
      return close_now();
  }
}

void Connection::end_exchange() {
  if (exchange_) std::exchange(exchange_, nullptr)->detach();
  release_body();
}

void Connection::close_gently() {
  phase_ = Phase::Closing;
  if (input_ended_) return close_now();
  arm(host_.limits.linger_timeout);
  ErrorCodeOf ignored;
  transport_->socket().cancel(ignored);  // A read for a next request may be under way.
  transport_->shutdown([self = shared_from_this()](ErrorCodeOf /*error*/) { self->linger(); });
}

void Connection::linger() {
  if (phase_ != Phase::Closing) return;
  transport_->socket().async_read_some(
      asio::buffer(read_area_), [self = shared_from_this()](ErrorCodeOf error, std::size_t bytes) {
        self->lingered_bytes_ += bytes;
        if (error || self->lingered_bytes_ > self->host_.limits.max_linger_bytes) {
          return self->close_now();
        }
        self->linger();
      });
}

void Connection::close_now() {
  if (phase_ == Phase::Closed) return;
  phase_ = Phase::Closed;
  end_exchange();
  disarm();
  ErrorCodeOf ignored;
  transport_->socket().close(ignored);
  host_.closed(this);
}

}  // namespace tokenscaler::http
