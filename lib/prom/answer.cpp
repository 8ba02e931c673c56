#include "prom/answer.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "prom/api_error.h"
#include "prom/json_scanner.h"
#include "prom/utf8.h"

namespace tokenscaler::prom {

namespace {

/// 1e11 s is the year 5138; a stamp beyond is milliseconds or garbage.
constexpr double kMaxUnixSeconds = 1e11;

/// The fields of an answer as they come, before they are judged.
struct Fields {
  std::optional<std::string> status;
  std::optional<std::string> error_type;
  std::optional<std::string> error;
  std::vector<std::string> warnings;
  std::vector<std::string> infos;
  std::optional<std::string> result_type;
  std::optional<std::size_t> result_offset;
};

Error malformed(std::string message) {
  return make_error(ErrorCode::Internal,
                    "the answer is not what the query API gives: " + std::move(message))
      .advise(
          "check that the address is that of a Prometheus query API and that no proxy changes "
          "its answers");
}

Error scan_error(const JsonScanner& scanner) {
  if (scanner.truncated()) {
    Error error = make_error(ErrorCode::Unavailable,
                             fmt::format("the answer is cut off: {}", scanner.error()));
    return std::move(error).advise("look for a proxy or a limit that ends answers early");
  }
  return malformed("it is not JSON: " + scanner.error());
}

/// Reads the answer's parts with one scanner.
class AnswerReader {
 public:
  explicit AnswerReader(std::string_view body) : body_(body), scanner_(body) {}

  Result<Fields> read_fields() {
    Fields fields;
    std::string key;
    if (scanner_.peek() != JsonScanner::Kind::Object) {
      if (body_.empty()) return malformed("it is empty");
      if (!scanner_.skip()) return scan_error(scanner_);
      return malformed("it is not an object");
    }
    scanner_.enter_object();
    while (scanner_.next_key(key)) {
      if (auto done = read_field(key, fields); !done) return std::move(done).error();
    }
    if (scanner_.failed() || !scanner_.at_end()) return scan_error(scanner_);
    return fields;
  }

  /// The result, which starts at `offset`.
  Result<std::variant<Vector, Matrix, Sample>> read_result(const std::string& type,
                                                           std::size_t offset) {
    scanner_ = JsonScanner(body_, offset);
    using Variant = std::variant<Vector, Matrix, Sample>;
    if (type == "vector") {
      return read_vector().transform([](Vector vector) { return Variant(std::move(vector)); });
    }
    if (type == "matrix") {
      return read_matrix().transform([](Matrix matrix) { return Variant(std::move(matrix)); });
    }
    if (type == "scalar") {
      return read_sample().transform([](Sample sample) { return Variant(sample); });
    }
    return malformed(
        fmt::format("its resultType is {}, not vector, matrix or scalar", printable_text(type)));
  }

 private:
  Status read_field(const std::string& key, Fields& fields) {
    if (key == "status") return read_text(key, fields.status);
    if (key == "errorType") return read_text(key, fields.error_type);
    if (key == "error") return read_text(key, fields.error);
    if (key == "warnings") return read_texts(key, fields.warnings);
    if (key == "infos") return read_texts(key, fields.infos);
    if (key == "data" && scanner_.peek() == JsonScanner::Kind::Object) return read_data(fields);
    if (!scanner_.skip()) return scan_error(scanner_);
    return {};
  }

  Status read_data(Fields& fields) {
    std::string key;
    scanner_.enter_object();
    while (scanner_.next_key(key)) {
      if (key == "resultType") {
        RETURN_IF_ERROR(read_text(key, fields.result_type));
        continue;
      }
      if (key == "result") {
        if (fields.result_offset) return malformed("it has two results");
        fields.result_offset = scanner_.offset();
      }
      if (!scanner_.skip()) return scan_error(scanner_);
    }
    if (scanner_.failed()) return scan_error(scanner_);
    return {};
  }

  Status read_text(const std::string& key, std::optional<std::string>& text) {
    if (text) return malformed(fmt::format("it has {} twice", key));
    if (scanner_.peek() != JsonScanner::Kind::String) {
      if (!scanner_.skip()) return scan_error(scanner_);
      return malformed(fmt::format("its {} is not a string", key));
    }
    if (!scanner_.read_string(text.emplace())) return scan_error(scanner_);
    return {};
  }

  Status read_texts(const std::string& key, std::vector<std::string>& texts) {
    if (scanner_.peek() == JsonScanner::Kind::Literal) {  // null
      if (!scanner_.skip()) return scan_error(scanner_);
      return {};
    }
    if (scanner_.peek() != JsonScanner::Kind::Array) {
      return malformed(fmt::format("its {} is not a list", key));
    }
    std::size_t left_out = 0;
    std::string text;
    scanner_.enter_array();
    while (scanner_.next_element()) {
      if (scanner_.peek() != JsonScanner::Kind::String) {
        return malformed(fmt::format("its {} has something that is not a string", key));
      }
      if (!scanner_.read_string(text)) break;
      if (texts.size() < kMaxWarnings) {
        texts.push_back(printable_text(text));
      } else {
        ++left_out;
      }
    }
    if (scanner_.failed()) return scan_error(scanner_);
    if (left_out > 0) texts.push_back(fmt::format("and {} more", left_out));
    return {};
  }

