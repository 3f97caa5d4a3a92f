#!/bin/sh
# archive.sh OUT LD OBJCOPY AR LIBRARY... - one static library of several, in which only what is visible outside of a shared one
# can be linked to: a connector may have a map_get() of its own.
set -eu
out=$1 ld=$2 objcopy=$3 ar=$4
shift 4
object=$out.o
rm -f "$out"
"$ld" -r --force-group-allocation -o "$object" --whole-archive "$@"
"$objcopy" --localize-hidden "$object"
"$ar" rcs "$out" "$object"
rm -f "$object"
