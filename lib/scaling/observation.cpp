#include "scaling/observation.h"

#include "scaling/target_state.h"

namespace tokenscaler::scaling {

std::string_view to_string(ReadingState state) {
  switch (state) {
    case ReadingState::Fresh:
      return "Fresh";
    case ReadingState::NotYetBorn:
      return "NotYetBorn";
    case ReadingState::TooYoung:
      return "TooYoung";
    case ReadingState::Missing:
      return "Missing";
    case ReadingState::Stale:
      return "Stale";
    case ReadingState::NotANumber:
      return "NotANumber";
  }
  return "Missing";
}

std::string_view to_string(PodPhase phase) {
  switch (phase) {
    case PodPhase::Ready:
      return "Ready";
    case PodPhase::Starting:
      return "Starting";
    case PodPhase::Unschedulable:
      return "Unschedulable";
    case PodPhase::Failing:
      return "Failing";
    case PodPhase::Terminating:
      return "Terminating";
  }
  return "Starting";
}

}  // namespace tokenscaler::scaling
