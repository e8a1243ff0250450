# The first process of a node, in namespaces of its own: node.sh NUMBER FOLDER PROGRAMS [FLAG OF THE KUBELET...]. When a
# part of it ends, the node ends with all that runs on it.
set -eu
number=$1 folder=$2 programs=$3
shift 3
own=$folder/node$number

hostname "node$number"
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
for path in /var/lib/containerd /var/lib/kubelet /var/lib/cni /var/log/pods /var/log/containers /etc/cni/net.d; do
  mkdir -p "$path" "$own/root$path"
  mount --bind "$own/root$path" "$path"
done
cp "$own/10-galileo.conflist" /etc/cni/net.d/
mount --make-rshared /  # volumes that the kubelet mounts must show in containers

containerd -c "$own/containerd.toml" > "$own/containerd.log" 2>&1 &
for _ in $(seq 100); do
  ctr version > /dev/null 2>&1 && break
  sleep 0.1
done
for archive in "$folder"/images/*.tar; do
  ctr -n k8s.io images import "$archive" > /dev/null
done
"$programs/kubelet" --config="$own/kubelet.json" --kubeconfig="$folder/node$number.kubeconfig" \
  --hostname-override="node$number" --node-ip="10.87.0.1$number" --node-labels="galileo.test/node=node$number" "$@" > "$own/kubelet.log" 2>&1 &
"$programs/kube-proxy" --config="$own/proxy.json" > "$own/proxy.log" 2>&1 &
wait -n || true
echo "a part of node$number has ended; see $own" >&2
