#!/bin/sh
# Serves the API of the service $1 on port 8080: its tables as JSON under /cgi-bin/v1/TABLE.
#
# As process 1, httpd would ignore SIGTERM; a shell that passes it on stops at once.
set -eu
export SERVICE="$1"
. /services/lib/log.sh

[ -d "/services/data/$SERVICE" ] || { log error "there is no service $SERVICE"; exit 64; }
httpd -f -p 8080 -h /site &
trap 'kill "$!"; exit 0' TERM INT
log info "listens on 8080"
wait "$!"
