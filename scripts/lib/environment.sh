# shellcheck shell=bash
# What scripts/test and scripts/demo share: where things are, timed steps, Debian packages and the
# processes that a script started. Sourced, never run.

set -euo pipefail

REPOSITORY=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
HOME=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}
TOKENSCALER_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/tokenscaler
# Builds are kept outside the clone. The hash keeps two clones on one machine apart.
if [[ -z ${TOKENSCALER_BUILD_ROOT:-} ]]; then
  TOKENSCALER_BUILD_ROOT=$TOKENSCALER_CACHE/build/$(basename "$REPOSITORY")-$(
    printf '%s' "$REPOSITORY" | sha256sum | cut -c1-10)
fi
export HOME TOKENSCALER_CACHE TOKENSCALER_BUILD_ROOT
# Relative paths let a second clone use the compiler cache of the first.
export CCACHE_BASEDIR=$REPOSITORY CCACHE_NOHASHDIR=1
# Numbers with a point and sorted names, whatever the user's language is.
export LC_ALL=C.UTF-8
JOBS=${TOKENSCALER_JOBS:-$(nproc)}

# shellcheck disable=SC2034  # The scripts that source this file read the lists.
{
  # What the product needs to build and its tests to run. Names of Debian bookworm.
  PACKAGES_BUILD=(
    ca-certificates g++ cmake ninja-build ccache git
    libboost-dev libboost-program-options-dev libcpprest-dev libcurl4-openssl-dev libfmt-dev
    libssl-dev libyaml-cpp-dev zlib1g-dev libgtest-dev libgmock-dev)
  PACKAGES_RUN=(curl jq openssl)
  # Drawing the demo's picture.
  PACKAGES_PICTURE=(gnuplot-nox fonts-dejavu-core)
  # Checks beyond the tests.
  PACKAGES_CHECK=(clang-14 clang-format-14 clang-tidy-14 libclang-rt-14-dev shellcheck)
}

# --- What a script says -----------------------------------------------------------------------

