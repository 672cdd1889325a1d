#!/usr/bin/env bash
# What the distributions want of the installed files beyond their places: debug symbols apart, compressed man pages, the changes in
# their own format, the licences of all that is linked in, overrides of lintian with their reasons.
# usage: stage.sh DEB|RPM FOLDER VERSION SOURCE     with SYMBOLS (the folder for them) and MAINTAINER in the environment
set -euo pipefail
kind=$1 folder=$2 version=$3 source=$4
here=$source/installer/package
documents=$folder/usr/share/doc/workestra-relay

program=$folder/usr/bin/workestra-relay
id=$(readelf --notes "$program" | sed -n 's/.*Build ID: //p')
symbols=$SYMBOLS/usr/lib/debug/.build-id/${id:0:2}/${id:2}.debug # where debuggers of both distributions look for them
mkdir -p "$(dirname "$symbols")"
objcopy --only-keep-debug "$program" "$symbols"
chmod 0644 "$symbols"
strip --remove-section=.comment "$program"

gzip -9nf "$folder"/usr/share/man/man?/*.[15]
install -m 0644 "$here/copyright" "$documents/copyright"
case $kind in
DEB)
    awk -v package=workestra-relay -v version="$version" -v date="$(date -u -R -d "@$SOURCE_DATE_EPOCH")" -v maintainer="$MAINTAINER" \
        -f "$here/debian/changelog.awk" "$source/CHANGELOG.md" | gzip -9n >"$documents/changelog.gz"
    install -D -m 0644 "$here/debian/lintian-overrides" "$folder/usr/share/lintian/overrides/workestra-relay"
    ;;
RPM)
    install -m 0644 "$source/CHANGELOG.md" "$documents/CHANGELOG.md"
    mv "$folder/usr/share/zsh/vendor-completions" "$folder/usr/share/zsh/site-functions" # as Fedora calls it
    ;;
esac
