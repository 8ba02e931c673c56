// UTF-8: the only encoding that is read or written.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tokenscaler::json {

/// Length in bytes (1..4) of the well-formed sequence at the start of `text`, or 0: overlong forms,
/// surrogates and code points above U+10FFFF are not well-formed (RFC 3629).
[[nodiscard]] std::size_t utf8_sequence_length(std::string_view text);

/// Offset of the first byte that belongs to no well-formed sequence, or npos.
[[nodiscard]] std::size_t find_invalid_utf8(std::string_view text);

/// Appends `code_point`, which is no surrogate and at most U+10FFFF.
void append_utf8(std::string& text, char32_t code_point);

/// For messages: at most `characters_max` characters, `...` for the rest; what is not printable, or
/// no UTF-8, becomes `?`.
[[nodiscard]] std::string printable(std::string_view text, std::size_t characters_max = 64);

/// Place of a byte in a text.
struct LineColumn {
  std::size_t line = 1;    ///< From 1.
  std::size_t column = 1;  ///< From 1, in characters.

  /// `line:column`
  [[nodiscard]] std::string to_string() const;

  auto operator<=>(const LineColumn&) const = default;
};

/// Where the byte at `offset` is. An offset at the end is the place after the last character.
[[nodiscard]] LineColumn locate(std::string_view text, std::size_t offset);

}  // namespace tokenscaler::json
