{{- /*
Services. Take a mapping: root, name, ports (list of {name, port, targetPort, protocol,
appProtocol}), kind ("ClusterIP", "Headless" or "LoadBalancer").
*/ -}}
{{- define "stagecast.service" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ .name | quote }}
  labels:
    {{- include "stagecast.labels" .root | nindent 4 }}
  {{- with .root.Values.serviceAnnotations }}
  {{- include "stagecast.field" (list "annotations" .) | nindent 2 }}
  {{- end }}
spec:
  type: {{ ternary "LoadBalancer" "ClusterIP" (eq .kind "LoadBalancer") }}
  {{- if eq .kind "Headless" }}
  clusterIP: None
  {{- end }}
  selector:
    {{- include "stagecast.selector" .root | nindent 4 }}
  {{- with .ports }}
  ports:
    {{- range . }}
    - name: {{ .name | quote }}
      port: {{ .port | int64 }}
      targetPort: {{ .targetPort | int64 }}
      protocol: {{ .protocol }}
      {{- with .appProtocol }}
      appProtocol: {{ . | quote }}
      {{- end }}
    {{- end }}
  {{- end }}
{{- end -}}

{{- /* The Service that pods are reached by, the headless one of a StatefulSet, and a load balancer per protocol for what is exposed. */ -}}
{{- define "stagecast.services" -}}
{{- $root := .root -}}
{{- if .ports }}
---
{{ include "stagecast.service" (dict "root" $root "name" $root.Release.Name "ports" .ports "kind" "ClusterIP") }}
{{- end }}
{{- if .headless }}
---
{{ include "stagecast.service" (dict "root" $root "name" (printf "%s-headless" $root.Release.Name) "ports" .ports "kind" "Headless") }}
{{- end }}
{{- range $protocol := list "TCP" "UDP" }}
{{- $exposed := list }}
{{- range $.ports }}{{ if and .expose (eq .protocol $protocol) }}{{ $exposed = append $exposed . }}{{ end }}{{ end }}
{{- with $exposed }}
---
{{ include "stagecast.service" (dict "root" $root "name" (printf "%s-%s" $root.Release.Name (lower $protocol)) "ports" . "kind" "LoadBalancer") }}
{{- end }}
{{- end }}
{{- end -}}
