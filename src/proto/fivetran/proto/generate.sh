#!/bin/sh
# generate.sh PROTOC PROTOC-C SOURCE OUT - C structs of the .proto files in SOURCE, by protobuf-c, and the FileDescriptorSet of these files as a C array.
#
# protobuf-c 1.4.1 refuses `optional` in proto3: each such field is rewritten as the only member of a oneof of its own, which is the same on the wire and
# tells presence just as well. The descriptors are made from the files as they are.
set -eu
protoc=$1 protoc_c=$2 source=$3 out=$4
files='google/protobuf/timestamp.proto common.proto connector_sdk.proto destination_sdk.proto'
work=$out/work
mkdir -p "$work/in/google/protobuf" "$work/out"
cd "$source"

for file in $files; do
    sed -E 's/^( *)optional ([A-Za-z0-9_.]+) ([a-z_]+) = ([0-9]+);/\1oneof _\3 { \2 \3 = \4; }/' "$file" >"$work/in/$file"
    "$protoc_c" --c_out="$work/out" -I"$work/in" "$file"
done
mv "$work"/out/google/protobuf/* "$work/out"
for made in "$work"/out/*.pb-c.[ch]; do
    { [ "${made##*.}" = c ] || echo '#pragma GCC system_header'; sed 's|"google/protobuf/timestamp|"timestamp|' "$made"; } >"$out/${made##*/}"
done

"$protoc" --descriptor_set_out="$work/set" --include_imports -I. $files
{
    echo '#include "descriptors.h"'
    echo 'const unsigned char ft_descriptor_set[] = {'
    od -An -v -tx1 "$work/set" | sed 's/ \([0-9a-f][0-9a-f]\)/0x\1,/g'
    echo '};'
    echo 'const size_t ft_descriptor_set_size = sizeof ft_descriptor_set;'
} >"$out/descriptors.c"
cat >"$out/descriptors.h" <<'EOF'
#include <stddef.h>
extern const unsigned char ft_descriptor_set[];
extern const size_t ft_descriptor_set_size;
EOF
