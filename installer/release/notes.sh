#!/usr/bin/env bash
# What CHANGELOG.md says of a version. usage: notes.sh VERSION CHANGELOG [--draft]
set -euo pipefail
version=$1 changelog=$2 heading=$1
[ "${3-}" != --draft ] || heading=Unreleased
text=$(awk -v heading="$heading" '/^## / { ours = $2 == heading; next } ours' "$changelog")
if [ -z "${text//[[:space:]]/}" ]; then
    echo "notes: CHANGELOG.md says nothing under '## $heading': rename '## Unreleased' when the version is decided" >&2
    exit 1
fi
printf '# Workestra Relay %s\n%s\n' "$version" "$text"
