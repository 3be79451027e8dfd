#!/bin/sh
# Says what has to be ordered again.
set -eu
. /services/lib/log.sh
wget -q -O - "http://$INVENTORY_HOST:$INVENTORY_PORT/cgi-bin/v1/stock" |
    sed -n 's/.*"sku": "\([^"]*\)".*"count": \([0-9]*\).*/\1 \2/p' |
    while read -r sku count; do
        [ "$count" -ge "${REORDER_BELOW:-5}" ] || log warning "$sku: $count left"
    done
