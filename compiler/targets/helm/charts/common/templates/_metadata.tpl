{{- /*
What every chart of Stagecast shares. The compiler copies this folder into each chart.
Strings reach a manifest through `quote` only: `toYaml` gives nothing at all, and `toJson`
invalid YAML, for text that holds U+007F or another character that YAML forbids.
*/ -}}

{{- /* What stands after a colon or a dash: ` scalar`, or lines that begin with a line end and are not indented. */ -}}
{{- define "stagecast.value" -}}
{{- if and (kindIs "map" .) . -}}
{{- range $key := keys . | sortAlpha }}
{{ include "stagecast.field" (list $key (get $ $key)) }}
{{- end -}}
{{- else if and (kindIs "slice" .) . -}}
{{- range . }}
{{ include "stagecast.item" . }}
{{- end -}}
{{- else if kindIs "string" . -}}
{{ " " }}{{ . | quote }}
{{- else -}}
{{ " " }}{{ . | toJson }}
{{- end -}}
{{- end -}}

{{- /* A key and any value: takes a list of both. */ -}}
{{- define "stagecast.field" -}}
{{ include "stagecast.key" (index . 0) }}:{{ include "stagecast.value" (index . 1) | replace "\n" "\n  " }}
{{- end -}}

{{- /* A key, without quotes where no version of YAML reads anything else in it. */ -}}
{{- define "stagecast.key" -}}
{{- $plain := and (regexMatch "^[A-Za-z][A-Za-z0-9./_-]{2,}$" .) (not (has (lower .) (list "yes" "off" "true" "false" "null"))) -}}
{{ ternary . (quote .) $plain }}
{{- end -}}

{{- /* Any value as an item of a list. */ -}}
{{- define "stagecast.item" -}}
- {{ include "stagecast.value" . | replace "\n" "\n  " | trimPrefix "\n  " | trimPrefix " " }}
{{- end -}}

{{- /* The members of a mapping that is not empty, a field each. */ -}}
{{- define "stagecast.members" -}}
{{ include "stagecast.value" . | trim }}
{{- end -}}

{{- /* The labels that selectors use; they never change, because a selector cannot. */ -}}
{{- define "stagecast.selector" -}}
app.kubernetes.io/name: {{ .Values.service | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- /*
The labels of a pod, those that Kubernetes recommends: nothing in them changes when only the chart
does, or every pod would restart.
*/ -}}
{{- define "stagecast.podLabels" -}}
{{- $own := include "stagecast.selector" . | fromYaml -}}
{{- $rest := dict "app.kubernetes.io/component" .Values.component "app.kubernetes.io/part-of" .Values.environment -}}
{{- $_ := set $own "app.kubernetes.io/managed-by" .Release.Service -}}
{{- include "stagecast.members" (merge $own (.Values.labels | default dict) $rest (include "stagecast.version" . | fromYaml)) -}}
{{- end -}}

{{- /* The labels of every other object. */ -}}
{{- define "stagecast.labels" -}}
{{- $own := include "stagecast.podLabels" . | fromYaml -}}
{{- $chart := printf "%s-%s" .Chart.Name .Chart.Version -}}
{{- include "stagecast.members" (merge $own (dict "helm.sh/chart" $chart)) -}}
{{- end -}}

{{- /* The image's tag, else the engine's version, where a label can hold it. */ -}}
{{- define "stagecast.version" -}}
{{- $tag := (.Values.image | default dict).tag | default .Values.version | default "" -}}
{{- if regexMatch "^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$" $tag }}
app.kubernetes.io/version: {{ $tag | quote }}
{{- end -}}
{{- end -}}

{{- /*
Public hosts as a YAML list. Takes the chart's context and the hosts of the spec. In a preview each has the
prefix before its name, and `*.example.com` is the one host that the prefix names below example.com.
*/ -}}
{{- define "stagecast.hosts" -}}
{{- $root := index . 0 -}}
{{- $prefix := ($root.Values.preview | default dict).prefix | default "" -}}
{{- range index . 1 }}
- {{ ternary (printf "%s%s" (trimSuffix "-" $prefix) (trimPrefix "*" .)) (printf "%s%s" $prefix .) (and (hasPrefix "*." .) (not (empty $prefix))) | quote }}
{{- end -}}
{{- end -}}
