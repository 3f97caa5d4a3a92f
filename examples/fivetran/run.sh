#!/bin/sh
# run.sh [PORT] - serves the example on this machine; port 50051, as the platform's tester expects it, unless another is given.
set -eu
cd "$(dirname "$0")/../.."
exec build/examples/fivetran/source-fivetran-example --port "${1:-50051}"
