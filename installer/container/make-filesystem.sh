#!/bin/sh
# Makes the file system of the container image from the package, on a Debian that has or can fetch what it depends on.
# usage: make-filesystem.sh PACKAGE FOLDER     as root
set -eu
umask 022
package=$(readlink -f "$1") to=$2

# Into this system first: apt knows what the package needs, and its scripts make the user.
dpkg-query -W -f '${db:Status-Status}' workestra-relay 2>/dev/null | grep -q '^installed$' || {
    apt-get -q update
    DEBIAN_FRONTEND=noninteractive apt-get -q install -y "$package"
}

# keep FILE…: copies each, or what a link leads to, to where it is here.
keep() {
    for file in "$@"; do
        mkdir -p "$to$(dirname "$file")"
        cp -RL "$file" "$to$file"
    done
}
libraries_of() { ldd "$@" | awk '/=> \// { print $3 } /^\t\/lib.*ld-/ { print $1 }' | sort -u; }

rm -rf "$to"
mkdir -p "$to/usr/lib" "$to/usr/bin"
for link in lib lib64 bin; do
    mkdir -p "$to/usr/$link"
    ln -s "usr/$link" "$to/$link"
done
# What is loaded by its name too: a sign-in by NTLM, the old ciphers that it takes from OpenSSL, and its UTF-16.
programs="/usr/bin/workestra-relay $(find /usr/lib -name gssntlmssp.so -o -path '*/ossl-modules/legacy.so' -o -path '*/gconv/UTF-16.so')"
libraries=$(libraries_of $programs)
keep $programs $libraries $(find /usr/lib -path '*/gconv/gconv-modules')
keep /etc/gss /etc/ssl/openssl.cnf /etc/ssl/certs/ca-certificates.crt /etc/os-release /usr/share/doc/workestra-relay
# What the licences of the libraries ask for.
for library in $libraries; do
    owner=$(dpkg-query -S "$library" "$(readlink -f "$library")" "/usr$library" 2>/dev/null | head -1 | cut -d: -f1)
    if [ -e "/usr/share/doc/$owner/copyright" ]; then keep "/usr/share/doc/$owner/copyright"; fi
done

echo 'hosts: files dns' >"$to/etc/nsswitch.conf"
echo 'workestra-relay:x:10001:10001:Workestra Relay agent:/var/lib/workestra-relay:/usr/sbin/nologin' >"$to/etc/passwd"
echo 'workestra-relay:x:10001:' >"$to/etc/group"
: >"$to/etc/hosts" # these two are the engine's
: >"$to/etc/resolv.conf"
mkdir -p "$to/etc/workestra-relay" "$to/proc" "$to/dev" "$to/sys" "$to/run"
install -d -m 1777 "$to/tmp" "$to/var/tmp"
install -d -m 0700 -o 10001 -g 10001 "$to/var/lib/workestra-relay"
