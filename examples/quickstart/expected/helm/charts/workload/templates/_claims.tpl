{{- /* Volume claims of a StatefulSet. Kubernetes lets nothing in them change, so they hold nothing that does. */ -}}
{{- define "stagecast.claims" -}}
{{- if semverCompare ">=1.27.0-0" .root.Capabilities.KubeVersion.Version }}
persistentVolumeClaimRetentionPolicy:
  whenDeleted: Retain
  whenScaled: Retain
{{- end }}
volumeClaimTemplates:
  {{- range .volumes }}
  - apiVersion: v1
    kind: PersistentVolumeClaim
    metadata:
      name: {{ .name | quote }}
      labels:
        {{- include "stagecast.selector" $.root | nindent 8 }}
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
