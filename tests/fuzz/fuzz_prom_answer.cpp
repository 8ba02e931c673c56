// Answers of a Prometheus. The first byte chooses the HTTP status; the rest is the body.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "prom/answer.h"
#include "prom/fleet_reader.h"
#include "prom/heartbeat.h"
#include "prom/signal_table.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tokenscaler;
  if (size == 0) return 0;
  constexpr int kStatuses[] = {200, 200, 200, 302, 400, 401, 403, 404, 422, 429, 500, 503};
  const std::string_view body(reinterpret_cast<const char*>(data + 1), size - 1);
  const int status = kStatuses[data[0] % std::size(kStatuses)];
  const auto answer = prom::parse_answer({.status = status,
                                          .content_type = "application/json",
                                          .retry_after = body.substr(0, 8),
                                          .body = body});
  if (!answer) {
    // An error says something, in one line of bounded length.
    const std::string text = answer.error().to_string();
    if (answer.error().message.empty() || text.size() > 2000) std::abort();
    for (const char c : text) {
      if (static_cast<unsigned char>(c) < 0x20) std::abort();
    }
    return 0;
  }
  const prom::Server server;
  if (const auto* vector = std::get_if<prom::Vector>(&answer->result)) {
    prom::SignalTable table(server, {"model_name"});
    table.add(*vector);
  }
  if (const auto* matrix = std::get_if<prom::Matrix>(&answer->result)) {
    const prom::HeartbeatTable table(*matrix, server, {"model_name"}, WallTime{});
    for (const auto& [pod, beat] : table.pods("ml", {})) {
      if (beat.observed_for(Seconds(30)) < beat.freshest_age) std::abort();
      if (prom::scrape_interval_of(beat.sample_ages).count() < 0) std::abort();
    }
  }
  return 0;
}
