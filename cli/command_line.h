// What the user typed, as values.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "prom/server.h"

namespace tokenscaler::cli {

enum class OutputFormat { Text, Json };

/// `tokenscaler validate FILE...`
struct ValidateCommand {
  std::vector<std::string> files;
  OutputFormat output = OutputFormat::Text;
};

/// `tokenscaler recommend -f FILE --prometheus URL`
struct RecommendCommand {
  std::string file;
  /// Which TokenScaler of a file that has several; empty if it has one.
  std::string name;
  prom::Server server;
  bool watch = false;
  std::chrono::milliseconds interval{15'000};
  /// Stop watching after so many evaluations; 0 means never.
  std::size_t cycles = 0;
  OutputFormat output = OutputFormat::Text;
  /// The target's spec.replicas where nothing in Prometheus tells it.
  std::optional<Replicas> replicas;
};

/// `--help` and `--version`: a text to print.
struct PrintText {
  std::string text;
};

using Command = std::variant<PrintText, ValidateCommand, RecommendCommand>;

/// Parses what stands behind the program's name. Errors are Invalid, with advice.
[[nodiscard]] Result<Command> parse_command_line(std::span<const std::string> arguments);

}  // namespace tokenscaler::cli
