#!/usr/bin/env bash
# Builds a program that some tests of the cluster use, once, into the cache, and prints its path: tool.sh coredns|helm|kustomize|kwok|metrics-server.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
name=$1
case $name in
  coredns) recipe=$(cat "$here/coredns/"* | sha256sum | cut -c1-12) ;;
  helm) recipe=v3.19.5 package=helm.sh/helm/v3/cmd/helm ;;
  kustomize) recipe=v5.7.1 package=sigs.k8s.io/kustomize/kustomize/v5 ;;
  kwok) recipe=v0.7.0 package=sigs.k8s.io/kwok/cmd/kwok ;;
  metrics-server) recipe=v0.8.0 package=sigs.k8s.io/metrics-server/cmd/metrics-server ;;
  *) echo "tool: there is no '$name'" >&2; exit 2 ;;
esac
cache=${XDG_CACHE_HOME:-$HOME/.cache}/galileo
program=$cache/$name-$recipe/$name
mkdir -p "$(dirname "$program")"
exec 9> "$cache/$name-$recipe.lock"
flock 9
if [ ! -x "$program" ]; then
  go=$("$here/../../scripts/find_go.sh" 26)
  echo "cluster: building $name, once; some minutes" >&2
  export CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS=
  objects=$(mktemp -d)
  trap 'rm -rf "$objects"' EXIT
  if [ "$name" = coredns ]; then
    (cd "$here/coredns" && GOCACHE=$objects "$go" build -mod=readonly -trimpath -ldflags "-s -w" -o "$program.new" .)
  else
    GOCACHE=$objects GOBIN=$objects "$go" install -trimpath -ldflags "-s -w" "$package@$recipe"
    cp "$objects/$name" "$program.new"
  fi 2> >(grep -v '^go: downloading' >&2)
  mv "$program.new" "$program"
fi
echo "$program"
