// PromQL label matchers and selectors: the one place where text of users becomes PromQL.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tokenscaler::prom {

/// A label value set with more members is matched by `!=""` and the rest is dropped here: a regular
/// expression of a thousand names costs the server more than the rows it saves.
inline constexpr std::size_t kMaxMatcherAlternatives = 200;

/// One condition of a selector: `label op "value"`.
struct LabelMatcher {
  enum class Op { Equal, NotEqual, Matches, NotMatches };
  std::string label;
  Op op = Op::Equal;
  std::string value;

  bool operator==(const LabelMatcher&) const = default;
};

/// `[a-zA-Z_][a-zA-Z0-9_]*`, and not one of Prometheus' own (`__...`).
[[nodiscard]] bool is_label_name(std::string_view text);

/// `[a-zA-Z_:][a-zA-Z0-9_:]*`
[[nodiscard]] bool is_metric_name(std::string_view text);

/// `text` as a PromQL string literal with its quotes. Any bytes may be in it; what cannot stand in
/// PromQL (bytes that are not UTF-8) becomes U+FFFD, as the label values of Prometheus are UTF-8.
[[nodiscard]] std::string quote(std::string_view text);

/// `text` as a regular expression (RE2) that matches exactly `text`.
[[nodiscard]] std::string escape_regex(std::string_view text);

/// `label op "value"`. Requires is_label_name(matcher.label) or the label `__name__`.
[[nodiscard]] std::string to_promql(const LabelMatcher& matcher);

/// A matcher for the values in `values` (not empty): equality for one, alternatives for up to
/// kMaxMatcherAlternatives, `!=""` beyond.
[[nodiscard]] LabelMatcher one_of(std::string label, const std::set<std::string>& values);

/// `series{a="b",c=~"d"}`; with an empty `series` only the braces.
[[nodiscard]] std::string selector(std::string_view series,
                                   const std::vector<LabelMatcher>& matchers);

}  // namespace tokenscaler::prom
