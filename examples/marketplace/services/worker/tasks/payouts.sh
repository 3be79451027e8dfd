#!/bin/sh
# Adds up what each seller is owed and asks the payment service to pay it out.
set -eu
. /services/lib/log.sh
orders=$(wget -q -O - "http://$ORDERS_HOST:$ORDERS_PORT/cgi-bin/v1/orders?state=delivered")
cents=$(printf '%s\n' "$orders" | sed -n 's/.*"cents": \([0-9]*\).*/\1/p' | awk '{ sum += $1 } END { print sum + 0 }')
wget -q -O - --post-data "cents=$cents&currency=$CURRENCY" \
    "http://$PAYMENTS_HOST:$PAYMENTS_PORT/cgi-bin/payout" >/dev/null
log info "paid out $cents cents"
