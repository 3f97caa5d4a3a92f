#!/bin/sh
# Makes the virtual environments that the interop suite and its peers run in, outside of the tree:
#
#     tests/interop/setup.sh [suite|airbyte|singer-dbf|singer-rest ...]      default: all
#
# They go to $WEIR_PEERS (default ~/.cache/weir-peers). An environment is made again only when its requirements file has changed, so
# running this before every test costs nothing. What cannot be made here is skipped with a reason; its tests then skip as well.
# $WEIR_PYTHON names a Python to try first. Exit status: 0 if the suite's own environment is there, otherwise 1.
set -u

here=$(cd "$(dirname "$0")" && pwd)
peers=${WEIR_PEERS:-$HOME/.cache/weir-peers}
mkdir -p "$peers" || exit 1
exec 9>"$peers/lock"
flock 9 || exit 1

# The first Python with one of these versions that can make a virtual environment in $2.
make_venv() {
    wanted=$1 folder=$2
    for python in ${WEIR_PYTHON:-} python3.11 python3 /usr/bin/python3 python3.12 python3.13; do
        found=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
        case " $wanted " in *" $found "*) ;; *) continue ;; esac
        rm -rf "$folder"
        "$python" -m venv "$folder" >/dev/null 2>&1 && return 0
    done
    rm -rf "$folder"
    return 1
}

setup() {
    name=$1 wanted=$2
    requirements=$here/requirements-$name.txt folder=$peers/$name
    if cmp -s "$requirements" "$folder/installed.txt"; then
        echo "$name: ready"
    elif ! make_venv "$wanted" "$folder"; then
        echo "$name: skipped: no Python of version $wanted that can make a virtual environment (Debian: python3-venv)"
    elif ! "$folder/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements" >"$folder/pip.log" 2>&1; then
        echo "$name: skipped: pip could not install its requirements: $(tail -n 1 "$folder/pip.log")"
    else
        cp "$requirements" "$folder/installed.txt"
        echo "$name: made"
    fi
}

[ $# -gt 0 ] || set -- suite airbyte singer-dbf singer-rest
for name; do
    case $name in
        suite) setup suite "3.11 3.12 3.13" ;;
        airbyte | singer-dbf | singer-rest) setup "$name" "3.11" ;; # flow-sdk 0.1.9 refuses any other
        *) echo "unknown environment '$name'" >&2; exit 2 ;;
    esac
done
[ -f "$peers/suite/installed.txt" ]
