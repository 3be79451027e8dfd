#!/bin/sh
# Serves POST /cgi-bin/payout and GET /healthz on port 8080; a shell, so that it stops when asked to.
set -eu
httpd -f -p 8080 -h /site &
trap 'kill "$!"; exit 0' TERM INT
wait "$!"
