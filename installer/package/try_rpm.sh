#!/usr/bin/env bash
# Tries an .rpm as far as that goes without a system of its kind: in an empty Debian its scripts run, the program runs, an upgrade and a
# removal keep the administrator's files. What it depends on is not looked for: rpm knows nothing of Debian's packages.
# usage: try_rpm.sh PACKAGE     as root
set -euo pipefail
here=$(readlink -f "$(dirname "${BASH_SOURCE[0]}")")
package=$(readlink -f "$1")
. "$here/empty_system.sh"

enter bookworm
cp "$package" "$work/root/tmp/agent.rpm"
quietly "what it stands on" apt-get -q install -y --no-install-recommends rpm systemd libssl3 libgssapi-krb5-2 zlib1g
quietly install rpm -i --nodeps /tmp/agent.rpm
(($(grep -c '^  [123]\. ' "$work/log") == 3)) || fail "the installation does not say in three lines what to do next"
said=$(inside workestra-relay --version) || fail "it does not run"
[ "$(inside stat -c '%U %a' /var/lib/workestra-relay)" = "workestra-relay 700" ] || fail "the folder of the queue is not its user's alone"
cp "$here/../agent.toml" "$work/root/etc/workestra-relay/agent.toml"
touch "$work/root/var/lib/workestra-relay/queue.db"

quietly "an upgrade" rpm -U --nodeps --replacepkgs /tmp/agent.rpm
! grep -q 'What to do next' "$work/log" || fail "an upgrade takes itself for the first installation"
quietly remove rpm -e workestra-relay
[ -e "$work/root/etc/workestra-relay/agent.toml" ] && [ -e "$work/root/var/lib/workestra-relay/queue.db" ] ||
    fail "a removal took the administrator's files"
[ ! -e "$work/root/usr/bin/workestra-relay" ] && [ ! -e "$work/root/usr/share/doc/workestra-relay" ] || fail "a removal leaves what it brought"
printf '.rpm: %s: installed, ran, was upgraded and removed\n' "$said"
