#!/bin/sh
# Serves the folder $1 on port 8080 and stops when asked to.
#
# As process 1, httpd would ignore SIGTERM, and every rollout would wait out the
# whole grace period; a shell that passes the signal on ends at once.
set -eu
httpd -f -v -p 8080 -h "$1" &
trap 'kill "$!"; exit 0' TERM INT
wait "$!"