  Result<Vector> read_vector() {
    Vector vector;
    if (scanner_.peek() != JsonScanner::Kind::Array) return malformed("its vector is not a list");
    scanner_.enter_array();
    while (scanner_.next_element()) {
      if (vector.size() == kMaxSeries) return too_many("series", kMaxSeries);
      VectorElement& element = vector.emplace_back();
      std::optional<Sample> sample;
      RETURN_IF_ERROR(read_element(element.labels, [&](const std::string& key) -> Result<bool> {
        if (key != "value") return false;
        if (sample) return malformed("a series has two values");
        ASSIGN_OR_RETURN(sample, read_sample());
        return true;
      }));
      if (!sample) return malformed("a series has no value");
      element.sample = *sample;
    }
    if (scanner_.failed()) return scan_error(scanner_);
    RETURN_IF_ERROR(check_distinct(vector));
    return vector;
  }

  Result<Matrix> read_matrix() {
    Matrix matrix;
    if (scanner_.peek() != JsonScanner::Kind::Array) return malformed("its matrix is not a list");
    scanner_.enter_array();
    while (scanner_.next_element()) {
      if (matrix.size() == kMaxSeries) return too_many("series", kMaxSeries);
      Series& series = matrix.emplace_back();
      bool found = false;
      const auto read_values = [&](const std::string& key) -> Result<bool> {
        if (key != "values") return false;
        if (found) return malformed("a series has two lists of values");
        found = true;
        RETURN_IF_ERROR(read_samples(series.samples));
        return true;
      };
      RETURN_IF_ERROR(read_element(series.labels, read_values));
      if (!found) return malformed("a series has no values");
    }
    if (scanner_.failed()) return scan_error(scanner_);
    RETURN_IF_ERROR(check_distinct(matrix));
    return matrix;
  }

  /// One element of a vector or a matrix; `read_values` reads the key that it knows.
  template <class F>
  Status read_element(Labels& labels, const F& read_values) {
    std::string key;
    bool has_metric = false;
    if (scanner_.peek() != JsonScanner::Kind::Object) return malformed("a series is not an object");
    scanner_.enter_object();
    while (scanner_.next_key(key)) {
      if (key == "metric") {
        if (has_metric) return malformed("a series has two label sets");
        has_metric = true;
        ASSIGN_OR_RETURN(labels, read_labels());
        continue;
      }
      if (key == "histogram" || key == "histograms") {
        return make_error(ErrorCode::Invalid, "the result has native histograms, not numbers")
            .advise("write a query that makes a number of them, as histogram_sum(rate(...))");
      }
      ASSIGN_OR_RETURN(const bool known, read_values(key));
      if (!known && !scanner_.skip()) break;
    }
    if (scanner_.failed()) return scan_error(scanner_);
    if (!has_metric) return malformed("a series has no labels");
    return {};
  }

  Result<Labels> read_labels() {
    std::vector<std::pair<std::string, std::string>> labels;
    std::string key;
    if (scanner_.peek() != JsonScanner::Kind::Object) return malformed("labels are not an object");
    scanner_.enter_object();
    while (scanner_.next_key(key)) {
      if (labels.size() == kMaxLabelsOfSeries) return too_many("labels", kMaxLabelsOfSeries);
      if (scanner_.peek() != JsonScanner::Kind::String) {
        return malformed(fmt::format("the label {} is not a string", printable_text(key)));
      }
      std::string value;
      if (!scanner_.read_string(value)) break;
      labels.emplace_back(key, std::move(value));
    }
    if (scanner_.failed()) return scan_error(scanner_);
    std::sort(labels.begin(), labels.end());
    for (std::size_t i = 1; i < labels.size(); ++i) {
      if (labels[i].first == labels[i - 1].first) {
        return malformed(
            fmt::format("a series has the label {} twice", printable_text(labels[i].first)));
      }
    }
    return Labels(std::move(labels));
  }

  Status read_samples(std::vector<Sample>& samples) {
    if (scanner_.peek() != JsonScanner::Kind::Array) return malformed("values are not a list");
    scanner_.enter_array();
    while (scanner_.next_element()) {
      if (++sample_count_ > kMaxSamples) return too_many("samples", kMaxSamples);
      ASSIGN_OR_RETURN(const Sample sample, read_sample());
      if (!samples.empty() && sample.at <= samples.back().at) {
        return malformed("the samples of a series are not in the order of time");
      }
      samples.push_back(sample);
    }
    if (scanner_.failed()) return scan_error(scanner_);
    return {};
  }

