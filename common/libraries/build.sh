#!/usr/bin/env bash
# Static libraries of our own from Debian's source packages: a libcurl with HTTP and HTTPS and nothing else, and fmt and
# spdlog, whose shared libraries are named differently in each release of Debian (docs/adr/0012).
# usage: build.sh [--refresh]     prints the folder; what is there already is used unless it is refreshed: then the newest
#                                 source packages are asked for, and what is older is built anew.
set -euo pipefail
script=$(readlink -f "${BASH_SOURCE[0]}")
refresh=false
if [ "${1-}" = --refresh ]; then refresh=true; fi

release=$(. /etc/os-release && echo "$ID-${VERSION_ID-unstable}")
home=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/workestra-relay/libraries/$release-$(sha256sum "$script" | cut -c1-12)
finished=$home/versions # its last file: "PACKAGE VERSION" a line

fail() { printf 'private libraries: %s\n' "$*" >&2; exit 1; }

# A private apt: it knows the source packages of what this machine installs from, and touches nothing of the machine's.
private_apt() { # PROGRAM ARGUMENTS…
    local program=$1
    shift
    "$program" -q -o Dir::Etc::sourcelist="$home/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null -o APT::Sandbox::User= \
        -o Dir::State::lists="$home/apt/lists" -o Dir::Cache="$home/apt/cache" "$@"
}
prepare_apt() {
    mkdir -p "$home/apt/lists/partial" "$home/apt/cache/archives/partial"
    apt-get indextargets --format '$(ORIGIN) $(SITE) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' | sort -u |
        while read -r origin site suite component; do
            keys=/usr/share/keyrings/${origin,,}-archive-keyring.gpg
            [ ! -e "$keys" ] || echo "deb-src [signed-by=$keys] $site $suite $component"
        done >"$home/apt/sources.list"
    [ -s "$home/apt/sources.list" ] || fail "no package list of the distribution here: run apt-get update first"
    private_apt apt-get update >&2 || fail "the lists of source packages could not be fetched"
}
newest() { # PACKAGE: its version
    local version
    version=$(private_apt apt-cache showsrc "$1" 2>/dev/null | sed -n 's/^Version: //p' | sort -V | tail -1)
    [ -n "$version" ] || fail "there is no source package $1"
    printf '%s' "$version"
}

# Compiled as Debian hardens what it ships. No path of this machine gets into it.
flags="-O2 -g -fPIE -ffunction-sections -fdata-sections -fstack-protector-strong -fstack-clash-protection -D_FORTIFY_SOURCE=3 -D_GLIBCXX_ASSERTIONS -ffile-prefix-map=$home=."
[ "$(uname -m)" != x86_64 ] || flags+=" -fcf-protection=full"
make_static() { # PACKAGE [CMAKE ARGUMENTS]
    local package=$1 folder=$home/source/$1
    shift
    rm -rf "$folder" "$folder.build"
    (cd "$home/source" && private_apt apt-get source --download-only "$package" && dpkg-source -x --no-copy "${package}"_*.dsc "$folder") >"$home/$package.log" 2>&1 &&
        cmake -S "$folder" -B "$folder.build" -G Ninja -DCMAKE_BUILD_TYPE=None -DCMAKE_C_FLAGS="$flags" -DCMAKE_CXX_FLAGS="$flags" \
            -DBUILD_SHARED_LIBS=OFF -DCMAKE_INSTALL_PREFIX="$home" -DCMAKE_INSTALL_LIBDIR=lib "$@" >>"$home/$package.log" 2>&1 &&
        cmake --build "$folder.build" --target install >>"$home/$package.log" 2>&1 ||
        fail "$package could not be made: $home/$package.log"
    mkdir -p "$home/licences"
    cp "$folder/debian/copyright" "$home/licences/$package"
    rm -rf "$folder" "$folder.build"
}

# What curl is asked for by agent/http: POST over HTTP and HTTPS, gzip, no cookies, no authentication of its own.
curl_options=(
    -DHTTP_ONLY=ON -DBUILD_CURL_EXE=OFF -DBUILD_LIBCURL_DOCS=OFF -DBUILD_MISC_DOCS=OFF -DENABLE_CURL_MANUAL=OFF -DENABLE_MANUAL=OFF -DBUILD_TESTING=OFF
    -DCURL_USE_OPENSSL=ON -DCURL_ZLIB=ON -DENABLE_THREADED_RESOLVER=ON -DENABLE_IPV6=ON
    -DUSE_NGHTTP2=OFF -DUSE_LIBIDN2=OFF -DCURL_BROTLI=OFF -DCURL_ZSTD=OFF -DCURL_USE_LIBPSL=OFF -DCURL_USE_LIBSSH2=OFF
    -DCURL_USE_GSSAPI=OFF -DENABLE_UNIX_SOCKETS=OFF -DENABLE_WEBSOCKETS=OFF -DCURL_DISABLE_WEBSOCKETS=ON
    -DCURL_DISABLE_CRYPTO_AUTH=ON -DCURL_DISABLE_NTLM=ON -DCURL_DISABLE_BASIC_AUTH=ON -DCURL_DISABLE_BEARER_AUTH=ON
    -DCURL_DISABLE_DIGEST_AUTH=ON -DCURL_DISABLE_KERBEROS_AUTH=ON -DCURL_DISABLE_NEGOTIATE_AUTH=ON -DCURL_DISABLE_AWS=ON
    -DCURL_DISABLE_ALTSVC=ON -DCURL_DISABLE_HSTS=ON -DCURL_DISABLE_COOKIES=ON -DCURL_DISABLE_DOH=ON -DCURL_DISABLE_MIME=ON
    -DCURL_DISABLE_FORM_API=ON -DCURL_DISABLE_GETOPTIONS=ON -DCURL_DISABLE_LIBCURL_OPTION=ON -DCURL_DISABLE_PROGRESS_METER=ON
    -DCURL_DISABLE_IPFS=ON -DCURL_CA_BUNDLE=none -DCURL_CA_PATH=none -DCURL_WERROR=OFF -DPICKY_COMPILER=OFF
)

mkdir -p "$home"
exec 9>"$home/lock"
flock 9 # two builds at once make it once
if $refresh || [ ! -e "$finished" ]; then
    for tool in apt-get dpkg-source cmake ninja; do
        command -v $tool >/dev/null || fail "$tool is missing; without private libraries: -DRELAY_PRIVATE_LIBRARIES=OFF"
    done
    prepare_apt
    versions=$(for package in curl fmtlib spdlog; do printf '%s %s\n' $package "$(newest $package)"; done)
    if [ "$versions" != "$(cat "$finished" 2>/dev/null || true)" ]; then
        rm -rf "$finished" "$home/source" "$home/lib" "$home/include" "$home/licences"
        mkdir -p "$home/source"
        make_static curl "${curl_options[@]}"
        make_static fmtlib -DFMT_TEST=OFF -DFMT_DOC=OFF -DFMT_FUZZ=OFF
        make_static spdlog -DSPDLOG_FMT_EXTERNAL=ON -DSPDLOG_BUILD_SHARED=OFF -DSPDLOG_BUILD_EXAMPLE=OFF -DSPDLOG_BUILD_TESTS=OFF -DSPDLOG_BUILD_BENCH=OFF
        rm -rf "$home/source"
        printf '%s\n' "$versions" >"$finished"
    fi
fi
printf '%s\n' "$home"
