{{- /* The image: by digest where there is one, else by tag. Never without either, which would mean `latest`. */ -}}
{{- define "stagecast.image" -}}
{{- $image := .Values.image -}}
{{- if not (or $image.tag $image.digest) -}}
{{- fail (printf "the image of %s has neither a tag nor a digest: pass --set-string image.tag=TAG or image.digest=sha256:..." .Values.service) -}}
{{- end -}}
{{- with $image.digest -}}
{{- printf "%s@%s" $image.repository . | quote -}}
{{- else -}}
{{- printf "%s:%s" $image.repository $image.tag | quote -}}
{{- end -}}
{{- end -}}

{{- /* `latest` moves, as Kubernetes itself has it; no other tag of a built or mirrored image does. */ -}}
{{- define "stagecast.pullPolicy" -}}
{{- ternary "Always" "IfNotPresent" (and (eq (.Values.image.tag | default "") "latest") (empty .Values.image.digest)) -}}
{{- end -}}

{{- /* Environment variables, in the order in which they are given: $(NAME) sees only what stands before it. */ -}}
{{- define "stagecast.env" -}}
{{- range . }}
- name: {{ .name | quote }}
  {{- if hasKey . "secret" }}
  valueFrom:
    secretKeyRef:
      name: {{ .secret.name | quote }}
      key: {{ .secret.key | quote }}
  {{- else }}
  value: {{ .value | quote }}
  {{- end }}
{{- end }}
{{- end -}}

{{- /*
A pod template. Takes a mapping:
  root      the chart's own context
  account   service account, or empty
  restart   restartPolicy
  deadline  activeDeadlineSeconds of one pod, or empty
  command, args, env, probes, ports   of the container
  mounts    list of {name, mountPath}: volumes that somebody else declares
*/ -}}
{{- define "stagecast.podTemplate" -}}
{{- $values := .root.Values -}}
{{- $contents := list -}}
{{- range $values.files }}{{ if hasKey . "content" }}{{ $contents = append $contents . }}{{ end }}{{ end -}}
metadata:
  labels:
    {{- include "stagecast.podLabels" .root | nindent 4 }}
  {{- if or $contents $values.annotations }}
  annotations:
    {{- include "stagecast.members" (merge (ternary (dict "checksum/files" ($contents | toJson | sha256sum)) dict (not (empty $contents))) ($values.annotations | default dict)) | nindent 4 }}
  {{- end }}
spec:
  {{- with .account }}
  serviceAccountName: {{ . | quote }}
  {{- end }}
  automountServiceAccountToken: {{ not (empty .account) }}
  enableServiceLinks: false
  restartPolicy: {{ .restart }}
  {{- with .deadline }}
  activeDeadlineSeconds: {{ . | int64 }}
  {{- end }}
  terminationGracePeriodSeconds: {{ $values.terminationGracePeriodSeconds | int64 }}
  {{- with $values.image.pullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . | quote }}
    {{- end }}
  {{- end }}
  {{- with $values.securityContext.pod }}
  {{- include "stagecast.field" (list "securityContext" .) | nindent 2 }}
  {{- end }}
  {{- with $values.nodeSelector }}
  {{- include "stagecast.field" (list "nodeSelector" .) | nindent 2 }}
  {{- end }}
  {{- with $values.affinity }}
  {{- include "stagecast.field" (list "affinity" .) | nindent 2 }}
  {{- end }}
  {{- with $values.pod }}
  {{- include "stagecast.members" . | nindent 2 }}
  {{- end }}
  containers:
    {{- include "stagecast.container" . | nindent 4 }}
    {{- range $values.sidecars }}
    {{- include "stagecast.item" . | nindent 4 }}
    {{- end }}
  {{- if or $values.files $values.extraVolumes }}
  volumes:
    {{- with $values.files }}
    {{- include "stagecast.fileVolume" (dict "root" $.root "files" . "contents" $contents) | nindent 4 }}
    {{- end }}
    {{- range $values.extraVolumes }}
    {{- include "stagecast.item" . | nindent 4 }}
    {{- end }}
  {{- end }}
{{- end -}}

{{- define "stagecast.container" -}}
{{- $values := .root.Values -}}
- name: {{ $values.service | quote }}
  image: {{ include "stagecast.image" .root }}
  imagePullPolicy: {{ include "stagecast.pullPolicy" .root }}
  terminationMessagePolicy: FallbackToLogsOnError
  {{- with .command }}
  {{- include "stagecast.field" (list "command" .) | nindent 2 }}
  {{- end }}
  {{- with .args }}
  {{- include "stagecast.field" (list "args" .) | nindent 2 }}
  {{- end }}
  {{- if or .env $values.extraEnv }}
  env:
    {{- with .env }}
    {{- include "stagecast.env" . | trim | nindent 4 }}
    {{- end }}
    {{- range $values.extraEnv }}
    {{- include "stagecast.item" . | nindent 4 }}
    {{- end }}
  {{- end }}
  {{- /* For people and tools only, so each number once: Helm 3 merges this list by the number alone. */}}
  {{- with .ports }}
  {{- $seen := dict }}
  ports:
    {{- range . }}
    {{- if not (hasKey $seen (toString .targetPort)) }}
    {{- $_ := set $seen (toString .targetPort) true }}
    - name: {{ .name | quote }}
      containerPort: {{ .targetPort | int64 }}
      protocol: {{ .protocol }}
    {{- end }}
    {{- end }}
  {{- end }}
  {{- range $name, $probe := .probes }}
  {{- include "stagecast.field" (list (printf "%sProbe" $name) $probe) | nindent 2 }}
  {{- end }}
  {{- include "stagecast.field" (list "resources" $values.resources) | nindent 2 }}
  {{- with $values.securityContext.container }}
  {{- include "stagecast.field" (list "securityContext" .) | nindent 2 }}
  {{- end }}
  {{- with $values.container }}
  {{- include "stagecast.members" . | nindent 2 }}
  {{- end }}
  {{- if or .mounts $values.files $values.extraVolumeMounts }}
  volumeMounts:
    {{- range .mounts }}
    - name: {{ .name | quote }}
      mountPath: {{ .mountPath | quote }}
    {{- end }}
    {{- range $values.files }}
    - name: stagecast-files
      mountPath: {{ .mount | quote }}
      subPath: {{ .key | quote }}
      readOnly: true
    {{- end }}
    {{- range $values.extraVolumeMounts }}
    {{- include "stagecast.item" . | nindent 4 }}
    {{- end }}
  {{- end }}
{{- end -}}

{{- /* One volume for all config files: texts from the release's ConfigMap, the others from their Secrets. */ -}}
{{- define "stagecast.fileVolume" -}}
- name: stagecast-files
  projected:
    sources:
      {{- if .contents }}
      - configMap:
          name: {{ printf "%s-files" .root.Release.Name | quote }}
          items:
            {{- range .contents }}
            - key: {{ .key | quote }}
              path: {{ .key | quote }}
              mode: {{ .mode | int64 }}
            {{- end }}
      {{- end }}
      {{- range .files }}
      {{- if hasKey . "secret" }}
      - secret:
          name: {{ .secret.name | quote }}
          items:
            - key: {{ .secret.key | quote }}
              path: {{ .key | quote }}
              mode: {{ .mode | int64 }}
      {{- end }}
      {{- end }}
{{- end -}}
