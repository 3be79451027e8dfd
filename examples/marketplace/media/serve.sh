#!/bin/sh
# Serves the pictures on port 8080 once they are whole; a shell, so that it stops when asked to.
set -eu
cd /pictures
sha256sum -c -s SHA256SUMS
httpd -f -p 8080 -h /pictures &
trap 'kill "$!"; exit 0' TERM INT
wait "$!"
