{{- define "llemulator.name" -}}
{{- if contains "llemulator" .Release.Name }}{{ .Release.Name | trunc 63 | trimSuffix "-" }}{{ else }}{{ printf "%s-llemulator" .Release.Name | trunc 63 | trimSuffix "-" }}{{ end -}}
{{- end -}}

{{- define "llemulator.selector" -}}
app.kubernetes.io/name: llemulator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "llemulator.labels" -}}
{{ include "llemulator.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{- define "llemulator.image" -}}
{{- $tag := .Values.image.tag | default .Chart.AppVersion -}}
{{ .Values.image.repository }}{{ ternary "@" ":" (hasPrefix "sha256:" $tag) }}{{ $tag }}
{{- end -}}

{{- define "llemulator.controlSecret" -}}
{{ .Values.control.existingSecret | default (printf "%s-control" (include "llemulator.name" .)) }}
{{- end -}}

{{- define "llemulator.allowedHosts" -}}
{{- $service := include "llemulator.name" . -}}
{{- $hosts := concat (list (printf "%s.%s" $service .Release.Namespace) (printf "%s.%s.svc" $service .Release.Namespace) (printf "%s.%s.svc.cluster.local" $service .Release.Namespace)) .Values.allowedHosts -}}
{{- if .Values.ingress.enabled }}{{ $hosts = append $hosts .Values.ingress.host }}{{ end -}}
{{ join "," $hosts }}
{{- end -}}

{{- define "llemulator.stored" -}}
{{ if or .Values.store.url .Values.store.existingSecret }}true{{ end }}
{{- end -}}

{{- /* More than one, each with sessions of its own. */ -}}
{{- define "llemulator.apart" -}}
{{ if and (gt (int .Values.replicas) 1) (not (include "llemulator.stored" .)) }}true{{ end }}
{{- end -}}
