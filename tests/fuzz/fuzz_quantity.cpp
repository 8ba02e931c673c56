// Quantity and Decimal: whatever parses prints a form that parses back to the same value.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/decimal.h"
#include "base/quantity.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);

  if (const auto quantity = tokenscaler::Quantity::parse(text)) {
    const auto canonical = quantity->to_string();
    const auto again = tokenscaler::Quantity::parse(canonical);
    require(again.has_value());
    require(again->value() == quantity->value());
    require(again->to_string() == canonical);
  }
  if (const auto decimal = tokenscaler::Decimal::parse(text)) {
    const auto again = tokenscaler::Decimal::parse(decimal->to_string());
    require(again.has_value());
    require(*again == *decimal);
  }
  return 0;
}
