#!/bin/sh
# The table of routes as httpd's configuration: `check` only reads it, `write` prints it.
#
# A route `/orders,ORDERS` leads to the address in ORDERS_HOST and ORDERS_PORT.
set -eu
mode=$1
tail -n +2 "$2" | while IFS=, read -r path service; do
    case "$path:$service" in
        /[a-z]*:[A-Z]*) ;;
        *) echo "gateway: $path,$service is no route" >&2; exit 1 ;;
    esac
    [ "$mode" = write ] || continue
    host='' port=''
    eval "host=\${${service}_HOST:?} port=\${${service}_PORT:?}"
    echo "P:$path:http://$host:$port/cgi-bin/v1"
done
