# Real servers that tests run against. Nothing of the system changes; what cannot be had is said and skipped.
# shellcheck shell=bash
#
# <cache>/peers/<name>/env holds KEY=VALUE lines, absolute paths, no quotes:
#   mosquitto    MOSQUITTO, MOSQUITTO_PASSWD
#   postgresql   POSTGRESQL_BIN (initdb, postgres, psql; they refuse to run as root)
#   prusalink    PRUSALINK, PRUSALINK_PYTHON; LD_LIBRARY_PATH and MAGIC to be set for both
#   octoprint    OCTOPRINT (1.11), OCTOPRINT_PYTHON
#   octoprint2   the same names, of the 2.0 release candidate
#   moonraker    MOONRAKER_PYTHON (runs `-m moonraker`); LD_LIBRARY_PATH to be set for it
# <cache>/peers/<name>/missing holds, instead, the one line a test gives as its reason to skip.

PEERS="$CACHE/peers"
DEBIAN=stable # whose packages are used where the machine has none of its own

have_peers() {
  have_peer mosquitto
  have_peer postgresql
  have_peer prusalink "$ROOT/scripts/lib/prusalink.txt"
  have_peer octoprint "$ROOT/scripts/lib/octoprint.txt"
  have_peer octoprint2 "$ROOT/scripts/lib/octoprint2.txt"
  have_peer moonraker "$ROOT/scripts/lib/moonraker.txt"
}

# have_peer NAME [LOCK]: never fails; a failed try is not repeated for ten minutes.
have_peer() {
  local name="$1" folder="$PEERS/$1" version
  version="$(cat "$ROOT/scripts/lib/peers.sh" "${@:2}" | sha256sum | cut -c1-12)"
  if [ "$(cat "$folder/version" 2>/dev/null)" = "$version" ]; then
    [ ! -e "$folder/missing" ] && return 0
    if [ -z "$(find "$folder/missing" -mmin +10)" ]; then
      say "  no $name: $(cat "$folder/missing") (rm -r $folder to try again at once)"
      return 0
    fi
  fi
  have_tools
  rm -rf "$folder"
  mkdir -p "$folder"
  if ! STEP_LINES=3 step "get the peer $name" "get_$name" "$folder"; then
    rm -f "$folder/env"
    [ -e "$folder/missing" ] || echo "it could not be had on this machine, see $CACHE/logs/get-the-peer-$name.log" >"$folder/missing"
    say "  no $name: $(cat "$folder/missing"); its tests will be skipped"
  fi
  echo "$version" >"$folder/version"
}

get_mosquitto() {
  local folder="$1" server
  server="$(PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v mosquitto || true)"
  if [ -z "$server" ]; then
    update_suite "$DEBIAN"
    unpack_debian "$DEBIAN" "$folder/debian" mosquitto
    server="$folder/debian/usr/sbin/mosquitto"
    own_loader "$folder/debian" "$server" "$folder/debian/usr/bin/mosquitto_passwd"
  fi
  ("$server" -h || true) | grep -q 'mosquitto version 2'
  { echo "MOSQUITTO=$server"; echo "MOSQUITTO_PASSWD=${server%/*bin/mosquitto}/bin/mosquitto_passwd"; } >"$folder/env"
}

get_postgresql() {
  local folder="$1" programs
  programs="$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1)"
  if [ -z "$programs" ] && command -v initdb >/dev/null; then programs="$(dirname "$(command -v initdb)")"; fi
  if ! [ -x "$programs/initdb" ] || ! [ -x "$programs/postgres" ]; then
    update_suite "$DEBIAN"
    unpack_debian "$DEBIAN" "$folder/debian" postgresql
    programs="$(dirname "$(find "$folder/debian/usr/lib/postgresql" -name initdb)")"
    own_loader "$folder/debian" "$programs"/{initdb,postgres,pg_ctl,psql}
  fi
  "$programs/postgres" --version
  "$programs/initdb" --version
  echo "POSTGRESQL_BIN=$programs" >"$folder/env"
}