say() { printf '%s\n' "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }
fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

CURRENT_STEP=
STEP_TIMES=()

# step TITLE COMMAND...: runs a command with its title before it and its time after it. Must not
# stand in a condition: there the shell would go on after an error inside a function.
step() {
  local started=$SECONDS
  CURRENT_STEP=$1
  shift
  printf '\n==> %s\n' "$CURRENT_STEP"
  "$@"
  STEP_TIMES+=("$(printf '%5d s  %s' $((SECONDS - started)) "$CURRENT_STEP")")
  printf '<== %s: %d s\n' "$CURRENT_STEP" $((SECONDS - started))
  CURRENT_STEP=
}

# The table of the steps' times.
say_times() {
  printf '\nTimes:\n'
  printf '  %s\n' "${STEP_TIMES[@]}" "$(printf '%5d s  in all' "$SECONDS")"
}

# --- Processes and files that end with the script ---------------------------------------------

STARTED_PIDS=()
LEFT_FILES=()

# start_process LOG COMMAND...: runs a command in the background; its process id is in STARTED_PID.
start_process() {
  local log=$1
  shift
  "$@" >"$log" 2>&1 </dev/null &
  STARTED_PID=$!
  STARTED_PIDS+=("$STARTED_PID")
}

# stop_process PID [GRACE_SECONDS]: asks, waits, then kills. Only children of this shell.
stop_process() {
  local pid=$1 grace=${2:-10}
  kill -TERM "$pid" 2>/dev/null || return 0
  timeout "$grace" tail --pid="$pid" --sleep-interval=0.1 -f /dev/null || kill -KILL "$pid" || true
}

# Stops what was started, the newest first, and removes what was left.
clean_up() {
  local index
  for ((index = ${#STARTED_PIDS[@]} - 1; index >= 0; index--)); do
    stop_process "${STARTED_PIDS[index]}"
  done
  STARTED_PIDS=()
  ((${#LEFT_FILES[@]} == 0)) || rm -rf -- "${LEFT_FILES[@]}"
  LEFT_FILES=()
}

finish() {
  local status=$?
  trap - EXIT INT TERM HUP
  set +e
  clean_up 2>/dev/null  # bash speaks of processes that ended meanwhile
  if ((status != 0)) && [[ -n $CURRENT_STEP ]]; then
    printf '\nerror: failed in step "%s" after %d s in all (exit status %d)\n' \
      "$CURRENT_STEP" "$SECONDS" "$status" >&2
  fi
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

# lock_builds: one script at a time works in this clone's build folders; another one waits.
lock_builds() {
  mkdir -p "$TOKENSCALER_BUILD_ROOT"
  exec {BUILD_LOCK}>"$TOKENSCALER_BUILD_ROOT/lock"
  if ! flock --nonblock "$BUILD_LOCK"; then
    say "Another script builds this clone (${TOKENSCALER_BUILD_ROOT}): waiting for it."
    flock "$BUILD_LOCK"
  fi
}
unlock_builds() { exec {BUILD_LOCK}>&-; }

# --- Debian packages --------------------------------------------------------------------------

APT_UPDATED=
AS_ROOT=()

require_debian() {
  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    fail "this script needs Debian's apt-get and dpkg. On another system install the packages of \
CONTRIBUTING.md (names of Debian 12) and build with the presets of CMakePresets.json."
  fi
}

# become_root MISSING...: how to run apt-get, or a message that says what to do.
become_root() {
  if ((EUID == 0)); then
    AS_ROOT=()
  elif command -v sudo >/dev/null && { [[ -t 0 ]] || sudo --non-interactive true 2>/dev/null; }; then
    AS_ROOT=(sudo)
  else
    fail "these Debian packages are missing and this user may not install them: $*
  Ask an administrator for:  apt-get install --no-install-recommends $*"
  fi
}

apt_get() {
  "${AS_ROOT[@]}" env DEBIAN_FRONTEND=noninteractive apt-get --quiet --quiet \
    -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" </dev/null
}

apt_update() {
  [[ -z $APT_UPDATED ]] || return 0
  say "apt-get update"
  apt_get update
  APT_UPDATED=yes
}

is_installed() {
  [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# install_packages NAME...: installs what is missing, and only then asks apt anything.
install_packages() {
  require_debian
  local missing=() name
  for name in "$@"; do
    is_installed "$name" || missing+=("$name")
  done
  if ((${#missing[@]} == 0)); then
    say "All $# Debian packages are installed."
    return 0
  fi
  become_root "${missing[@]}"
  apt_update
  say "apt-get install ${missing[*]}"
  apt_get install --yes --no-install-recommends "${missing[@]}"
}

# provide_prometheus: puts Debian's prometheus on PATH. Where it is not installed, its package is
# unpacked into our cache and not installed, since installing it would start a service on port 9090
# now and at every boot of this machine. The package's signature is checked all the same.
provide_prometheus() {
  if command -v prometheus >/dev/null; then
    say "Prometheus: $(command -v prometheus)"
    return 0
  fi
  local folder=$TOKENSCALER_CACHE/prometheus download
  if [[ ! -x $folder/usr/bin/prometheus ]]; then
    require_debian
    become_root prometheus
    apt_update
    download=$(mktemp -d)
    LEFT_FILES+=("$download")
    chmod 755 "$download"
    say "apt-get download prometheus"
    (cd "$download" && AS_ROOT=() && apt_get -o APT::Sandbox::User=root download prometheus)
    mkdir -p "$folder"
    dpkg-deb --extract "$download"/prometheus_*.deb "$folder"
  fi
  export PATH=$folder/usr/bin:$PATH
  say "Prometheus: $folder/usr/bin/prometheus (unpacked, no service)"
}

# --- Builds -----------------------------------------------------------------------------------

build_folder() { printf '%s/%s' "$TOKENSCALER_BUILD_ROOT" "$1"; }

# build PRESET [TARGET...]: configures and builds one preset of CMakePresets.json.
build() {
  local preset=$1
  shift
  (
    cd "$REPOSITORY"
    cmake --preset "$preset" -Wno-dev >"$(log_file "configure-$preset")" 2>&1 || {
      cat "$(log_file "configure-$preset")" >&2
      fail "cmake could not configure the preset '$preset'"
    }
    cmake --build "$(build_folder "$preset")" --parallel "$JOBS" ${1:+--target "$@"}
  )
}

# log_file NAME: the path of a log in the build root.
log_file() {
  mkdir -p "$TOKENSCALER_BUILD_ROOT/logs"
  printf '%s/logs/%s.log' "$TOKENSCALER_BUILD_ROOT" "$1"
}
