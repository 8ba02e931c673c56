#include "http/exchange.h"

#include <exception>
#include <utility>

namespace tokenscaler::http {

Exchange::Exchange(std::function<void()> wake, std::size_t stream_buffer_bytes)
    : stream_buffer_bytes_(stream_buffer_bytes), wake_(std::move(wake)) {}

Exchange::News Exchange::take() {
  const std::lock_guard lock(mutex_);
  woken_ = false;
  News news = std::exchange(news_, {});
  in_flight_bytes_ += news.bytes.size();
  return news;
}

void Exchange::sent() {
  {
    const std::lock_guard lock(mutex_);
    in_flight_bytes_ = 0;
  }
  room_.notify_all();
}

void Exchange::client_closed() {
  {
    const std::lock_guard lock(mutex_);
    client_closed_ = true;
  }
  room_.notify_all();
  stop_.request_stop();
}

void Exchange::detach() {
  {
    const std::lock_guard lock(mutex_);
    wake_ = nullptr;
    news_ = {};
    in_flight_bytes_ = 0;
  }
  room_.notify_all();
  stop_.request_stop();
}

void Exchange::wake_locked() {
  if (!wake_ || woken_) return;
  woken_ = true;
  wake_();
}

void Exchange::respond(Response response) {
  const std::lock_guard lock(mutex_);
  if (answered_ || !wake_) return;
  answered_ = true;
  news_.response = std::move(response);
  wake_locked();
}

void Exchange::begin_stream(StreamHead head) {
  const std::lock_guard lock(mutex_);
  if (answered_ || !wake_) return;
  answered_ = true;
  news_.head = std::move(head);
  wake_locked();
}

ResponseStream::Write Exchange::write_locked(std::string_view bytes) {
  if (!wake_ || client_closed_ || ended_) return ResponseStream::Write::Closed;
  const std::size_t waiting = news_.bytes.size() + in_flight_bytes_;
  if (waiting > 0 && waiting + bytes.size() > stream_buffer_bytes_) {
    return ResponseStream::Write::Full;
  }
  news_.bytes.append(bytes);
  if (!bytes.empty()) wake_locked();
  return ResponseStream::Write::Accepted;
}

ResponseStream::Write Exchange::write(std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  return write_locked(bytes);
}

bool Exchange::write_waiting(std::string_view bytes, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  auto outcome = ResponseStream::Write::Full;
  room_.wait(lock, stop, [&] {
    outcome = write_locked(bytes);
    return outcome != ResponseStream::Write::Full;
  });
  return outcome == ResponseStream::Write::Accepted;
}

void Exchange::finish() {
  const std::lock_guard lock(mutex_);
  if (ended_ || !wake_) return;
  ended_ = true;
  news_.finished = true;
  wake_locked();
}

void Exchange::abandon() {
  const std::lock_guard lock(mutex_);
  if (ended_ || !wake_) return;
  ended_ = true;
  news_.abandoned = true;
  wake_locked();
}

bool Exchange::gone() const {
  const std::lock_guard lock(mutex_);
  return !wake_ || client_closed_;
}

bool Exchange::detached() const {
  const std::lock_guard lock(mutex_);
  return !wake_;
}

std::size_t Exchange::buffered_bytes() const {
  const std::lock_guard lock(mutex_);
  return news_.bytes.size() + in_flight_bytes_;
}

ResponseStream::ResponseStream(std::shared_ptr<Exchange> exchange)
    : exchange_(std::move(exchange)) {}
ResponseStream::~ResponseStream() {
  exchange_->abandon();
}
ResponseStream::Write ResponseStream::write(std::string_view bytes) {
  return exchange_->write(bytes);
}
bool ResponseStream::write_waiting(std::string_view bytes, const std::stop_token& stop) {
  return exchange_->write_waiting(bytes, stop);
}
void ResponseStream::finish() {
  exchange_->finish();
}
bool ResponseStream::client_gone() const {
  return exchange_->gone();
}
std::stop_token ResponseStream::stop() const {
  return exchange_->stop_token();
}
std::size_t ResponseStream::buffered_bytes() const {
  return exchange_->buffered_bytes();
}

Responder::Responder(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}

Responder::~Responder() {
  if (exchange_) exchange_->respond(Response::text(500, "the request was not answered\n"));
}

void Responder::send(Response response) && {
  std::exchange(exchange_, nullptr)->respond(std::move(response));
}

std::shared_ptr<ResponseStream> Responder::stream(int status, Headers headers) && {
  auto exchange = std::exchange(exchange_, nullptr);
  exchange->begin_stream({status, std::move(headers)});
  return std::make_shared<ResponseStream>(std::move(exchange));
}

}  // namespace tokenscaler::http
