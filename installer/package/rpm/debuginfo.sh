#!/usr/bin/env bash
# The debug symbols as an .rpm. They are those of Debian's package: both pack the same program, and both distributions look for
# them by its build id. (CPack's own way depends on how long the path of the checkout is.)
# usage: debuginfo.sh SYMBOLS_DEB VERSION FOLDER
set -euo pipefail
symbols=$(readlink -f "$1") version=$2 folder=$(readlink -f "$3")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

dpkg-deb -x "$symbols" "$work/root"
rm -rf "$work/root/usr/share"
cat >"$work/debuginfo.spec" <<SPEC
%global debug_package %{nil}
%global __os_install_post %{nil}
%global _build_id_links none
Name: workestra-relay-debuginfo
Version: $version
Release: 1
Summary: debug symbols of workestra-relay
License: Proprietary
AutoReqProv: no
%description
Debug symbols of the program in workestra-relay $version, for a debugger.
%files
/usr/lib/debug/.build-id
SPEC
rpmbuild -bb --quiet --buildroot "$work/root" --define "_topdir $work" --define "_rpmdir $folder" \
    --define '_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm' --define '_binary_payload w2.xzdio' \
    --define 'use_source_date_epoch_as_buildtime 1' --define 'clamp_mtime_to_source_date_epoch 1' --define '_buildhost workestra' \
    "$work/debuginfo.spec"
