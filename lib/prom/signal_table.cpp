#include "prom/signal_table.h"

namespace tokenscaler::prom {

std::optional<double> SignalRows::find(RowKind kind, Signal signal, std::size_t preference) const {
  for (const auto& [mark, value] : rows_) {
    if (mark == RowMark{kind, signal, preference}) return value;
  }
  return std::nullopt;
}

std::optional<std::pair<std::size_t, double>> SignalRows::preferred(RowKind kind,
                                                                    Signal signal) const {
  std::optional<std::pair<std::size_t, double>> best;
  for (const auto& [mark, value] : rows_) {
    if (mark.kind != kind || mark.signal != signal) continue;
    if (!best || mark.preference < best->first) best.emplace(mark.preference, value);
  }
  return best;
}

void SignalTable::add(const Vector& vector) {
  for (const VectorElement& element : vector) {
    const auto mark = parse_row_mark(element.labels.get(kMarkLabel));
    if (!mark || element.labels.get(server_.namespace_label).empty()) {
      ++dropped_;
      continue;
    }
    auto& pods = groups_[group_of(element.labels, server_.namespace_label, match_names_)];
    pods[std::string(element.labels.get(server_.pod_label))].add(*mark, element.sample.value);
  }
}

const std::map<std::string, SignalRows>& SignalTable::pods(const std::string& name_space,
                                                           const LabelValues& match) const {
  static const std::map<std::string, SignalRows> kNone;
  const auto found = groups_.find(group_of(name_space, match, match_names_));
  return found == groups_.end() ? kNone : found->second;
}

}  // namespace tokenscaler::prom
