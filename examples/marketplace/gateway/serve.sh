#!/bin/sh
# Serves /healthz and passes the routes on; a shell, so that it stops when asked to.
set -eu
mkdir -p /tmp/www
echo ok >/tmp/www/healthz
sh /gateway/configure.sh write /gateway/routes.csv >/tmp/httpd.conf
httpd -f -p 8080 -h /tmp/www -c /tmp/httpd.conf &
trap 'kill "$!"; exit 0' TERM INT
wait "$!"
