#!/bin/sh
# Builds the example, as it is built with the rest of the tree, and what runs it.
set -eu
cd "$(dirname "$0")/../.."
WEIR_TARGETS='bin/weir examples/derive/derive-balances' bin/build build
