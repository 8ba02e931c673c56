// The repository's text files, and C++ text without what a rule must not see.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace tokenscaler::tidy {

/// A text file of the repository.
struct File {
  std::string path;  ///< Relative to the repository, with slashes.
  std::string text;
};

/// A broken rule.
struct Finding {
  std::string path;
  std::size_t line = 0;  ///< From 1; 0 speaks of the file itself.
  std::string message;

  bool operator==(const Finding&) const = default;
};

/// `path:line: message`.
[[nodiscard]] std::string to_string(const Finding& finding);

/// Every text file under `root` but version control and build folders, sorted by path.
[[nodiscard]] std::vector<File> read_tree(const std::filesystem::path& root);

/// Whether it is a file of C++.
[[nodiscard]] bool is_cpp(const File& file);

enum class Keep { Code, CodeAndStrings };

/// C++ text with comments (and, for Keep::Code, what is inside string and character literals)
/// replaced by spaces; every line keeps its number.
[[nodiscard]] std::string blank(std::string_view text, Keep keep);

/// The lines of `text`, without their ends.
[[nodiscard]] std::vector<std::string_view> lines(std::string_view text);

}  // namespace tokenscaler::tidy
