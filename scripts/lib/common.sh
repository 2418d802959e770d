# Shared by the scripts beside this folder: where things live, how they speak. Sourced, never run.
# shellcheck shell=bash

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
CACHE="${PRINTERNIZER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/printernizer}"
TOOLS="$CACHE/tools"
# shellcheck disable=SC2034 # for the files sourced at the end
UV="$TOOLS/bin/uv"
export UV_NO_PROGRESS=1 UV_SYSTEM_CERTS=1 UV_LINK_MODE="${UV_LINK_MODE:-hardlink}"
export UV_CACHE_DIR="${UV_CACHE_DIR:-$CACHE/uv}" # beside the environments: files are linked, not copied
export PIP_DISABLE_PIP_VERSION_CHECK=1

say() { printf '%s\n' "$*" >&2; }

# fail WHAT [WHAT THE PERSON CAN DO ...]: the only way these scripts give up.
fail() {
  printf 'error: %s\n' "$1" >&2
  shift
  [ $# -eq 0 ] || printf '       %s\n' "$@" >&2
  exit 1
}

# step TEXT COMMAND...: say what happens and how long it took; keep the noise in a log, show it on failure.
# The command, often a function of these files, runs in a shell of its own: so errexit holds in it even where the
# step's failure is handled, and it leaves files, not variables.
step() {
  local text="$1" begun=$EPOCHREALTIME took log
  shift
  mkdir -p "$CACHE/logs"
  log="$CACHE/logs/$(tr -cs 'A-Za-z0-9.\n' '-' <<<"$text").log"
  # shellcheck disable=SC2016 # expanded by the inner shell
  if ! bash -euo pipefail -c '. "$0"; "$@"' "$ROOT/scripts/lib/common.sh" "$@" >"$log" 2>&1; then
    say "  could not $text; the end of $log:"
    tail -n "${STEP_LINES:-12}" "$log" | sed 's/^/    | /' >&2
    return 1
  fi
  took=$(((${EPOCHREALTIME/[.,]/} - ${begun/[.,]/}) / 100000))
  say "  $text ($((took / 10)).$((took % 10)) s)"
}

# digest FILE: a short name for exactly this content.
digest() { sha256sum "$1" | cut -c1-12; }

# stamped FOLDER: a folder is whole when its stamp, written last, is there.
stamped() { [ -e "$1/.complete" ]; }
stamp() { : >"$1/.complete"; }

# shellcheck source=scripts/lib/debian.sh
. "$ROOT/scripts/lib/debian.sh"
# shellcheck source=scripts/lib/python.sh
. "$ROOT/scripts/lib/python.sh"
# shellcheck source=scripts/lib/peers.sh
. "$ROOT/scripts/lib/peers.sh"
# shellcheck source=scripts/lib/libreoffice.sh
. "$ROOT/scripts/lib/libreoffice.sh"
