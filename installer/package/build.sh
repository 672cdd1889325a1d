#!/usr/bin/env bash
# `./dev package` calls it when the agent is built: makes the packages of one build folder, and looks at them.
# usage: build.sh BUILD_FOLDER     results: BUILD_FOLDER/packages
set -euo pipefail
source=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")/../..")
build=$(readlink -f "$1")

# The same commit gives the same bytes: no time but the commit's gets into a package.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH-$(git -C "$source" log -1 --format=%ct)}
export SOURCE_DATE_EPOCH TZ=UTC LC_ALL=C.UTF-8
umask 022

rm -rf "$build/packages" "$build/_CPack_Packages"
for kind in DEB RPM; do
    (cd "$build" && cpack -G $kind) | grep -v '^CPack: -\? \?\(Create\|Install\)' || exit 1
done
rm -rf "$build/_CPack_Packages"
ls -l "$build/packages"
