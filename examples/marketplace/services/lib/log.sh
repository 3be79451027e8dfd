# log LEVEL MESSAGE...: one line of JSON on standard error, where the cluster collects it.
log() {
    level=$1
    shift
    [ "$level" != debug ] || [ "${LOG_LEVEL:-info}" = debug ] || return 0
    printf '{"level": "%s", "service": "%s", "message": "%s"}\n' "$level" "${SERVICE:-?}" "$*" >&2
}
