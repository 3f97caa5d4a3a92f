#!/bin/bash
# duckdb.sh [--cached] - prints the folder with DuckDB's header and static archives, fetching them first. With --cached nothing is fetched: no folder,
# and the reason on standard error, if they are not there. `go` does the fetching and checks the sum; ~/.cache/weir keeps the answer.
set -euo pipefail
module=github.com/duckdb/duckdb-go-bindings/lib/linux-amd64@v0.10505.0 # DuckDB 1.5.5
sum=h1:nrsaVYj3XYCRbS2FpdOMD/KHE7egRMr+/NR1IHmjT84=
note=${XDG_CACHE_HOME:-$HOME/.cache}/weir/duckdb-${module##*@}

if [[ -f $note && -f $(<"$note")/duckdb.h ]]; then
    cat "$note"
    exit 0
fi
fail() { echo "$1" >&2; exit 1; }
# Who is offline is not kept waiting again for an hour.
given_up() { mkdir -p "${note%/*}" && echo "$1" >"$note.failed"; fail "$1"; }
[[ $(uname -sm) == 'Linux x86_64' ]] || fail "its library is fetched for Linux on x86-64 only"
[[ ${1:-} != --cached ]] || fail "its library was not fetched: tools/duckdb.sh fetches it"
[[ -z $(find "$note.failed" -mmin -60 2>/dev/null) ]] || fail "$(<"$note.failed") (tried less than an hour ago; rm $note.failed to try again)"
command -v go >/dev/null || fail "its library is a Go module, and there is no go: apt-get install golang-go"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
answer=$(cd "$work" && GOFLAGS= timeout 120 go mod download -json "$module" 2>&1) || given_up "its library cannot be fetched: $(head -c 300 <<<"$answer" | tr '\n' ' ')"
field() { sed -n "s/^\s*\"$1\": \"\(.*\)\",\?$/\1/p" <<<"$answer"; }
[[ $(field Sum) == "$sum" ]] || fail "its library has the sum $(field Sum), not $sum"
[[ -f $(field Dir)/duckdb.h ]] || fail "its library has no duckdb.h: $(field Dir)"
mkdir -p "${note%/*}"
field Dir >"$work/note"
rm -f "$note.failed"
mv "$work/note" "$note"
cat "$note"
