#!/bin/sh
# Jupyter in the folder of the notebooks, with the settings of bin/.env.
cd "$(dirname "$0")/.." || exit 1
export $(grep -v '^#' bin/.env | xargs)
exec jupyter lab --notebook-dir .
