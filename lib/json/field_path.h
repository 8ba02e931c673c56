// Names of places in a document, as Kubernetes writes them:
// `spec.behavior.scaleUp.policies[1].type`.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tokenscaler::json {

/// The path of the member `key` of the object at `path`. A key that is not a plain word is quoted:
/// `metadata.annotations["example.com/team"]`.
[[nodiscard]] std::string child_path(std::string_view path, std::string_view key);

/// The path of an item of the list at `path`.
[[nodiscard]] std::string child_path(std::string_view path, std::size_t index);

}  // namespace tokenscaler::json