get_prusalink() {
  local folder="$1" python suite libraries magic
  python="$(older_python)"
  [ -n "$python" ] || { echo "it needs Python 3.11, 3.12 or 3.13 with its headers" | tee "$folder/missing"; return 1; }
  command -v gcc >/dev/null || { echo "it needs gcc to build a part of it" | tee "$folder/missing"; return 1; }
  suite="$(. /etc/os-release && echo "${VERSION_CODENAME:-$DEBIAN}")" # these must go with the machine's own C library
  update_suite "$suite"
  unpack_loose "$suite" "$folder/debian" libcap-dev libcap2 libmagic1 libmagic-mgc libturbojpeg0 libudev1 ||
    unpack_loose "$suite" "$folder/debian" libcap-dev libcap2 libmagic1t64 libmagic-mgc libturbojpeg0 libudev1
  libraries="$(find "$folder/debian" -name '*.so*' -printf '%h\n' | sort -u | paste -sd:)"
  magic="$folder/debian/usr/lib/file/magic.mgc"
  "$UV" venv -q --no-config --python "$python" "$folder/venv"
  use_index_of_pip
  CPATH="$folder/debian/usr/include" LIBRARY_PATH="$libraries" "$UV" pip install --python "$folder/venv/bin/python" \
    --no-deps --require-hashes -r "$ROOT/scripts/lib/prusalink.txt"
  LD_LIBRARY_PATH="$libraries" MAGIC="$magic" "$folder/venv/bin/python" -c 'import prctl, magic, turbojpeg, pyudev, prusa.link.__main__'
  {
    echo "PRUSALINK=$folder/venv/bin/prusalink"
    echo "PRUSALINK_PYTHON=$folder/venv/bin/python"
    echo "LD_LIBRARY_PATH=$libraries"
    echo "MAGIC=$magic"
  } >"$folder/env"
}

# octoprint: netifaces, which 1.11 needs, has no wheels for these Pythons.
get_octoprint() {
  command -v gcc >/dev/null || { echo "it needs gcc to build a part of it" | tee "$1/missing"; return 1; }
  octoprint_of "$1" octoprint
}

get_octoprint2() { octoprint_of "$1" octoprint2; }

octoprint_of() {
  local folder="$1" lock="$2"
  locked_venv "$folder" "$lock" || return 1
  "$folder/venv/bin/octoprint" --version
  { echo "OCTOPRINT=$folder/venv/bin/octoprint"; echo "OCTOPRINT_PYTHON=$folder/venv/bin/python"; } >"$folder/env"
}

get_moonraker() {
  local folder="$1" suite libraries=""
  locked_venv "$folder" moonraker || return 1
  if ! "$folder/venv/bin/python" -c 'import libnacl' 2>/dev/null; then
    suite="$(. /etc/os-release && echo "${VERSION_CODENAME:-$DEBIAN}")"
    update_suite "$suite"
    unpack_loose "$suite" "$folder/debian" libsodium23
    libraries="$(find "$folder/debian" -name '*.so*' -printf '%h\n' | sort -u | paste -sd:)"
  fi
  LD_LIBRARY_PATH="$libraries" "$folder/venv/bin/python" -c 'import libnacl, moonraker.server'
  { echo "MOONRAKER_PYTHON=$folder/venv/bin/python"; echo "LD_LIBRARY_PATH=$libraries"; } >"$folder/env"
}

# locked_venv FOLDER LOCK: FOLDER/venv with exactly what scripts/lib/LOCK.txt names. Compiled at once: tests run with
# PYTHONDONTWRITEBYTECODE, and a server that compiles itself at every start takes three times as long.
locked_venv() {
  local folder="$1" lock="$2" python
  python="$(older_python)"
  [ -n "$python" ] || { echo "it needs Python 3.11, 3.12 or 3.13 with its headers" | tee "$folder/missing"; return 1; }
  "$UV" venv -q --no-config --python "$python" "$folder/venv"
  use_index_of_pip
  "$UV" pip install --python "$folder/venv/bin/python" --compile-bytecode --no-deps --require-hashes \
    -r "$ROOT/scripts/lib/$lock.txt"
}

# older_python: one that these servers accept and that can build C extensions, or nothing.
older_python() {
  local python
  for python in python3.11 python3.12 python3.13 /usr/bin/python3.1[123] "$HOME"/.pyenv/versions/3.1[123].*/bin/python \
    "$("$UV" python find '>=3.11,<3.14' 2>/dev/null || true)"; do
    "$python" -c 'import os, sys, sysconfig
assert (3, 11) <= sys.version_info < (3, 14) and os.path.exists(sysconfig.get_path("include") + "/Python.h")
print(os.path.realpath(sys.executable))' 2>/dev/null && return 0
  done
  return 0
}
