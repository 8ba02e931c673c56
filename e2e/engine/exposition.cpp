#include "engine/exposition.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace tokenscaler::engine {

namespace {

std::string shortest(double value, std::chars_format format) {
  std::array<char, 512> buffer{};  // the longest fixed double has 309 digits before the point
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format);
  return {buffer.data(), end.ptr};
}

std::string special(double value) {
  if (std::isnan(value)) return "NaN";
  return value > 0 ? "+Inf" : "-Inf";
}

std::string escaped(std::string_view text, bool quotes) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && quotes) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
  return out;
}

std::string number(double value, ExpositionStyle style) {
  const bool python =
      style == ExpositionStyle::Python || style == ExpositionStyle::PythonWithoutCreated;
  return python ? python_number(value) : plain_number(value);
}

void write_sample(std::string& out, std::string_view name, const Labels& labels, double value,
                  ExpositionStyle style) {
  out += name;
  if (!labels.empty()) {
    char separator = '{';
    for (const auto& [key, text] : labels) {
      out += separator;
      out += key;
      out += "=\"";
      out += escaped(text, true);
      out += '"';
      separator = ',';
    }
    out += '}';
  }
  out += ' ';
  out += number(value, style);
  out += '\n';
}

void write_head(std::string& out, std::string_view name, std::string_view help,
                std::string_view type) {
  if (!help.empty()) {
    out += "# HELP ";
    out += name;
    out += ' ';
    out += escaped(help, false);
    out += '\n';
  }
  out += "# TYPE ";
  out += name;
  out += ' ';
  out += type;
  out += '\n';
}

std::string_view type_name(MetricType type) {
  switch (type) {
    case MetricType::Counter:
      return "counter";
    case MetricType::Gauge:
      return "gauge";
    case MetricType::Histogram:
      return "histogram";
  }
  return "untyped";
}

Labels with_bound(const Labels& labels, std::string bound, ExpositionStyle style) {
  Labels out = labels;
  out.emplace_back("le", std::move(bound));
  if (style != ExpositionStyle::Rust) std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

std::string python_number(double value) {
  if (!std::isfinite(value)) return special(value);
  const double size = std::fabs(value);
  // repr() changes to exponents at 1e16 and below 1e-4.
  if (size >= 1e16 || (size != 0 && size < 1e-4)) {
    return shortest(value, std::chars_format::scientific);
  }
  std::string text = shortest(value, std::chars_format::fixed);
  if (text.find('.') == std::string::npos) text += ".0";
  // floatToGoString: Go changes to exponents sooner than Python does.
  const std::size_t dot = text.find('.');
  if (value <= 0 || dot <= 6) return text;
  std::string mantissa = text.substr(0, 1) + "." + text.substr(1, dot - 1) + text.substr(dot + 1);
  mantissa.erase(mantissa.find_last_not_of("0.") + 1);
  std::string exponent = std::to_string(dot - 1);
  if (exponent.size() < 2) exponent.insert(0, 1, '0');
  return mantissa + "e+" + exponent;
}

std::string plain_number(double value) {
  if (!std::isfinite(value)) return special(value);
  return shortest(value, std::chars_format::fixed);
}

void Series::observe(double value, std::uint64_t times) {
  const auto bound = std::lower_bound(bounds_->begin(), bounds_->end(), value);
  buckets_[static_cast<std::size_t>(bound - bounds_->begin())] += times;
  value_ += value * static_cast<double>(times);
}

std::uint64_t Series::count() const {
  std::uint64_t total = 0;
  for (const std::uint64_t bucket : buckets_) total += bucket;
  return total;
}

MetricFamily::MetricFamily(std::string name, std::string help, MetricType type,
                           std::vector<double> bounds, double created)
    : name_(std::move(name)),
      help_(std::move(help)),
      type_(type),
      bounds_(std::move(bounds)),
      created_(created) {}

Series& MetricFamily::with(const Labels& labels) {
  for (Series& series : series_) {
    if (series.labels_ == labels) return series;
  }
  Series& series = series_.emplace_back();
  series.labels_ = labels;
  series.bounds_ = &bounds_;
  series.created_ = created_;
  if (type_ == MetricType::Histogram) series.buckets_.assign(bounds_.size() + 1, 0);
  return series;
}

void MetricFamily::write(std::string& out, ExpositionStyle style) const {
  if (series_.empty() && style == ExpositionStyle::Rust) return;
  write_head(out, name_, help_, type_name(type_));
  write_samples(out, style);
  if (style == ExpositionStyle::Python && type_ != MetricType::Gauge && !series_.empty()) {
    write_created(out);
  }
  if (style == ExpositionStyle::Rust) out += '\n';
}

void MetricFamily::write_samples(std::string& out, ExpositionStyle style) const {
  for (const Series& series : series_) {
    if (type_ != MetricType::Histogram) {
      write_sample(out, name_, series.labels_, series.value_, style);
      continue;
    }
    std::uint64_t cumulative = 0;
    for (std::size_t i = 0; i < series.buckets_.size(); ++i) {
      cumulative += series.buckets_[i];
      std::string bound = i < bounds_.size() ? number(bounds_[i], style) : "+Inf";
      write_sample(out, name_ + "_bucket", with_bound(series.labels_, std::move(bound), style),
                   static_cast<double>(cumulative), style);
    }
    const auto count = static_cast<double>(cumulative);
    if (style == ExpositionStyle::Rust) {
      write_sample(out, name_ + "_sum", series.labels_, series.value_, style);
      write_sample(out, name_ + "_count", series.labels_, count, style);
    } else {
      write_sample(out, name_ + "_count", series.labels_, count, style);
      write_sample(out, name_ + "_sum", series.labels_, series.value_, style);
    }
  }
}

// The Python client writes `<name>_created` as a gauge family of its own in the classic format.
void MetricFamily::write_created(std::string& out) const {
  constexpr std::string_view kTotal = "_total";
  std::string name = name_;
  if (type_ == MetricType::Counter && name.ends_with(kTotal)) {
    name.resize(name.size() - kTotal.size());
  }
  name += "_created";
  write_head(out, name, help_, "gauge");
  for (const Series& series : series_) {
    write_sample(out, name, series.labels_, series.created_, ExpositionStyle::Python);
  }
}

MetricPage::MetricPage(ExpositionStyle style, WallTime created)
    : style_(style), created_(std::chrono::duration<double>(created.time_since_epoch()).count()) {}

MetricFamily& MetricPage::add(std::string name, std::string help, MetricType type,
                              std::vector<double> bounds) {
  return families_.emplace_back(std::move(name), std::move(help), type, std::move(bounds),
                                created_);
}

MetricFamily& MetricPage::counter(std::string name, std::string help) {
  return add(std::move(name), std::move(help), MetricType::Counter, {});
}

MetricFamily& MetricPage::gauge(std::string name, std::string help) {
  return add(std::move(name), std::move(help), MetricType::Gauge, {});
}

MetricFamily& MetricPage::histogram(std::string name, std::string help,
                                    std::vector<double> bounds) {
  return add(std::move(name), std::move(help), MetricType::Histogram, std::move(bounds));
}

std::string MetricPage::text() const {
  std::string out;
  for (const MetricFamily& family : families_) family.write(out, style_);
  return out;
}

}  // namespace tokenscaler::engine
