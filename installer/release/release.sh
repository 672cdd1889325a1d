#!/usr/bin/env bash
# `./dev release` calls it when the packages are made and tried: everything that is published, in one signed folder.
# usage: release.sh BUILD_FOLDER KEY [--draft]     result: dist/VERSION; --draft takes what is unreleased in CHANGELOG.md
set -euo pipefail
here=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")")
source=$(readlink -f "$here/../..")
build=$(readlink -f "$1") key=$2 draft=${3-}
fail() { printf 'release: %s\n' "$*" >&2; exit 1; }
say() { printf '==> %s\n' "$*"; }

SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH-$(git -C "$source" log -1 --format=%ct)}
export SOURCE_DATE_EPOCH TZ=UTC LC_ALL=C.UTF-8
umask 022
version=$(sed -n 's/^CMAKE_PROJECT_VERSION:[A-Z]*=//p' "$build/CMakeCache.txt")
fingerprint=$(gpg --batch --with-colons --list-secret-keys "$key" 2>/dev/null | sed -n 's/^fpr:*\([^:]*\):$/\1/p' | head -1 || true)
[ -n "$fingerprint" ] || fail "gpg has no secret key $key"
sign() { gpg --batch --yes --quiet --local-user "$fingerprint" --digest-algo SHA256 "$@"; }

dist=${RELAY_DIST-$source/dist}/$version
rm -rf "$dist"
mkdir -p "$dist"
"$here/notes.sh" "$version" "${RELAY_CHANGELOG-$source/CHANGELOG.md}" $draft >"$dist/NOTES.md"
cp "$build/packages"/*.deb "$build/packages"/*.rpm "$build/packages"/*.cdx.json "$dist"
gpg --batch --armor --export "$fingerprint" >"$dist/workestra-relay.asc"

say "Signing with $fingerprint"
# dnf checks the signature in each .rpm, apt that of the list of packages.
rpmsign --define "_gpg_name $fingerprint" --define "__gpg $(command -v gpg)" --addsign "$dist"/*.rpm >/dev/null

say "A repository for apt"
apt=$dist/apt
mkdir -p "$apt/pool" "$apt/dists/stable/main/binary-amd64"
cp "$dist"/*.deb "$apt/pool"
(
    cd "$apt"
    apt-ftparchive packages pool >dists/stable/main/binary-amd64/Packages
    gzip -9nk dists/stable/main/binary-amd64/Packages
    apt-ftparchive -o APT::FTPArchive::Release::Origin=Workestra -o APT::FTPArchive::Release::Label="Workestra Relay" \
        -o APT::FTPArchive::Release::Suite=stable -o APT::FTPArchive::Release::Codename=stable \
        -o APT::FTPArchive::Release::Architectures=amd64 -o APT::FTPArchive::Release::Components=main \
        release dists/stable >"$dist/Release"
    mv "$dist/Release" dists/stable/Release
    sign --clearsign --output dists/stable/InRelease dists/stable/Release
    sign --armor --detach-sign --output dists/stable/Release.gpg dists/stable/Release
)

say "A repository for dnf"
dnf=$dist/dnf
mkdir -p "$dnf"
cp "$dist"/*.rpm "$dnf"
createrepo_c --quiet --set-timestamp-to-revision --revision "$SOURCE_DATE_EPOCH" "$dnf"
sign --armor --detach-sign --output "$dnf/repodata/repomd.xml.asc" "$dnf/repodata/repomd.xml"

(cd "$dist" && find . -type f ! -name 'SHA256SUMS*' -printf '%P\0' | sort -z | xargs -0 sha256sum -- >SHA256SUMS)
sign --armor --detach-sign --output "$dist/SHA256SUMS.asc" "$dist/SHA256SUMS"

say "Looking at it as a customer's machine does"
"$here/check.sh" "$dist" "$version"
say "Ready: $dist"
