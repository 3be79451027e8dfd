#!/bin/sh
# The rules for fees, checked while building.
set -eu
check() {
    fee=$(awk -v cents="$1" -f rules.awk </dev/null) || fee=refused
    [ "$fee" = "$2" ] || { echo "payments: the fee of $1 is $fee, not $2" >&2; exit 1; }
}
check 0 25
check 1000 25
check 1001 26
check 200000 5000
check -1 refused
check 1e9 refused
check 100000001 refused
