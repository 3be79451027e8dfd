#!/bin/sh
# Does the task $1: `once`, or again and again every $INTERVAL seconds until asked to stop.
set -eu
export SERVICE="$1"
mode=${2:-forever}
. /services/lib/log.sh
task="/services/tasks/$SERVICE.sh"
[ -f "$task" ] || { log error "there is no task $SERVICE"; exit 64; }
trap 'log info "stops"; exit 0' TERM INT

if [ "$mode" = once ]; then
    exec sh "$task"
fi
while true; do
    if sh "$task"; then
        touch /tmp/ready   # the readiness check looks for it
    else
        log error "failed, will try again"
    fi
    sleep "${INTERVAL:-30}" &
    wait "$!"
done
