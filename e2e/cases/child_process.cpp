#include "cases/child_process.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <ostream>
#include <sstream>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace tokenscaler::e2e {

namespace {

constexpr std::chrono::milliseconds kPollInterval{10};
constexpr int kCannotExecute = 127;

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

int open_or_null(const std::filesystem::path& file, int flags) {
  constexpr mode_t kMode = 0600;
  return ::open(file.empty() ? "/dev/null" : file.c_str(), flags | O_CLOEXEC, kMode);
}

/// A descriptor that is closed with its owner.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int number() const { return number_; }

 private:
  int number_;
};

/// Between fork and exec: only calls that are safe there. Never returns.
[[noreturn]] void become(char* const* arguments, char* const* environment, int input, int output,
                         int errors, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(kCannotExecute);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  ::dup2(input, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(errors, STDERR_FILENO);
  ::execve(arguments[0], arguments, environment);
  ::_exit(kCannotExecute);
}

ExitState exit_state(int raw) {
  if (WIFEXITED(raw)) return {.status = WEXITSTATUS(raw), .signal = 0};
  return {.status = std::nullopt, .signal = WTERMSIG(raw)};
}

}  // namespace

std::ostream& operator<<(std::ostream& stream, const ExitState& state) {
  if (state.status) return stream << "exit status " << *state.status;
  return stream << "signal " << state.signal;
}

Result<std::string> find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) {
    if (::access(name.c_str(), X_OK) == 0) return name;
    return make_error(ErrorCode::NotFound, "there is no such program").at(name);
  }
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "/usr/bin:/bin" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    std::string candidate = folder;
    candidate.append("/").append(name);
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return make_error(ErrorCode::NotFound, "the program is not in PATH")
      .at(name)
      .advise("install it (Debian: apt-get install " + name + ")");
}

Result<ChildProcess> ChildProcess::start(const ChildOptions& options) {
  std::vector<std::string> arguments = options.arguments;
  ASSIGN_OR_RETURN(arguments.front(), find_program(arguments.front()));
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) environment.emplace_back(*entry);
  environment.insert(environment.end(), options.environment.begin(), options.environment.end());

  const Descriptor input(open_or_null(options.input, O_RDONLY));
  const Descriptor output(open_or_null(options.output, O_WRONLY | O_CREAT | O_TRUNC));
  const Descriptor errors(open_or_null(options.errors, O_WRONLY | O_CREAT | O_TRUNC));
  if (input.number() < 0 || output.number() < 0 || errors.number() < 0) {
    return make_error(ErrorCode::Unavailable, std::strerror(errno)).at(arguments.front());
  }
  const std::vector<char*> argument_pointers = pointers(arguments);
  const std::vector<char*> environment_pointers = pointers(environment);
  const int standard_output = options.output_descriptor.value_or(output.number());
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return make_error(ErrorCode::Unavailable, std::strerror(errno)).at("fork");
  if (pid == 0) {
    become(argument_pointers.data(), environment_pointers.data(), input.number(), standard_output,
           errors.number(), parent);
  }
  return ChildProcess(pid);
}

ChildProcess::~ChildProcess() {
  if (pid_ < 0 || poll()) return;
  send_signal(SIGKILL);
  int raw = 0;
  while (::waitpid(pid_, &raw, 0) < 0 && errno == EINTR) {
  }
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), ended_(std::exchange(other.ended_, std::nullopt)) {}

void ChildProcess::send_signal(int number) const {
  if (pid_ > 0 && !ended_) ::kill(pid_, number);
}

std::optional<ExitState> ChildProcess::poll() {
  if (ended_) return ended_;
  int raw = 0;
  if (::waitpid(pid_, &raw, WNOHANG) == pid_) ended_ = exit_state(raw);
  return ended_;
}

std::optional<ExitState> ChildProcess::wait(Clock& clock, std::chrono::milliseconds limit) {
  const Deadline deadline(clock, limit);
  while (!poll() && !deadline.passed(clock)) {
    clock.wait_until({}, clock.steady() + kPollInterval);
  }
  return ended_;
}

}  // namespace tokenscaler::e2e
