// Value to JSON text.
#pragma once

#include <string>

#include "base/result.h"
#include "json/value.h"

namespace tokenscaler::json {

enum class Layout {
  Compact,   ///< One line without spaces.
  Indented,  ///< Two spaces for each level, without a line break at the end.
};

/// The text of `value`: the same bytes for equal values, in every locale. Members are sorted by
/// key. A number that is no integer has the fewest digits that read back as the same double, and
/// keeps its point (`5.0`). NaN, infinities and strings that are not UTF-8 have no JSON form: an
/// error whose `where` is the path of the value.
[[nodiscard]] Result<std::string> write(const Value& value, Layout layout = Layout::Compact);

}  // namespace tokenscaler::json
