#!/bin/sh
# Brings the database up to date: migrations/NNN_name.sql in order of NNN.
#
#   migrate.sh check   the numbers run from 001 without a gap (done while building)
#   migrate.sh run     checks the environment, waits for the database, applies
#
# The connection is in the variables that psql reads: PGHOST, PGPORT, PGDATABASE,
# PGUSER and PGPASSWORD. Every migration may run again: it says IF NOT EXISTS.
set -eu
# Process 1 has no default action for SIGTERM: without this a stop waits out the grace period.
trap 'exit 143' TERM
cd "$(dirname "$0")"

fail() {
    echo "migrate: $*" >&2
    exit 1
}

check_order() {
    number=1
    for file in migrations/*.sql; do
        case "$file" in
            "migrations/$(printf %03d "$number")_"*) number=$((number + 1)) ;;
            *) fail "$file: expected a file numbered $(printf %03d "$number")" ;;
        esac
    done
    echo "migrate: $((number - 1)) migrations in order"
}

check_environment() {
    for name in PGHOST PGPORT PGDATABASE PGUSER PGPASSWORD; do
        eval "value=\${$name:-}"
        [ -n "$value" ] || fail "the variable $name is not set"
    done
}

wait_for_database() {
    seconds=0
    # -e runs `true` once connected: the one way to probe a port that every busybox has.
    until nc -w 2 "$PGHOST" "$PGPORT" -e true 2>/dev/null; do
        seconds=$((seconds + 1))
        [ "$seconds" -lt "${WAIT_SECONDS:-60}" ] || fail "no answer from $PGHOST:$PGPORT"
        sleep 1
    done
    echo "migrate: $PGHOST:$PGPORT accepts connections"
}

apply() {
    # busybox has no psql: the job then says what it would apply. On a base image
    # that has it (postgres:16-alpine) the same script applies it.
    for file in migrations/*.sql; do
        if command -v psql >/dev/null; then
            psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --single-transaction --file "$file"
            echo "migrate: applied $file"
        else
            echo "migrate: no psql in this image, would apply $file"
        fi
    done
}

case "${1:-run}" in
    check)
        check_order
        ;;
    run)
        check_environment
        check_order
        wait_for_database
        apply
        ;;
    *)
        fail "unknown command $1; known are check and run"
        ;;
esac
