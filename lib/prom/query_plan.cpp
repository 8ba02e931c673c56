#include "prom/query_plan.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

namespace tokenscaler::prom {

namespace {

constexpr std::array<std::pair<RowKind, std::string_view>, 5> kKindWords{{
    {RowKind::Value, ""},
    {RowKind::Change, "change:"},
    {RowKind::Newborn, "newborn:"},
    {RowKind::Reset, "reset:"},
    {RowKind::SampledAt, "sampled_at:"},
}};

constexpr std::array kSignals = {
    Signal::PromptTokens,     Signal::CachedPromptTokens, Signal::GenerationTokens,
    Signal::FinishedRequests, Signal::RunningRequests,    Signal::WaitingRequests,
    Signal::KvCacheUsage,     Signal::MeanPromptTokens,   Signal::MeanGenerationTokens,
    Signal::TimeToFirstToken, Signal::TimePerOutputToken, Signal::Asleep,
    Signal::QueuedRequests,
};

std::string join(const std::vector<std::string>& words, std::string_view separator) {
  std::string text;
  for (const std::string& word : words) {
    if (!text.empty()) text += separator;
    text += word;
  }
  return text;
}

std::string range(std::string_view series, std::chrono::seconds length) {
  return fmt::format("{}[{}s]", series, length.count());
}

/// `function(series[60s])`
std::string over(std::string_view function, std::string_view series, std::chrono::seconds length) {
  return fmt::format("{}({})", function, range(series, length));
}

std::string marked(const RowMark& mark, std::string_view expression) {
  return fmt::format(R"(label_replace({}, "{}", "{}", "", ""))", expression, kMarkLabel,
                     to_string(mark));
}

/// Calls f(source, preference) for each source of the preset with its place among its signal's.
template <class F>
void for_each_source(const Preset& preset, const F& f) {
  std::map<Signal, std::size_t> seen;
  for (const Source& source : preset.sources) f(source, seen[source.signal]++);
}

bool is_gauge(SourceKind kind) {
  return kind == SourceKind::GaugeSum || kind == SourceKind::GaugeMean ||
         kind == SourceKind::GaugeMax || kind == SourceKind::GaugeShare;
}

std::string_view aggregation_of(SourceKind kind) {
  switch (kind) {
    case SourceKind::GaugeMean:
    case SourceKind::GaugeShare:
      return "avg";
    case SourceKind::GaugeMax:
      return "max";
    default:
      return "sum";
  }
}

}  // namespace

std::string to_string(const RowMark& mark) {
  std::string_view word;
  for (const auto& [kind, kind_word] : kKindWords) {
    if (kind == mark.kind) word = kind_word;
  }
  return fmt::format("{}{}/{}", word, to_string(mark.signal), mark.preference);
}

std::optional<RowMark> parse_row_mark(std::string_view text) {
  RowMark mark;
  for (const auto& [kind, word] : kKindWords) {
    if (!word.empty() && text.starts_with(word)) {
      mark.kind = kind;
      text.remove_prefix(word.size());
    }
  }
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto signal = std::find_if(kSignals.begin(), kSignals.end(), [&](Signal candidate) {
    return to_string(candidate) == text.substr(0, slash);
  });
  const std::string_view number = text.substr(slash + 1);
  const auto [end, code] =
      std::from_chars(number.data(), number.data() + number.size(), mark.preference);
  if (signal == kSignals.end() || code != std::errc() || end != number.data() + number.size()) {
    return std::nullopt;
  }
  mark.signal = *signal;
  return mark;
}

std::vector<LabelMatcher> QueryPlanner::matchers(const QueryScope& scope) const {
  std::set<std::string> namespaces = scope.namespaces;
  if (scope.preset != nullptr && scope.preset->gateway) {
    namespaces.insert(server_.gateway_namespaces.begin(), server_.gateway_namespaces.end());
  }
  std::vector<LabelMatcher> all = {one_of(server_.namespace_label, namespaces)};
  for (const auto& [name, values] : scope.match_values) {
    // "" also stands for an absent label, which `!=""` of a long list would drop.
    if (!values.empty() && !values.contains("")) all.push_back(one_of(name, values));
  }
  all.insert(all.end(), server_.extra_matchers.begin(), server_.extra_matchers.end());
  return all;
}

std::string QueryPlanner::series(const QueryScope& scope, std::string_view name,
                                 std::string_view constant_matchers) const {
  std::string text = selector(name, matchers(scope));
  if (!constant_matchers.empty()) {
    text.insert(name.size() + 1, std::string(constant_matchers) + ",");
  }
  return text;
}

std::string QueryPlanner::one_replica(const QueryScope& scope, std::string expression) const {
  std::vector<std::string> labels = server_.replica_labels;
  labels.insert(labels.end(), scope.preset->same_number_labels.begin(),
                scope.preset->same_number_labels.end());
  // A label by which a target selects tells its series apart.
  std::erase_if(labels, [&](const std::string& label) {
    return std::find(scope.match_names.begin(), scope.match_names.end(), label) !=
           scope.match_names.end();
  });
  if (labels.empty()) return expression;
  return fmt::format("max without ({}) ({})", join(labels, ", "), expression);
}

std::string QueryPlanner::grouped(const QueryScope& scope, std::string_view aggregation,
                                  std::string expression) const {
  std::vector<std::string> by = {server_.namespace_label, server_.pod_label};
  by.insert(by.end(), scope.match_names.begin(), scope.match_names.end());
  return fmt::format("{} by ({}) ({})", aggregation, join(by, ", "), expression);
}

std::string QueryPlanner::ratio_of_rates(const QueryScope& scope, const Source& source) const {
  const auto summed_rate = [&](std::string_view name) {
    const std::string rate = over("rate", series(scope, name, source.matchers), scope.window);
    return grouped(scope, "sum", one_replica(scope, rate));
  };
  return summed_rate(source.series) + " / " + summed_rate(source.divisor);
}

std::string QueryPlanner::heartbeat_query(const QueryScope& scope,
                                          std::chrono::seconds lookback) const {
  const auto& names = scope.preset->heartbeats;
  if (names.empty()) return "";
  if (names.size() == 1) return range(series(scope, names[0], ""), lookback);
  std::set<std::string> alternatives(names.begin(), names.end());
  std::vector<LabelMatcher> all = {one_of("__name__", alternatives)};
  const auto others = matchers(scope);
  all.insert(all.end(), others.begin(), others.end());
  return range(selector("", all), lookback);
}

std::string QueryPlanner::up_query(const std::set<std::string>& namespaces) const {
  std::vector<LabelMatcher> all = {one_of(server_.namespace_label, namespaces)};
  all.insert(all.end(), server_.extra_matchers.begin(), server_.extra_matchers.end());
  std::string up = selector("up", all);
  if (!server_.replica_labels.empty()) {
    up = fmt::format("max without ({}) ({})", join(server_.replica_labels, ", "), up);
  }
  return fmt::format("min by ({}, {}, job, container, endpoint, instance) ({})",
                     server_.namespace_label, server_.pod_label, up);
}

std::string QueryPlanner::detection_query(const std::set<std::string>& namespaces) const {
  std::set<std::string> names;
  std::set<std::string> all_namespaces = namespaces;
  all_namespaces.insert(server_.gateway_namespaces.begin(), server_.gateway_namespaces.end());
  for (const Preset& preset : presets()) {
    for (const Fingerprint& print : preset.fingerprints) names.emplace(print.series);
  }
  std::vector<LabelMatcher> all = {one_of("__name__", names),
                                   one_of(server_.namespace_label, all_namespaces)};
  all.insert(all.end(), server_.extra_matchers.begin(), server_.extra_matchers.end());
  // An instant selector finds nothing right after a lost scrape; a range does.
  return fmt::format("count by (__name__, {}, {}) ({})", server_.namespace_label, server_.pod_label,
                     over("last_over_time", selector("", all), kDetectionRange));
}

std::string QueryPlanner::gauges_query(const QueryScope& scope) const {
  std::vector<std::string> terms;
  for_each_source(*scope.preset, [&](const Source& source, std::size_t preference) {
    const std::string selected = series(scope, source.series, source.matchers);
    const auto add = [&](RowKind kind, std::string_view expression) {
      terms.push_back(marked({kind, source.signal, preference}, expression));
    };
    if (is_gauge(source.kind)) {
      // Series that have ended, as those of a container before it was upgraded, count only while
      // their scrape has no others: it may have been lost, of one data-parallel rank too.
      const std::string last = over("last_over_time", selected, scope.freshness);
      const std::string lasting =
          fmt::format("({0} and {1}) or ({0} unless on ({2}, {3}, instance) {1})", last, selected,
                      server_.namespace_label, server_.pod_label);
      add(RowKind::Value, grouped(scope, aggregation_of(source.kind), one_replica(scope, lasting)));
    }
    // The series of a gateway may have a label for each user: their age is read grouped, not raw.
    if (scope.preset->gateway && source.signal != Signal::CachedPromptTokens) {
      add(RowKind::SampledAt, grouped(scope, "max", fmt::format("timestamp({})", selected)));
    }
  });
  return join(terms, "\nor ");
}

std::string QueryPlanner::rates_query(const QueryScope& scope) const {
  std::vector<std::string> terms;
  for_each_source(*scope.preset, [&](const Source& source, std::size_t preference) {
    if (source.kind != SourceKind::CounterRate) return;
    const std::string rate =
        over("rate", series(scope, source.series, source.matchers), scope.window);
    terms.push_back(marked({RowKind::Value, source.signal, preference},
                           grouped(scope, "sum", one_replica(scope, rate))));
  });
  return join(terms, "\nor ");
}

std::string QueryPlanner::changes_query(const QueryScope& scope) const {
  std::vector<std::string> terms;
  for_each_source(*scope.preset, [&](const Source& source, std::size_t preference) {
    const std::string selected = series(scope, source.series, source.matchers);
    const auto add = [&](RowKind kind, std::string_view expression) {
      terms.push_back(marked({kind, source.signal, preference}, expression));
    };
    if (source.signal == Signal::RunningRequests || source.signal == Signal::WaitingRequests) {
      add(RowKind::Change,
          grouped(scope, "sum", one_replica(scope, over("delta", selected, scope.window))));
    }
    if (source.kind != SourceKind::CounterRate) return;
    const std::string existing =
        grouped(scope, "count", over("last_over_time", selected, scope.window));
    const std::string with_rate = grouped(scope, "count", over("rate", selected, scope.window));
    add(RowKind::Newborn, existing + " unless " + with_rate);
    if (source.signal == Signal::GenerationTokens) {
      add(RowKind::Reset,
          grouped(scope, "sum", one_replica(scope, over("resets", selected, scope.window))) +
              " > 0");
    }
  });
  return join(terms, "\nor ");
}

std::string QueryPlanner::means_query(const QueryScope& scope) const {
  std::vector<std::string> terms;
  for_each_source(*scope.preset, [&](const Source& source, std::size_t preference) {
    if (source.kind != SourceKind::MeanOfRates && source.kind != SourceKind::ShareOfRates) return;
    terms.push_back(
        marked({RowKind::Value, source.signal, preference}, ratio_of_rates(scope, source)));
  });
  return join(terms, "\nor ");
}

}  // namespace tokenscaler::prom
