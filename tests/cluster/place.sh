#!/usr/bin/env bash
# place.sh COMMAND...: runs it with a network, control groups and a folder of temporary files of its own, so that more than one
# cluster can be up: their names and addresses are fixed. There is no way out in there; GALILEO_TEST_OUTSIDE names the network
# that has one, for what is downloaded. All of the place goes with the command. Where it can't be made, the command has none.
set -eu
if [ "$(id -u)" != 0 ] || ! unshare --cgroup --net --mount true 2> /dev/null; then
  exec "$@"
fi
groups=/sys/fs/cgroup
export GALILEO_PLACE=galileo-place-$$
GALILEO_TEST_OUTSIDE=/proc/$$/ns/net
temporary=${TMPDIR:-/tmp}
TMPDIR=$temporary/$GALILEO_PLACE
export GALILEO_TEST_OUTSIDE TMPDIR

# All that is left of a place: what runs in its control groups, these, and its files.
remove() {
  for _ in $(seq 100); do  # what was killed may take a moment to end
    compgen -G "$groups/*/$1" > /dev/null || break
    find "$groups"/*/"$1" -name cgroup.procs -exec cat {} + 2> /dev/null | xargs -r kill -KILL 2> /dev/null || true
    find "$groups"/*/"$1" -depth -type d -exec rmdir {} + 2> /dev/null || sleep 0.1
  done
  rm -rf "${temporary:?}/$1"
}
enter() {
  for hierarchy in "$1"/*/"$GALILEO_PLACE"; do
    echo $$ > "$hierarchy/cgroup.procs"
  done
  exec unshare --cgroup --net --mount bash -c 'arrive "$@"' place "$@"
}
arrive() {
  ip link set lo up
  mount -t tmpfs tmpfs /run/netns
  for own in "$1"/*/"$GALILEO_PLACE"; do
    mount --bind "$own" "$(dirname "$own")"
  done
  shift
  exec "$@"
}
export -f enter arrive

for old in "$temporary"/galileo-place-*; do  # of those that were killed
  [ ! -e "$old" ] || kill -0 "${old##*-}" 2> /dev/null || remove "$(basename "$old")"
done
trap 'remove "$GALILEO_PLACE"' EXIT
mkdir -m 700 "$TMPDIR"
for hierarchy in "$groups"/*; do
  [ -e "$hierarchy/cgroup.procs" ] && mkdir "$hierarchy/$GALILEO_PLACE" 2> /dev/null || continue
  for file in cpuset.cpus cpuset.mems; do  # a new cpuset has no core
    [ ! -e "$hierarchy/$GALILEO_PLACE/$file" ] || cat "$hierarchy/$file" > "$hierarchy/$GALILEO_PLACE/$file"
  done
done
mkdir -p /run/netns
# What asks the place to end asks the command to, and the place goes after it.
exec 3<&0
bash -c 'enter "$@"' place "$groups" "$@" <&3 3<&- &
command=$!
trap 'kill -INT "$command" 2> /dev/null || true' INT
trap 'kill -TERM "$command" 2> /dev/null || true' TERM
while :; do
  code=0
  wait "$command" || code=$?
  kill -0 "$command" 2> /dev/null || break
done
exit "$code"
