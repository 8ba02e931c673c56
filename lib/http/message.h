// HTTP messages as plain values.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tokenscaler::http {

struct Header {
  std::string name;
  std::string value;
  bool operator==(const Header&) const = default;
};

/// True when `text` is an RFC 9110 token: what a method or a header name is made of.
[[nodiscard]] bool is_token(std::string_view text);
/// True when `text` may stand in a header's value: no CR, LF, NUL or other control character but
/// TAB. Such bytes would end the header and start another one (header injection).
[[nodiscard]] bool is_header_value(std::string_view text);
/// True when the two are equal but for the case of ASCII letters.
[[nodiscard]] bool equal_ignoring_case(std::string_view a, std::string_view b);

/// Headers in the order in which they were sent. Names compare without case.
class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<Header> headers) : headers_(headers) {}

  void add(std::string name, std::string value);
  /// The first value of `name`.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
  /// All values of `name`.
  [[nodiscard]] std::vector<std::string_view> find_all(std::string_view name) const;
  /// Removes every header called `name`.
  void remove(std::string_view name);

  [[nodiscard]] auto begin() const { return headers_.begin(); }
  [[nodiscard]] auto end() const { return headers_.end(); }
  [[nodiscard]] std::size_t size() const { return headers_.size(); }

  bool operator==(const Headers&) const = default;

 private:
  std::vector<Header> headers_;
};

}  // namespace tokenscaler::http
