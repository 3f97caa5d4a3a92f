#!/bin/sh
# see.sh DIR SRC ROOM... - fills DIR with links to the rooms a room may see; see meson.build. What is generated for the room proto (src/proto/fivetran/proto)
# is seen with it, as "fivetran_pb/...".
set -eu
dir=$1 src=$2
shift 2
mkdir -p "$dir"
for old in "$dir"/*; do
    [ -L "$old" ] && rm -f "$old"
done
for room in "$@"; do
    ln -s "$src/$room" "$dir/$room"
    [ "$room" != proto ] || ln -s "$dir/../../src/proto/fivetran/proto" "$dir/fivetran_pb"
done
