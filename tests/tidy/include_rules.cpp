#include "tidy/include_rules.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <optional>
#include <regex>
#include <string_view>

namespace tokenscaler::tidy {
namespace {

using Folders = std::set<std::string>;

/// What each folder may include besides itself. docs/architecture.md gives the reasons.
const std::map<std::string, Folders>& folder_includes() {
  static const Folders kLibrary{"lib/base", "lib/model",    "lib/scaling", "lib/simulation",
                                "lib/json", "lib/yaml",     "lib/http",    "lib/kube",
                                "lib/prom", "lib/telemetry"};
  static const std::map<std::string, Folders> kIncludes{
      {"lib/base", {}},
      {"lib/model", {"lib/base"}},
      {"lib/scaling", {"lib/base", "lib/model"}},
      {"lib/simulation", {"lib/base", "lib/model", "lib/scaling"}},
      {"lib/json", {"lib/base", "lib/model", "lib/scaling"}},
      {"lib/yaml", {"lib/base", "lib/model", "lib/json"}},
      {"lib/http", {"lib/base"}},
      {"lib/kube", {"lib/base", "lib/model", "lib/scaling", "lib/json", "lib/http"}},
      {"lib/prom", {"lib/base", "lib/model", "lib/scaling", "lib/json", "lib/http"}},
      {"lib/telemetry", {"lib/base", "lib/http"}},
      {"operator", kLibrary},
      {"metrics-adapter", kLibrary},
      {"cli", kLibrary},
      // The engine stand-in is the outside world: it knows nothing of the product's decisions.
      {"e2e/engine", {"lib/base", "lib/json", "lib/http"}},
  };
  return kIncludes;
}

/// A package's headers and the files that may include them.
struct Package {
  std::string_view headers;  ///< What the path between the brackets begins with.
  std::string_view owners;   ///< A regular expression of paths.
};

/// The first entry that fits counts.
constexpr std::array kPackages{
    Package{"cpprest/", R"(lib/json/\w+\.cpp|tests/contract/cpprest_\w+\.cpp)"},
    Package{"pplx/", R"(tests/contract/cpprest_\w+\.cpp)"},
    Package{"boost/program_options", R"((cli|operator|metrics-adapter|e2e/engine)/\w+\.cpp)"},
    // Headers of lib/http that need them are private: check_private_headers.
    Package{"boost/", R"(lib/http/\w+\.(cpp|h)|tests/unit/http/\w+\.cpp)"},
    Package{"curl/", R"((lib/http|e2e/engine)/\w+\.(cpp|h))"},
    Package{"yaml-cpp/", R"(lib/yaml/\w+\.cpp)"},
    Package{"openssl/", R"((lib/http|tests/contract)/\w+\.(cpp|h))"},
    Package{"prometheus/", R"(lib/telemetry/\w+\.cpp)"},
    Package{"spdlog/", R"(lib/telemetry/\w+\.cpp)"},
    Package{"zlib.h", R"(e2e/engine/\w+\.cpp)"},
    Package{"fmt/", R"(.*)"},
    Package{"gtest/", R"((tests|e2e/cases)/.*|e2e/engine/\w+_test\.cpp)"},
    Package{"gmock/", R"((tests|e2e/cases)/.*|e2e/engine/\w+_test\.cpp)"},
};

/// Headers of the C library and of POSIX. They are system calls, so they stay out of headers.
bool is_system_header(std::string_view name) {
  static constexpr std::array<std::string_view, 5> kFolders{"sys/", "netinet/", "arpa/", "net/",
                                                            "linux/"};
  if (std::any_of(kFolders.begin(), kFolders.end(),
                  [&](std::string_view folder) { return name.starts_with(folder); })) {
    return true;
  }
  return name.find('/') == std::string_view::npos && name.ends_with(".h");
}

bool is_standard_header(std::string_view name) {
  return name.find_first_of("/.") == std::string_view::npos;
}

/// `lib/http` of `lib/http/server.h`, `cli` of `cli/main.cpp`.
std::string folder_of(const std::string& path) {
  const std::size_t first = path.find('/');
  if (first == std::string::npos) return "";
  std::string top = path.substr(0, first);
  if (top != "lib" && top != "e2e") return top;
  return path.substr(0, path.find('/', first + 1));
}

/// The file of the repository that `#include "name"` in `from` means; a header that CMake makes is
/// known by its template.
std::optional<std::string> resolve(const std::string& name, const std::string& from,
                                   const std::set<std::string>& known_paths) {
  const std::string beside = std::filesystem::path(from).parent_path().generic_string();
  // tests/unit/cli/a_test.cpp also sees what stands in cli/.
  const std::string tested =
      from.starts_with("tests/unit/") ? beside.substr(std::string("tests/unit/").size()) : beside;
  for (const std::string& base : {std::string("lib"), std::string(), std::string("tests"),
                                  std::string("e2e"), beside, tested}) {
    const auto path = (std::filesystem::path(base) / name).lexically_normal().generic_string();
    if (known_paths.contains(path) || known_paths.contains(path + ".in")) return path;
  }
  return std::nullopt;
}

/// One #include line.
struct Include {
  std::size_t line = 0;
  bool quoted = false;
  std::string name;
};

std::vector<Include> includes_of(const File& file) {
  static const std::regex kInclude(R"re(^\s*#\s*include\s*([<"])([^>"]+)[>"].*)re");
  std::vector<Include> includes;
  const std::string code = blank(file.text, Keep::CodeAndStrings);
  std::size_t number = 0;
  for (const std::string_view line : lines(code)) {
    ++number;
    std::cmatch match;
    if (!std::regex_match(line.data(), line.data() + line.size(), match, kInclude)) continue;
    includes.push_back({number, match[1] == "\"", match[2]});
  }
  return includes;
}

std::optional<std::string> check_own(const File& file, const std::string& name,
                                     const std::set<std::string>& known_paths) {
  const auto target = resolve(name, file.path, known_paths);
  if (!target) {
    return "\"" + name + "\" is no file of the repository (packages are included with <>)";
  }
  const std::string from = folder_of(file.path);
  const std::string to = folder_of(*target);
  if (from == to || from == "tests" || from == "e2e/cases" || from == "benchmarks") {
    return std::nullopt;
  }
  const auto allowed = folder_includes().find(from);
  if (allowed == folder_includes().end()) {
    return "folder " + from + " is not in the table of tests/tidy/include_rules.cpp";
  }
  if (allowed->second.contains(to)) return std::nullopt;
  return from + " must not include " + to + " (" + name + ")";
}

std::optional<std::string> check_package(const File& file, const std::string& name) {
  if (is_standard_header(name)) return std::nullopt;
  for (const Package& package : kPackages) {
    if (!name.starts_with(package.headers)) continue;
    if (std::regex_match(file.path, std::regex(package.owners.data(), package.owners.size()))) {
      return std::nullopt;
    }
    return "<" + name + "> belongs to " + std::string(package.owners) + " alone";
  }
  if (is_system_header(name)) {
    // <sys/types.h> only names types, as pid_t.
    if (file.path.ends_with(".cpp") || name == "sys/types.h") return std::nullopt;
    return "<" + name + "> is a system header: include it in a .cpp";
  }
  return "<" + name + "> is of no package in the table of tests/tidy/include_rules.cpp";
}

/// Whether it names a package that a folder owns. fmt and GoogleTest are everybody's.
bool is_owned_package(const Include& include) {
  if (include.quoted) return false;
  return std::any_of(kPackages.begin(), kPackages.end(), [&](const Package& package) {
    return include.name.starts_with(package.headers) &&
           (package.owners.starts_with("lib/") || package.owners.starts_with("(lib/"));
  });
}

}  // namespace

