#include "tidy/text_rules.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <regex>

namespace tokenscaler::tidy {
namespace {

/// One finding for each line of code (comments and strings apart) in which `pattern` occurs.
std::vector<Finding> search_code(const File& file, const std::regex& pattern,
                                 const std::string& message) {
  std::vector<Finding> findings;
  const std::string code = blank(file.text, Keep::Code);
  std::size_t number = 0;
  for (const std::string_view line : lines(code)) {
    ++number;
    if (std::regex_search(line.data(), line.data() + line.size(), pattern)) {
      findings.push_back({file.path, number, message});
    }
  }
  return findings;
}

bool continues_path(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == '/' ||
         c == '-' || c == '}' || c == '*';
}

/// Whether `path` occurs in `line` as the start of an absolute path.
bool names_path(std::string_view line, std::string_view path) {
  for (std::size_t at = line.find(path); at != std::string_view::npos;
       at = line.find(path, at + 1)) {
    if (at == 0 || !continues_path(line[at - 1])) return true;
  }
  return false;
}

// In pieces, so that this file keeps its own rule.
constexpr std::array<std::string_view, 4> kMachinePaths{
    "/wo"
    "rk/",
    "/ro"
    "ot/",
    "/ho"
    "me/",
    "/tm"
    "p/build-"};
constexpr std::array<std::string_view, 8> kRegistryHosts{
    "deb.deb"
    "ian.org",
    "security.deb"
    "ian.org",
    "py"
    "pi.org",
    "pythonho"
    "sted.org",
    "crates"
    ".io",
    "proxy.go"
    "lang.org",
    "registry.npm"
    "js.org",
    "repo.maven.apa"
    "che.org"};

}  // namespace

std::vector<Finding> check_clocks(const File& file) {
  if (file.path.starts_with("lib/base/")) return {};
  static const std::regex kNow(
      R"re(\b(system_clock|steady_clock|high_resolution_clock|utc_clock|file_clock)\s*::\s*now\b)re"
      R"re(|\b(gettimeofday|clock_gettime|timespec_get)\s*\()re"
      R"re(|(^|[^\w.>])(std\s*::\s*|::\s*)?time\s*\(\s*(nullptr|NULL|0|&))re");
  return search_code(file, kNow, "reads a clock; take the time as an argument or from a Clock");
}

std::vector<Finding> check_threads(const File& file) {
  // A line that names a thread: other things may be detached.
  static const std::regex kDetach(R"re(thread.*(\.|->)\s*detach\s*\(|\bpthread_detach\s*\()re",
                                  std::regex::icase);
  return search_code(file, kDetach, "detaches a thread; keep a std::jthread");
}

std::vector<Finding> check_sleeps(const File& file) {
  if (!file.path.starts_with("tests/unit/") && !file.path.starts_with("tests/sim/")) return {};
  static const std::regex kSleep(R"re(\b(sleep_for|sleep_until|usleep|nanosleep|sleep)\s*\()re");
  return search_code(file, kSleep, "sleeps; advance a ManualClock");
}

std::vector<Finding> check_size(const File& file) {
  const std::size_t count = lines(file.text).size();
  if (count <= kFileLinesMax) return {};
  return {{file.path, 0,
           std::to_string(count) + " lines, more than " + std::to_string(kFileLinesMax) +
               "; split it by subject"}};
}

std::vector<Finding> check_name(const File& file) {
  static const std::set<std::string, std::less<>> kEmptyWords{
      "util", "utils", "utility", "utilities", "common", "manager", "helper", "helpers", "misc"};
  std::string word;
  for (const char c : file.path + "/") {
    if (std::isalpha(static_cast<unsigned char>(c)) != 0) {
      word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      continue;
    }
    if (kEmptyWords.contains(word)) {
      return {{file.path, 0, "\"" + word + "\" names no subject; say what the file is about"}};
    }
    word.clear();
  }
  return {};
}

std::vector<Finding> check_published(const File& file) {
  std::vector<Finding> findings;
  std::size_t number = 0;
  for (const std::string_view line : lines(file.text)) {
    ++number;
    for (const std::string_view path : kMachinePaths) {
      if (names_path(line, path)) {
        findings.push_back(
            {file.path, number, "names a path of one machine: " + std::string(path)});
      }
    }
    for (const std::string_view host : kRegistryHosts) {
      if (line.find(host) != std::string_view::npos) {
        findings.push_back({file.path, number, "names a package registry: " + std::string(host)});
      }
    }
  }
  return findings;
}

std::vector<Finding> check_folders_documented(const std::vector<File>& files,
                                              std::string_view architecture) {
  std::set<std::string> folders;
  for (const File& file : files) {
    if (!file.path.starts_with("lib/")) continue;
    const std::size_t end = file.path.find('/', 4);
    if (end != std::string::npos) folders.insert(file.path.substr(0, end));
  }
  std::vector<Finding> findings;
  for (const std::string& folder : folders) {
    if (architecture.find("`" + folder + "`") == std::string_view::npos) {
      findings.push_back({folder, 0, "docs/architecture.md has no line for it"});
    }
  }
  return findings;
}

}  // namespace tokenscaler::tidy
