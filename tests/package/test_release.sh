#!/usr/bin/env bash
# A release is signed with the key that was named, apt and rpm take it, and one that somebody changed is refused.
# usage: test_release.sh SOURCE      the packages in it are tiny, the key is thrown away
set -euo pipefail
source=$1
for tool in gpg rpmbuild rpmsign rpmkeys createrepo_c apt-ftparchive dpkg-deb; do
    command -v $tool >/dev/null || { echo "skipped: $tool is missing (./dev release installs it)"; exit 77; }
done
work=$(mktemp -d)
trap 'gpgconf --homedir "$work/gnupg" --kill all 2>/dev/null; rm -rf "$work"' EXIT
fail() { printf 'failed: %s\n' "$*" >&2; exit 1; }
export GNUPGHOME=$work/gnupg RELAY_DIST=$work/dist RELAY_CHANGELOG=$work/CHANGELOG.md SOURCE_DATE_EPOCH=1767225600
mkdir -m 0700 "$GNUPGHOME"
gpg --batch --quiet --passphrase '' --quick-generate-key 'Throw-away <key@workestra.example>' rsa2048 sign 1d 2>/dev/null

packages=$work/build/packages
mkdir -p "$packages" "$work/deb/DEBIAN" "$work/rpm"
echo 'CMAKE_PROJECT_VERSION:STATIC=9.8.7' >"$work/build/CMakeCache.txt"
printf 'Package: workestra-relay\nVersion: 9.8.7\nArchitecture: amd64\nMaintainer: M <m@example>\nDescription: tiny\n' >"$work/deb/DEBIAN/control"
dpkg-deb --root-owner-group -b "$work/deb" "$packages/workestra-relay_9.8.7_amd64.deb" >/dev/null
printf 'Name: workestra-relay\nVersion: 9.8.7\nRelease: 1\nSummary: tiny\nLicense: none\n%%description\ntiny\n%%files\n' >"$work/tiny.spec"
rpmbuild -bb --quiet --target x86_64 --define "_topdir $work/rpm" --define "_rpmdir $packages" --define '_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm' "$work/tiny.spec" 2>/dev/null
echo '{}' >"$packages/workestra-relay_9.8.7.cdx.json"

printf '## 9.8.7\n\n- Something.\n' >"$RELAY_CHANGELOG"

release=$source/installer/release
"$release/release.sh" "$work/build" key@workestra.example >"$work/said" 2>&1 || { cat "$work/said"; fail "there is no release"; }
! "$release/release.sh" "$work/build" nobody@workestra.example >/dev/null 2>&1 || fail "a key that is not there signs"

dist=$RELAY_DIST/9.8.7
"$release/release.sh" "$work/build" key@workestra.example >"$work/said" 2>&1 || { cat "$work/said"; fail "a second time there is no release"; }
"$release/check.sh" "$dist" 9.8.7 || fail "a good release is refused"
changed() { # FILE: check.sh must refuse the release if somebody changes it
    cp "$dist/$1" "$work/kept"
    printf x >>"$dist/$1"
    ! "$release/check.sh" "$dist" 9.8.7 >/dev/null 2>&1 || fail "a changed $1 is accepted"
    cp "$work/kept" "$dist/$1"
}
for file in SHA256SUMS workestra-relay_9.8.7_amd64.deb apt/dists/stable/main/binary-amd64/Packages dnf/repodata/repomd.xml NOTES.md; do
    changed "$file"
done
"$release/check.sh" "$dist" 9.8.7 || fail "the release is not as before"
