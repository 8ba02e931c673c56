// What the query API answers, as values.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace tokenscaler::prom {

/// Series of one answer. More means that a query selects what it should not.
inline constexpr std::size_t kMaxSeries = 1'000'000;
/// Raw samples of one answer, all series together.
inline constexpr std::size_t kMaxSamples = 10'000'000;
/// Prometheus' own limit on label names is far below; more is garbage.
inline constexpr std::size_t kMaxLabelsOfSeries = 128;
/// Warnings that are kept; the rest is counted in a last sentence.
inline constexpr std::size_t kMaxWarnings = 20;
/// Characters kept of a text that a server wrote for people.
inline constexpr std::size_t kMaxServerText = 300;

/// The labels of one series, sorted by name, each name once.
class Labels {
 public:
  Labels() = default;
  explicit Labels(std::vector<std::pair<std::string, std::string>> labels);
  /// The value, or "" as in PromQL when the label is absent.
  [[nodiscard]] std::string_view get(std::string_view name) const;
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& all() const {
    return labels_;
  }
  [[nodiscard]] Labels without(const std::vector<std::string>& names) const;

  auto operator<=>(const Labels&) const = default;

 private:
  std::vector<std::pair<std::string, std::string>> labels_;
};

/// One sample. `value` may be NaN or infinite: that is data.
struct Sample {
  WallTime at;
  double value = 0.0;
};

struct VectorElement {
  Labels labels;
  Sample sample;
};
using Vector = std::vector<VectorElement>;

struct Series {
  Labels labels;
  std::vector<Sample> samples;  ///< By rising time.
};
using Matrix = std::vector<Series>;

/// A whole, successful answer.
struct Answer {
  std::variant<Vector, Matrix, Sample> result;  ///< Sample is a scalar.
  /// `warnings` and `infos` of the server: an answer with warnings may be partial.
  std::vector<std::string> warnings;
  std::vector<std::string> infos;
};

/// An HTTP response of `/api/v1/query` in the parts that decide what it means.
struct RawAnswer {
  int status = 0;
  std::string_view content_type;
  std::string_view retry_after;
  std::string_view body;
};

/// Reads a response. Everything that is not a whole, well-formed success is an error that says what
/// came, what it means and what to do; the texts never contain credentials.
[[nodiscard]] Result<Answer> parse_answer(const RawAnswer& raw);

/// A float as Prometheus writes it in JSON: `"1.5e3"`, `"NaN"`, `"+Inf"`, `"-Inf"`. The whole text
/// has to be the number. An error for anything else.
[[nodiscard]] Result<double> parse_sample_value(std::string_view text);

}  // namespace tokenscaler::prom