  /// `[<unix seconds>, "<value>"]`
  Result<Sample> read_sample() {
    std::string_view stamp;
    std::string value;
    const bool shape = scanner_.peek() == JsonScanner::Kind::Array && scanner_.enter_array() &&
                       scanner_.next_element() && scanner_.peek() == JsonScanner::Kind::Number &&
                       scanner_.read_number(stamp) && scanner_.next_element() &&
                       scanner_.peek() == JsonScanner::Kind::String &&
                       scanner_.read_string(value) && !scanner_.next_element();
    if (scanner_.failed()) return scan_error(scanner_);
    if (!shape) return malformed("a sample is not [seconds, \"value\"]");
    double seconds = 0.0;
    const auto [end, code] = std::from_chars(stamp.data(), stamp.data() + stamp.size(), seconds);
    if (code != std::errc() || end != stamp.data() + stamp.size() || !(seconds > 0.0) ||
        seconds > kMaxUnixSeconds) {
      return malformed(fmt::format("a sample has the time stamp {}", stamp.substr(0, 40)));
    }
    ASSIGN_OR_RETURN(const double number, parse_sample_value(value));
    return Sample{.at = WallTime(std::chrono::milliseconds(std::llround(seconds * 1000.0))),
                  .value = number};
  }

  static Error too_many(std::string_view what, std::size_t limit) {
    return make_error(ErrorCode::LimitExceeded,
                      fmt::format("the answer has more than {} {}", limit, what))
        .advise("narrow what is selected by seriesMatchLabels or extra matchers");
  }

  template <class Elements>
  static Status check_distinct(const Elements& elements) {
    std::vector<const Labels*> all;
    all.reserve(elements.size());
    for (const auto& element : elements) all.push_back(&element.labels);
    std::sort(all.begin(), all.end(), [](const Labels* a, const Labels* b) { return *a < *b; });
    const auto twice = std::adjacent_find(
        all.begin(), all.end(), [](const Labels* a, const Labels* b) { return *a == *b; });
    if (twice == all.end()) return {};
    std::string text;
    for (const auto& [name, value] : (*twice)->all()) {
      text += fmt::format("{}{}=\"{}\"", text.empty() ? "" : ",", name, value);
    }
    return malformed("it has the series {" + printable_text(text) + "} twice");
  }

  std::string_view body_;
  JsonScanner scanner_;
  std::size_t sample_count_ = 0;
};

bool is_json_like(std::string_view body) {
  const auto first = body.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && body[first] == '{';
}

}  // namespace

Labels::Labels(std::vector<std::pair<std::string, std::string>> labels)
    : labels_(std::move(labels)) {
  std::sort(labels_.begin(), labels_.end());
}

std::string_view Labels::get(std::string_view name) const {
  const auto found =
      std::lower_bound(labels_.begin(), labels_.end(), name,
                       [](const auto& label, std::string_view key) { return label.first < key; });
  return found != labels_.end() && found->first == name ? std::string_view(found->second)
                                                        : std::string_view();
}

Labels Labels::without(const std::vector<std::string>& names) const {
  Labels kept;
  for (const auto& label : labels_) {
    if (std::find(names.begin(), names.end(), label.first) == names.end()) {
      kept.labels_.push_back(label);
    }
  }
  return kept;
}

Result<double> parse_sample_value(std::string_view text) {
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "+Inf" || text == "Inf") return std::numeric_limits<double>::infinity();
  if (text == "-Inf") return -std::numeric_limits<double>::infinity();
  double value = 0.0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  // from_chars also knows the words inf and nan, which Prometheus never writes.
  const bool digits = text.find_first_of("0123456789") != std::string_view::npos;
  if (!digits || end != text.data() + text.size() ||
      (code != std::errc() && code != std::errc::result_out_of_range)) {
    return malformed(fmt::format("a sample has the value \"{}\"", printable_text(text)));
  }
  // Beyond the range of a double: a subnormal reads as 0, the rest is infinite.
  if (code == std::errc::result_out_of_range) {
    const bool tiny = text.find("e-") != std::string_view::npos;
    return tiny ? 0.0 : std::numeric_limits<double>::infinity();
  }
  return value;
}

Result<Answer> parse_answer(const RawAnswer& raw) {
  const bool success = raw.status >= 200 && raw.status < 300;
  if (!is_json_like(raw.body)) {
    if (success && raw.body.find_first_not_of(" \t\r\n") == std::string_view::npos) {
      return malformed("it is empty");
    }
    return not_json_error(raw);
  }
  if (const auto bad = find_invalid_utf8(raw.body); success && bad != std::string_view::npos) {
    return malformed(fmt::format("it is not UTF-8 at byte {}", bad));
  }
  AnswerReader reader(raw.body);
  Result<Fields> read = reader.read_fields();
  if (!read) {
    if (success) return std::move(read).error();
    return not_json_error(raw);
  }
  const Fields& fields = *read;
  if (!success || fields.status.value_or("success") != "success") {
    return api_error(raw, fields.error_type.value_or(""), fields.error.value_or(""));
  }
  if (!fields.status) return malformed("it has no status");
  if (!fields.result_type || !fields.result_offset) {
    return malformed("it has no data with resultType and result");
  }
  ASSIGN_OR_RETURN(auto result, reader.read_result(*fields.result_type, *fields.result_offset));
  return Answer{.result = std::move(result), .warnings = fields.warnings, .infos = fields.infos};
}

}  // namespace tokenscaler::prom
