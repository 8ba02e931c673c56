#include "decision_text.h"

#include <optional>
#include <string_view>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace tokenscaler::cli {

namespace {

using scaling::Decision;
using scaling::ReasonCode;

constexpr std::string_view kNone = "-";

std::string utc(WallTime at) {
  return fmt::format("{:%H:%M:%S}", fmt::gmtime(std::chrono::system_clock::to_time_t(at)));
}

std::string rate(const std::optional<TokensPerSecond>& tokens) {
  return tokens ? fmt::format("{:.0f}", tokens->value()) : std::string(kNone);
}

template <class Price>
std::string price_or_none(const std::optional<Price>& price) {
  return price ? to_string(*price) : std::string(kNone);
}

/// The word that says most about a decision: the last stage that changed the count.
std::string_view main_reason(const Decision& decision) {
  const scaling::Reason* chosen = nullptr;
  for (const scaling::Reason& reason : decision.reasons) {
    if (reason.code == ReasonCode::ValidMetricFound && chosen != nullptr) continue;
    chosen = &reason;
  }
  return chosen == nullptr ? std::string_view(kNone) : to_string(chosen->code);
}

void explain_replicas(const Advice& advice, std::string& text) {
  const scaling::ReplicaCounts& counts = advice.decision.replicas;
  text += fmt::format("  replicas    {} asked for, {} GPUs each; {} measured",
                      advice.decision.current.value(), advice.target.gpus_per_replica.value(),
                      counts.measured.value());
  const auto add = [&](Replicas count, std::string_view what) {
    if (count > Replicas(0)) text += fmt::format(", {} {}", count.value(), what);
  };
  add(counts.warming, "warming up");
  add(counts.dark, "without metrics");
  add(counts.asleep, "asleep");
  add(counts.starting, "starting");
  add(counts.overdue, "starting for too long");
  add(counts.failing, "failing");
  add(counts.unschedulable, "unschedulable");
  add(counts.terminating, "terminating");
  switch (advice.source) {
    case TargetSource::KubeStateMetrics:
      text += " (kube-state-metrics)\n";
      break;
    case TargetSource::Samples:
      text += " (told from the engines' series)\n";
      break;
    case TargetSource::LastKnown:
      text += " (as last known)\n";
      break;
  }
}

std::string tokens_line(const scaling::TokenDemand& demand,
                        const std::optional<TokensPerSecond>& capacity) {
  return fmt::format(
      "{:.0f} tokens/s served, {:.0f} offered + {:.0f} backlog, {:.0f} required; one "
      "replica serves {}",
      demand.served.value(), demand.offered.value(), demand.backlog.value(),
      demand.required.value(), rate(capacity));
}

void explain_demand(const Decision& decision, std::string& text) {
  if (!decision.demand || !decision.measurement) return;
  const scaling::Demand& demand = *decision.demand;
  std::optional<TokensPerSecond> prompt_capacity;
  std::optional<TokensPerSecond> generation_capacity;
  if (decision.capacity) {
    prompt_capacity = decision.capacity->prompt;
    generation_capacity = decision.capacity->generation;
  }
  text += fmt::format("  prompt      {}; {:.0f} more came from caches\n",
                      tokens_line(demand.prompt, prompt_capacity),
                      decision.measurement->cached_prompt.value());
  text += fmt::format("  generation  {}\n", tokens_line(demand.generation, generation_capacity));
  text += fmt::format("  requests    {:.2f}/s arrive, {:.0f} in flight, {:.0f} of them wait",
                      demand.arrivals.value(), demand.in_flight.value(), demand.waiting.value());
  if (demand.shape) {
    text += fmt::format("; {:.0f} prompt ({:.0f} % uncached) and {:.0f} generated tokens each",
                        demand.shape->mean_prompt.value(), demand.shape->uncached_fraction * 100.0,
                        demand.shape->mean_generation.value());
  }
  text += fmt::format("\n  window      {:.0f} s\n", decision.measurement->window.count());
}

void explain_proposals(const Decision& decision, std::string& text) {
  if (!decision.recommendation) return;
  std::string_view label = "needed";
  for (const scaling::Proposal& proposal : decision.recommendation->proposals) {
    text += fmt::format("  {:<11} {:>7.2f} {:<18} {}\n", label, proposal.needed,
                        to_string(proposal.signal), proposal.formula);
    label = "";
  }
}

void explain_cost(const Decision& decision, std::string& text) {
  if (!decision.cost) return;
  const scaling::CostReport& cost = *decision.cost;
  text +=
      fmt::format("  cost        {} now, {} desired, {} for each replica\n",
                  to_string(cost.current), to_string(cost.desired), to_string(cost.per_replica));
  text += fmt::format("  at capacity {} prompt, {} generation\n",
                      price_or_none(cost.prompt_at_capacity),
                      price_or_none(cost.generation_at_capacity));
  text += fmt::format("  observed    {} all, {} generation\n", price_or_none(cost.observed),
                      price_or_none(cost.observed_generation));
}

}  // namespace

