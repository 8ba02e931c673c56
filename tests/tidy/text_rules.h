// Rules on single files: time, threads, sizes, names, and what must never be published.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tidy/source_tree.h"

namespace tokenscaler::tidy {

/// More lines than this make a file of several subjects.
inline constexpr std::size_t kFileLinesMax = 800;

/// Reads of a clock outside lib/base: time is an argument (`Clock` in lib/base/clock.h).
[[nodiscard]] std::vector<Finding> check_clocks(const File& file);
/// Detached threads: nobody could wait for them or see them fail.
[[nodiscard]] std::vector<Finding> check_threads(const File& file);
/// Sleeps in unit and simulation tests: they own time (`ManualClock`).
[[nodiscard]] std::vector<Finding> check_sleeps(const File& file);
/// Files of more than kFileLinesMax lines.
[[nodiscard]] std::vector<Finding> check_size(const File& file);
/// Files and folders without a subject in their name: utils, common, manager, helper.
[[nodiscard]] std::vector<Finding> check_name(const File& file);
/// Addresses of package registries, and paths of the machine on which somebody worked.
[[nodiscard]] std::vector<Finding> check_published(const File& file);
/// Folders of lib/ that `architecture`, the text of docs/architecture.md, does not name.
[[nodiscard]] std::vector<Finding> check_folders_documented(const std::vector<File>& files,
                                                            std::string_view architecture);

}  // namespace tokenscaler::tidy
