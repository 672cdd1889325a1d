#!/usr/bin/env bash
# The debug symbols as a .deb and as an .rpm. (CPack's own ways write the path of the checkout into the one and depend on its length for
# the other.) usage: symbols.sh SYMBOLS_FOLDER VERSION FOLDER     with MAINTAINER and SOURCE_DATE_EPOCH in the environment
set -euo pipefail
symbols=$(readlink -f "$1") version=$2 folder=$(readlink -f "$3")
architecture=$(dpkg --print-architecture)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
file=$(cd "$symbols" && find usr -name '*.debug')
id=${file#*.build-id/}
id=${id%.debug}

cp -a "$symbols" "$work/deb"
mkdir -p "$work/deb/DEBIAN" "$work/deb/usr/share/doc"
ln -s workestra-relay "$work/deb/usr/share/doc/workestra-relay-dbgsym" # licences and changes: those of the program
(cd "$work/deb" && md5sum "$file" >DEBIAN/md5sums)
cat >"$work/deb/DEBIAN/control" <<CONTROL
Package: workestra-relay-dbgsym
Version: $version
Architecture: $architecture
Section: debug
Priority: optional
Maintainer: $MAINTAINER
Depends: workestra-relay (= $version)
Auto-Built-Package: debug-symbols
Build-Ids: ${id/\//}
Installed-Size: $(du -sk --apparent-size "$work/deb/usr" | cut -f1)
Description: debug symbols for workestra-relay
CONTROL
dpkg-deb --root-owner-group --threads-max=2 -Zxz -z3 -b "$work/deb" "$folder/workestra-relay-dbgsym_${version}_$architecture.deb" >/dev/null

cp -a "$symbols" "$work/rpm"
cat >"$work/debuginfo.spec" <<SPEC
%global debug_package %{nil}
%global __os_install_post %{nil}
%global _build_id_links none
Name: workestra-relay-debuginfo
Version: $version
Release: 1
Summary: debug symbols for workestra-relay
License: Proprietary
Requires: workestra-relay = $version
AutoReqProv: no
%description
Debug symbols of the program in workestra-relay $version, for a debugger.
%files
/usr/lib/debug/.build-id
SPEC
rpmbuild -bb --quiet --buildroot "$work/rpm" --define "_topdir $work" --define "_rpmdir $folder" \
    --define '_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm' --define '_binary_payload w2T2.xzdio' \
    --define 'use_source_date_epoch_as_buildtime 1' --define 'clamp_mtime_to_source_date_epoch 1' --define '_buildhost workestra' \
    "$work/debuginfo.spec"
