#!/bin/sh
# GET /cgi-bin/v1/TABLE and GET /cgi-bin/v1/TABLE?COLUMN=VALUE; SERVICE says whose tables.
set -eu

answer() {
    printf 'Status: %s\r\nContent-Type: application/json\r\n\r\n' "$1"
}

# What comes from outside is used only where it is made of these characters.
plain() {
    case "$1" in
        '' | *[!A-Za-z0-9_-]*) return 1 ;;
    esac
}

table=${PATH_INFO#/}
if ! plain "$table" || [ ! -f "/services/data/$SERVICE/$table.csv" ]; then
    answer '404 Not Found'
    echo '{"error": "no such table"}'
    exit 0
fi
column='' value=''
if [ -n "${QUERY_STRING:-}" ]; then
    column=${QUERY_STRING%%=*} value=${QUERY_STRING#*=}
    if ! plain "$column" || ! plain "$value"; then
        answer '400 Bad Request'
        echo '{"error": "the query is COLUMN=VALUE"}'
        exit 0
    fi
fi
answer '200 OK'
exec awk -v column="$column" -v value="$value" -f /services/lib/json.awk "/services/data/$SERVICE/$table.csv"
