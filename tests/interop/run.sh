#!/bin/sh
# Runs the interop suite: tests/interop/run.sh [pytest arguments, files relative to this folder].
# Exit status 77 (skipped, for meson) if the suite's environment cannot be made.
here=$(cd "$(dirname "$0")" && pwd)
"$here/setup.sh" >&2 || exit 77
case ${WEIR_BIN:-/} in
    /*) ;;
    *) WEIR_BIN=$PWD/$WEIR_BIN ;;
esac
cd "$here" && exec "${WEIR_PEERS:-$HOME/.cache/weir-peers}/suite/bin/python" -m pytest "$@"
