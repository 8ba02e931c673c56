#include "json/suggestion.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

namespace tokenscaler::json {

namespace {

// The work is the product of the lengths; field names are shorter.
constexpr std::size_t kWordLengthMax = 64;
// Shorter beginnings fit by chance.
constexpr std::size_t kPrefixLengthMin = 3;

std::string lower(std::string_view word) {
  std::string result(word);
  std::transform(result.begin(), result.end(), result.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return result;
}

/// Optimal string alignment distance.
std::size_t typing_errors(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    before_last.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

}  // namespace

std::optional<std::string_view> closest(std::string_view word,
                                        std::span<const std::string_view> candidates) {
  if (word.empty() || word.size() > kWordLengthMax) return std::nullopt;
  const std::string wanted = lower(word);
  std::optional<std::string_view> best;
  std::size_t fewest = std::numeric_limits<std::size_t>::max();
  for (const std::string_view candidate : candidates) {
    if (candidate.size() > kWordLengthMax) continue;
    const std::size_t errors = typing_errors(wanted, lower(candidate));
    if (errors < fewest && errors * 3 <= candidate.size()) {
      best = candidate;
      fewest = errors;
    }
  }
  if (best || wanted.size() < kPrefixLengthMin) return best;
  const auto begins = [&](std::string_view candidate) {
    return lower(candidate).starts_with(wanted);
  };
  const auto first = std::find_if(candidates.begin(), candidates.end(), begins);
  if (first == candidates.end() || std::any_of(first + 1, candidates.end(), begins)) {
    return std::nullopt;
  }
  return *first;
}

}  // namespace tokenscaler::json
