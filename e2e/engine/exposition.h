// Metric families in the Prometheus text format, written the way the imitated program writes them:
// the Python client (vLLM, SGLang), Rust's metrics-exporter-prometheus (TGI) and
// kube-state-metrics.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace tokenscaler::engine {

/// Label names and values in the order in which they are written.
using Labels = std::vector<std::pair<std::string, std::string>>;

enum class MetricType { Counter, Gauge, Histogram };

/// How the page is written.
enum class ExpositionStyle {
  Python,                ///< `1.0`, labels sorted, `_created` series.
  PythonWithoutCreated,  ///< The same without `_created` (disabled, or multiprocess mode).
  Rust,                  ///< `1`, no series before its first use, a blank line after each family.
  KubeStateMetrics,      ///< `1`, HELP and TYPE even for families without series.
};

/// One labelled series of a family.
class Series {
 public:
  /// Adds to a counter or gauge. A counter's amount is not negative.
  void add(double amount) { value_ += amount; }
  /// Sets a gauge.
  void set(double value) { value_ = value; }
  /// Observes `value` `times` times in a histogram.
  void observe(double value, std::uint64_t times = 1);

  [[nodiscard]] double value() const { return value_; }
  [[nodiscard]] std::uint64_t count() const;

 private:
  friend class MetricFamily;
  Labels labels_;
  const std::vector<double>* bounds_ = nullptr;
  double value_ = 0;                    // of a histogram: the sum
  std::vector<std::uint64_t> buckets_;  // not cumulative; the last one is +Inf
  double created_ = 0;
};

/// All series of one name.
class MetricFamily {
 public:
  MetricFamily(std::string name, std::string help, MetricType type, std::vector<double> bounds,
               double created);

  /// The series with these labels; born at zero when first asked for.
  Series& with(const Labels& labels);
  /// Forgets all series.
  void clear() { series_.clear(); }

  [[nodiscard]] const std::string& name() const { return name_; }
  void write(std::string& out, ExpositionStyle style) const;

 private:
  void write_samples(std::string& out, ExpositionStyle style) const;
  void write_created(std::string& out) const;

  std::string name_;
  std::string help_;
  MetricType type_;
  std::vector<double> bounds_;
  double created_;
  std::deque<Series> series_;  // stable addresses
};

/// A `/metrics` page.
class MetricPage {
 public:
  /// `created`: the start of the process, for `_created` series.
  MetricPage(ExpositionStyle style, WallTime created);

  /// Counters are named as they are written, with `_total` where the program has it.
  MetricFamily& counter(std::string name, std::string help);
  MetricFamily& gauge(std::string name, std::string help);
  MetricFamily& histogram(std::string name, std::string help, std::vector<double> bounds);

  [[nodiscard]] std::string text() const;

 private:
  MetricFamily& add(std::string name, std::string help, MetricType type,
                    std::vector<double> bounds);
  ExpositionStyle style_;
  double created_;
  std::deque<MetricFamily> families_;
};

/// The content type of the page.
inline constexpr std::string_view kExpositionContentType =
    "text/plain; version=0.0.4; charset=utf-8";

/// A number as Python's client writes it (`1.0`, `1.5e+09`).
[[nodiscard]] std::string python_number(double value);
/// A number in the shortest plain form (`1`, `0.00015`), as Rust and Go users of the format write
/// it.
[[nodiscard]] std::string plain_number(double value);

}  // namespace tokenscaler::engine
