#!/bin/sh
# The launcher of clang for precompiled headers: compiles one, and leaves beside it the sum of what it is made of. ccache takes
# that for its content (CCACHE_PCH_EXTSUM), for clang writes the folder's name into it, and another clone should find what is compiled.
set -e
"$@"
out=
for word; do
  [ "$last" = -o ] && out=$word
  last=$word
done
{ "$1" --version; "$@" -E -P -o -; } | sha256sum > "$out.sum"
