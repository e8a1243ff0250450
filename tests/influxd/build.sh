#!/usr/bin/env bash
# Builds InfluxDB for the tests, once, into the cache: some 5 minutes the first time, then nothing. Prints the program's
# path. The folder is named by a hash of the recipe: a changed one is built anew.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

recipe=$(cat "$here/build.sh" "$here/tools.go" "$here/go.mod" "$here/go.sum" | sha256sum | cut -c1-12)
bin=${XDG_CACHE_HOME:-$HOME/.cache}/galileo/influxd-$recipe
mkdir -p "$bin"
exec 9> "$bin.lock"
flock 9

if [ ! -x "$bin/influxd" ]; then
  go=$("$here/../../scripts/find_go.sh" 24)
  command -v cargo >/dev/null || { echo "influxd: its query language is built with cargo, which isn't here: scripts/setup.sh test" >&2; exit 2; }
  echo "influxd: building InfluxDB 2.7.12, once; some 5 minutes on two cores" >&2
  # What the build leaves behind is of no use afterwards.
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  mkdir "$scratch/tools"
  export GOCACHE=$scratch/objects GOFLAGS=-mod=readonly GOTOOLCHAIN=local
  # Go asks pkg-config for libflux's flags: InfluxData's builds that library, in Rust, when it is asked.
  (cd "$here" && "$go" build -o "$scratch/tools/pkg-config" github.com/influxdata/pkg-config) >&2
  # The crate makes all warnings errors; a compiler that is newer than it knows more of them.
  printf '#!/bin/sh\ncase " $* " in\n  *" --cap-lints"*) exec "$@" ;;\n  *) exec "$@" --cap-lints=warn ;;\nesac\n' \
    > "$scratch/tools/rustc-lenient"
  chmod +x "$scratch/tools/rustc-lenient"
  # It names a toolchain of its own, which needn't be installed: any will do.
  (cd "$here" && PATH="$scratch/tools:$PATH" PKG_CONFIG=$scratch/tools/pkg-config RUSTC_WRAPPER=$scratch/tools/rustc-lenient \
    RUSTUP_TOOLCHAIN=stable "$go" build -trimpath -ldflags "-s -w" -tags sqlite_foreign_keys,sqlite_json -o "$bin/influxd.new" \
    github.com/influxdata/influxdb/v2/cmd/influxd) 2> >(grep -v '^go: downloading' >&2)
  mv "$bin/influxd.new" "$bin/influxd"
fi
echo "$bin/influxd"
