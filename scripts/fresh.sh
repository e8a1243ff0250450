#!/usr/bin/env bash
# Proves that the two commands work from nothing: makes a new Debian 12 root, clones the last commit into
# it, and runs `make demo` and `make test` there. Needs root and debootstrap.
#
#   scripts/fresh.sh [demo|test|all]
#
# The bare root is cached; what this machine needs to reach its package sites (apt settings, certificates)
# is copied into it. Everything is unmounted and removed at the end, also after Ctrl-C.
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:-all}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/galileo/debian-12
root=$(mktemp -d /tmp/galileo-fresh.XXXXXX)

clean_up() {
  for mount in dev/pts dev proc sys; do
    mountpoint -q "$root/$mount" && umount -l "$root/$mount"
  done
  rm -rf --one-file-system "$root"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

mirror=$(grep -rhoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null | head -1 | tr -d ' ' || true)
if [ ! -e "$cache/made" ]; then
  command -v debootstrap >/dev/null || apt-get install -y -q debootstrap >&2
  rm -rf "$cache" && mkdir -p "$cache"
  debootstrap --variant=minbase --include=make,git,ca-certificates bookworm "$cache" "${mirror:-http://deb.debian.org/debian}" >&2
  touch "$cache/made"
fi
cp -a "$cache/." "$root"

cp /etc/resolv.conf "$root/etc/resolv.conf"
cp /etc/hosts "$root/etc/hosts"
for conf in /etc/apt/apt.conf.d/99*; do [ -e "$conf" ] && cp "$conf" "$root/etc/apt/apt.conf.d/"; done
if compgen -G '/usr/local/share/ca-certificates/*.crt' >/dev/null; then
  cp /usr/local/share/ca-certificates/*.crt "$root/usr/local/share/ca-certificates/"
  chroot "$root" update-ca-certificates >/dev/null 2>&1
fi
printf 'deb %s bookworm main\n' "${mirror:-http://deb.debian.org/debian}" > "$root/etc/apt/sources.list"
for mount in proc sys dev dev/pts; do mount --bind "/$mount" "$root/$mount"; done

git clone -q . "$root/root/galileo"
[ -d ../shared ] && cp -r ../shared "$root/root/shared"
certificates=/etc/ssl/certs/ca-certificates.crt
inside() {
  echo "== in a new Debian 12: $*"
  chroot "$root" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM="${TERM:-dumb}" LANG=C.UTF-8 \
    NODE_EXTRA_CA_CERTS=$certificates SSL_CERT_FILE=$certificates bash -c "cd /root/galileo && $*"
}
case $what in demo|all) inside make demo ;; esac
case $what in test|all) inside make test ;; esac
