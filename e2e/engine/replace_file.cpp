#include "engine/replace_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <unistd.h>

#include <fmt/format.h>

namespace tokenscaler::engine {

Status write_port_file(const std::string& path, std::uint16_t port) {
  return replace_file(path, std::to_string(port) + "\n");
}

Status replace_file(const std::string& path, const std::string& content) {
  const std::string temporary = fmt::format("{}.{}.tmp", path, ::getpid());
  {
    std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
    out << content;
    out.flush();
    if (!out) return make_error(ErrorCode::Internal, "cannot write the file").at(temporary);
  }
  if (std::rename(temporary.c_str(), path.c_str()) != 0) {
    return make_error(ErrorCode::Internal,
                      fmt::format("cannot replace the file: {}",
                                  std::strerror(errno)))  // NOLINT(concurrency-mt-unsafe)
        .at(path);
  }
  return {};
}

}  // namespace tokenscaler::engine
