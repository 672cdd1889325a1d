#!/usr/bin/env bash
# What the distributions want of the installed files beyond their places: compressed man pages, the changes in their own format,
# the licences of all that is linked in, overrides of lintian with their reasons.
# usage: stage.sh DEB|RPM FOLDER VERSION SOURCE
set -euo pipefail
kind=$1 folder=$2 version=$3 source=$4
here=$source/installer/package
documents=$folder/usr/share/doc/workestra-relay

objcopy --remove-section=.comment "$folder/usr/bin/workestra-relay" # which compiler it was: the symbols tell it better
gzip -9nf "$folder"/usr/share/man/man?/*.[15]
cp "$here/copyright" "$documents/copyright"
case $kind in
DEB)
    awk -v package=workestra-relay -v version="$version" -v date="$(date -u -R -d "@$SOURCE_DATE_EPOCH")" -v maintainer="$MAINTAINER" \
        -f "$here/debian/changelog.awk" "$source/CHANGELOG.md" | gzip -9n >"$documents/changelog.gz"
    install -D -m 0644 "$here/debian/lintian-overrides" "$folder/usr/share/lintian/overrides/workestra-relay"
    ;;
RPM)
    strip "$folder/usr/bin/workestra-relay" # of a .deb CPack itself takes the symbols out
    cp "$source/CHANGELOG.md" "$documents/CHANGELOG.md"
    mv "$folder/usr/share/zsh/vendor-completions" "$folder/usr/share/zsh/site-functions" # as Fedora calls it
    ;;
esac
