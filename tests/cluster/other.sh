#!/usr/bin/env bash
# Builds another version of Kubernetes than the tests', into the cache, to see whether they hold there too; one that was cut goes on
# where it was. Prints the folder of its components, which GALILEO_TEST_KUBERNETES names to tests/cluster:
#
#   folder=$(tests/cluster/other.sh 1.37.2 go1.27.3)     # the version, and the Go that it wants; an hour, one compiler at a time
#   GALILEO_TEST_KUBERNETES=$folder /usr/bin/python3 -m pytest tests/cluster/kubernetes_api_test.py
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
version=$1
folder=${XDG_CACHE_HOME:-$HOME/.cache}/galileo/kube-$version
mkdir -p "$folder"
exec 9> "$folder.lock"
flock 9
cd "$folder"
export GOTOOLCHAIN=${2:-local} CGO_ENABLED=0 GOFLAGS="-p=1 -buildvcs=false"
go=$("$here/../../scripts/find_go.sh" 26)
if [ ! -x kube ]; then
  {
    cp "$here/kube/main.go" main.go
    if [ ! -f go.sum ]; then
      rm -f go.mod
      "$go" mod init galileo.local/kube
      "$go" mod edit -require="k8s.io/kubernetes@v$version"
      # Its own parts are of the same release; it names them by folders beside it.
      described=$("$go" mod download -json "k8s.io/kubernetes@v$version" | sed -n 's/.*"GoMod": "\(.*\)",/\1/p')
      for part in $(sed -n 's#^\t\(k8s.io/[a-z-]*\) => ./staging/.*#\1#p' "$described"); do
        "$go" mod edit -replace="$part=$part@v0.${version#*.}"
      done
      "$go" mod tidy
    fi
    base=k8s.io/component-base/version
    minor=${version#*.}
    nice -n 19 "$go" build -mod=mod -trimpath -o kube.new \
      -ldflags "-s -w -X $base.gitVersion=v$version -X $base.gitMajor=1 -X $base.gitMinor=${minor%%.*} -X $base.gitTreeState=clean" .
    mv kube.new kube
  } >&2
fi
for component in etcd kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubelet kubectl; do
  ln -sf kube "$folder/$component"
done
echo "$folder"
