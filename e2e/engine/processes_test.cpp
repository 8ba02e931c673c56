// The three programs as processes: what HTTP clients, Prometheus and Kubernetes would see of them.
// Times are waited for, never assumed: each wait has a deadline far beyond what it needs.
#include <atomic>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock.h"
#include "engine/child_process.h"
#include "engine/json_reader.h"
#include "http/client.h"
#include "http/curl_client.h"

namespace tokenscaler::engine {
namespace {

constexpr std::chrono::seconds kPatience{30};

const SystemClock& system_clock() {
  static const SystemClock clock;
  return clock;
}

bool eventually(const std::function<bool()>& condition) {
  const Deadline deadline(system_clock(), kPatience);
  SystemClock clock;
  while (!condition()) {
    if (deadline.passed(clock)) return false;
    clock.wait_until({}, clock.steady() + std::chrono::milliseconds(20));
  }
  return true;
}

std::string read_file(const std::string& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string program(const std::string& name) {
  return std::string(TOKENSCALER_E2E_PROGRAMS) + "/" + name;
}

// A program under test; killed at the end if it still runs.
class Process {
 public:
  Process(const std::string& name, const std::vector<std::string>& args, const std::string& log)
      : log_(log) {
    const auto pid = start_process(program(name), args, log);
    EXPECT_TRUE(pid);
    pid_ = pid.value_or(-1);
  }
  ~Process() {
    if (pid_ <= 0) return;
    signal_process(pid_, SIGKILL);
    static_cast<void>(wait());
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void signal(int number) const { signal_process(pid_, number); }
  [[nodiscard]] int pid() const { return pid_; }
  [[nodiscard]] std::string log() const { return read_file(log_); }
  /// Waits for the end; the exit status, or -1 for a signal.
  int wait() {
    int status = 0;
    if (pid_ <= 0 || waitpid(pid_, &status, 0) != pid_) return -2;
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  int pid_ = -1;
  std::string log_;
};

class Programs : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "tokenscaler-programs-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    auto client = http::make_curl_client({});
    ASSERT_TRUE(client);
    client_ = std::move(*client);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string file(const std::string& name) const { return directory_ + "/" + name; }

  http::ClientResponse send(const std::string& method, const std::string& url,
                            const std::string& body = {}) {
    http::ClientRequest request;
    request.method = method;
    request.url = url;
    request.body = body;
    auto response = client_->send(request, {});
    return response ? *response : http::ClientResponse{};  // status 0: no answer
  }
  http::ClientResponse get(const std::string& url) { return send("GET", url); }

  std::unique_ptr<Process> start(const std::string& name, std::vector<std::string> args,
                                 const std::string& id, std::string& url) {
    args.insert(args.end(), {"--port", "0", "--port-file", file(id + ".port")});
    auto process = std::make_unique<Process>(name, args, file(id + ".log"));
    EXPECT_TRUE(eventually([&] { return !read_file(file(id + ".port")).empty(); }))
        << process->log();
    url = "http://127.0.0.1:" + std::to_string(std::atoi(read_file(file(id + ".port")).c_str()));
    return process;
  }
  std::unique_ptr<Process> start_engine(std::vector<std::string> args, std::string& url,
                                        const std::string& id = "engine") {
    return start("tokenscaler-e2e-engine", std::move(args), id, url);
  }
  // The value of a series whose line begins with `series`; -1 if there is none.
  double metric(const std::string& url, const std::string& series) {
    const std::string text = "\n" + get(url + "/metrics").body;
    const std::size_t at = text.find("\n" + series);
    if (at == std::string::npos) return -1;
    return std::stod(text.substr(text.find(' ', at) + 1));
  }

  std::string directory_;
  std::unique_ptr<http::Client> client_;
};

TEST_F(Programs, EngineIsColdThenReady) {
  std::string url;
  // 60 engine seconds at 30 times the speed are 2 s.
  const auto engine = start_engine({"--cold-start-seconds", "60", "--speed", "30"}, url);
  EXPECT_EQ(get(url + "/health").status, 503);
  EXPECT_EQ(get(url + "/metrics").status, 503);
  const auto refused = send("POST", url + "/v1/completions", R"({"prompt":"x"})");
  EXPECT_EQ(refused.status, 503);
  EXPECT_TRUE(refused.headers.find("Retry-After"));
  EXPECT_TRUE(eventually([&] { return get(url + "/health").status == 200; }));
  EXPECT_EQ(get(url + "/metrics").status, 200);
}

TEST_F(Programs, EngineCountsExactlyWhatItServed) {
  std::string url;
  const auto engine = start_engine({"--cold-start-seconds", "0", "--speed", "50"}, url);
  const std::string body =
      R"({"tokenscaler":{"prompt_tokens":1000,"cached_tokens":160},"max_tokens":40})";
  for (int i = 0; i < 3; ++i) {
    const auto response = send("POST", url + "/v1/completions", body);
    ASSERT_EQ(response.status, 200) << response.body;
    const auto answer = read_json(response.body);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->find("usage")->find("completion_tokens")->integer(), 40);
  }
  EXPECT_EQ(metric(url, "vllm:prompt_tokens_total{"), 3000);
  EXPECT_EQ(metric(url, "vllm:prompt_tokens_cached_total{"), 480);
  EXPECT_EQ(metric(url, "vllm:generation_tokens_total{"), 120);
  EXPECT_EQ(metric(url, "vllm:e2e_request_latency_seconds_count{"), 3);
  EXPECT_EQ(metric(url, "vllm:num_requests_running{"), 0);
}

TEST_F(Programs, EngineStreamsEventsAsTokensCome) {
  std::string url;
  const auto engine = start_engine({"--cold-start-seconds", "0"}, url);
  http::ClientRequest request;
  request.method = "POST";
  request.url = url + "/v1/chat/completions";
  request.body = R"({"messages":[{"role":"user","content":"hi"}],"max_tokens":60,"stream":true})";
  std::string stream;
  int pieces = 0;
  const auto response = client_->stream(request,
                                        [&](std::string_view bytes) {
                                          stream += bytes;
                                          ++pieces;
                                          return true;
                                        },
                                        {});
  ASSERT_TRUE(response) << response.error().to_string();
  EXPECT_EQ(response->headers.find("Content-Type"), "text/event-stream; charset=utf-8");
  EXPECT_TRUE(stream.ends_with("data: [DONE]\n\n"));
  // 60 tokens at 6.5 ms each, delivered every 10 ms: a single piece would be no stream.
  EXPECT_GT(pieces, 5);
}

TEST_F(Programs, EngineAnswersErrorsInOpenAiShape) {
  std::string url;
  const auto engine = start_engine({"--cold-start-seconds", "0"}, url);
  const auto expect_error = [&](const http::ClientResponse& response, int status) {
    EXPECT_EQ(response.status, status) << response.body;
    const auto body = read_json(response.body);
    ASSERT_TRUE(body) << response.body;
    ASSERT_NE(body->find("error"), nullptr) << response.body;
    EXPECT_EQ(body->find("error")->find("code")->integer(), status);
  };
  const std::string completions = url + "/v1/completions";
  expect_error(send("POST", completions, "{"), 400);
  expect_error(send("POST", completions, R"({"prompt":"x","max_tokens":1000000})"), 400);
  expect_error(send("POST", completions, R"({"prompt":"x","max_tokens":1000000,"stream":true})"),
               400);
  expect_error(send("POST", completions, R"({"model":"gpt-5","prompt":"x"})"), 404);
  expect_error(send("POST", completions, std::string(9U << 20U, ' ')), 413);
  expect_error(send("GET", completions), 405);
  expect_error(get(url + "/v1/embeddings"), 404);
}

TEST_F(Programs, EngineForgetsARequestWhoseClientWent) {
  std::string url;
  // The batch holds one request, so the second one waits: nothing is written to it, and yet its
  // client's end must be seen.
  const auto engine = start_engine({"--cold-start-seconds", "0", "--max-num-seqs", "1"}, url);
  const auto stream_until_stopped = [&](const std::stop_token& stop) {
    http::ClientRequest request;
    request.method = "POST";
    request.url = url + "/v1/completions";
    request.body = R"({"prompt":"x","max_tokens":20000,"stream":true})";
    request.limits.total_timeout = kPatience;
    static_cast<void>(client_->stream(
        request, [](std::string_view) { return true; }, stop));
  };
  std::jthread first(stream_until_stopped);
  ASSERT_TRUE(eventually([&] { return metric(url, "vllm:num_requests_running{") == 1; }));
  std::jthread second(stream_until_stopped);
  ASSERT_TRUE(eventually([&] { return metric(url, "vllm:num_requests_waiting{") == 1; }));
  second.request_stop();
  EXPECT_TRUE(eventually([&] { return metric(url, "vllm:num_requests_waiting{") == 0; }));
  first.request_stop();
  EXPECT_TRUE(eventually([&] { return metric(url, "vllm:num_requests_running{") == 0; }));
  EXPECT_EQ(metric(url, "vllm:kv_cache_usage_perc{"), 0);
}

TEST_F(Programs, EngineDrainsOnSigterm) {
  std::string url;
  const auto engine = start_engine({"--cold-start-seconds", "0"}, url);
  std::atomic<int> status{0};
  std::string body;
  std::jthread client([&] {
    const auto response = send("POST", url + "/v1/completions",
                               R"({"prompt":"x","max_tokens":200})");  // 1.3 s
    body = response.body;
    status = response.status;
  });
  ASSERT_TRUE(eventually([&] { return metric(url, "vllm:num_requests_running{") == 1; }));
  engine->signal(SIGTERM);
  EXPECT_TRUE(eventually([&] { return get(url + "/health").status == 503; }));
  EXPECT_EQ(send("POST", url + "/v1/completions", R"({"prompt":"x"})").status, 503);
  EXPECT_EQ(engine->wait(), 0);
  client.join();
  EXPECT_EQ(status, 200);
  EXPECT_THAT(body, testing::HasSubstr("\"completion_tokens\":200"));
}

TEST_F(Programs, EngineCutsWhatOutlivesItsGrace) {
  std::string url;
  const auto engine = start_engine({"--cold-start-seconds", "0", "--drain-seconds", "1"}, url);
  std::atomic<int> status{-1};
  std::jthread client([&] {
    status = send("POST", url + "/v1/completions", R"({"prompt":"x","max_tokens":20000})").status;
  });
  ASSERT_TRUE(eventually([&] { return metric(url, "vllm:num_requests_running{") == 1; }));
  engine->signal(SIGTERM);
  EXPECT_EQ(engine->wait(), 0);
  client.join();
  EXPECT_NE(status, 200);
  EXPECT_THAT(engine->log(), testing::HasSubstr("1 requests cut"));
}

TEST_F(Programs, EngineRefusesWrongArguments) {
  const auto run = [&](const std::vector<std::string>& args) {
    Process process("tokenscaler-e2e-engine", args, file("wrong.log"));
    return process.wait();
  };
  EXPECT_NE(run({"--preset", "gpt-5"}), 0);
  EXPECT_EQ(run({"--speed", "0"}), 2);
  EXPECT_EQ(run({"--no-such-flag"}), 2);
  EXPECT_NE(run({"--num-gpu-blocks", "10"}), 0);
  EXPECT_THAT(read_file(file("wrong.log")), testing::HasSubstr("llama-70b-h100-tp4"));
}

TEST_F(Programs, FleetScalesRestartsAndLeavesNobodyBehind) {
  std::string url;
  const std::string sd = file("targets.json");
  const std::string endpoints = file("endpoints");
  const auto fleet =
      start("tokenscaler-e2e-fleet",
            {"--name", "llama-8b", "--replicas", "2", "--cold-start-seconds", "0", "--file-sd", sd,
             "--endpoints-file", endpoints, "--state-dir", file("state")},
            "fleet", url);
  const auto status = [&] { return read_json(get(url + "/status").body); };
  const auto ready = [&](std::int64_t count) {
    return eventually([&] {
      const auto now = status();
      return now && now->find("readyReplicas")->integer() == count;
    });
  };
  ASSERT_TRUE(ready(2)) << fleet->log();
  EXPECT_EQ(send("PUT", url + "/scale", R"({"replicas":3})").status, 200);
  ASSERT_TRUE(ready(3));
  EXPECT_TRUE(eventually([&] {
    const std::string text = read_file(endpoints);
    return std::count(text.begin(), text.end(), '\n') == 4;  // with the comment line
  }));
  const auto targets = read_json(read_file(sd));
  ASSERT_TRUE(targets);
  EXPECT_EQ(targets->array()->size(), 3U);
  EXPECT_EQ(metric(url, "kube_deployment_status_replicas_ready{"), 3);

  const auto pods = status();
  const auto victim = pods->find("pods")->array()->front().find("pid")->integer();
  ASSERT_TRUE(victim);
  signal_process(static_cast<int>(*victim), SIGKILL);
  EXPECT_TRUE(
      eventually([&] { return metric(url, "kube_pod_container_status_restarts_total{") == 1; }));
  ASSERT_TRUE(ready(3));

  EXPECT_EQ(send("PUT", url + "/scale", R"({"spec":{"replicas":1}})").status, 200);
  EXPECT_TRUE(eventually([&] {
    const auto now = status();
    return now && now->find("pods")->array()->size() == 1;
  }));
  EXPECT_EQ(send("PUT", url + "/scale", R"({"replicas":-1})").status, 400);

  // Even when it is killed, its engine goes with it.
  const std::string engine = *status()->find("pods")->array()->front().find("endpoint")->string();
  EXPECT_EQ(get(engine + "/health").status, 200);
  fleet->signal(SIGKILL);
  EXPECT_EQ(fleet->wait(), -1);
  EXPECT_TRUE(eventually([&] { return get(engine + "/health").status == 0; }));
}

TEST_F(Programs, FleetStopsCleanly) {
  std::string url;
  const auto fleet =
      start("tokenscaler-e2e-fleet",
            {"--replicas", "1", "--cold-start-seconds", "0", "--endpoints-file", file("endpoints")},
            "fleet", url);
  ASSERT_TRUE(
      eventually([&] { return metric(url, "kube_deployment_status_replicas_ready{") == 1; }));
  fleet->signal(SIGTERM);
  EXPECT_EQ(fleet->wait(), 0);
  EXPECT_EQ(read_file(file("endpoints")), "# ready engines\n");
}

// 120 requests in 12 trace seconds at twice the speed while an engine drains, one is killed and one
// comes: every request has a row, and only those that the killed engine had begun are broken.
TEST_F(Programs, ReplaySurvivesEnginesThatComeAndGo) {
  {
    std::ofstream trace(file("trace.csv"));
    trace << "arrival_seconds,prompt_tokens,generated_tokens,prefix_hit_tokens\n";
    for (int i = 0; i < 120; ++i) trace << i * 0.1 << ",500,100,64\n";
  }
  const std::vector<std::string> quick = {"--cold-start-seconds", "0", "--speed", "2"};
  std::string drained_url;
  std::string killed_url;
  std::string late_url;
  const auto drained = start_engine(quick, drained_url, "drained");
  const auto killed = start_engine(quick, killed_url, "killed");
  const auto late = start_engine(quick, late_url, "late");
  const auto offer = [&](const std::vector<std::string>& urls) {
    std::ofstream out(file("endpoints"));
    for (const std::string& url : urls) out << url << "\n";
  };
  offer({drained_url, killed_url});
  Process replay("tokenscaler-e2e-replay",
                 {"--trace", file("trace.csv"), "--endpoints-file", file("endpoints"), "--speed",
                  "2", "--csv", file("rows.csv"), "--json", file("summary.json")},
                 file("replay.log"));
  const auto finished = [&](const std::string& url) {
    return metric(url, "vllm:e2e_request_latency_seconds_count{");
  };
  ASSERT_TRUE(eventually([&] { return finished(drained_url) >= 5; }));
  drained->signal(SIGTERM);  // still offered: new requests are refused and go elsewhere
  EXPECT_EQ(drained->wait(), 0);
  ASSERT_TRUE(eventually([&] { return finished(killed_url) >= 15; }));
  offer({drained_url, killed_url, late_url});
  ASSERT_TRUE(eventually([&] { return finished(late_url) >= 5; }));
  killed->signal(SIGKILL);
  ASSERT_EQ(replay.wait(), 0) << replay.log();

  const auto summary = read_json(read_file(file("summary.json")));
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->find("requests")->integer(), 120);
  EXPECT_GT(*summary->find("refusals")->integer(), 0);
  const JsonValue* outcomes = summary->find("outcomes");
  const auto completed = outcomes->find("completed")->integer().value_or(0);
  const JsonValue* broken = outcomes->find("broken");
  EXPECT_EQ(completed + (broken == nullptr ? 0 : broken->integer().value_or(0)), 120);
  // 0.65 s each at 10 requests a second on one or two engines: about seven run on the killed one.
  EXPECT_GT(completed, 100);
  // 100 tokens at 6.5 ms and a little more for company (engine seconds).
  const double per_token = *summary->find("timePerOutputTokenSeconds")->find("p50")->number();
  EXPECT_GT(per_token, 0.006);
  EXPECT_LT(per_token, 0.020);
  const std::string rows = read_file(file("rows.csv"));
  EXPECT_EQ(std::count(rows.begin(), rows.end(), '\n'), 121);
}

TEST_F(Programs, ReplayWaitsForEnginesAndGivesUpInTime) {
  {
    std::ofstream trace(file("trace.csv"));
    trace << "arrival_seconds,prompt_tokens,generated_tokens\n0,10,5\n0,10,5\n";
  }
  Process replay("tokenscaler-e2e-replay",
                 {"--trace", file("trace.csv"), "--endpoint", "http://127.0.0.1:1",
                  "--timeout-seconds", "2", "--json", file("summary.json")},
                 file("replay.log"));
  EXPECT_EQ(replay.wait(), 0);
  const auto summary = read_json(read_file(file("summary.json")));
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->find("outcomes")->find("no_endpoint")->integer(), 2);
}

// A shell's soft limit of 1024 is below the streams that they promise.
TEST_F(Programs, RaiseTheirLimitOnOpenFiles) {
  {
    std::ofstream trace(file("trace.csv"));
    trace << "arrival_seconds,prompt_tokens,generated_tokens\n0,10,5\n";
  }
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit low = before;
  low.rlim_cur = 128;
  ASSERT_GT(before.rlim_max, low.rlim_cur);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  const Process engine("tokenscaler-e2e-engine", {"--port", "0"}, file("engine.log"));
  const Process fleet("tokenscaler-e2e-fleet", {"--port", "0", "--replicas", "0"},
                      file("fleet.log"));
  const Process replay(
      "tokenscaler-e2e-replay",
      {"--trace", file("trace.csv"), "--endpoint", "http://127.0.0.1:1", "--timeout-seconds", "60"},
      file("replay.log"));
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  for (const Process* process : {&engine, &fleet, &replay}) {
    EXPECT_TRUE(eventually([&] {
      rlimit now{};
      return prlimit(process->pid(), RLIMIT_NOFILE, nullptr, &now) == 0 &&
             now.rlim_cur == before.rlim_max;
    })) << process->log();
  }
}

// Idle engines must not cost anything: CPU ticks over two seconds, from /proc.
TEST_F(Programs, IdleEnginesSleep) {
  std::vector<std::unique_ptr<Process>> engines;
  for (int i = 0; i < 3; ++i) {
    std::string url;
    engines.push_back(start_engine({"--cold-start-seconds", "0"}, url, "idle" + std::to_string(i)));
    EXPECT_EQ(send("POST", url + "/v1/completions", R"({"prompt":"x"})").status, 200);
  }
  const auto ticks = [&] {
    long total = 0;
    for (const auto& engine : engines) {
      std::istringstream stat(read_file("/proc/" + std::to_string(engine->pid()) + "/stat"));
      std::string word;
      long value = 0;
      for (int field = 1; field <= 13; ++field) stat >> word;
      for (int field = 14; field <= 15; ++field) total += (stat >> value, value);
    }
    return total;
  };
  const long before = ticks();
  SystemClock clock;
  clock.wait_until({}, clock.steady() + std::chrono::seconds(2));
  // 2 s of three engines: 1 % of a core each would be 6 ticks of 10 ms.
  EXPECT_LE(ticks() - before, 3);
}

}  // namespace
}  // namespace tokenscaler::engine
