# What every step of the set-up uses. Sourced by ./dev.

# On standard error, so that a command's own output can be piped.
step() { printf '\033[1m==> %s\033[0m\n' "$*" >&2; }
[[ -t 2 ]] || step() { printf '==> %s\n' "$*" >&2; }

# One line of what is wrong, then lines of what to do about it.
die() {
  printf 'dev: %s\n' "$@" >&2
  exit 1
}

# Compiling a file that includes CAF takes up to 1.5 GB.
jobs_at_a_time() {
  local cores memory_kb by_memory
  cores=$(nproc)
  memory_kb=$(awk '$1 == "MemAvailable:" {print $2}' /proc/meminfo)
  by_memory=$((memory_kb / 1500000))
  ((by_memory >= 1)) || by_memory=1
  echo "${NEURACT_JOBS:-$((cores < by_memory ? cores : by_memory))}"
}

# Runs a long command: on a terminal as it is, otherwise into a log of which only a failure shows the end.
run_logged() {
  local log=$1
  shift
  if [[ -t 1 ]]; then
    "$@" 2>&1 | tee "$log"
  else
    "$@" >"$log" 2>&1 || {
      tail -n 30 "$log" >&2
      return 1
    }
  fi
}
