// What this process holds, from /proc: the contract's bounds are measured, not assumed.
#pragma once

#include <chrono>
#include <cstddef>

namespace tokenscaler::contract {

/// Resident memory in bytes.
[[nodiscard]] std::size_t resident_bytes();
/// CPU time of all threads.
[[nodiscard]] std::chrono::milliseconds cpu_time();
[[nodiscard]] std::size_t open_descriptors();

/// Sanitizers keep freed memory and shadow bytes: resident memory says nothing under them.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)  // clang
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace tokenscaler::contract
