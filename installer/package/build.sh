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
MAINTAINER=$(from_cache RELAY_MAINTAINER)
export MAINTAINER

rm -rf "$packages" "$build/_CPack_Packages"
for kind in DEB RPM; do
    (cd "$build" && cpack -G $kind >cpack.log) || { cat "$build/cpack.log" >&2; exit 1; }
done
rm -rf "$build/_CPack_Packages"
# Debian's name for packages of debug symbols; CPack uses Ubuntu's.
for symbols in "$packages"/*.ddeb; do mv "$symbols" "${symbols%.ddeb}.deb"; done
"$source/installer/package/rpm/debuginfo.sh" "$packages"/workestra-relay-dbgsym_*.deb "$version" "$packages"

"$source/installer/package/inventory.py" "$build" "$version" >"$packages/workestra-relay_$version.cdx.json"
(cd "$packages" && sha256sum -- *.deb *.rpm *.cdx.json >SHA256SUMS)

# Every tag counts in what ships, but those that the overrides explain. A build for debugging is neither small nor hardened.
severe=error,warning,info
[ "$(from_cache CMAKE_BUILD_TYPE)" = RelWithDebInfo ] || severe=none
# (Spelling is not looked at: it takes the halves of a word that the compiler moves in two steps for words.)
lintian --fail-on $severe --suppress-tags spelling-error-in-binary --display-info --tag-display-limit 0 --allow-root "$packages/workestra-relay_$version"_*.deb
(cd "$packages" && ls -l)
