#!/bin/sh
# Makes the virtual environments that the interop suite and its peers run in, outside of the tree:
#
#     tests/interop/setup.sh [NAME ...]      each has a requirements-NAME.txt; default: all
#
# They go to $WEIR_PEERS (default ~/.cache/weir-peers), all at once; `uv` from PyPI does it in seconds, pip when there is no uv. The requirements are
# whole lists, so they are installed without looking at what they ask for. Bytecode is made at once: where Python is told not to write it, kits
# would be compiled at every start, which takes longer than the tests. An environment is made again only when its requirements file has
# changed, so running this before every test costs nothing. What cannot be made here is skipped with a reason; its tests then skip as well.
# `grpcurl` is a program in Go, which needs go 1.21 or newer and the module proxy: $peers/bin/grpcurl, made once, in some minutes.
# $WEIR_PYTHON names a Python to try first. Exit status: 0 if the suite's own environment is there, otherwise 1.
set -u

here=$(cd "$(dirname "$0")" && pwd)
peers=${WEIR_PEERS:-$HOME/.cache/weir-peers}
uv_version=0.13.8 grpcurl_version=1.9.3
mkdir -p "$peers" || exit 1
exec 9>"$peers/lock"
flock 9 || exit 1

export UV_CACHE_DIR="$peers/uv/cache" UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=hardlink UV_NO_CONFIG=1

python_of() { # the first Python with one of these versions
    for python in ${WEIR_PYTHON:-} python3.11 python3 /usr/bin/python3 python3.12 python3.13; do
        found=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
        case " $1 " in *" $found "*) command -v "$python" && return 0 ;; esac
    done
    return 1
}

make_uv() {
    [ -x "$peers/uv/bin/uv" ] && [ "$("$peers/uv/bin/uv" --version | cut -d ' ' -f 2)" = "$uv_version" ] && return
    python=$(python_of "3.11 3.12 3.13") || return
    rm -rf "$peers/uv"
    "$python" -m venv "$peers/uv" >/dev/null 2>&1 &&
        "$peers/uv/bin/python" -m pip install --quiet --disable-pip-version-check "uv==$uv_version" >"$peers/uv.log" 2>&1
}

make_venv() {
    rm -rf "$2"
    if [ -x "$peers/uv/bin/uv" ]; then
        "$peers/uv/bin/uv" venv --quiet --python "$1" "$2"
    else
        "$1" -m venv "$2"
    fi >/dev/null 2>&1 || { rm -rf "$2"; return 1; }
}

install() {
    if [ -x "$peers/uv/bin/uv" ]; then
        "$peers/uv/bin/uv" pip install --quiet --no-deps --compile-bytecode --python "$1/bin/python" -r "$2"
    else
        "$1/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -r "$2"
    fi >"$1/install.log" 2>&1
}

setup() {
    name=$1 wanted=$2
    requirements=$here/requirements-$name.txt folder=$peers/$name
    if cmp -s "$requirements" "$folder/installed.txt"; then
        echo "$name: ready"
    elif ! python=$(python_of "$wanted") || ! make_venv "$python" "$folder"; then
        echo "$name: skipped: no Python of version $wanted that can make a virtual environment (Debian: python3-venv)"
    elif ! install "$folder" "$requirements"; then
        echo "$name: skipped: its requirements could not be installed: $(tail -n 1 "$folder/install.log")"
    else
        cp "$requirements" "$folder/installed.txt"
        echo "$name: made"
    fi
}

setup_grpcurl() {
    if [ -x "$peers/bin/grpcurl" ] && "$peers/bin/grpcurl" -version 2>&1 | grep -q "$grpcurl_version"; then
        echo "grpcurl: ready"
    elif ! command -v go >/dev/null; then
        echo "grpcurl: skipped: there is no go (Debian: golang-go)"
    elif ! GOPATH=$peers/go GOBIN=$peers/bin GOFLAGS=-modcacherw go install -ldflags "-X main.version=v$grpcurl_version" \
        "github.com/fullstorydev/grpcurl/cmd/grpcurl@v$grpcurl_version" >"$peers/grpcurl.log" 2>&1; then
        echo "grpcurl: skipped: it could not be built: $(tail -n 1 "$peers/grpcurl.log")"
    else
        echo "grpcurl: made"
    fi
}

if [ $# -eq 0 ]; then
    set -- grpcurl
    for file in "$here"/requirements-*.txt; do
        name=${file##*/requirements-}
        set -- "$@" "${name%.txt}"
    done
fi
missing=
for name; do
    [ "$name" != grpcurl ] || continue
    [ -f "$here/requirements-$name.txt" ] || { echo "unknown environment '$name'" >&2; exit 2; }
    cmp -s "$here/requirements-$name.txt" "$peers/$name/installed.txt" || missing=1
done
[ -z "$missing" ] || make_uv || rm -rf "$peers/uv"
for name; do
    case $name in
        grpcurl) setup_grpcurl & ;;
        suite) setup suite "3.11 3.12 3.13" & ;;
        *) setup "$name" "3.11" & ;; # flow-sdk 0.1.9 refuses any other; the rest was pinned with it
    esac
done
wait
[ -f "$peers/suite/installed.txt" ]
