#!/bin/sh
# docs/configuration.md is what the table of keys makes, and the example configuration names every key of it but one.
# usage: check_configuration.sh RELAY-CONFIGURATION-PAGE PAGE EXAMPLE
set -eu
made=$(mktemp)
trap 'rm -f "$made"' EXIT
"$1" > "$made"
if ! diff -u "$2" "$made"; then
    echo "$2 is not what the table of keys makes: run  ninja -C build/debug configuration-page" >&2
    exit 1
fi
missing=0
for key in $(sed -n 's/^| `\([a-z0-9_]*\)` |.*/\1/p' "$made"); do
    [ "$key" = allow_plaintext ] && continue # for test systems: not advertised
    grep -q "^#\{0,1\}$key = " "$3" || { echo "$3 lacks $key" >&2; missing=1; }
done
exit $missing
