{{- define "akohub-hub.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "akohub-hub.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "akohub-hub.selector" -}}
app.kubernetes.io/name: {{ include "akohub-hub.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "akohub-hub.labels" -}}
{{ include "akohub-hub.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: akohub
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "akohub-hub.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "akohub-hub.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "akohub-hub.pkiSecret" -}}
{{- if or .Values.pki.ca .Values.pki.cert .Values.pki.key -}}
{{- printf "%s-pki" (include "akohub-hub.fullname" .) -}}
{{- else -}}
{{- .Values.pki.existingSecret -}}
{{- end -}}
{{- end -}}

{{/* The configuration file. Paths are those of the mounts in deployment.yaml. */}}
{{- define "akohub-hub.config" -}}
listen: ":8443"
admin: "127.0.0.1:8444"
metrics: {{ printf ":%d" (int .Values.metrics.port) | quote }}
pki: /etc/akohub/pki
clusters: /etc/akohub/clusters
log:
  level: {{ .Values.log.level }}
  format: {{ .Values.log.format }}
controllers: {{- if not .Values.controllers }} []{{ end }}
{{- range .Values.controllers }}
- name: {{ .name | quote }}
  url: {{ .url | quote }}
  username: {{ .username | quote }}
  passwordFile: /etc/akohub/controllers/{{ .name }}/password
  {{- if or .ca .caSecret }}
  caFile: /etc/akohub/controllers/{{ .name }}/ca.crt
  {{- end }}
  {{- with .apiVersion }}
  apiVersion: {{ . | quote }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* What the schema can't say. */}}
{{- define "akohub-hub.check" -}}
{{- range .Values.controllers }}
{{- if not (or .password .passwordSecret) }}
{{- fail (printf "controllers: %s needs passwordSecret (or password)" .name) }}
{{- end }}
{{- if and .password .passwordSecret }}
{{- fail (printf "controllers: %s has both password and passwordSecret" .name) }}
{{- end }}
{{- if and .ca .caSecret }}
{{- fail (printf "controllers: %s has both ca and caSecret" .name) }}
{{- end }}
{{- end }}
{{- if or .Values.pki.ca .Values.pki.cert .Values.pki.key }}
{{- if not (and .Values.pki.ca .Values.pki.cert .Values.pki.key) }}
{{- fail "pki: ca, cert and key belong together (--set-file pki.ca=pki/ca.crt --set-file pki.cert=pki/hub.crt --set-file pki.key=pki/hub.key)" }}
{{- end }}
{{- else if not .Values.pki.existingSecret }}
{{- fail "pki: give existingSecret, or ca, cert and key" }}
{{- end }}
{{- if and .Values.existingClustersConfigMap .Values.clusters }}
{{- fail "clusters and existingClustersConfigMap exclude each other" }}
{{- end }}
{{- end -}}
