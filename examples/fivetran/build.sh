#!/bin/sh
# Builds the example, as it is built with the rest of the tree.
set -eu
cd "$(dirname "$0")/../.."
WEIR_TARGETS=examples/fivetran/source-fivetran-example bin/build build
