#!/usr/bin/env bash
# Installs, by name, the Debian packages that Galileo is built and tested with.
# Nothing happens when they are all there: no network, no root needed.
#
#   scripts/setup.sh [build|test|bench]     each set holds the ones before it
set -euo pipefail

build=(g++ cmake ninja-build ccache pkg-config python3
       libfmt-dev libexpected-dev libspdlog-dev libcli11-dev nlohmann-json3-dev libyaml-cpp-dev
       libsqlite3-dev libmariadb-dev zlib1g-dev libbrotli-dev libzstd-dev libre2-dev
       libhiredis-dev libssl-dev libnghttp2-dev libnl-genl-3-dev doctest-dev)
tests=(clang-19 libclang-rt-19-dev clang-format-19 clang-tidy-19
       python3-pytest python3-pytest-xdist python3-yaml python3-jsonschema python3-requests python3-venv python3-dev python3-h2 nginx-light nghttp2-server apache2-bin haproxy curl chromium procps
       redis-server redis-tools mariadb-server openssl iproute2 runc busybox-static
       containerd containernetworking-plugins nftables conntrack etcd-server debootstrap
       mandoc bsdextrautils zsh fish systemd dpkg-dev)
bench=(wrk hey nghttp2-client libbenchmark-dev golang-go time strace)

set_name=${1:-build}
packages=("${build[@]}")
case $set_name in
  build) ;;
  test) packages+=("${tests[@]}") ;;
  bench) packages+=("${tests[@]}" "${bench[@]}") ;;
  *) echo "setup: unknown set '$set_name'; use build, test or bench" >&2; exit 2 ;;
esac

# Docker's own packages bring these, and Debian's would have them removed.
provided() { case $1 in containerd | runc) command -v "$1" >/dev/null ;; *) false ;; esac; }
installed() { provided "$1" || [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

missing=()
for package in "${packages[@]}"; do
  installed "$package" || missing+=("$package")
done

# The report's charts come from npm. Any Node from 18 on will do; Debian 12's own is 18.
node_major=$( (node --version 2>/dev/null || true) | sed -n 's/^v\([0-9]*\)\..*/\1/p')
[ "${node_major:-0}" -ge 18 ] || missing+=(nodejs)
command -v npm >/dev/null || missing+=(npm)

# A part of InfluxDB, which the tests build, is written in Rust.
if [ "$set_name" != build ] && ! command -v cargo >/dev/null; then missing+=(rustc-web cargo-web); fi

[ ${#missing[@]} -eq 0 ] && exit 0

echo "setup: installing ${missing[*]}" >&2
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "setup: not root and no sudo here; as root run: apt-get install ${missing[*]}" >&2
    exit 2
  fi
  as_root=(sudo)
fi
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -q >&2
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -q --no-remove --no-install-recommends "${missing[@]}" >&2
