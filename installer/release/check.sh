#!/usr/bin/env bash
# Looks at a release as a customer's machine does, with the public key that lies beside it and nothing else: the signatures hold, the
# checksums are right, apt and rpm take what they get. usage: check.sh FOLDER VERSION
set -euo pipefail
dist=$(readlink -f "$1") version=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { printf 'release: %s\n' "$*" >&2; exit 1; }

mkdir -m 0700 "$work/gnupg"
export GNUPGHOME=$work/gnupg
gpg --batch --quiet --import "$dist/workestra-relay.asc"
verify() { gpg --batch --quiet --verify "$@" 2>"$work/said" || { cat "$work/said" >&2; fail "bad signature: ${*: -1}"; }; }
verify "$dist/SHA256SUMS.asc" "$dist/SHA256SUMS"
(cd "$dist" && sha256sum --quiet --check SHA256SUMS) || fail "SHA256SUMS does not fit"
verify "$dist/dnf/repodata/repomd.xml.asc" "$dist/dnf/repodata/repomd.xml"

rpmkeys --dbpath "$work/rpm" --import "$dist/workestra-relay.asc"
rpmkeys --dbpath "$work/rpm" --define '_pkgverify_level all' --checksig "$dist/dnf"/*.rpm >"$work/said" || { cat "$work/said" >&2; fail "rpm refuses a package"; }

mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial"
: >"$work/apt/status"
echo "deb [signed-by=$dist/workestra-relay.asc] file:$dist/apt stable main" >"$work/apt/sources.list"
as_customer() {
    "$@" -o Dir::Etc::sourcelist="$work/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::State="$work/apt" \
        -o Dir::State::status="$work/apt/status" -o Dir::State::lists="$work/apt/lists" -o Dir::Cache="$work/apt/cache" -o APT::Sandbox::User=
}
as_customer apt-get -qq update || fail "apt refuses the repository"
[[ $(as_customer apt-cache policy workestra-relay) == *"Candidate: $version"* ]] || fail "apt does not find $version"
