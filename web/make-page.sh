#!/usr/bin/env bash
# Makes dist/report.html. Called by every build folder: one at a time, and nothing is done twice.
set -euo pipefail
cd "$(dirname "$0")"
mkdir -p dist
exec 9> dist/.lock
flock -w 600 9 || { echo "web: another build has held dist/.lock for 10 minutes" >&2; exit 1; }
if [ ! -e node_modules/.made ] || [ package-lock.json -nt node_modules/.made ]; then
  npm ci --no-audit --no-fund --loglevel=error >&2
  touch node_modules/.made
fi
node build.mjs
# Newer than its sources, even where they make the same page: the build asks no more than that.
touch dist/report.html dist/live.pack
