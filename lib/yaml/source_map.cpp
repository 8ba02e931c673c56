#include "yaml/source_map.h"

#include "json/field_path.h"

namespace tokenscaler::yaml {

json::LineColumn SourceMap::find(std::string_view path) const {
  const SourceNode* node = &root_;
  std::string place;
  while (true) {
    const SourceNode* next = nullptr;
    for (std::size_t i = 0; i < node->children.size(); ++i) {
      const SourceNode& child = node->children[i];
      std::string child_place =
          node->is_list ? json::child_path(place, i) : json::child_path(place, child.key);
      if (!path.starts_with(child_place)) continue;
      const std::string_view rest = path.substr(child_place.size());
      if (!rest.empty() && rest.front() != '.' && rest.front() != '[') continue;
      if (rest.empty()) return child.where;
      next = &child;
      place = std::move(child_place);
      break;
    }
    if (next == nullptr) return node->where;
    node = next;
  }
}

}  // namespace tokenscaler::yaml
