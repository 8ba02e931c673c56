// TokenScaler manifests from files, with every mistake at its file, line and field.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/token_scaler.h"

namespace tokenscaler::cli {

/// More is no manifest but a mistaken path; the API server's own limit on one object is 1.5 MiB.
inline constexpr std::size_t kMaxManifestBytes = std::size_t{1024} * 1024;

/// One TokenScaler of a file.
struct Manifest {
  model::TokenScaler object;
  std::size_t line = 1;       ///< Where its document starts.
  std::vector<Error> errors;  ///< `where` is `file:line:column: field`. Empty: the object is valid.
};

/// All that one file holds.
struct ManifestFile {
  std::vector<Manifest> manifests;
  /// Documents of other kinds, which are passed over: `Deployment llama-8b`.
  std::vector<std::string> others;
};

/// Reads a manifest text, YAML or JSON. An error means that the text could not be read at all.
[[nodiscard]] Result<ManifestFile> read_manifests(std::string_view text,
                                                  const std::string& file_name);

/// Reads a whole file, or `input` for `-`, up to kMaxManifestBytes.
[[nodiscard]] Result<std::string> read_text(const std::string& file_name, std::istream& input);

/// The TokenScaler `name` of a file, or the only one if `name` is empty. It is valid; what is wrong
/// with it is told on `errors`, one line each, and summed up in the error.
[[nodiscard]] Result<model::TokenScaler> load_token_scaler(const std::string& file_name,
                                                           const std::string& name,
                                                           std::istream& input,
                                                           std::ostream& errors);

}  // namespace tokenscaler::cli
