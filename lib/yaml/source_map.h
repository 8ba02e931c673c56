// Where each field of a document stands in its text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "json/utf8.h"

namespace tokenscaler::yaml {

/// A value's place and those of its members or items: the shape of the document, without its
/// values.
struct SourceNode {
  std::string key;  ///< Of a member; empty for the items of a list.
  json::LineColumn where;
  bool is_list = false;
  std::vector<SourceNode> children;
};

/// Answers with the line and column of a field path as json::child_path makes it.
class SourceMap {
 public:
  SourceMap() = default;
  explicit SourceMap(SourceNode root) : root_(std::move(root)) {}

  /// Where the field's name stands (a list item: its content). For a field that is not there, where
  /// the nearest field around it stands.
  [[nodiscard]] json::LineColumn find(std::string_view path) const;

 private:
  SourceNode root_;
};

}  // namespace tokenscaler::yaml
