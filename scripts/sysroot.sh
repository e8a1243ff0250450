#!/usr/bin/env bash
# Prints the folder of Debian 12's libraries for another processor, against which Galileo is built for it: made once, in the cache.
#
#   scripts/sysroot.sh arm64|armhf
#
# The packages are fetched by an apt that has a state of its own, and unpacked, not installed: this machine needs no second
# architecture, nothing on it is in their way, and root isn't needed. Signatures are checked by Debian's keys.
set -euo pipefail
architecture=${1:-}
case $architecture in
  arm64) triplet=aarch64-linux-gnu ;;
  armhf) triplet=arm-linux-gnueabihf ;;
  *) echo "sysroot: unknown processor '$architecture'; use arm64 or armhf" >&2; exit 2 ;;
esac
# The libraries of scripts/setup.sh's set build.
packages=(libc6-dev libstdc++-12-dev
          libfmt-dev libexpected-dev libspdlog-dev libcli11-dev nlohmann-json3-dev libyaml-cpp-dev
          libsqlite3-dev libmariadb-dev zlib1g-dev libbrotli-dev libzstd-dev libre2-dev
          libhiredis-dev libssl-dev libnghttp2-dev libnl-genl-3-dev doctest-dev)
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

for tool in apt-get dpkg-deb; do
  command -v "$tool" >/dev/null || { echo "sysroot: no $tool here; libraries for $architecture come from Debian's packages, so make them on Debian" >&2; exit 3; }
done
[ -r "$keyring" ] || { echo "sysroot: $keyring isn't there; install debian-archive-keyring" >&2; exit 3; }

cache=${XDG_CACHE_HOME:-$HOME/.cache}/galileo
root=$cache/sysroot-$architecture-$(sha256sum "$0" | cut -c 1-12)
mkdir -p "$cache"
exec 8> "$root.lock"
flock -w 1200 8 || { echo "sysroot: another has been making $root for 20 minutes" >&2; exit 1; }
if [ -e "$root/whole" ]; then
  echo "$root"
  exit 0
fi

echo "sysroot: fetching Debian 12's libraries for $architecture" >&2
state=$(mktemp -d "$cache/sysroot-state.XXXXXX")
trap 'rm -rf "$state"' EXIT
trap 'exit 130' INT TERM
rm -rf "$root"
mkdir -p "$state"/{lists/partial,cache/archives/partial,sources} "$root"/usr/{lib,bin,sbin} "$root/shlibs"
touch "$state/status"
mirror=$(grep -rhoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null | head -1 | tr -d ' ' || true)
# Debian's updates of security too: what is built against should be what nodes have.
cat > "$state/sources.list" <<EOF
deb [signed-by=$keyring] ${mirror:-http://deb.debian.org/debian} bookworm main
deb [signed-by=$keyring] ${GALILEO_SECURITY_MIRROR:-http://deb.debian.org/debian-security} bookworm-security main
EOF
apt=(apt-get -q -o "Dir::State::lists=$state/lists" -o "Dir::State::status=$state/status" -o "Dir::State::extended_states=$state/extended"
     -o "Dir::Cache=$state/cache" -o "Dir::Etc::sourcelist=$state/sources.list" -o "Dir::Etc::sourceparts=$state/sources"
     -o "Dir::Etc::preferencesparts=$state/sources" -o "APT::Architecture=$architecture" -o "APT::Architectures::=$architecture"
     -o APT::Sandbox::User=root -o Debug::NoLocking=true -o APT::Get::List-Cleanup=false -o Acquire::Retries=3 -o Acquire::http::Timeout=60)
"${apt[@]}" update >&2
"${apt[@]}" install -y --no-install-recommends --download-only "${packages[@]}" > "$state/log" 2>&1 || { tail -20 "$state/log" >&2; exit 1; }

# As on Debian since 12: one tree. It has to be there before the first package puts something into /lib.
for folder in lib bin sbin; do ln -s "usr/$folder" "$root/$folder"; done
for package in "$state"/cache/archives/*.deb; do
  dpkg-deb --fsys-tarfile "$package" | tar -x -C "$root" --keep-directory-symlink --no-same-owner \
    --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' --exclude='./usr/share/locale/*' --exclude='./dev/*'
  basename "$package" .deb
  # Which package has a library, for the packages that depend on it.
  control=$(mktemp -d "$state/control.XXXXXX")
  dpkg-deb --control "$package" "$control"
  for kind in shlibs symbols; do
    [ ! -e "$control/$kind" ] || cp "$control/$kind" "$root/shlibs/$(dpkg-deb --field "$package" Package).$kind"
  done
done | sort > "$root/packages"
# A link with a whole path would lead out of the folder, to this machine's own libraries.
find "$root" -type l -lname '/*' -print0 | while IFS= read -r -d '' link; do
  ln -sfn --relative "$root$(readlink "$link")" "$link"
done
[ -e "$root/usr/lib/$triplet/libc.so.6" ] || { echo "sysroot: no C library for $architecture among $(wc -l < "$root/packages") packages" >&2; exit 1; }
touch "$root/whole"
echo "$root"
