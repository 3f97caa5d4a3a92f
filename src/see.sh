#!/bin/sh
# see.sh DIR SRC ROOM... - fills DIR with links to the rooms a room may see; see meson.build.
set -eu
dir=$1 src=$2
shift 2
mkdir -p "$dir"
for old in "$dir"/*; do
    [ -L "$old" ] && rm -f "$old"
done
for room in "$@"; do
    ln -s "$src/$room" "$dir/$room"
done
