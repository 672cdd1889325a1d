#!/usr/bin/env bash
# Tries a .deb in an empty system of each release: it installs with what it depends on and nothing else, the program runs, a removal
# keeps the administrator's files, a purge leaves nothing. What needs a booted systemd is tested by ./dev test-linux.
# usage: try.sh PACKAGE RELEASE…     as root; the empty systems are made by debootstrap and kept in the cache
set -euo pipefail
package=$(readlink -f "$1")
shift
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/workestra-relay/roots
mirror=${RELAY_MIRROR:-http://deb.debian.org/debian}
((EUID == 0)) || { echo "try.sh: skipped: only root makes systems to try the package in" >&2; exit 77; }

work=$(mktemp -d)
finish() {
    ! mountpoint -q "$work/root/proc" || umount "$work/root/proc"
    ! mountpoint -q "$work/root" || umount "$work/root"
    ! mountpoint -q "$work" || umount "$work"
    rm -rf "$work"
}
trap finish EXIT
inside() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive chroot "$work/root" "$@"; }
fail() { printf 'try.sh: %s: %s\n' "$release" "$*" >&2; exit 1; }
# Files and folders, but for those that every installation of anything changes.
files() {
    (cd "$work/root" && find . -xdev \( -path ./proc -o -path ./dev -o -path ./tmp -o -path ./var/lib/apt -o -path ./var/cache \
        -o -path ./var/log -o -path ./var/lib/dpkg \) -prune -o -print | sort)
}

for release in "$@"; do
    base=$cache/$release
    if [ ! -e "$base.made" ]; then
        rm -rf "$base"
        mkdir -p "$cache"
        debootstrap --variant=minbase "$release" "$base" "$mirror" >"$cache/$release.log" 2>&1 || fail "debootstrap: $cache/$release.log"
        touch "$base.made"
    fi
    # What is done to it goes into memory.
    mount -t tmpfs none "$work"
    mkdir "$work/root" "$work/upper" "$work/layer"
    mount -t overlay none -o "lowerdir=$base,upperdir=$work/upper,workdir=$work/layer" "$work/root"
    mount -t proc proc "$work/root/proc"
    cp "$package" "$work/root/tmp/agent.deb"

    inside apt-get -q update >"$work/log" 2>&1 || { cat "$work/log"; fail "apt-get update"; }
    # Its dependencies first, so that what remains after the purge is seen to be of this package alone.
    dependencies=$(dpkg-deb -f "$package" Depends | sed 's/ *([^)]*)//g; s/ *|[^,]*//g; s/,//g')
    # shellcheck disable=SC2086  # a list of packages
    inside apt-get -q install -y --no-install-recommends $dependencies >"$work/log" 2>&1 || { cat "$work/log"; fail "its dependencies"; }
    files >"$work/before"
    inside apt-get -q install -y --no-install-recommends /tmp/agent.deb >"$work/log" 2>&1 || { cat "$work/log"; fail "install"; }
    grep -A3 'What to do next' "$work/log" >"$work/next" || fail "the installation does not say what to do next"
    (($(wc -l <"$work/next") == 4)) || fail "what to do next is not three lines"
    [ "$(inside workestra-relay --version)" != "" ] || fail "--version says nothing"
    printf '%s: %s' "$release" "$(inside workestra-relay --version)"
    [ "$(inside stat -c '%U %a' /var/lib/workestra-relay)" = "workestra-relay 700" ] || fail "the folder of the queue is not its user's alone"

    cp "$(dirname "$0")/../agent.toml" "$work/root/etc/workestra-relay/agent.toml"
    said=$(inside workestra-relay config check 2>&1) && fail "config check is content with the example"
    grep -q 'secret set' <<<"$said" || fail "config check does not tell what to do: $said"
    touch "$work/root/var/lib/workestra-relay/queue.db"

    inside apt-get -q install -y --reinstall /tmp/agent.deb >"$work/log" 2>&1 || { cat "$work/log"; fail "the same again"; }
    cmp -s "$(dirname "$0")/../agent.toml" "$work/root/etc/workestra-relay/agent.toml" || fail "an installation changed agent.toml"
    inside dpkg --remove workestra-relay >"$work/log" 2>&1 || { cat "$work/log"; fail "remove"; }
    [ -e "$work/root/etc/workestra-relay/agent.toml" ] && [ -e "$work/root/var/lib/workestra-relay/queue.db" ] ||
        fail "a removal took the administrator's files"
    inside dpkg --purge workestra-relay >"$work/log" 2>&1 || { cat "$work/log"; fail "purge"; }
    files >"$work/after"
    diff "$work/before" "$work/after" || fail "a purge leaves these"
    ! grep -q workestra "$work/root/etc/passwd" "$work/root/etc/group" || fail "a purge leaves the user"
    printf ' installed, ran, was removed and purged without a trace\n'
    umount "$work/root/proc" "$work/root" "$work"
done
