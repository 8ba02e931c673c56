#include "cases/temporary_folder.h"

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

namespace tokenscaler::e2e {

Result<TemporaryFolder> TemporaryFolder::make() {
  std::error_code error;
  const std::filesystem::path parent = std::filesystem::temp_directory_path(error);
  std::string pattern = (parent / "tokenscaler-e2e-XXXXXX").string();
  if (error || ::mkdtemp(pattern.data()) == nullptr) {
    return make_error(ErrorCode::Unavailable, "no temporary folder can be made").at(pattern);
  }
  return TemporaryFolder(pattern);
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

TemporaryFolder::TemporaryFolder(TemporaryFolder&& other) noexcept
    : path_(std::exchange(other.path_, {})) {}

Status replace_file(const std::filesystem::path& file, std::string_view text) {
  const std::filesystem::path fresh = file.string() + ".new";
  {
    std::ofstream stream(fresh, std::ios::binary | std::ios::trunc);
    stream << text;
    if (!stream.flush()) {
      return make_error(ErrorCode::Unavailable, "cannot be written").at(fresh.string());
    }
  }
  std::error_code error;
  std::filesystem::rename(fresh, file, error);
  if (error) return make_error(ErrorCode::Unavailable, error.message()).at(file.string());
  return {};
}

std::string read_file(const std::filesystem::path& file) {
  const std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  if (stream) text << stream.rdbuf();
  return std::move(text).str();
}

}  // namespace tokenscaler::e2e
