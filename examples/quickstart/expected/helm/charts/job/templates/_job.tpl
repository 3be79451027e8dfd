{{- /* The spec of a Job. maxDurationSeconds ends one try, deadlineSeconds all of them. */ -}}
{{- define "job.spec" -}}
{{- $account := .Values.serviceAccountName -}}
{{- if and .Values.outputs (not $account) }}{{ $account = .Release.Name }}{{ end -}}
{{- $pod := dict "root" . "account" $account "restart" "Never" "deadline" .Values.maxDurationSeconds "command" .Values.command "args" .Values.args "env" .Values.env "probes" .Values.probes "ports" list "mounts" list -}}
backoffLimit: {{ .Values.maxRestarts | int64 }}
activeDeadlineSeconds: {{ .Values.deadlineSeconds | int64 }}
{{- if has .Values.run (list "start" "delete") }}
ttlSecondsAfterFinished: 86400
{{- end }}
template:
  {{- include "stagecast.podTemplate" $pod | nindent 2 }}
{{- end -}}
