#!/bin/sh
# Reads off the program that ships what makes a mistake in it harder to use.   usage: test_hardening.sh PROGRAM
set -eu
program=$1
wrong=0
expect() { # CLAIM COMMAND…: true where the command is
    claim=$1
    shift
    if "$@" >/dev/null 2>&1; then printf 'ok      %s\n' "$claim"; else printf 'MISSING %s\n' "$claim" && wrong=1; fi
}
says() { printf '%s\n' "$1" | grep -Eq -- "$2"; }
says_not() { ! says "$@"; }

header=$(readelf -hW "$program") segments=$(readelf -lW "$program") dynamic=$(readelf -dW "$program")
symbols=$(readelf --dyn-syms -W "$program") notes=$(readelf -nW "$program")

expect "loaded at a random address" says "$header" 'Type: +DYN'
expect "relocations are read-only after the start, all bound then" says "$dynamic" 'BIND_NOW|FLAGS.*NOW'
expect "relocations have a segment that becomes read-only" says "$segments" 'GNU_RELRO'
expect "no stack can be run" says "$segments" 'GNU_STACK .* RW '
expect "no segment is writable and run" says_not "$segments" ' RWE '
expect "no folder of its own to search libraries in" says_not "$dynamic" 'RPATH|RUNPATH'
expect "stack protector" says "$symbols" '__stack_chk_fail'
expect "checked calls of the C library" says "$symbols" '__(memcpy|snprintf|vsnprintf|memset|read)_chk'
expect "assertions of the C++ library" says "$symbols" '__glibcxx_assert_fail'
if says "$header" 'X86-64'; then
    # Each page of a large frame is touched as the stack grows.
    expect "stack clash protection" sh -c 'objdump -d --no-show-raw-insn "$1" | grep -q "orq  *\$0x0,(%rsp)"' sh "$program"
    expect "shadow stack" says "$notes" 'SHSTK'
    expect "landing pads in our own code" sh -c 'test "$(objdump -d --no-show-raw-insn "$1" | grep -c endbr64)" -gt 1000' sh "$program"
fi
exit $wrong
