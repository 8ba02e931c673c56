// The shape of a real load.
#pragma once

#include <array>

namespace tokenscaler::sim {

/// Requests in each 10 s of examples/traces/azure2023_conv_10min.csv.gz as shares of their mean.
/// Source: Azure LLM inference trace 2023, Microsoft, CC-BY-4.0; see examples/traces/README.md.
inline constexpr std::array<double, 60> kAzureConversationShares{
    0.92, 0.84, 0.85, 0.85, 0.77, 0.99, 1.11, 0.99, 0.91, 0.87, 0.65, 0.87, 0.93, 0.93, 0.93,
    1.06, 0.99, 1.00, 0.87, 1.06, 1.12, 1.12, 1.18, 1.15, 1.19, 1.12, 1.10, 0.92, 0.96, 1.15,
    1.04, 0.95, 1.12, 0.85, 1.06, 1.11, 0.81, 1.12, 1.02, 0.93, 1.19, 0.99, 1.15, 1.33, 1.19,
    1.02, 1.16, 1.02, 0.88, 1.15, 1.10, 0.99, 0.97, 0.84, 1.19, 1.00, 0.79, 0.79, 0.74, 1.08};

}  // namespace tokenscaler::sim
