// The units in which the product counts.
#pragma once

#include <cstdint>

#include "base/named_type.h"

namespace tokenscaler {

/// Tokens each second. Prompt and generation rates are kept apart by the names of fields.
using TokensPerSecond = NamedNumber<struct TokensPerSecondTag, double>;
/// A number of tokens; means are fractional.
using Tokens = NamedNumber<struct TokensTag, double>;
/// Requests each second.
using RequestsPerSecond = NamedNumber<struct RequestsPerSecondTag, double>;
/// A number of requests (running, waiting, in flight); means are fractional.
using Requests = NamedNumber<struct RequestsTag, double>;
/// Replicas of the scale target. Kubernetes counts them in an int32.
using Replicas = NamedNumber<struct ReplicasTag, std::int32_t>;
/// GPUs, or MIG slices: whatever unit the pod template asks for.
using GpuCount = NamedNumber<struct GpuCountTag, std::int32_t>;

}  // namespace tokenscaler
