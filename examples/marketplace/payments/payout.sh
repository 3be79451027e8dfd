#!/bin/sh
# POST cents=N&currency=XYZ: what the provider would be asked to pay out.
set -eu
body=$(head -c 200)
cents=$(printf '%s' "$body" | sed -n 's/.*cents=\([0-9]*\).*/\1/p')
currency=$(printf '%s' "$body" | sed -n 's/.*currency=\([A-Z]\{3\}\).*/\1/p')
if [ -z "${PROVIDER_KEY:-}" ]; then
    printf 'Status: 503 Service Unavailable\r\n\r\n'
elif [ -z "$currency" ] || ! fee=$(awk -v cents="$cents" -f /payments/rules.awk </dev/null); then
    printf 'Status: 400 Bad Request\r\n\r\n'
else
    printf 'Status: 202 Accepted\r\nContent-Type: application/json\r\n\r\n'
    printf '{"cents": %s, "fee": %s, "currency": "%s"}\n' "$cents" "$fee" "$currency"
fi
