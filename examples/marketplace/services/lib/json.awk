# A table of comma-separated values, whose first line names the columns, as a JSON array of objects.
# With -v column=NAME -v value=TEXT only the rows that have it. Numbers stay numbers.
function quoted(text) {
    gsub(/\\/, "\\\\", text)
    gsub(/"/, "\\\"", text)
    return "\"" text "\""
}
BEGIN { FS = ","; printf "[" }
NR == 1 { for (i = 1; i <= NF; i++) { name[i] = $i; if ($i == column) wanted = i }; columns = NF; next }
NF != columns { print FILENAME ":" NR ": " NF " columns instead of " columns > "/dev/stderr"; failed = 1; exit 1 }
column != "" && (!wanted || $wanted != value) { next }
{
    printf "%s\n  {", (rows++ ? "," : "")
    for (i = 1; i <= NF; i++) {
        shown = $i ~ /^(0|-?[1-9][0-9]*)$/ ? $i : quoted($i)
        printf "%s%s: %s", (i > 1 ? ", " : ""), quoted(name[i]), shown
    }
    printf "}"
}
END { if (!failed) print "\n]" }
