// Files that other processes read while we write them.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace tokenscaler::engine {

/// Writes `port` and a line end to `path` at once (a reader never sees half of it).
[[nodiscard]] Status write_port_file(const std::string& path, std::uint16_t port);

/// Replaces the content of `path` at once, by way of a temporary file beside it.
[[nodiscard]] Status replace_file(const std::string& path, const std::string& content);

}  // namespace tokenscaler::engine
