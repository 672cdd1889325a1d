#!/usr/bin/env bash
# `./dev package` calls it when the agent is built: makes the packages of one build folder, and looks at them.
# usage: build.sh BUILD_FOLDER     results: BUILD_FOLDER/packages
set -euo pipefail
source=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")/../..")
build=$(readlink -f "$1")
packages=$build/packages

# The same commit gives the same bytes: no time but the commit's gets into a package.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH-$(git -C "$source" log -1 --format=%ct)}
export SOURCE_DATE_EPOCH TZ=UTC LC_ALL=C.UTF-8
umask 022
from_cache() { sed -n "s/^$1:[A-Z]*=//p" "$build/CMakeCache.txt"; }
version=$(from_cache CMAKE_PROJECT_VERSION)$(from_cache RELAY_PACKAGE_REVISION)
MAINTAINER=$(from_cache RELAY_MAINTAINER) SYMBOLS=$build/symbols
export MAINTAINER SYMBOLS

rm -rf "$packages" "$SYMBOLS" "$build/_CPack_Packages"
for kind in DEB RPM; do
    (cd "$build" && cpack -G $kind >cpack.log) || { cat "$build/cpack.log" >&2; exit 1; }
done
rm -rf "$build/_CPack_Packages"
"$source/installer/package/symbols.sh" "$SYMBOLS" "$version" "$packages"
rm -rf "$SYMBOLS"

"$source/installer/package/inventory.py" "$build" "$version" >"$packages/workestra-relay_$version.cdx.json"
(cd "$packages" && sha256sum -- *.deb *.rpm *.cdx.json >SHA256SUMS)

# Every tag counts in what ships, but those that the overrides explain. A build for debugging is neither small nor hardened.
look() { # PACKAGE SEVERITIES SUPPRESSED
    [ "$(from_cache CMAKE_BUILD_TYPE)" = RelWithDebInfo ] || set -- "$1" none "$3"
    lintian --fail-on "$2" --suppress-tags "$3" --display-info --tag-display-limit 0 --allow-root "$1"
}
# Spelling: lintian takes the halves of a word that the compiler moves in two steps for words.
look "$packages/workestra-relay_$version"_*.deb error,warning,info spelling-error-in-binary
# No package of symbols has a changelog; its folder of documents is the program's, which lintian would have to see too.
look "$packages/workestra-relay-dbgsym_$version"_*.deb error,warning,info \
    no-changelog,cannot-check-whether-usr-share-doc-symlink-points-to-foreign-package
(cd "$packages" && ls -l)
