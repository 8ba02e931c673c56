# shellcheck shell=bash
# Checks of the source text: layout, shell scripts, clang-tidy. Sourced by scripts/test.

CLANG_FORMAT=clang-format-14
CLANG_TIDY=clang-tidy-14
SOURCE_FOLDERS=(lib cli e2e operator metrics-adapter tests benchmarks)

# tracked PATTERN...: tracked files of the repository that exist, one on a line.
tracked() {
  git -C "$REPOSITORY" -c safe.directory="$REPOSITORY" ls-files -- "$@" |
    while IFS= read -r file; do
      if [[ -f $REPOSITORY/$file ]]; then printf '%s\n' "$file"; fi
    done
}

check_format() {
  local files
  mapfile -t files < <(tracked '*.cpp' '*.h')
  ((${#files[@]} > 0)) || fail "no C++ file is tracked: the format check would check nothing"
  (cd "$REPOSITORY" && "$CLANG_FORMAT" --dry-run --Werror "${files[@]}") ||
    fail "layout differs from .clang-format; mend it with: $CLANG_FORMAT -i FILE..."
  say "${#files[@]} C++ files are laid out as .clang-format says."
}

check_shell() {
  local files
  mapfile -t files < <(tracked scripts .ci e2e | while IFS= read -r file; do
    if [[ $file == *.sh ]] || head -n 1 "$REPOSITORY/$file" | grep -q '^#!.*\(bash\|/sh\)'; then
      printf '%s\n' "$file"
    fi
  done)
  ((${#files[@]} > 0)) || fail "no shell script is tracked: shellcheck would check nothing"
  (cd "$REPOSITORY" && shellcheck --external-sources --severity=style "${files[@]}")
  say "${#files[@]} shell scripts pass shellcheck."
}

# --- clang-tidy -------------------------------------------------------------------------------

# tidy_candidates BASE CHANGED: the .cpp files of compile_commands.json that differ from those in BASE or
# stand beside a header that does; every one of them if BASE is "all". CHANGED is a scratch file.
# Every failure is told by hand: a shell in $(...) does not stop at errors.
tidy_candidates() {
  local base=$1 changed=$2 database
  database=$(build_folder release)/compile_commands.json
  [[ -f $database ]] || fail "no $database: build the preset 'release' first"
  if [[ $base == all ]]; then
    tracked "${SOURCE_FOLDERS[@]}" >"$changed" || fail "git did not list the files"
  else
    git -C "$REPOSITORY" -c safe.directory="$REPOSITORY" diff --name-only "$base" -- \
      "${SOURCE_FOLDERS[@]}" >"$changed" || fail "'$base' is no revision of this clone"
  fi
  jq --raw-output --arg root "$REPOSITORY/" --rawfile changed "$changed" '
    ($changed | split("\n")) as $files
    | ($files | map(select(endswith(".h")) | sub("/[^/]*$"; ""))) as $header_folders
    | [.[].file | select(startswith($root)) | ltrimstr($root)] | unique[]
    | . as $file
    | select(($files | index($file)) or ($header_folders | index($file | sub("/[^/]*$"; ""))))
    ' "$database"
}

# tidy_key FILE: a digest of everything that clang-tidy's answer for FILE depends on: the tool, its
# configuration, the compile command and our own headers. Debian's headers come with the tool.
tidy_key() {
  {
    cat "$TIDY_COMMON"
    jq --compact-output --arg file "$REPOSITORY/$1" '.[] | select(.file == $file) | .command' \
      "$(build_folder release)/compile_commands.json"
    cat "$REPOSITORY/$1"
  } | sha256sum | cut -d' ' -f1
}

# tidy_one FILE: clang-tidy on one file, unless the same content passed before or time is over. Its
# result is a line of TIDY_RESULTS.
tidy_one() {
  local file=$1 key
  key=$TIDY_CACHE/$(tidy_key "$file")
  if [[ -f $key ]]; then
    printf 'same %s\n' "$file" >>"$TIDY_RESULTS"
    return 0
  fi
  if (($(date +%s) >= TIDY_END)); then
    printf 'left %s\n' "$file" >>"$TIDY_RESULTS"
    return 0
  fi
  if (cd "$REPOSITORY" && "$CLANG_TIDY" --quiet -p "$(build_folder release)" "$file" 2>"$key.log.$$"); then
    printf 'pass %s\n' "$file" >>"$TIDY_RESULTS"
    : >"$key"
  else
    printf 'FAIL %s\n' "$file" >>"$TIDY_RESULTS"
    grep -v 'warnings generated\|^Suppressed\|^Use -' "$key.log.$$" || true
  fi
  rm -f "$key.log.$$"
}

# check_tidy BASE SECONDS: clang-tidy on what changed since BASE ("all": on everything). Stops to
# begin new files after SECONDS (0: no limit) and names those that are left.
check_tidy() {
  local base=$1 seconds=$2
  TIDY_CACHE=$TOKENSCALER_CACHE/tidy
  TIDY_RESULTS=$(mktemp)
  TIDY_COMMON=$(mktemp)
  TIDY_END=$(($(date +%s) + (seconds > 0 ? seconds : 86400)))
  LEFT_FILES+=("$TIDY_RESULTS" "$TIDY_COMMON")
  mkdir -p "$TIDY_CACHE"
  # Any header of ours may be included, so a change of one asks for all files again.
  {
    "$CLANG_TIDY" --version
    cat "$REPOSITORY/.clang-tidy"
    (cd "$REPOSITORY" && tracked '*.h' | xargs -r sha256sum)
  } >"$TIDY_COMMON"
  local candidates changed
  changed=$(mktemp)
  LEFT_FILES+=("$changed")
  candidates=$(tidy_candidates "$base" "$changed") || fail "clang-tidy has no list of files"
  if [[ -z $candidates ]]; then
    say "No C++ file changed since $base."
    return 0
  fi
  export -f tidy_one tidy_key build_folder
  export TIDY_CACHE TIDY_RESULTS TIDY_COMMON TIDY_END REPOSITORY CLANG_TIDY
  # shellcheck disable=SC2016  # The inner shell expands it.
  xargs --max-procs="$JOBS" -I{} bash -c 'set -uo pipefail; tidy_one "$1"' tidy {} <<<"$candidates"
  local pass same left failed
  pass=$(grep -c '^pass ' "$TIDY_RESULTS" || true)
  same=$(grep -c '^same ' "$TIDY_RESULTS" || true)
  left=$(grep -c '^left ' "$TIDY_RESULTS" || true)
  failed=$(grep -c '^FAIL ' "$TIDY_RESULTS" || true)
  say "clang-tidy: $pass files passed, $same unchanged since they passed, $left left, $failed failed."
  ((pass + same + left + failed == $(wc -l <<<"$candidates"))) ||
    fail "clang-tidy did not report on every file that it was given"
  if ((left > 0)); then
    say "Left, since $seconds s were over (scripts/test --full checks them):"
    sed -n 's/^left /  /p' "$TIDY_RESULTS"
  fi
  if ((failed > 0)); then
    sed -n 's/^FAIL /  /p' "$TIDY_RESULTS" >&2
    fail "clang-tidy has findings"
  fi
}
