#!/usr/bin/env bash
# usage: check.sh WORKESTRA-RELAY FOLDER: the man pages and completions in FOLDER are right for the program.
set -uo pipefail
program=$1 folder=$2 bad=0
wrong() { printf 'WRONG: %s\n' "$*"; bad=1; }

# ---- pages ----
for page in "$folder"/man?/*; do
    # No date: the same sources make the same page.
    complaints=$(mandoc -T lint -W warning "$page" | grep -vF 'missing date')
    [ -z "$complaints" ] || wrong "$complaints"
done
# Each command that --help lists has its page, and in it each option that its own --help lists.
commands=$("$program" --help | sed -n '/^Subcommands:/,$ s/^  \([a-z-]*\) .*/\1/p')
[ "$(wc -w <<<"$commands")" -ge 4 ] || wrong "--help lists hardly a command: $commands"
overview=$(mandoc -T ascii "$folder/man1/workestra-relay.1" | col -b)
for command in $commands; do
    page=$folder/man1/workestra-relay-$command.1
    [ -s "$page" ] || { wrong "$command has no page"; continue; }
    text=$(mandoc -T ascii "$page" | col -b)
    inner=$("$program" "$command" --help | sed -n '/^Subcommands:/,$ s/^  \([a-z-]*\) .*/\1/p')
    for words in "$command" ${inner:+$(sed "s/^/$command:/" <<<"$inner")}; do
        [ -n "$inner" ] && [ "$words" = "$command" ] && continue
        for option in $("$program" ${words/:/ } --help | grep -oE '^ +(-h,)?--[a-z-]+' | grep -oE -- '--[a-z-]+'); do
            grep -qF -- "$option" <<<"$text" || wrong "${words/:/ } $option is not in its page"
        done
    done
    grep -qF -- "workestra-relay-$command" <<<"$overview" || wrong "workestra-relay(1) does not name $command"
done

# ---- completion ----
source "$folder/bash/workestra-relay"
completes() { # WORD… => EXPECTED
    local words=() expected
    while [ "$1" != '=>' ]; do words+=("$1"); shift; done
    shift
    expected=$*
    COMP_WORDS=(workestra-relay "${words[@]}") COMP_CWORD=${#words[@]}
    _workestra_relay
    [ "${COMPREPLY[*]}" = "$expected" ] || wrong "bash: '${words[*]}' gives '${COMPREPLY[*]}', not '$expected'"
}
completes en '=>' enroll
completes config ch '=>' check
completes enroll --fo '=>' --force
completes status --json --co '=>' --config
completes run --config "$folder/mad" '=>' "$folder/made"
completes enroll --url '' '=>'
zsh -f -n "$folder/zsh/_workestra-relay" || wrong "zsh does not take its completion"
# What zsh itself makes of "enr", asked in a terminal of its own: it may write the whole word anew, or the rest of it.
offered=$(zsh -f -c '
    zmodload zsh/zpty
    zpty z zsh -f -i
    zpty -w z "PS1=ready; autoload -Uz compinit; fpath=('"$folder"'/zsh \$fpath); compinit -u -D; stty -echo; setopt no_beep; bindkey \"^I\" complete-word; echo so\"\"far"
    zpty -r -m z answer "*sofar*ready"
    zpty -w -n z "workestra-relay enr"$'"'\\t'"'
    zpty -r -m -t z answer "*enroll*" 2>/dev/null || { sleep 2; zpty -r -t z answer; }
    print -r -- "$answer"
    zpty -d z' 2>&1 </dev/null)
grep -q 'oll' <<<"$offered" || wrong "zsh completes 'enr' to: $offered"

[ $bad = 0 ] && echo "all well: $(wc -w <<<"$commands") commands"
exit $bad
