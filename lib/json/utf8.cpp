#include "json/utf8.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace tokenscaler::json {

namespace {

std::uint8_t byte_at(std::string_view text, std::size_t index) {
  return static_cast<std::uint8_t>(text[index]);
}

bool is_continuation(std::string_view text, std::size_t index) {
  return index < text.size() && (byte_at(text, index) & 0xC0U) == 0x80U;
}

}  // namespace

std::size_t utf8_sequence_length(std::string_view text) {
  if (text.empty()) return 0;
  const std::uint8_t first = byte_at(text, 0);
  if (first < 0x80) return 1;
  if (!is_continuation(text, 1)) return 0;
  const std::uint8_t second = byte_at(text, 1);
  if (first >= 0xC2 && first <= 0xDF) return 2;
  if (!is_continuation(text, 2)) return 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const bool overlong = first == 0xE0 && second < 0xA0;
    const bool surrogate = first == 0xED && second > 0x9F;
    return overlong || surrogate ? 0 : 3;
  }
  if (!is_continuation(text, 3)) return 0;
  if (first >= 0xF0 && first <= 0xF4) {
    const bool overlong = first == 0xF0 && second < 0x90;
    const bool above = first == 0xF4 && second > 0x8F;
    return overlong || above ? 0 : 4;
  }
  return 0;
}

std::size_t find_invalid_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length =
        byte_at(text, i) < 0x80 ? 1 : utf8_sequence_length(text.substr(i, 4));
    if (length == 0) return i;
    i += length;
  }
  return std::string_view::npos;
}

void append_utf8(std::string& text, char32_t code_point) {
  const auto append = [&](char32_t bits) { text += static_cast<char>(bits); };
  if (code_point < 0x80) {
    append(code_point);
  } else if (code_point < 0x800) {
    append(0xC0U | (code_point >> 6U));
    append(0x80U | (code_point & 0x3FU));
  } else if (code_point < 0x10000) {
    append(0xE0U | (code_point >> 12U));
    append(0x80U | ((code_point >> 6U) & 0x3FU));
    append(0x80U | (code_point & 0x3FU));
  } else {
    append(0xF0U | (code_point >> 18U));
    append(0x80U | ((code_point >> 12U) & 0x3FU));
    append(0x80U | ((code_point >> 6U) & 0x3FU));
    append(0x80U | (code_point & 0x3FU));
  }
}

std::string printable(std::string_view text, std::size_t characters_max) {
  std::string result;
  std::size_t characters = 0;
  for (std::size_t i = 0; i < text.size(); ++characters) {
    if (characters == characters_max) return result + "...";
    const std::size_t length = utf8_sequence_length(text.substr(i, 4));
    // C0 and C1 control characters could rewrite a terminal.
    const bool control = (length == 1 && (byte_at(text, i) < 0x20 || byte_at(text, i) == 0x7F)) ||
                         (length == 2 && byte_at(text, i) == 0xC2 && byte_at(text, i + 1) < 0xA0);
    if (length == 0 || control) {
      result += '?';
    } else {
      result += text.substr(i, length);
    }
    i += std::max<std::size_t>(length, 1);
  }
  return result;
}

std::string LineColumn::to_string() const {
  return fmt::format("{}:{}", line, column);
}

LineColumn locate(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const std::size_t last_break = before.rfind('\n');
  const std::string_view row =
      last_break == std::string_view::npos ? before : before.substr(last_break + 1);
  const auto is_start = [](char c) { return (static_cast<std::uint8_t>(c) & 0xC0U) != 0x80U; };
  return {.line = 1 + static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n')),
          .column = 1 + static_cast<std::size_t>(std::count_if(row.begin(), row.end(), is_start))};
}

}  // namespace tokenscaler::json
