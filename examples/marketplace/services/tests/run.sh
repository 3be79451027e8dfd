#!/bin/sh
# The monorepo's checks, run while building: a broken table or script never becomes an image.
set -eu
cd "$(dirname "$0")/.."

fail() {
    echo "checks: $*" >&2
    exit 1
}

for script in lib/*.sh; do
    sh -n "$script"
done
for table in data/*/*.csv; do
    awk -f lib/json.awk "$table" >/dev/null || fail "$table is no table"
done

cat >/tmp/table.csv <<EOF
sku,name,cents
1,plain,0
2,say "hi",-150
EOF
all=$(awk -f lib/json.awk /tmp/table.csv | tr -d '\n')
[ "$all" = '[  {"sku": 1, "name": "plain", "cents": 0},  {"sku": 2, "name": "say \"hi\"", "cents": -150}]' ] ||
    fail "unexpected JSON: $all"
one=$(awk -v column=sku -v value=2 -f lib/json.awk /tmp/table.csv | grep -c '"sku"')
[ "$one" = 1 ] || fail "the filter gives $one rows"
echo "checks: passed"
