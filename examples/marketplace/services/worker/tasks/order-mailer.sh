#!/bin/sh
# Writes to the buyers of orders that were paid.
set -eu
. /services/lib/log.sh
orders=$(wget -q -O - "http://$ORDERS_HOST:$ORDERS_PORT/cgi-bin/v1/orders?state=paid")
printf '%s\n' "$orders" | sed -n 's/.*"buyer": "\([a-z.]*\)".*/\1/p' | while read -r buyer; do
    printf 'From: %s\nTo: %s@mail.example.com\nSubject: %s\n\n%s\n' \
        "$MAIL_FROM" "$buyer" "Your order" "Thank you." |
        sendmail -S "$MAIL_HOST:$MAIL_PORT" -f "$MAIL_FROM" -t
    log info "wrote to a buyer"
done
