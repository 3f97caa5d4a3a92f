#!/bin/sh
# Runs the interop suite: tests/interop/run.sh [pytest arguments]. Exit status 77 (skipped, for meson) if its environment cannot be made.
here=$(cd "$(dirname "$0")" && pwd)
"$here/setup.sh" >&2 || exit 77
exec "${WEIR_PEERS:-$HOME/.cache/weir-peers}/suite/bin/python" -m pytest -c "$here/pytest.ini" "$here" "$@"
