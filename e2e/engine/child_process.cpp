#include "engine/child_process.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

namespace tokenscaler::engine {

namespace {

// Between fork and exec only async-signal-safe calls are allowed: other threads may hold locks.
[[noreturn]] void become(const char* program, char* const* argv, int log, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);  // it died before prctl
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  execv(program, argv);
  _exit(127);
}

}  // namespace

Result<int> start_process(const std::string& program, const std::vector<std::string>& args,
                          const std::string& log_file) {
  std::vector<std::string> words = {program};
  words.insert(words.end(), args.begin(), args.end());
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const int log = open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (log < 0) return make_error(ErrorCode::Internal, "cannot write the log").at(log_file);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) become(program.c_str(), argv.data(), log, parent);
  close(log);
  if (pid < 0) {
    return make_error(ErrorCode::Unavailable,
                      fmt::format("cannot start a process: {}",
                                  std::strerror(errno)));  // NOLINT(concurrency-mt-unsafe)
  }
  return pid;
}

void signal_process(int pid, int signal) {
  ::kill(pid, signal);
}

bool reap_process(int pid) {
  int status = 0;
  const pid_t ended = waitpid(pid, &status, WNOHANG);
  return ended == pid || (ended < 0 && errno == ECHILD);
}

}  // namespace tokenscaler::engine
