{{- /*
What an engine's official image wants: env, args, readiness, the folder that holds the data,
the port it listens on. Kubernetes replaces $(NAME) in all of them, so values double their $.
The data lies in a folder below the volume's root where an engine cannot stand `lost+found`.
*/ -}}
{{- define "database.engine" -}}
{{- include (printf "database.%s" .Values.engine) . -}}
{{- end -}}

{{- define "database.escaped" -}}
{{ . | replace "$" "$$" | quote }}
{{- end -}}

{{- define "database.password" -}}
secret: {name: {{ .Values.password.name | quote }}, key: {{ .Values.password.key | quote }}}
{{- end -}}

{{- define "database.postgresql" -}}
{{- $user := .Values.username | default "postgres" -}}
port: 5432
folder: /var/lib/postgresql/data
env:
  - name: POSTGRES_USER
    value: {{ include "database.escaped" $user }}
  - name: POSTGRES_PASSWORD
    {{ include "database.password" . }}
  - name: POSTGRES_DB
    value: {{ include "database.escaped" (.Values.database | default $user) }}
  - name: PGDATA
    value: /var/lib/postgresql/data/pgdata
{{- /* By TCP: the server that sets the database up listens on a socket only. */}}
readiness:
  exec:
    command: [pg_isready, -q, -h, 127.0.0.1, -U, {{ include "database.escaped" $user }}, -d, {{ include "database.escaped" (.Values.database | default $user) }}]
  timeoutSeconds: 5
{{- end -}}

{{- define "database.mysql" -}}
{{- $user := .Values.username | default "root" -}}
port: 3306
folder: /var/lib/mysql
args: [--datadir=/var/lib/mysql/data]
env:
  - name: MYSQL_ROOT_PASSWORD
    {{ include "database.password" . }}
{{- with .Values.database }}
  - name: MYSQL_DATABASE
    value: {{ include "database.escaped" . }}
{{- end }}
{{- if ne $user "root" }}
  - name: MYSQL_ROOT_HOST
    value: localhost
  - name: MYSQL_USER
    value: {{ include "database.escaped" $user }}
  - name: MYSQL_PASSWORD
    {{ include "database.password" . }}
{{- end }}
{{- /* Answers 0 without a login too; by TCP for the same reason as above. */}}
readiness:
  exec:
    command: [mysqladmin, ping, --silent, --host=127.0.0.1]
  timeoutSeconds: 5
{{- end -}}

{{- define "database.mongodb" -}}
{{- $major := regexFind "^[0-9]+" .Values.version | int -}}
port: 27017
folder: /data/db
env:
  - name: MONGO_INITDB_ROOT_USERNAME
    value: {{ include "database.escaped" (.Values.username | default "root") }}
  - name: MONGO_INITDB_ROOT_PASSWORD
    {{ include "database.password" . }}
{{- with .Values.database }}
  - name: MONGO_INITDB_DATABASE
    value: {{ include "database.escaped" . }}
{{- end }}
{{- /* A ping needs no login. Images before 5 have only the old shell. */}}
readiness:
  exec:
    command: [{{ ternary "mongo" "mongosh" (and (gt $major 0) (lt $major 5)) }}, --quiet, --eval, "db.adminCommand('ping').ok || quit(1)"]
  timeoutSeconds: 10
{{- end -}}

{{- define "database.redis" -}}
port: 6379
folder: /data
args: [redis-server, --dir, /data, --appendonly, "yes", --requirepass, $(REDIS_PASSWORD)]
env:
  - name: REDIS_PASSWORD
    {{ include "database.password" . }}
  - name: REDISCLI_AUTH
    {{ include "database.password" . }}
{{- /* redis-cli exits with 0 while the data is still being loaded. */}}
readiness:
  exec:
    command: [sh, -c, "redis-cli -h 127.0.0.1 ping | grep -qx PONG"]
  timeoutSeconds: 5
{{- end -}}
