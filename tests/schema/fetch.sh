#!/bin/sh
# Fetches the public JSON-Schema-Test-Suite, which the source package of Python's jsonschema carries, and prints the folder that holds tests/ and remotes/. It is
# kept in $WEIR_PEERS (default ~/.cache/weir-peers); made once. WEIR_SCHEMA_SUITE names another copy. Exit status 1, with a reason, if it is not to be had.
set -u
[ -z "${WEIR_SCHEMA_SUITE:-}" ] || { echo "$WEIR_SCHEMA_SUITE"; exit 0; }
version=4.26.0 sha256=0c26707e2efad8aa1bfc5b7ce170f3fccc2e4918ff85989ba9ffa9facb2be326
peers=${WEIR_PEERS:-$HOME/.cache/weir-peers}
folder=$peers/json-schema-suite-$version
if [ ! -d "$folder/tests" ]; then
    python=$(command -v python3.11 || command -v python3) || { echo "there is no Python"; exit 1; }
    mkdir -p "$peers" && work=$(mktemp -d "$peers/schema.XXXXXX") || exit 1
    trap 'rm -rf "$work"' EXIT
    "$python" -m venv "$work/venv" >/dev/null 2>&1 || { echo "no virtual environment can be made (Debian: python3-venv)"; exit 1; }
    echo "jsonschema==$version --hash=sha256:$sha256" >"$work/list"
    "$work/venv/bin/python" -m pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: --require-hashes -r "$work/list" -d "$work" >"$work/log" 2>&1 ||
        { echo "jsonschema $version could not be fetched: $(tail -n 1 "$work/log")"; exit 1; }
    tar -xzf "$work/jsonschema-$version.tar.gz" -C "$work" && mv "$work/jsonschema-$version/json" "$folder" || { echo "jsonschema $version holds no suite"; exit 1; }
fi
echo "$folder"
