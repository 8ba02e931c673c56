#include "scaling/history.h"

#include <algorithm>

namespace tokenscaler::scaling {

namespace {

/// A recommendation joins the newest span as long as the span before it is closer than this. So two
/// spans can begin within one length, and two lengths for each kept span make kMaxSpans cover the
/// longest window at any evaluation interval.
constexpr auto kSpanLength = 2 * std::chrono::milliseconds(kLongestWindow) / (kMaxSpans - 2);

template <class Entry>
void clamp_to_now(std::vector<Entry>& entries, WallTime now) {
  for (Entry& entry : entries) entry.at = std::min(entry.at, now);
}

template <class Entry>
void forget_before(std::vector<Entry>& entries, WallTime oldest, std::size_t most) {
  const auto kept = std::find_if(entries.begin(), entries.end(),
                                 [&](const Entry& entry) { return entry.at >= oldest; });
  entries.erase(entries.begin(), kept);
  if (entries.size() > most) {
    entries.erase(entries.begin(), entries.end() - static_cast<std::ptrdiff_t>(most));
  }
}

}  // namespace

void forget_the_future(History& history, WallTime now) {
  clamp_to_now(history.recommendations, now);
  clamp_to_now(history.rescales, now);
  if (history.last_scale_down_at) {
    history.last_scale_down_at = std::min(*history.last_scale_down_at, now);
  }
  if (history.unavailable_since) {
    history.unavailable_since = std::min(*history.unavailable_since, now);
  }
  if (history.held_since) history.held_since = std::min(*history.held_since, now);
}

void remember_recommendation(History& history, WallTime now, Replicas recommended) {
  auto& spans = history.recommendations;
  clamp_to_now(spans, now);
  forget_before(spans, now - kLongestWindow, kMaxSpans - 1);
  const bool joins_last = spans.size() >= 2 && now - spans[spans.size() - 2].at < kSpanLength;
  if (joins_last) {
    RecommendationSpan& last = spans.back();
    last.at = now;
    last.lowest = std::min(last.lowest, recommended);
    last.highest = std::max(last.highest, recommended);
  } else {
    spans.push_back({.at = now, .lowest = recommended, .highest = recommended});
  }
}

void remember_rescale(History& history, WallTime now, Replicas from, Replicas to) {
  if (from == to) return;
  clamp_to_now(history.rescales, now);
  history.rescales.push_back({.at = now, .change = to - from});
  forget_before(history.rescales, now - kLongestPolicyPeriod, kMaxRescales);
  if (to < from) history.last_scale_down_at = now;
}

}  // namespace tokenscaler::scaling
