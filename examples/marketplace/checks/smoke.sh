#!/bin/sh
# After the deployment: does every site answer? TARGETS is a list of NAME=HOST:PORT.
set -eu
trap 'exit 143' TERM
failed=0
for target in $TARGETS; do
    name=${target%%=*} address=${target#*=}
    if wget -q -T 5 -O - "http://$address/healthz" | grep -q '^ok$'; then
        echo "smoke: $name answers"
    else
        echo "smoke: $name at $address does not answer" >&2
        failed=1
    fi
done
exit "$failed"
