# Sourced: an empty system of a Debian release to try a package in. What is done to it goes into memory and is gone at the end.
# Functions: enter RELEASE, inside COMMAND…, files, leave; $work is a folder for notes, $release the release.
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/workestra-relay/roots
mirror=${RELAY_MIRROR:-http://deb.debian.org/debian}
((EUID == 0)) || { echo "$(basename "$0"): skipped: only root makes systems to try a package in" >&2; exit 77; }
work=$(mktemp -d)
release=none

leave() {
    local mount
    for mount in "$work/root/proc" "$work/root" "$work"; do
        ! mountpoint -q "$mount" || umount "$mount"
    done
}
trap 'leave; rm -rf "$work"' EXIT
fail() { printf '%s: %s: %s\n' "$(basename "$0")" "$release" "$*" >&2; exit 1; }
inside() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive chroot "$work/root" "$@"; }
# quietly WHAT COMMAND…: shows what the command said only if it fails.
quietly() {
    local what=$1
    shift
    inside "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "$what"; }
}
enter() {
    release=$1
    local base=$cache/$release
    if [ ! -e "$base.made" ]; then
        rm -rf "$base"
        mkdir -p "$cache"
        debootstrap --variant=minbase "$release" "$base" "$mirror" >"$cache/$release.log" 2>&1 || fail "debootstrap: $cache/$release.log"
        touch "$base.made"
    fi
    mount -t tmpfs none "$work"
    mkdir "$work/root" "$work/upper" "$work/layer"
    mount -t overlay none -o "lowerdir=$base,upperdir=$work/upper,workdir=$work/layer" "$work/root"
    mount -t proc proc "$work/root/proc"
    quietly "apt-get update" apt-get -q update
}
# Files and folders, but for those that every installation of anything changes.
files() {
    (cd "$work/root" && find . -xdev \( -path ./proc -o -path ./dev -o -path ./tmp -o -path ./var/lib/apt -o -path ./var/cache \
        -o -path ./var/log -o -path ./var/lib/dpkg -o -path ./var/lib/rpm \) -prune -o -print | sort)
}
