// The evidence of docs/adr/0001: what one peer does to a process that serves or calls HTTP with
// cpprestsdk 2.10.18, each time in a child process, and the same peers against our own.
// When one of the CPPREST cases fails, the library has changed and the ADR may be looked at again.
#include <csignal>
#include <fstream>
#include <optional>
#include <sys/wait.h>
#include <unistd.h>

#include "contract/server_fixture.h"

namespace tokenscaler::contract {
namespace {

using testing::StartsWith;

/// The 69 bytes.
constexpr std::string_view kAttack =
    "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nabcdef\r\n";
static_assert(kAttack.size() == 69);

constexpr const char* kHostileAnswer =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nabcdef\r\n";

/// A child process with its input and output.
class Victim {
 public:
  explicit Victim(std::vector<std::string> arguments) {
    int to_child[2];
    int from_child[2];
    if (::pipe(to_child) != 0 || ::pipe(from_child) != 0) throw std::runtime_error("no pipe");
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(to_child[0], STDIN_FILENO);
      ::dup2(from_child[1], STDOUT_FILENO);
      for (const int fd : {to_child[0], to_child[1], from_child[0], from_child[1]}) ::close(fd);
      std::string program = CPPREST_VICTIM;
      std::vector<char*> argv{program.data()};
      for (std::string& argument : arguments) argv.push_back(argument.data());
      argv.push_back(nullptr);
      ::execv(program.c_str(), argv.data());
      ::_exit(127);
    }
    ::close(to_child[0]);
    ::close(from_child[1]);
    input_ = to_child[1];
    output_ = from_child[0];
  }
  ~Victim() {
    ::close(input_);
    ::close(output_);
    if (!ended_) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
  }
  Victim(const Victim&) = delete;
  Victim& operator=(const Victim&) = delete;

  [[nodiscard]] std::string line() const {
    std::string text;
    char byte = 0;
    while (::read(output_, &byte, 1) == 1 && byte != '\n') text.push_back(byte);
    return text;
  }

  /// The wait status once it has ended; nothing when it lives on for `wait`.
  [[nodiscard]] std::optional<int> ends_within(milliseconds wait) {
    int status = 0;
    ended_ = eventually([&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; }, wait);
    return ended_ ? std::optional<int>(status) : std::nullopt;
  }

  [[nodiscard]] std::size_t resident() const {
    std::ifstream statm("/proc/" + std::to_string(pid_) + "/statm");
    std::size_t total = 0;
    std::size_t pages = 0;
    statm >> total >> pages;
    return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  }

 private:
  pid_t pid_ = -1;
  int input_ = -1;
  int output_ = -1;
  bool ended_ = false;
};

MATCHER(DiedOfASignal, "") {
  if (!arg) {
    *result_listener << "it lives";
    return false;
  }
  return WIFSIGNALED(*arg);
}

std::uint16_t port_of(const Victim& listener) {
  return static_cast<std::uint16_t>(std::stoi("0" + listener.line()));
}

TEST(CpprestEvidence, ListenerDiesOfOneRequest) {
  Victim victim({"listen"});
  const std::uint16_t port = port_of(victim);
  ASSERT_NE(port, 0);
  RawSocket healthy = RawSocket::connect(port);
  healthy.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_THAT(healthy.receive_until("alive"), StartsWith("HTTP/1.1 200"));
  RawSocket attacker = RawSocket::connect(port);
  attacker.send(kAttack);
  EXPECT_THAT(victim.ends_within(milliseconds(10'000)), DiedOfASignal());
}

TEST(CpprestEvidence, ListenerAcceptsEndlessHeaders) {
  const Victim victim({"listen"});
  const std::uint16_t port = port_of(victim);
  ASSERT_NE(port, 0);
  RawSocket attacker = RawSocket::connect(port);
  attacker.send("GET / HTTP/1.1\r\nHost: a\r\n");
  const std::size_t before = victim.resident();
  constexpr std::size_t kSent = 100 * kMiB;
  EXPECT_GE(flood(attacker, "X: " + std::string(64 * 1024, 'y') + "\r\n", kSent), kSent);
  EXPECT_TRUE(eventually([&] { return victim.resident() > before + kSent / 2; }))
      << "grew by " << (victim.resident() - before) / kMiB << " MiB";
}

TEST(CpprestEvidence, ClientDiesOfOneAnswer) {
  const RawServer server(answer_once(kHostileAnswer));
  Victim victim({"get", server.url()});
  EXPECT_THAT(victim.ends_within(milliseconds(10'000)), DiedOfASignal());
}

TEST(CpprestEvidence, OurServerSurvivesTheSame) {
  const auto server = serve(test_options(), echo());
  const MemoryGrowth growth;
  RawSocket attacker = RawSocket::connect(server->port());
  attacker.send(kAttack);
  EXPECT_THAT(attacker.receive_all(), StartsWith("HTTP/1.1 400"));
  RawSocket second = RawSocket::connect(server->port());
  second.send("GET / HTTP/1.1\r\nHost: a\r\n");
  EXPECT_LT(flood(second, "X: " + std::string(64 * 1024, 'y') + "\r\n", 100 * kMiB), 16 * kMiB);
  EXPECT_LT(growth.bytes(), 4 * kMiB);
  EXPECT_TRUE(make_client()->send(get(server->url()), {}));
}

TEST(CpprestEvidence, OurClientSurvivesTheSame) {
  const RawServer server(answer_once(kHostileAnswer));
  EXPECT_THAT(make_client()->send(get(server.url()), {}),
              FailsWith(ErrorCode::Internal, "not valid HTTP"));
}

}  // namespace
}  // namespace tokenscaler::contract
