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
  go=$("$here/../../scripts/find_go.sh" $go_min)
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