std::vector<Finding> check_includes(const File& file, const std::set<std::string>& known_paths) {
  std::vector<Finding> findings;
  for (const Include& include : includes_of(file)) {
    const auto message = include.quoted ? check_own(file, include.name, known_paths)
                                        : check_package(file, include.name);
    if (message) findings.push_back({file.path, include.line, *message});
  }
  return findings;
}

std::vector<Finding> check_private_headers(const std::vector<File>& files) {
  std::set<std::string> paths;
  for (const File& file : files) paths.insert(file.path);

  // To a fixed point: a header is private if it includes an owned package or a private header.
  std::set<std::string> private_headers;
  for (bool grows = true; grows;) {
    const std::size_t known = private_headers.size();
    for (const File& file : files) {
      if (!file.path.ends_with(".h") || file.path.starts_with("tests/")) continue;
      for (const Include& include : includes_of(file)) {
        const auto target = include.quoted ? resolve(include.name, file.path, paths) : std::nullopt;
        if (is_owned_package(include) || (target && private_headers.contains(*target))) {
          private_headers.insert(file.path);
        }
      }
    }
    grows = private_headers.size() > known;
  }

  std::vector<Finding> findings;
  for (const File& file : files) {
    if (!is_cpp(file) || file.path.starts_with("tests/")) continue;
    for (const Include& include : includes_of(file)) {
      const auto target = include.quoted ? resolve(include.name, file.path, paths) : std::nullopt;
      if (target && private_headers.contains(*target) &&
          folder_of(*target) != folder_of(file.path)) {
        findings.push_back({file.path, include.line,
                            *target + " needs a package of its folder, so it is private to it"});
      }
    }
  }
  return findings;
}

}  // namespace tokenscaler::tidy
