// "Did you mean": the known word that is nearest to an unknown one.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace tokenscaler::json {

/// The candidate that differs from `word` by upper and lower case only, else the one with the
/// fewest typing errors (a character added, left out, replaced or swapped with its neighbour), if
/// those are at most a third of its characters, else the only one that begins with `word`.
[[nodiscard]] std::optional<std::string_view> closest(std::string_view word,
                                                      std::span<const std::string_view> candidates);

}  // namespace tokenscaler::json