std::string reason_lines(const Decision& decision) {
  std::string text;
  for (const scaling::Reason& reason : decision.reasons) {
    text += fmt::format("    {}: {}\n", to_string(reason.code), reason.message);
  }
  for (const std::string& warning : decision.warnings)
    text += fmt::format("    warning: {}\n", warning);
  return text;
}

std::string explain(const model::TokenScaler& object, const Advice& advice) {
  const Decision& decision = advice.decision;
  const model::ScaleTargetRef& target = object.spec.scale_target_ref;
  std::string text = fmt::format("{}/{} ({} {}): {} -> {} replicas, {}, bound by {}\n",
                                 object.metadata.name_space, object.metadata.name, target.kind,
                                 target.name, decision.current.value(), decision.desired.value(),
                                 to_string(decision.verdict), to_string(decision.bound_by));
  text += fmt::format("  engine      {}\n", to_string(decision.engine));
  explain_replicas(advice, text);
  explain_demand(decision, text);
  explain_proposals(decision, text);
  explain_cost(decision, text);
  text += "  why\n" + reason_lines(decision);
  return text;
}

std::string table_header() {
  return fmt::format(
      "{:<8} {:>9} {:>9} {:>9} {:>9} {:>6} {:>5} {:>5} {:>4} {:>4} {:>16} {:>16} {}\n", "TIME UTC",
      "PROMPT/s", "OFFERED", "GEN/s", "OFFERED", "FLIGHT", "QUEUE", "READY", "NOW", "WANT", "COST",
      "PER 1M TOKENS", "REASON");
}

std::string table_row(const Advice& advice) {
  const Decision& decision = advice.decision;
  std::string prompt(kNone);
  std::string prompt_offered(kNone);
  std::string generation(kNone);
  std::string generation_offered(kNone);
  std::string in_flight(kNone);
  std::string queue(kNone);
  if (decision.demand) {
    const scaling::Demand& demand = *decision.demand;
    prompt = rate(demand.prompt.served);
    prompt_offered = rate(demand.prompt.offered + demand.prompt.backlog);
    generation = rate(demand.generation.served);
    generation_offered = rate(demand.generation.offered + demand.generation.backlog);
    in_flight = fmt::format("{:.0f}", demand.in_flight.value());
    queue = fmt::format("{:.0f}", demand.waiting.value());
  }
  std::string cost(kNone);
  std::string unit_cost(kNone);
  if (decision.cost) {
    cost = to_string(decision.cost->current, 2);
    if (decision.cost->observed) {
      unit_cost = fmt::format("{} {}", decision.cost->observed->currency.code(),
                              decision.cost->observed->amount.to_fixed(4));
    }
  }
  return fmt::format(
      "{:<8} {:>9} {:>9} {:>9} {:>9} {:>6} {:>5} {:>5} {:>4} {:>4} {:>16} {:>16} {}\n",
      utc(decision.at), prompt, prompt_offered, generation, generation_offered, in_flight, queue,
      decision.replicas.ready().value(), decision.current.value(), decision.desired.value(), cost,
      unit_cost, main_reason(decision));
}

}  // namespace tokenscaler::cli
