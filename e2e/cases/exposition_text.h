// The Prometheus text format, as far as the scripted exporters need it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace tokenscaler::e2e {

using Labels = std::vector<std::pair<std::string, std::string>>;

/// Writes one page, family by family.
class ExpositionText {
 public:
  /// With `stamp`, every sample carries it as its explicit time.
  explicit ExpositionText(std::optional<WallTime> stamp = std::nullopt) : stamp_(stamp) {}

  /// Begins a family: `counter`, `gauge` or `histogram`.
  void family(std::string_view name, std::string_view type);
  /// A sample of the family begun last; `suffix` as `_sum`. `value` may be NaN or infinite.
  void sample(std::string_view suffix, const Labels& labels, double value);

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::optional<WallTime> stamp_;
  std::string family_;
  std::string text_;
};

}  // namespace tokenscaler::e2e
