// Not self-contained on purpose: the test of the header check needs one.
#pragma once

inline std::string greeting() {
  return "hello";
}
