#!/usr/bin/env bash
# The documents and scripts of the packages hold what the distributions ask of them.
# usage: test_documents.sh SOURCE VERSION
set -euo pipefail
source=$1 version=$2
here=$source/installer/package
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { printf 'failed: %s\n' "$*" >&2; exit 1; }

for script in "$here"/debian/post* "$here"/debian/pre* "$here"/rpm/post* "$here"/rpm/pre*; do
    sh -n "$script" || fail "$script is no shell script"
done
for script in "$here"/debian/post* "$here"/debian/pre*; do
    [ -x "$script" ] || fail "$script cannot be run"
done
diff <(sed -n '/^TEXT/,$d; /What to do next/,$p' "$here/debian/postinst") <(sed -n '/^TEXT/,$d; /What to do next/,$p' "$here/rpm/post") ||
    fail "the two kinds of package say different things about what to do next"

changes() { awk -v package=p -v version="$version" -v date='Thu, 01 Jan 2026 00:00:00 +0000' -v maintainer='M <m@example>' -f "$here/debian/changelog.awk" "$1"; }
printf '# Changes\n\nWords.\n\n## Unreleased\n\n- One\n  goes on.\n- Two.\n\n## 0.9.0\n\n- %s\n' "$(printf 'long %.0s' {1..40})" >"$work/CHANGELOG.md"
changes "$work/CHANGELOG.md" >"$work/changelog"
grep -qx "p ($version) stable; urgency=medium" "$work/changelog" || fail "what is unreleased is not the package's version"
grep -qx '  \* One goes on.' "$work/changelog" || fail "an item over two lines is not one"
grep -qx 'p (0.9.0) stable; urgency=medium' "$work/changelog" || fail "an earlier version is lost"
(($(grep -c '^ -- M <m@example>  Thu, 01 Jan 2026' "$work/changelog") == 2)) || fail "an entry has no end"
changes "$source/CHANGELOG.md" >"$work/changelog"
if command -v dpkg-parsechangelog >/dev/null; then
    [ "$(dpkg-parsechangelog -l "$work/changelog" -S Version 2>"$work/said")" = "$version" ] && [ ! -s "$work/said" ] ||
        fail "dpkg does not understand the changelog: $(cat "$work/said")"
fi

notes=$source/installer/release/notes.sh
"$notes" 0.9.0 "$work/CHANGELOG.md" | grep '^- long' >/dev/null || fail "the notes of a version are not its own"
! "$notes" 0.9.0 "$work/CHANGELOG.md" | grep One >/dev/null || fail "the notes of a version are another's"
"$notes" 1.0 "$work/CHANGELOG.md" --draft | grep -x -- '- Two.' >/dev/null || fail "a draft has not what is unreleased"
! "$notes" 1.0 "$work/CHANGELOG.md" >/dev/null 2>&1 || fail "a version without a word is released"

while read -r name; do
    grep -q "^  \"$name\":" "$here/licences.json" || fail "copyright tells of $name, licences.json does not"
done < <(sed -n 's#^Files: linked-in/##p' "$here/copyright")
while read -r licence; do
    grep -qx "License: $licence" "$here/copyright" || fail "copyright has no text of $licence"
done < <(sed -n 's/^License: //p' "$here/copyright" | sort -u)
