#include "tidy/source_tree.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>
#include <utility>

namespace tokenscaler::tidy {
namespace {

bool is_ignored_folder(const std::string& name) {
  return name == ".git" || name == ".cache" || name == "build" || name.starts_with("cmake-build-");
}

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

/// Copies `count` characters, as spaces if `hide`; ends of lines are always kept.
void copy(std::string_view& rest, std::size_t count, bool hide, std::string& out) {
  count = std::min(count, rest.size());
  for (const char c : rest.substr(0, count)) out += hide && c != '\n' ? ' ' : c;
  rest.remove_prefix(count);
}

/// The length of the quoted literal at the start of `text`, quotes included.
std::size_t quoted_length(std::string_view text) {
  const char quote = text.front();
  std::size_t at = 1;
  while (at < text.size() && text[at] != quote && text[at] != '\n')
    at += text[at] == '\\' ? 2U : 1U;
  return std::min(at + 1, text.size());
}

/// The length of `R"mark(...)mark"` at the start of `text`.
std::size_t raw_string_length(std::string_view text) {
  const std::size_t open = text.find('(');
  if (open == std::string_view::npos) return text.size();
  const std::string end = ")" + std::string(text.substr(2, open - 2)) + "\"";
  const std::size_t close = text.find(end, open);
  return close == std::string_view::npos ? text.size() : close + end.size();
}

}  // namespace

std::string to_string(const Finding& finding) {
  const std::string line = finding.line == 0 ? "" : ":" + std::to_string(finding.line);
  return finding.path + line + ": " + finding.message;
}

std::vector<File> read_tree(const std::filesystem::path& root) {
  std::vector<File> files;
  auto entry = std::filesystem::recursive_directory_iterator(root);
  for (; entry != std::filesystem::recursive_directory_iterator(); ++entry) {
    if (entry->is_directory()) {
      if (is_ignored_folder(entry->path().filename().string())) entry.disable_recursion_pending();
      continue;
    }
    if (!entry->is_regular_file()) continue;
    std::ifstream stream(entry->path(), std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(stream), {}};
    if (text.find('\0') != std::string::npos) continue;
    files.push_back({entry->path().lexically_relative(root).generic_string(), std::move(text)});
  }
  std::sort(files.begin(), files.end(),
            [](const File& a, const File& b) { return a.path < b.path; });
  return files;
}

bool is_cpp(const File& file) {
  return file.path.ends_with(".cpp") || file.path.ends_with(".h");
}

std::string blank(std::string_view text, Keep keep) {
  const bool hide_strings = keep == Keep::Code;
  std::string out;
  out.reserve(text.size());
  std::string_view rest = text;
  while (!rest.empty()) {
    const bool in_word = !out.empty() && is_word(out.back());
    if (rest.starts_with("//")) {
      copy(rest, rest.find('\n'), true, out);
    } else if (rest.starts_with("/*")) {
      const std::size_t end = rest.find("*/", 2);
      copy(rest, end == std::string_view::npos ? rest.size() : end + 2, true, out);
    } else if (rest.starts_with("R\"") && !in_word) {
      copy(rest, raw_string_length(rest), hide_strings, out);
    } else if (rest.front() == '"' || (rest.front() == '\'' && !in_word)) {  // not 1'000
      copy(rest, quoted_length(rest), hide_strings, out);
    } else {
      copy(rest, 1, false, out);
    }
  }
  return out;
}

std::vector<std::string_view> lines(std::string_view text) {
  std::vector<std::string_view> result;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    result.push_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return result;
}

}  // namespace tokenscaler::tidy
