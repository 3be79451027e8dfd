{{- /*
Volume claims of a StatefulSet. Kubernetes lets nothing in them change, so they hold nothing that does.
Volumes outlive their release, but for previews. Kubernetes writes the selector's labels onto the claims,
by which Argo CD takes them for its own: it is told to neither delete nor miss what the chart does not list.
*/ -}}
{{- define "stagecast.claims" -}}
{{- $kept := empty .root.Values.preview -}}
{{- $policy := ternary "Retain" "Delete" $kept -}}
{{- if semverCompare ">=1.27.0-0" .root.Capabilities.KubeVersion.Version }}
persistentVolumeClaimRetentionPolicy:
  whenDeleted: {{ $policy }}
  whenScaled: {{ $policy }}
{{- end }}
volumeClaimTemplates:
  {{- range .volumes }}
  - apiVersion: v1
    kind: PersistentVolumeClaim
    metadata:
      name: {{ .name | quote }}
      labels:
        {{- include "stagecast.selector" $.root | nindent 8 }}
      {{- if $kept }}
      annotations:
        argocd.argoproj.io/compare-options: IgnoreExtraneous
        argocd.argoproj.io/sync-options: Prune=false,Delete=false
      {{- end }}
    spec:
      accessModes: [ReadWriteOnce]
      {{- with .storageClassName }}
      storageClassName: {{ . | quote }}
      {{- end }}
      resources:
        requests:
          storage: {{ .size | quote }}
  {{- end }}
{{- end -}}
