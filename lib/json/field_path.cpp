#include "json/field_path.h"

#include <algorithm>

#include <fmt/format.h>

#include "json/utf8.h"

namespace tokenscaler::json {

namespace {

bool is_word(std::string_view key) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  const auto is_inner = [&](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '-'; };
  return !key.empty() && is_letter(key.front()) && std::all_of(key.begin(), key.end(), is_inner);
}

}  // namespace

std::string child_path(std::string_view path, std::string_view key) {
  if (!is_word(key)) {
    // 253 + 1 + 63 is the longest key of a label or annotation.
    return fmt::format("{}[\"{}\"]", path, printable(key, 317));
  }
  return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
}

std::string child_path(std::string_view path, std::size_t index) {
  return fmt::format("{}[{}]", path, index);
}

}  // namespace tokenscaler::json
