#include "http/exchange.h"

#include <gtest/gtest.h>

namespace tokenscaler::http {
namespace {

using Write = ResponseStream::Write;

class ExchangeTest : public testing::Test {
 protected:
  int wakes_ = 0;
  std::shared_ptr<Exchange> exchange_ = std::make_shared<Exchange>([this] { ++wakes_; }, 10);
};

TEST_F(ExchangeTest, TheFirstAnswerCounts) {
  Responder(exchange_).send(Response::text(201, "first"));
  Responder(exchange_).send(Response::text(202, "second"));
  const auto news = exchange_->take();
  ASSERT_TRUE(news.response);
  EXPECT_EQ(news.response->status, 201);
  EXPECT_EQ(wakes_, 1);
  EXPECT_FALSE(exchange_->take().response);
}

TEST_F(ExchangeTest, ADroppedResponderAnswers500) {
  { const Responder dropped(exchange_); }
  EXPECT_EQ(exchange_->take().response->status, 500);
}

TEST_F(ExchangeTest, AStreamIsBoundedByWhatIsNotYetSent) {
  const auto stream = Responder(exchange_).stream(200, {});
  EXPECT_EQ(stream->write("12345"), Write::Accepted);
  EXPECT_EQ(stream->write("123456"), Write::Full);
  EXPECT_EQ(stream->write("67890"), Write::Accepted);
  EXPECT_EQ(stream->buffered_bytes(), 10U);
  const auto news = exchange_->take();
  EXPECT_EQ(news.bytes, "1234567890");
  EXPECT_EQ(stream->write("x"), Write::Full);  // On its way, not yet sent.
  exchange_->sent();
  EXPECT_EQ(stream->write("a piece larger than the buffer"), Write::Accepted);
  EXPECT_EQ(stream->write("x"), Write::Full);
}

TEST_F(ExchangeTest, WakesOnceUntilTheNewsAreTaken) {
  const auto stream = Responder(exchange_).stream(200, {});
  static_cast<void>(stream->write("1"));
  static_cast<void>(stream->write("2"));
  EXPECT_EQ(wakes_, 1);
  static_cast<void>(exchange_->take());
  static_cast<void>(stream->write("3"));
  EXPECT_EQ(wakes_, 2);
}

TEST_F(ExchangeTest, FinishedAndAbandonedDiffer) {
  auto stream = Responder(exchange_).stream(200, {});
  stream->finish();
  stream.reset();
  auto news = exchange_->take();
  EXPECT_TRUE(news.finished);
  EXPECT_FALSE(news.abandoned);

  exchange_ = std::make_shared<Exchange>([] {}, 10);
  stream = Responder(exchange_).stream(200, {});
  stream.reset();
  news = exchange_->take();
  EXPECT_FALSE(news.finished);
  EXPECT_TRUE(news.abandoned);
}

TEST_F(ExchangeTest, NothingGoesInAfterTheEnd) {
  const auto stream = Responder(exchange_).stream(200, {});
  exchange_->detach();
  const int wakes = wakes_;
  EXPECT_TRUE(stream->client_gone());
  EXPECT_TRUE(stream->stop().stop_requested());
  EXPECT_EQ(stream->write("x"), Write::Closed);
  EXPECT_FALSE(stream->write_waiting("x", {}));
  stream->finish();
  EXPECT_EQ(wakes_, wakes);
}

TEST_F(ExchangeTest, AClientThatClosedItsSideStillGetsAWholeResponse) {
  exchange_->client_closed();
  EXPECT_TRUE(exchange_->stop_token().stop_requested());
  EXPECT_FALSE(exchange_->detached());
  Responder(exchange_).send(Response::text(200, "late"));
  EXPECT_TRUE(exchange_->take().response);
}

TEST_F(ExchangeTest, AWaitingWriterEndsWithItsStopToken) {
  const auto stream = Responder(exchange_).stream(200, {});
  static_cast<void>(stream->write("0123456789"));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_FALSE(stream->write_waiting("x", stop.get_token()));
}

}  // namespace
}  // namespace tokenscaler::http
