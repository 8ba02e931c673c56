// The rows of grouped answers, found by namespace, pod and labels.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "prom/answer.h"
#include "prom/heartbeat.h"
#include "prom/query_plan.h"

namespace tokenscaler::prom {

/// The rows of one pod that a target may use.
class SignalRows {
 public:
  void add(const RowMark& mark, double value) { rows_.emplace_back(mark, value); }
  [[nodiscard]] std::optional<double> find(RowKind kind, Signal signal,
                                           std::size_t preference) const;
  /// The row of the preferred source that there is: its preference and value.
  [[nodiscard]] std::optional<std::pair<std::size_t, double>> preferred(RowKind kind,
                                                                        Signal signal) const;
  [[nodiscard]] bool empty() const { return rows_.empty(); }

 private:
  std::vector<std::pair<RowMark, double>> rows_;
};

/// All rows of one scope.
class SignalTable {
 public:
  SignalTable(const Server& server, std::vector<std::string> match_names)
      : server_(server), match_names_(std::move(match_names)) {}

  /// Adds the rows of an answer. Rows without a mark of ours, or without a namespace, are counted
  /// in dropped().
  void add(const Vector& vector);

  /// Rows by pod name (`""` for rows without a pod) of `name_space` with the labels `match`.
  [[nodiscard]] const std::map<std::string, SignalRows>& pods(const std::string& name_space,
                                                              const LabelValues& match) const;
  [[nodiscard]] std::size_t dropped() const { return dropped_; }

 private:
  const Server& server_;
  std::vector<std::string> match_names_;
  std::map<SeriesGroup, std::map<std::string, SignalRows>> groups_;
  std::size_t dropped_ = 0;
};

}  // namespace tokenscaler::prom
