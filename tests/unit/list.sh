#!/bin/sh
# Lists the unit tests as unit/ROOM/test_NAME.c, for meson.
cd "$(dirname "$0")/.." && find unit -name 'test_*.c' | sort
