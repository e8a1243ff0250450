#!/usr/bin/env bash
# place.sh COMMAND...: runs it with a network, control groups and a folder of temporary files of its own, so that more than one
# cluster can be up: their names and addresses are fixed. There is no way out in there; GALILEO_TEST_OUTSIDE names the network
# that has one, for what is downloaded. All of the place goes with the command. Where it can't be made, the command has none.
set -eu
if [ "$(id -u)" != 0 ] || ! unshare --cgroup --net --mount true 2> /dev/null; then
  exec "$@"
fi
export GALILEO_PLACE=galileo-place-$$ groups=/sys/fs/cgroup temporary=${TMPDIR:-/tmp}

# All that is left of a place: what runs in its control groups, these, and its files.
remove() {
  for _ in $(seq 100); do  # what was killed may take a moment to end
    compgen -G "$groups/*/$1" > /dev/null || break
    find "$groups"/*/"$1" -name cgroup.procs -exec cat {} + 2> /dev/null | xargs -r kill -KILL 2> /dev/null || true
    find "$groups"/*/"$1" -depth -type d -exec rmdir {} + 2> /dev/null || sleep 0.1
  done
  rm -rf "${temporary:?}/$1"
}
# Stays outside until the command, whose process this shell becomes, has ended in whatever way.
wait_and_remove() {
  while kill -0 "${GALILEO_PLACE##*-}" 2> /dev/null; do
    sleep 0.2
  done
  remove "$GALILEO_PLACE"
}
arrive() {
  ip link set lo up
  mount -t tmpfs tmpfs /run/netns
  for own in "$groups"/*/"$GALILEO_PLACE"; do
    mount --bind "$own" "$(dirname "$own")"
  done
  unset groups temporary
  exec "$@"
}
export -f remove wait_and_remove arrive

for old in "$temporary"/galileo-place-*; do  # where even that one was killed
  [ ! -e "$old" ] || kill -0 "${old##*-}" 2> /dev/null || remove "$(basename "$old")"
done
mkdir -m 700 "$temporary/$GALILEO_PLACE"
setsid bash -c wait_and_remove < /dev/null > /dev/null 2>&1 &
export GALILEO_TEST_OUTSIDE=/proc/$!/ns/net TMPDIR=$temporary/$GALILEO_PLACE
for hierarchy in "$groups"/*; do
  [ -e "$hierarchy/cgroup.procs" ] && mkdir "$hierarchy/$GALILEO_PLACE" 2> /dev/null || continue
  for file in cpuset.cpus cpuset.mems; do  # a new cpuset has no core
    [ ! -e "$hierarchy/$GALILEO_PLACE/$file" ] || cat "$hierarchy/$file" > "$hierarchy/$GALILEO_PLACE/$file"
  done
  echo $$ > "$hierarchy/$GALILEO_PLACE/cgroup.procs"
done
mkdir -p /run/netns
exec unshare --cgroup --net --mount bash -c 'arrive "$@"' place "$@"
