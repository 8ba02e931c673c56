# shellcheck shell=bash
# How scripts/demo shows a decision: one screen that is drawn again on a terminal, else a line for
# each decision. Sourced by scripts/demo.

# view_record DECISION SECONDS: a row for the picture, separated by tabs:
#   1 seconds  2 prompt tokens/s  3 generated tokens/s  4 in flight  5 waiting  6 replicas wanted
#   7 replicas ready  8 replicas desired by this decision  9 cost/hour  10 cost/1M tokens
# What is not known is NaN.
view_record() {
  jq --raw-output --argjson seconds "$2" '
    [$seconds,
     .measurement.promptTokensPerSecond, .measurement.generationTokensPerSecond,
     .demand.requestsInFlight, .demand.requestsWaiting,
     .currentReplicas, .replicas.ready, .desiredReplicas,
     .cost.currentPerHour, .cost.observedPerMillionTokens]
    | map(. // "NaN") | @tsv' <<<"$1"
}

VIEW_ROWS=0

view_begin() {
  VIEW_ROWS=0
  if [[ -t 1 ]]; then
    printf '\e[2J'
  else
    printf '\n'
  fi
}

view_end() { printf '\n'; }

# view_show DECISION SECONDS NOTE
view_show() {
  if [[ -t 1 ]]; then
    view_screen "$@"
  else
    view_line "$@"
  fi
}

# The reason that changed the count last, else the first.
VIEW_MAIN_REASON='(([.reasons[] | select(.reason != "ValidMetricFound")] | last) // .reasons[0])'

view_line() {
  if ((VIEW_ROWS++ % 20 == 0)); then
    printf '%6s %9s %8s %7s %6s %7s %6s %8s %9s  %s\n' \
      TIME PROMPT/s GEN/s FLIGHT QUEUE WANTED READY 'USD/h' 'USD/1M' REASON
  fi
  jq --raw-output --arg seconds "$2" --arg note "${3:-}" '
    def whole: if . == null then "-" else round | tostring end;
    def money: if . == null then "-" else tonumber * 10000 | round / 10000 | tostring end;
    '"$VIEW_MAIN_REASON"' as $reason
    | [$seconds + " s",
       (.measurement.promptTokensPerSecond | whole), (.measurement.generationTokensPerSecond | whole),
       (.demand.requestsInFlight | whole), (.demand.requestsWaiting | whole),
       (.desiredReplicas | tostring), (.replicas.ready | tostring),
       (.cost.currentPerHour | money), (.cost.observedPerMillionTokens | money),
       $reason.reason + ": " + $reason.message]
    | @tsv' <<<"$1" |
    while IFS=$'\t' read -r seconds prompt generation flight queue wanted ready hour million reason; do
      printf '%6s %9s %8s %7s %6s %7s %6s %8s %9s  %s\n' "$seconds" "$prompt" "$generation" \
        "$flight" "$queue" "$wanted" "$ready" "$hour" "$million" "$reason"
    done
}

view_screen() {
  local columns
  columns=$(tput cols 2>/dev/null || printf 100)
  printf '\e[H'
  jq --raw-output --arg seconds "$2" --arg note "${3:-}" '
    def whole: if . == null then "-" else round | tostring end;
    def right(width): (" " * ([width - length, 0] | max)) + .;
    def money: if . == null then "-" else tonumber * 10000 | round / 10000 | tostring end;
    def bar(mark): if . > 0 then mark * . else "" end;
    def tokens(name; measured; demand):
      "  " + name + (measured | whole | right(8)) + " tokens/s served   "
      + (demand.offeredTokensPerSecond | whole | right(8)) + " offered   "
      + (demand.requiredTokensPerSecond | whole | right(8)) + " required";
    .currentReplicas as $now | .replicas.ready as $ready | .desiredReplicas as $wanted
    | "TokenScaler demo    " + $seconds + " s    " + $note,
      "",
      tokens("prompt    "; .measurement.promptTokensPerSecond; .demand.prompt),
      tokens("generation"; .measurement.generationTokensPerSecond; .demand.generation),
      "  requests  " + (.demand.requestsInFlight | whole | right(8)) + " in flight, "
        + (.demand.requestsWaiting | whole) + " of them wait",
      "",
      "  replicas  " + ($wanted | tostring | right(8)) + " wanted, " + ($ready | tostring) + " ready   "
        + ($ready | bar("#")) + ($wanted - $ready | bar(".")) + "   bound by " + .boundBy,
      "  cost      " + (.cost.currentPerHour | money | right(8)) + " " + (.cost.currency // "") + " an hour, "
        + (.cost.observedPerMillionTokens | money) + " for 1M tokens",
      "",
      "  why",
      (.reasons[] | "    " + .reason + ": " + .message)
    ' <<<"$1" |
    while IFS= read -r line; do printf '%s\e[K\n' "${line:0:columns}"; done
  printf '\e[J'
}
