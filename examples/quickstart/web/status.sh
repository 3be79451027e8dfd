#!/bin/sh
# A CGI page: whether the services that the shop depends on accept connections.
# Not the health check: a shop without its cache is slow, not dead (/healthz is).
answers() {
    nc -w 2 "$1" "$2" -e true 2>/dev/null && echo true || echo false
}

printf 'Content-Type: application/json\r\n\r\n'
printf '{"database": %s, "cache": %s}\n' \
    "$(answers "${DATABASE_HOST:-}" "${DATABASE_PORT:-}")" \
    "$(answers "${REDIS_HOST:-}" "${REDIS_PORT:-}")"
