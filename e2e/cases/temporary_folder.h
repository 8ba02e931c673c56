// A folder that ends with its owner.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tokenscaler::e2e {

/// An empty folder under the system's place for temporary files, removed with all that is in it.
class TemporaryFolder {
 public:
  /// Errors: Unavailable when it cannot be made.
  [[nodiscard]] static Result<TemporaryFolder> make();
  ~TemporaryFolder();
  TemporaryFolder(TemporaryFolder&& other) noexcept;
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  explicit TemporaryFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

/// Puts `text` into the file as one step: a reader sees the old text or the new one.
[[nodiscard]] Status replace_file(const std::filesystem::path& file, std::string_view text);

/// The whole file; empty if it does not exist.
[[nodiscard]] std::string read_file(const std::filesystem::path& file);

}  // namespace tokenscaler::e2e
