#include "http/worker_pool.h"

#include <atomic>
#include <latch>
#include <stdexcept>

#include <gtest/gtest.h>

namespace tokenscaler::http {
namespace {

PendingRequest pending(std::shared_ptr<Exchange> exchange) {
  return {Request{}, std::move(exchange)};
}

std::shared_ptr<Exchange> an_exchange() {
  return std::make_shared<Exchange>([] {}, 10);
}

TEST(WorkerPoolTest, RefusesBeyondItsQueue) {
  std::atomic<int> started{0};
  std::latch release(1);
  WorkerPool pool(1, 2,
                  [&](const Request&, Responder) {
                    ++started;
                    started.notify_all();
                    release.wait();
                  },
                  {});
  EXPECT_TRUE(pool.submit(pending(an_exchange())));
  started.wait(0);
  EXPECT_TRUE(pool.submit(pending(an_exchange())));
  EXPECT_TRUE(pool.submit(pending(an_exchange())));
  EXPECT_FALSE(pool.submit(pending(an_exchange())));
  release.count_down();
  pool.stop();
  EXPECT_FALSE(pool.submit(pending(an_exchange())));
}

TEST(WorkerPoolTest, SkipsWhatNobodyCanGet) {
  std::atomic<int> handled{0};
  std::latch done(1);
  WorkerPool pool(1, 10,
                  [&](const Request&, Responder) {
                    ++handled;
                    done.count_down();
                  },
                  {});
  const auto detached = an_exchange();
  detached->detach();
  EXPECT_TRUE(pool.submit(pending(detached)));
  EXPECT_TRUE(pool.submit(pending(an_exchange())));
  done.wait();
  EXPECT_EQ(handled, 1);
}

TEST(WorkerPoolTest, ReportsWhatAHandlerThrows) {
  std::string told;
  const auto exchange = an_exchange();
  {
    std::latch done(1);
    WorkerPool pool(
        1, 10, [](const Request&, Responder) { throw std::runtime_error("broken\r\n"); },
        [&](const Error& error) {
          told = error.to_string();
          done.count_down();
        });
    EXPECT_TRUE(pool.submit(pending(exchange)));
    done.wait();
  }
  EXPECT_NE(told.find("a handler threw: broken??"), std::string::npos) << told;
  EXPECT_EQ(exchange->take().response->status, 500);
}

}  // namespace
}  // namespace tokenscaler::http
