// The rules of DESIGN 5 over random and adversarial inputs. Each input is made from one seed; on a
// failure the seed and the facts are printed. TOKENSCALER_PROPERTY_SEED runs one seed alone.
#include <cmath>
#include <cstdlib>
#include <functional>
#include <limits>

#include <gtest/gtest.h>

#include "unit/scaling/fleet_builder.h"
#include "unit/scaling/random_snapshot.h"

namespace tokenscaler::scaling {
namespace {

using namespace testing;

constexpr std::uint64_t kSeeds = 4000;

/// Calls `check` for each seed and stops at the first that fails.
void for_each_seed(const std::function<void(Random&)>& check, std::uint64_t seeds = kSeeds) {
  std::uint64_t first = 1;
  if (const char* only = std::getenv("TOKENSCALER_PROPERTY_SEED")) {
    first = std::strtoull(only, nullptr, 10);
    seeds = 1;
  }
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    SCOPED_TRACE("TOKENSCALER_PROPERTY_SEED=" + std::to_string(seed));
    Random random(seed);
    check(random);
    if (::testing::Test::HasFailure()) return;
  }
}

struct Sample {
  Snapshot snapshot;
  History history;
  Decision decision;
};

/// Calls `check` with a decision on troubled inputs and one on adversarial inputs for each seed.
void for_each_decision(const std::function<void(const Sample&)>& check) {
  for_each_seed([&](Random& random) {
    for (const Inputs inputs : {Inputs::Troubled, Inputs::Adversarial}) {
      Sample sample{.snapshot = random_snapshot(random, inputs),
                    .history = random_history(random, inputs),
                    .decision = {}};
      sample.decision = decide(sample.snapshot, sample.history, kNow).decision;
      SCOPED_TRACE(describe(sample.snapshot));
      check(sample);
    }
  });
}

Replicas clamped(const Snapshot& snapshot, Replicas replicas) {
  return std::clamp(replicas, snapshot.spec.min_replicas, snapshot.spec.max_replicas);
}

/// Present size, or what min..max makes of it: a decision below it removes replicas.
Replicas kept(const Snapshot& snapshot) {
  return clamped(snapshot, snapshot.target.spec_replicas);
}

/// A spec without any window or rate, and a history that holds nothing: what the data say is done.
void act_at_once(Snapshot& snapshot) {
  snapshot.spec.behavior.scale_up = {};
  snapshot.spec.behavior.scale_down = {};
}

TEST(Rule1, DesiredStaysWithinMinAndMaxAndOnlyModeScaleMayWrite) {
  for_each_decision([](const Sample& s) {
    EXPECT_GE(s.decision.desired, s.snapshot.spec.min_replicas);
    EXPECT_LE(s.decision.desired, s.snapshot.spec.max_replicas);
    EXPECT_EQ(s.decision.may_write,
              s.snapshot.spec.mode == model::Mode::Scale && !s.snapshot.spec.paused);
    EXPECT_EQ(has_reason(s.decision.reasons, ReasonCode::Paused), s.snapshot.spec.paused);
  });
}

TEST(Rule2, WhateverIsUnknownRemovesNothing) {
  int held = 0;
  for_each_decision([&](const Sample& s) {
    const Decision& d = s.decision;
    const bool nothing_known = !d.measurement || !d.measurement->any_load_known();
    const bool unknown = nothing_known || d.replicas.dark > Replicas(0) ||
                         d.replicas.warming > Replicas(0) || s.snapshot.observation->partial ||
                         d.measurement->gateway_trouble.has_value();
    if (!unknown) return;
    ++held;
    EXPECT_GE(d.desired, kept(s.snapshot));
  });
  EXPECT_GT(held, 1000) << "the inputs hold too few unknowns for this test to mean anything";
}

using Damage = std::function<void(Random&, Snapshot&)>;

const Damage kLoseReading = [](Random& random, Snapshot& snapshot) {
  constexpr ReadingState kStates[] = {ReadingState::TooYoung, ReadingState::Missing,
                                      ReadingState::Stale, ReadingState::NotANumber};
  constexpr Reading PodSignals::*kMembers[] = {&PodSignals::prompt_tokens_per_second,
                                               &PodSignals::generation_tokens_per_second,
                                               &PodSignals::finished_requests_per_second,
                                               &PodSignals::running_requests,
                                               &PodSignals::waiting_requests,
                                               &PodSignals::in_flight_change_per_second,
                                               &PodSignals::kv_cache_usage};
  if (snapshot.observation->pods.empty()) return;
  auto& pods = snapshot.observation->pods;
  const auto which = random.integer(0, static_cast<std::int64_t>(pods.size()) - 1);
  pods[static_cast<std::size_t>(which)].*random.pick(kMembers) = unusable(random.pick(kStates), 99);
};
const Damage kLosePod = [](Random& random, Snapshot& snapshot) {
  auto& pods = snapshot.observation->pods;
  if (pods.empty()) return;
  pods.erase(pods.begin() + random.integer(0, static_cast<std::int64_t>(pods.size()) - 1));
};
const Damage kLosePrometheus = [](Random&, Snapshot& snapshot) {
  snapshot.observation = make_error(ErrorCode::Timeout, "no answer");
};
const Damage kPartial = [](Random&, Snapshot& snapshot) { snapshot.observation->partial = true; };

TEST(Rule2, MoreMissingDataNeverGivesLessThanBeforeOrThanThereIs) {
  int acted = 0;
  for_each_seed([&](Random& random) {
    Snapshot snapshot = random_snapshot(random, Inputs::Sound);
    act_at_once(snapshot);
    const History history = settled_history(1);
    Replicas before = decide(snapshot, history, kNow).decision.desired;
    if (before < kept(snapshot)) ++acted;
    const Damage damages[] = {kLoseReading, kLosePod, kLoseReading, kPartial, kLosePrometheus};
    for (const Damage& damage : damages) {
      damage(random, snapshot);
      const Replicas after = decide(snapshot, history, kNow).decision.desired;
      EXPECT_GE(after, std::min(before, kept(snapshot))) << describe(snapshot);
      before = after;
    }
  });
  EXPECT_GT(acted, 500) << "too few sound inputs scale down for this test to mean anything";
}

TEST(Rule2, AMissingReadingOfTheWholeFleetHolds) {
  for_each_seed([](Random& random) {
    Snapshot snapshot = random_snapshot(random, Inputs::Sound);
    act_at_once(snapshot);
    const bool prompt = random.chance(0.5);
    for (PodSignals& pod : snapshot.observation->pods) {
      (prompt ? pod.prompt_tokens_per_second : pod.generation_tokens_per_second) =
          unusable(ReadingState::Stale, 400);
    }
    const Decision decision = decide(snapshot, settled_history(1), kNow).decision;
    EXPECT_EQ(decision.desired, kept(snapshot)) << describe(snapshot);
  });
}

TEST(Rule2, ZeroTrafficFallsToMin) {
  for_each_seed([](Random& random) {
    Snapshot snapshot = random_snapshot(random, Inputs::Sound);
    act_at_once(snapshot);
    for (PodSignals& pod : snapshot.observation->pods) pod = idle_pod(pod.pod);
    const Decision decision = decide(snapshot, settled_history(1), kNow).decision;
    EXPECT_EQ(decision.desired, snapshot.spec.min_replicas) << describe(snapshot);
    EXPECT_TRUE(has_reason(decision.reasons, ReasonCode::ZeroTraffic));
  });
}

TEST(Rule4, ArrivalsAreFinishedPlusWhatPilesUp) {
  for_each_seed([](Random& random) {
    Snapshot snapshot = random_snapshot(random, Inputs::Sound);
    act_at_once(snapshot);
    double finished = 0.0;
    double change = 0.0;
    for (PodSignals& pod : snapshot.observation->pods) {
      finished += pod.finished_requests_per_second.value;
      change += pod.in_flight_change_per_second.value;
    }
    const Decision d = decide(snapshot, settled_history(1), kNow).decision;
    ASSERT_TRUE(d.demand);
    EXPECT_NEAR(d.demand->arrivals.value(), std::max(0.0, finished + change), 1e-9);
    ASSERT_TRUE(d.recommendation && d.capacity);
    const double generation = d.demand->arrivals.value() *
                              (d.demand->shape ? d.demand->shape->mean_generation.value() : 0.0);
    EXPECT_GE(d.recommendation->needed + 1e-9, generation / d.capacity->generation.value());
  });
}

TEST(Rule4, OverloadAsksForMoreAlthoughServedTokensStayTheSame) {
  for_each_seed([](Random& random) {
    Snapshot snapshot = random_snapshot(random, Inputs::Sound);
    act_at_once(snapshot);
    for (PodSignals& pod : snapshot.observation->pods) {
      pod.finished_requests_per_second = fresh(1.0);
      pod.in_flight_change_per_second = fresh(0.0);
      pod.waiting_requests = fresh(0.0);
    }
    const Decision calm = decide(snapshot, {}, kNow).decision;
    for (PodSignals& pod : snapshot.observation->pods) {
      pod.in_flight_change_per_second = fresh(3.0);
    }
    const Decision overload = decide(snapshot, {}, kNow).decision;
    // 1 + 3 requests/s instead of 1: four times the offered load.
    EXPECT_NEAR(overload.demand->prompt.offered.value(), 4.0 * calm.demand->prompt.offered.value(),
                1e-6 * overload.demand->prompt.offered.value());
    EXPECT_GE(overload.recommendation->needed, calm.recommendation->needed);
  });
}

TEST(Rule5, TheBindingSignalIsTheLargestProposal) {
  for_each_decision([](const Sample& s) {
    if (!s.decision.recommendation) return;
    const Recommendation& r = *s.decision.recommendation;
    double largest = 0.0;
    for (const Proposal& proposal : r.proposals) largest = std::max(largest, proposal.needed);
    for (const Proposal& proposal : r.proposals) {
      if (proposal.signal == r.bound_by) {
        EXPECT_EQ(proposal.needed, largest);
      }
    }
    EXPECT_EQ(r.bound_by == Signal::None, largest <= 0.0);
    EXPECT_GE(r.needed, largest);
    EXPECT_EQ(s.decision.bound_by, r.bound_by);
  });
}

TEST(Rule5, PromptAndGenerationDoNotMix) {
  for_each_seed([](Random& random) {
    Snapshot snapshot = random_snapshot(random, Inputs::Sound);
    const Decision before = decide(snapshot, {}, kNow).decision;
    for (PodSignals& pod : snapshot.observation->pods) {
      pod.generation_tokens_per_second.value *= 3.0;
      pod.mean_generation_tokens.value *= 3.0;
    }
    const Decision after = decide(snapshot, {}, kNow).decision;
    EXPECT_EQ(after.demand->prompt, before.demand->prompt);
    EXPECT_EQ(after.recommendation->proposals[0], before.recommendation->proposals[0]);
  });
}

TEST(Rule6, PodsThatLoadAreNotAskedForTwice) {
  int compared = 0;
  for_each_seed([&](Random& random) {
    Snapshot snapshot = random_snapshot(random, Inputs::Sound);
    act_at_once(snapshot);
    const int loading = static_cast<int>(random.integer(1, 8));
    for (int i = 0; i < loading; ++i) {
      snapshot.target.pods.push_back(
          pod_in(PodPhase::Starting, "starting-" + std::to_string(i), 1));
    }
    snapshot.target.spec_replicas += Replicas(loading);
    const Decision before = decide(snapshot, {}, kNow).decision;
    // The queue and the latency go on growing while they load; the offered load is the same.
    for (PodSignals& pod : snapshot.observation->pods) {
      pod.waiting_requests.value += 500.0;
      pod.mean_time_to_first_token_seconds.value *= 50.0;
      pod.mean_time_per_output_token_seconds.value *= 50.0;
    }
    const Decision after = decide(snapshot, {}, kNow).decision;
    EXPECT_LE(after.recommendation->replicas,
              std::max(before.recommendation->replicas, snapshot.target.spec_replicas))
        << describe(snapshot);
    ++compared;
  });
  EXPECT_GT(compared, 0);
}

TEST(Rule6, WhatCannotBePlacedIsNotAskedForAgain) {
  int refused = 0;
  for_each_decision([&](const Sample& s) {
    const bool cannot =
        s.decision.replicas.unschedulable > Replicas(0) || s.snapshot.target.refused_by_quota;
    if (!cannot) return;
    ++refused;
    EXPECT_LE(s.decision.desired,
              std::max(s.snapshot.target.spec_replicas, s.snapshot.spec.min_replicas));
  });
  EXPECT_GT(refused, 500);
}

TEST(Rule6, FailingReplicasNeverMoreThanDouble) {
  for_each_seed([](Random& random) {
    Snapshot snapshot = random_snapshot(random, Inputs::Sound);
    act_at_once(snapshot);
    snapshot.spec.max_replicas = Replicas(100'000);
    const int failing = static_cast<int>(random.integer(1, 20));
    snapshot.target.spec_replicas += Replicas(failing);
    const Decision sound = decide(snapshot, {}, kNow).decision;
    for (int i = 0; i < failing; ++i) {
      snapshot.target.pods.push_back(pod_in(PodPhase::Failing, "failing-" + std::to_string(i)));
    }
    const Decision d = decide(snapshot, {}, kNow).decision;
    const double healthy = static_cast<double>(snapshot.observation->pods.size());
    EXPECT_LE(d.recommendation->needed, sound.recommendation->needed + healthy + 1e-9);
  });
}

TEST(Rule7, DownOnlyWhenEverySignalAgreesAndTheWindowHeld) {
  int shrunk = 0;
  const auto check = [&](const Snapshot& snapshot, const History& history) {
    const Decision d = decide(snapshot, history, kNow).decision;
    if (d.desired >= kept(snapshot)) return;
    ++shrunk;
    ASSERT_TRUE(d.recommendation) << describe(snapshot);
    EXPECT_TRUE(d.recommendation->may_scale_down);
    for (const Proposal& proposal : d.recommendation->proposals) {
      EXPECT_LE(proposal.needed, d.desired.value() + 1e-6) << to_string(proposal.signal);
    }
    const auto window = snapshot.spec.behavior.scale_down.stabilization_window;
    for (const RecommendationSpan& span : history.recommendations) {
      if (std::min(span.at, kNow) > kNow - window) {
        EXPECT_LE(std::min(span.highest, snapshot.spec.max_replicas), d.desired);
      }
    }
  };
  for_each_decision([&](const Sample& s) { check(s.snapshot, s.history); });
  for_each_seed([&](Random& random) {
    check(random_snapshot(random, Inputs::Sound), random_history(random, Inputs::Sound));
  });
  EXPECT_GT(shrunk, 300) << "too few inputs scale down for this test to mean anything";
}

TEST(Rule7, AnySignalScalesUp) {
  int grown = 0;
  for_each_seed([&](Random& random) {
    Snapshot snapshot = random_snapshot(random, Inputs::Sound);
    act_at_once(snapshot);
    snapshot.spec.max_replicas = Replicas(100'000);
    const Decision d = decide(snapshot, {}, kNow).decision;
    const double most = snapshot.target.spec_replicas.value() *
                        (1.0 + snapshot.spec.behavior.scale_up.tolerance.to_double());
    for (const Proposal& proposal : d.recommendation->proposals) {
      if (proposal.needed <= most + 1e-6) continue;
      ++grown;
      EXPECT_GE(d.desired.value() + 1e-6, proposal.needed) << to_string(proposal.signal);
    }
  });
  EXPECT_GT(grown, 500);
}

TEST(Rule7, NothingShrinksBeforeTheFirstWindowIsFull) {
  for_each_seed([](Random& random) {
    for (const Inputs inputs : {Inputs::Sound, Inputs::Troubled, Inputs::Adversarial}) {
      Snapshot snapshot = random_snapshot(random, inputs);
      snapshot.spec.behavior.scale_down.stabilization_window = seconds(random.integer(1, 3600));
      EXPECT_GE(decide(snapshot, {}, kNow).decision.desired, kept(snapshot)) << describe(snapshot);
    }
  });
}

TEST(Rule9, NothingShrinksWhileTheTargetRollsOut) {
  for_each_seed([](Random& random) {
    for (const Inputs inputs : {Inputs::Sound, Inputs::Troubled, Inputs::Adversarial}) {
      Snapshot snapshot = random_snapshot(random, inputs);
      act_at_once(snapshot);
      snapshot.target.rolling_out = true;
      EXPECT_GE(decide(snapshot, settled_history(1), kNow).decision.desired, kept(snapshot))
          << describe(snapshot);
    }
  });
}

TEST(Rule9, SurgePodsAreNotCapacity) {
  for_each_seed([](Random& random) {
    Snapshot snapshot = random_snapshot(random, Inputs::Sound);
    const Decision before = decide(snapshot, {}, kNow).decision;
    snapshot.target.pods.push_back(ready_pod("zz-surge"));
    snapshot.target.pods.back().surplus = true;
    snapshot.observation->pods.push_back(idle_pod("zz-surge"));
    const Decision after = decide(snapshot, {}, kNow).decision;
    EXPECT_EQ(after.replicas, before.replicas);
    EXPECT_EQ(after.desired, before.desired);
  });
}

TEST(Rule11, EveryLimitThatActsIsNamedWithWhatItCosts) {
  int limited = 0;
  for_each_decision([&](const Sample& s) {
    const Decision& d = s.decision;
    for (const AppliedLimit& limit : d.limits) {
      ++limited;
      EXPECT_TRUE(has_reason(d.reasons, limit.code)) << to_string(limit.code);
      EXPECT_NE(limit.wanted, limit.allowed);
      EXPECT_EQ(limit.prompt_shortfall.has_value(), d.capacity && limit.wanted > limit.allowed);
      if (limit.prompt_shortfall) {
        EXPECT_GT(*limit.prompt_shortfall, TokensPerSecond(0));
      }
    }
    const bool changed_by_limit = d.desired != d.stabilized;
    EXPECT_TRUE(!changed_by_limit || !d.limits.empty());
    if (!d.limits.empty()) {
      EXPECT_EQ(d.limits.back().allowed, d.desired);
    }
  });
  EXPECT_GT(limited, 1000);
}

TEST(Rule11, ReasonsAreNeverEmpty) {
  for_each_decision([](const Sample& s) {
    ASSERT_FALSE(s.decision.reasons.empty());
    for (const Reason& reason : s.decision.reasons) EXPECT_FALSE(reason.message.empty());
  });
}

TEST(Rule11, TheSameInputsGiveTheSameDecision) {
  for_each_seed([](Random& random) {
    const Snapshot snapshot = random_snapshot(random, Inputs::Adversarial);
    const History history = random_history(random, Inputs::Adversarial);
    const Outcome first = decide(snapshot, history, kNow);
    const Outcome second = decide(snapshot, history, kNow);
    EXPECT_EQ(first.decision, second.decision);
    EXPECT_EQ(first.history, second.history);
  });
}

/// Every floating-point number of a decision.
std::vector<double> numbers_of(const Decision& d) {
  std::vector<double> all;
  if (d.measurement) {
    const Measurement& m = *d.measurement;
    all = {m.prompt.value(),
           m.cached_prompt.value(),
           m.uncached_prompt.value(),
           m.generation.value(),
           m.finished.value(),
           m.in_flight_change.value(),
           m.running.value(),
           m.waiting.value(),
           m.kv_cache_usage_sum.value_or(0),
           m.gateway_prompt.value(),
           m.gateway_generation.value(),
           m.gateway_queued.value(),
           m.gateway_cached_prompt.value()};
    for (const auto& mean : {m.mean_prompt, m.mean_generation}) {
      if (mean) all.push_back(mean->value());
    }
    for (const auto& mean : {m.mean_time_to_first_token, m.mean_time_per_output_token}) {
      if (mean) all.push_back(mean->count());
    }
  }
  if (d.demand) {
    for (const TokenDemand& tokens : {d.demand->prompt, d.demand->generation}) {
      for (const TokensPerSecond rate : {tokens.served, tokens.offered, tokens.through_gateway,
                                         tokens.backlog, tokens.required}) {
        all.push_back(rate.value());
      }
    }
    all.insert(all.end(), {d.demand->arrivals.value(), d.demand->in_flight.value(),
                           d.demand->waiting.value()});
    if (d.demand->shape) {
      all.insert(all.end(),
                 {d.demand->shape->mean_prompt.value(), d.demand->shape->mean_generation.value(),
                  d.demand->shape->uncached_fraction, d.demand->shape->requests});
    }
  }
  if (d.recommendation) {
    all.push_back(d.recommendation->needed);
    for (const Proposal& proposal : d.recommendation->proposals) {
      all.insert(all.end(), {proposal.needed, proposal.measured, proposal.target});
    }
  }
  for (const AppliedLimit& limit : d.limits) {
    if (limit.prompt_shortfall) all.push_back(limit.prompt_shortfall->value());
    if (limit.generation_shortfall) all.push_back(limit.generation_shortfall->value());
  }
  return all;
}

TEST(Extremes, NoNumberOfADecisionIsNanOrInfinite) {
  for_each_decision([](const Sample& s) {
    for (const double number : numbers_of(s.decision)) {
      ASSERT_TRUE(std::isfinite(number));
    }
  });
}

TEST(Extremes, AClockThatStepsBackADayDoesNotBlockScaling) {
  for_each_seed(
      [](Random& random) {
        Snapshot snapshot = random_snapshot(random, Inputs::Sound);
        snapshot.spec.behavior = {};
        for (PodState& pod : snapshot.target.pods) pod.since -= std::chrono::hours(48);
        snapshot.spec.max_replicas = Replicas(100'000);
        History history = settled_history(snapshot.target.spec_replicas.value());
        remember_rescale(history, kNow, Replicas(1), snapshot.target.spec_replicas);
        WallTime now = kNow - std::chrono::hours(24);
        // One policy period and one window later everything of before has aged.
        for (int i = 0; i < 30; ++i, now += seconds(15)) {
          history = decide(snapshot, history, now).history;
        }
        const Decision d = decide(snapshot, history, now).decision;
        const Decision unburdened = decide(snapshot, settled_history(1), kNow).decision;
        if (d.recommendation->replicas > d.current) {
          EXPECT_GT(d.desired, d.current);
        }
        EXPECT_LE(d.desired, std::max(d.current * 2, d.current + Replicas(4)));
        if (unburdened.desired < d.current) {
          EXPECT_LT(d.desired, d.current) << describe(snapshot);
        }
      },
      300);
}

/// All rates, queues and gauges of the fleet times `factor`; the requests keep their shape.
void scale_load(Snapshot& snapshot, double factor) {
  for (PodSignals& pod : snapshot.observation->pods) {
    for (Reading PodSignals::*member :
         {&PodSignals::prompt_tokens_per_second, &PodSignals::cached_prompt_tokens_per_second,
          &PodSignals::generation_tokens_per_second, &PodSignals::finished_requests_per_second,
          &PodSignals::running_requests, &PodSignals::waiting_requests,
          &PodSignals::in_flight_change_per_second}) {
      (pod.*member).value *= factor;
    }
    pod.kv_cache_usage.value = std::min(1.0, pod.kv_cache_usage.value * factor);
    pod.mean_time_to_first_token_seconds.value *= factor;
    pod.mean_time_per_output_token_seconds.value *= factor;
  }
}

TEST(Monotone, MoreLoadNeverAsksForFewerReplicas) {
  for_each_seed([](Random& random) {
    Snapshot snapshot = random_snapshot(random, Inputs::Sound);
    Replicas before = decide(snapshot, {}, kNow).decision.recommendation->replicas;
    for (int i = 0; i < 3; ++i) {
      scale_load(snapshot, random.real(1.0, 3.0));
      const Replicas after = decide(snapshot, {}, kNow).decision.recommendation->replicas;
      EXPECT_GE(after, before) << describe(snapshot);
      before = after;
    }
  });
}

TEST(Monotone, MoreOfAnySingleSignalNeverAsksForFewerReplicas) {
  constexpr Reading PodSignals::*kMembers[] = {&PodSignals::running_requests,
                                               &PodSignals::waiting_requests,
                                               &PodSignals::in_flight_change_per_second,
                                               &PodSignals::mean_time_to_first_token_seconds,
                                               &PodSignals::mean_time_per_output_token_seconds,
                                               &PodSignals::generation_tokens_per_second};
  for_each_seed([&](Random& random) {
    Snapshot snapshot = random_snapshot(random, Inputs::Sound);
    const Replicas before = decide(snapshot, {}, kNow).decision.recommendation->replicas;
    const auto member = random.pick(kMembers);
    for (PodSignals& pod : snapshot.observation->pods) {
      (pod.*member).value += random.real(0.0, 50.0);
    }
    const Replicas after = decide(snapshot, {}, kNow).decision.recommendation->replicas;
    EXPECT_GE(after, before) << describe(snapshot);
  });
}

/// 200 evaluations of a world that changes at random and does what is decided.
TEST(Walk, TheRulesHoldAlongTwoHundredEvaluations) {
  for_each_seed(
      [](Random& random) {
        Snapshot world = random_snapshot(random, Inputs::Troubled);
        History history;
        WallTime now = kNow;
        for (int step = 0; step < 200; ++step) {
          now += seconds(random.integer(1, 60));
          if (random.chance(0.02)) now -= seconds(random.integer(1, 86'400));
          if (random.chance(0.02)) now += seconds(random.integer(1, 86'400));
          if (random.chance(0.3)) {
            model::TokenScalerSpec spec = world.spec;
            const Replicas size = world.target.spec_replicas;
            world = random_snapshot(random, Inputs::Troubled);
            world.spec = spec;
            world.target.spec_replicas = size;
          }
          const Outcome outcome = decide(world, history, now);
          const Decision& d = outcome.decision;
          ASSERT_GE(d.desired, world.spec.min_replicas);
          ASSERT_LE(d.desired, world.spec.max_replicas);
          ASSERT_FALSE(d.reasons.empty());
          if (d.replicas.dark > Replicas(0)) {
            ASSERT_GE(d.desired, kept(world));
          }
          history = outcome.history;
          ASSERT_LE(history.recommendations.size(), kMaxSpans);
          ASSERT_LE(history.rescales.size(), kMaxRescales);
          remember_rescale(history, now, d.current, d.desired);
          world.target.spec_replicas = d.desired;
        }
      },
      100);
}

}  // namespace
}  // namespace tokenscaler::scaling
