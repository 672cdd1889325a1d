#!/usr/bin/env bash
# Tries a .deb in an empty system of each release: it installs with what it depends on and nothing else, the program runs, a removal
# keeps the administrator's files, a purge leaves nothing. What needs a booted systemd is tested by ./dev test-linux.
# usage: try.sh PACKAGE RELEASE…     as root; the empty systems are made by debootstrap and kept in the cache
set -euo pipefail
here=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")")
package=$(readlink -f "$1")
shift
. "$here/empty_system.sh"

for release in "$@"; do
    enter "$release"
    cp "$package" "$work/root/tmp/agent.deb"
    # Its dependencies first, so that what remains after the purge is seen to be of this package alone.
    dependencies=$(dpkg-deb -f "$package" Depends | sed 's/ *([^)]*)//g; s/ *|[^,]*//g; s/,//g')
    # shellcheck disable=SC2086  # a list of packages
    quietly "its dependencies" apt-get -q install -y --no-install-recommends $dependencies
    files >"$work/before"

    quietly install apt-get -q install -y --no-install-recommends /tmp/agent.deb
    grep -A3 'What to do next' "$work/log" >"$work/next" || fail "the installation does not say what to do next"
    (($(wc -l <"$work/next") == 4)) || fail "what to do next is not three lines"
    said=$(inside workestra-relay --version) || fail "it does not run"
    [ "$(inside stat -c '%U %a' /var/lib/workestra-relay)" = "workestra-relay 700" ] || fail "the folder of the queue is not its user's alone"
    cp "$here/../agent.toml" "$work/root/etc/workestra-relay/agent.toml"
    checked=$(inside workestra-relay config check 2>&1) && fail "config check is content with the example"
    grep -q 'secret set' <<<"$checked" || fail "config check does not tell what to do: $checked"
    touch "$work/root/var/lib/workestra-relay/queue.db"

    quietly "the same again" apt-get -q install -y --reinstall /tmp/agent.deb
    cmp -s "$here/../agent.toml" "$work/root/etc/workestra-relay/agent.toml" || fail "an installation changed agent.toml"
    quietly remove dpkg --remove workestra-relay
    [ -e "$work/root/etc/workestra-relay/agent.toml" ] && [ -e "$work/root/var/lib/workestra-relay/queue.db" ] ||
        fail "a removal took the administrator's files"
    quietly purge dpkg --purge workestra-relay
    files >"$work/after"
    diff "$work/before" "$work/after" || fail "a purge leaves these"
    ! grep -q workestra "$work/root/etc/passwd" "$work/root/etc/group" || fail "a purge leaves the user"
    printf '%s: %s: installed, ran, was removed and purged without a trace\n' "$release" "$said"
    leave
done
