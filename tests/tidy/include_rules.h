// Who may include whom, and which folder owns which third-party package.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "tidy/source_tree.h"

namespace tokenscaler::tidy {

/// Includes that go against the direction of docs/architecture.md, name no file of the repository,
/// or name a package outside the folder that owns it. `known_paths`: all files of the repository.
[[nodiscard]] std::vector<Finding> check_includes(const File& file,
                                                  const std::set<std::string>& known_paths);

/// A header that includes an owned package, itself or through another header, is private to its
/// folder: an include of it from another folder (tests apart) is a finding.
[[nodiscard]] std::vector<Finding> check_private_headers(const std::vector<File>& files);

}  // namespace tokenscaler::tidy
