# LibreOffice's spreadsheet, which opens what we export: <cache>/peers/libreoffice/env holds SOFFICE, and
# LD_LIBRARY_PATH to be set for it (empty where the machine's own is used). 151 MB to fetch, 480 MB unpacked, 30 s.
# shellcheck shell=bash

have_libreoffice() { have_peer libreoffice "$ROOT/scripts/lib/libreoffice.sh"; }

# get_libreoffice FOLDER: of the machine's own suite, as it must go with its C library. Unpacked it looks for its
# settings below /usr and /etc, and for its registry where only an installation puts it.
get_libreoffice() {
  local folder="$1" office suite libraries="" link target
  office="$(command -v soffice || true)"
  if [ -z "$office" ]; then
    suite="$(. /etc/os-release && echo "${VERSION_CODENAME:-$DEBIAN}")"
    update_suite "$suite"
    unpack_debian "$suite" "$folder/debian" libreoffice-calc-nogui
    office="$folder/debian/usr/lib/libreoffice/program/soffice.bin"
    find "$folder/debian" -lname '/*' -printf '%p %l\n' | while read -r link target; do
      if [ -e "$folder/debian$target" ]; then ln -sfn "$folder/debian$target" "$link"; fi
    done
    sed -i "s#file:///\(usr/lib\|etc\|usr/share\)/libreoffice#file://$folder/debian/\1/libreoffice#g" \
      "${office%/*}"/*rc "$folder/debian/etc/libreoffice/sofficerc"
    cp -r "$folder/debian/usr/lib/libreoffice/share/.registry/." "$folder/debian/etc/libreoffice/registry/"
    libraries="$(find "$folder/debian/usr/lib" -name '*.so*' -printf '%h\n' | sort -u | paste -sd:)"
  fi
  LD_LIBRARY_PATH="$libraries" "$office" --version | grep -q LibreOffice
  { echo "SOFFICE=$office"; echo "LD_LIBRARY_PATH=$libraries"; } >"$folder/env"
}
