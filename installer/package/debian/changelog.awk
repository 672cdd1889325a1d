# CHANGELOG.md as Debian's changelog(5): an entry for each "## VERSION" heading; what is unreleased is the package's version.
# usage: awk -v package=… -v version=… -v date=… -v maintainer=… -f changelog.awk CHANGELOG.md
function wrapped(text,    words, count, i, line) {
    count = split(text, words, " ")
    line = "  *"
    for (i = 1; i <= count; i++) {
        if (length(line) + 1 + length(words[i]) > 79) {
            print line
            line = "   "
        }
        line = line " " words[i]
    }
    print line
}
function end_item() {
    if (item != "") wrapped(item)
    item = ""
}
function end_entry() {
    end_item()
    if (entry != "") printf "\n -- %s  %s\n\n", maintainer, date
}
/^## / {
    end_entry()
    entry = $2 == "Unreleased" ? version : $2
    printf "%s (%s) stable; urgency=medium\n\n", package, entry
    next
}
entry == "" { next }
/^- / { end_item(); item = substr($0, 3); next }
/^  / { item = item " " $0; next }
/^$/ { end_item() }
END { end_entry() }
